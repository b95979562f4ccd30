/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "2e1d546a0fb6dacbace58ae0967a52bcf4ec47f26885e843c0a25621c1015757",
  "processkit-host-x64": "8ed16b25e131f6ee6dc5b4fee3236882b1a9c3d997696a42fcf13549d245c7ea"
}
