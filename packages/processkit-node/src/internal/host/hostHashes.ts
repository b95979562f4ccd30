/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "1d2e543ed0e692e1cdca32ccb110720034e72d23e0ef0e6c69a16eda413db511",
  "processkit-host-x64": "04c08cacc03147fccff79bdbe53d2f98868de59315158d5d0c0e2e3843783a6b"
}
