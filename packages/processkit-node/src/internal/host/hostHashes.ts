/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "c236081f820bfddc6782084825222fde2f775f9023edeeae03a861a932bf6183",
  "processkit-host-x64": "374175ec2b85fd1aa38478c1cf2729e67ce8f2c2eeebc581450a04e968c8bb7e"
}
