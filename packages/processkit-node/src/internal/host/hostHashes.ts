/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "f02a3bc25efa66cdec0fd9e786613021b8f4f649b643b27a89c47a61f4078e4d",
  "processkit-host-x64": "08e1d07bf44ff2047b9c20a63e25a3f9568d4096b5fe8a653aab983fd433ad6d"
}
