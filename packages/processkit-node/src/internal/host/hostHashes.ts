/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "25ceb7522606e48c16ae5c925400ba6b219d93edeeaf66276be6f7dad0b3704c",
  "processkit-host-x64": "d286589fbcafa03d5d7370045fb5ba55f68a5ec7e8a6e103f013614304779e68"
}
