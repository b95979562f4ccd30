/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "d0b1721965bf73971c5ed6155ae75258cf059ac4014595492b1f7c1d26f27734",
  "processkit-host-x64": "fe3a07c85f6818ccbb6697bae1cc71a025def3f626d2caf70da450e9e7fe9f2f"
}
