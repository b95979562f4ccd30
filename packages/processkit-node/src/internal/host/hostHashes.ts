/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "ae331ac9a4aac5a9f8cf23abcba5fe73c474889e958ee838ca3d6b9d15277015",
  "processkit-host-x64": "e70df78b208a81be7e4cc6a7cf1c5d1878ada2757a553eecf6b7e2162905cae9"
}
