/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "4657f3ac741c231a8be021d592bd19ec7d7ea665922da9f52d7faf82163c8c65",
  "processkit-host-x64": "324e1c6431921082091997f7e6847a5e2cd80a7189cd631b1fb111f7f79c54a7"
}
