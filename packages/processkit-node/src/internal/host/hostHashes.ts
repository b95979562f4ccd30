/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "dd5d54c42a2c7cb0658062ee7a340207adb6a5dd7e1e436caabe759102a29cd0",
  "processkit-host-x64": "d444d4d6de11d0adb508604bddd34fa3434f31390807681f32ede6e7c1b6b593"
}
