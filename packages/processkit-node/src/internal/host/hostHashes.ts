/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "c84156251df40ef9c30b35929461a6d0a435313e75e1380f311d0930014f6452",
  "processkit-host-x64": "2b786898f1feff17430a34d7bdeedbe157773674ac42c4818b90f82d655e5ec8"
}
