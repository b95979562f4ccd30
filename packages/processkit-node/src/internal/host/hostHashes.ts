/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "794fa9c25537b59bc86dffabb00eb8e10581ee76e88ff1930abb5766ed293b6e",
  "processkit-host-x64": "9bfeaf04b39da424f1ea56f01f856b770156fa3ba7e5e8297cf7c59d5d05388d"
}
