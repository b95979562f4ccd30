/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "5dbff84baad2be8ff43a28bd9edafdb1cf07bc8be3c4adff359be67546202dbb",
  "processkit-host-x64": "80a7659765a9e95fb59d819540f097438f2e06fe67fa90fef7683fb06fbed1f5"
}
