/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "518d2644ba3b00feed8aa4a8276c2d58b26ed508636eca06f1ae40269063c8b4",
  "processkit-host-x64": "271b38aeb880f63db4b10db34410aefde3b24898c7f35a8895c40a5012343d31"
}
