/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "6ecf52fec2132e1dab4b2e0c16943355ceb26682503bd7139b4de597f8449fe2",
  "processkit-host-x64": "e5b7e72209d4474524ea67886c69585a6c3f4a3b4488dfa7e662720ba876bcb8"
}
