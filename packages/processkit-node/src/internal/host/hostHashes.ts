/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "e00bbaebff7dad9c5748bc5952ac3e99cba62a46e4a0a100a38d5dfeee3e552c",
  "processkit-host-x64": "a58c2ef03e871b7cefa92e245bc97a07730c3d952f162b1d805eccc4901c690a"
}
