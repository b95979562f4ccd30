/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "e427e4b232bbe3c9941e7f3bdf49eabe1fa31ea3b96c76d97b1ff552d4f02cb2",
  "processkit-host-x64": "6bd1590f3fa4aea00c2f33c81af7e27b01b4f939dbb2e63bbc9c5629fb08bde2"
}
