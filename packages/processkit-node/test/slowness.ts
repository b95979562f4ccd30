/**
 * How many times longer than usual everything may take, where processors are emulated (`npm run test:vm`). Scales the
 * bounds of waiting, and never what is claimed.
 */
export const slowness = Number(process.env["PROCESSKIT_TEST_SLOWNESS"] ?? 1)
