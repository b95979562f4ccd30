/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "5e0997a1abc2d028ee640a2abdace1d9599c279f3232f29dd9013c7856a6b81e",
  "processkit-host-x64": "0a90e860c28fac17fcb8856915835bb8dec8bc14d36e00c976227317e8b1c8f2"
}
