/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "e177335f0c71d6bd946a7061d136fddd1b5a3de1cbeb8fa8e88fcd36b4fcfa6d",
  "processkit-host-x64": "6919a3241c3df28d0c98e8d0e716508b30e84b7c7c2a098d94e5a89fa110ae26"
}
