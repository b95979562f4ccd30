/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "95e8c095b08f7228be6e9ce7eb336e8636c58ec054ae32e81174cf72c4a2be38",
  "processkit-host-x64": "0618f7dabb01084fb569fe028f07870c4d487788e227473e16879e54c285d4c6"
}
