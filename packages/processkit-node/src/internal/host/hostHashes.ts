/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "82c8b6a99879fb22b9bba8f00d8b00c9011ae4086a6e9052ec99bf8b673ddde9",
  "processkit-host-x64": "8e7288ad6c814d78bbdee14ca45399cc9b64b5153c9551ed2f906fdada86a065"
}
