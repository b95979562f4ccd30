/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "dcea2bfa533a5409a1f76cf1e8ec98f5b822c47026d2cb191cd6ee4e9e68e92c",
  "processkit-host-x64": "70f63a525abaae2608f2088581cefc495189451f58d19470724e3e7bfb338d4f"
}
