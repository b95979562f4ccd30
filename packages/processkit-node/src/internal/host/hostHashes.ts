/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "999de4bd203e855f66fa3415e63445ddf1892ff5b4bd87d94da1912ee04eaf2c",
  "processkit-host-x64": "fc2a2057d80e503e3f1b130de7ba4ed9c1a1d3562416c437167dbbcc3ba7043f"
}
