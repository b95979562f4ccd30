/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "c7073303d751bd7c047eed83f798a845a95577e9b9e11ff69156a9e52b88d7ef",
  "processkit-host-x64": "ab781c4e421a85940493e3ac99a444487cd2557e496a4f708f1901b8668d3cd1"
}
