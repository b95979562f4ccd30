/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "729f40f7446f20b839a72d99217fc60d0062525af916283cb19153898eda5981",
  "processkit-host-x64": "9df5f3d9398081b004391f3d72d18c39cc2c28f0e40639d04f4b0e608b8fa6a4"
}
