/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "9df82d9f475966ab902ead51626d6b0d2f7d6a66aa25682a3bc866a5c56460cc",
  "processkit-host-x64": "a1b386db4c61e94ac6931c5230186ae96cd1bb073414d055d3fcf12d37f45f70"
}
