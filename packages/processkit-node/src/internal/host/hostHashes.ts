/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "49b5a85f21863c8dfd109b3bddebeeddfd2d995b37cac52bac1aa0bf23233039",
  "processkit-host-x64": "32ff9c271b3969ee7f51be392c8b8c48fb55dbe56588e1e4c3d5f3e436c125bd"
}
