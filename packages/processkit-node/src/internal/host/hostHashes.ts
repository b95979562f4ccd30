/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "be24179ca68de046b568b98f4915f350f30c332ed0b333f0c4aeeec9e70cd44b",
  "processkit-host-x64": "4753e819ad1f0e9e89fb9eda3ce0a60f49fffd35520b02638192716b84923f64"
}
