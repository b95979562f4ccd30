/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "4edf339523638724cc9e520010e6fad4f09004c11cb5ee37fd2bdb4b4c867276",
  "processkit-host-x64": "69be977c3e1141b08910e906254abb764a4fae2861f89b2b3ea8435a9a5801e1"
}
