/**
 * The SHA-256 of each committed binary of the Linux host. Written by `npm run build:native`.
 */
export const hashes: Readonly<Record<string, string>> = {
  "processkit-host-arm64": "b1b752c24d4fc23aa5e3b797daebefc709885fe23a34363be4a7f671b2d20196",
  "processkit-host-x64": "7eb304dbacaee24ec42527d7168b9e234c6dc672b5594bd92ca137ab0970c305"
}
