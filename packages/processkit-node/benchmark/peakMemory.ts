/**
 * The most memory that a contender's process ever held: each contender alone, in a process of its own.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FreshProcess from "./freshProcess.ts"
import { median } from "./statistics.ts"

const program = join(import.meta.dirname, "peakMemoryProcess.ts")

const peak = async (args: ReadonlyArray<string>, env: Record<string, string>): Promise<number> => {
  const { answer } = await FreshProcess.json(["--expose-gc", program, ...args], env)
  if (typeof answer !== "number") throw new TypeError(`not a number: ${args.join(" ")}`)
  return answer
}

/**
 * Peaks in megabytes, in the order of the names; the median of a few processes each.
 *
 * Node's compile cache keeps its type stripper out of the picture, which holds 18 MB that no program has once it is
 * compiled. The first process of each contender fills the cache and does not count. A quick run looks at the first and
 * the last name only.
 */
export const measure = async (
  series: string,
  names: ReadonlyArray<string>,
  quick: boolean
): Promise<ReadonlyArray<number>> => {
  const directory = mkdtempSync(join(tmpdir(), "processkit-benchmark-"))
  const peaks: Array<number> = []
  try {
    for (const [i, name] of names.entries()) {
      if (quick && i > 0 && i < names.length - 1) {
        peaks.push(Number.NaN)
        continue
      }
      const args = [series, name, quick ? "quick" : "full"]
      const some: Array<number> = []
      for (let n = 0; n < (quick ? 1 : 6); n++) some.push(await peak(args, { NODE_COMPILE_CACHE: directory }))
      peaks.push(median(some.length > 1 ? some.slice(1) : some))
    }
    return peaks
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
