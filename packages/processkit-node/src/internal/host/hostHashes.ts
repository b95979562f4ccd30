/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "441c738eb0f6fcbb31dff173badf6fd5fbbc4c5e1f058423df57b70ba87d0bab",
  "processkit-host-x64": "049c4a60c434459bb786d8e7db4e1865978473dd4c2a37938feecc45f975bb44"
}
