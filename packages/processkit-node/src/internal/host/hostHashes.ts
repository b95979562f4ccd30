/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "6a89891efa6831b77bbf73723dab2e636c097deabbd428566b672d95780de641",
  "processkit-host-x64": "12718477f65e54ba6d80fdcf38f1d92f006eff5dc15fdd0dd903e928069f3409"
}
