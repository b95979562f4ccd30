/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "c86d1be02e76328d549d4a0c243b05bef16c182574f1b65147e4d132001a5f6a",
  "processkit-host-x64": "421ab026c52b137b2aaf63abe96ca7f77b259606e68fe1c8ae706ee9a5f96c73"
}
