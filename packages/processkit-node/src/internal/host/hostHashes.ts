/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "856dcabeafaded723c6c3065a0c899af1ec96c4f668d3590f580aa39eca95cd8",
  "processkit-host-x64": "2a8a28e4706f047d444e0fefb2c6beea3b894488156871510c74837e4c0e89b4"
}
