/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "8d4392d148b288bfde485de2c0d88d89348809007da86efafa3cb975a6ef6cb0",
  "processkit-host-x64": "3f8783d67766425d1601209a26e051cc5178f0dc38dae2f73be7c082936c5f59"
}
