/** How long things may take on the machine that the tests run on, which may be slow, or busy with something else. */
import * as os from "node:os"

/**
 * How many times longer than usual everything may take, where processors are emulated (`npm run test:vm`). Scales the
 * bounds of waiting, and never what is claimed.
 */
export const slowness = Number(process.env["PROCESSKIT_TEST_SLOWNESS"] ?? 1)

/** How many want each processor, by the average of the last minute; 1 where nobody has to wait for one. */
const contention = (): number => Math.min(10, Math.max(1, (os.loadavg()[0] ?? 0) / os.availableParallelism()))

/** How many milliseconds something may take here that takes at most so many on a machine with nothing else to do. */
export const allowance = (milliseconds: number): number => milliseconds * slowness * contention()
