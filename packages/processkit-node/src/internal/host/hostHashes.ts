/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "3581b47c1b4982bd858a62e10af6992ec244179e74eca29ed282c33cd94c154a",
  "processkit-host-x64": "9cee588953a21acd01f0063d6334f8b5ded9412ad8508527c66993a18a4d4f5a"
}
