/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "0f263479d271f2fbf3cde471bad019af5c4e25d72fbaec73b20caf32e92a14ca",
  "processkit-host-x64": "35bc3c39a7beab6c7343fd4687650489b22c2e1d0e48a792b5d49f7a55b81516"
}
