/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "7382521bf4db3cc01c524c5372e2cc677e21f25ce0fdb8fa275b286fdd4b09ad",
  "processkit-host-x64": "63362d41dc823d2ae5032250cf38691235c6b839f6968d1ef307060bca194102"
}
