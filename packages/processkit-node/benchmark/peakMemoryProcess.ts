/**
 * The process whose memory is measured: does one contender's share of a round, and prints its peak in megabytes.
 */
import { readFileSync } from "node:fs"
import { allSeries } from "./allSeries.ts"

/**
 * Linux: `VmHWM`, which begins anew with the program. `ru_maxrss` does not: it starts from what the parent held when it
 * forked (`exec_mmap` in `fs/exec.c`).
 */
const peak = (): number => {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))?.[1]) / 1024
  } catch {
    return process.resourceUsage().maxRSS / 1024
  }
}

const [seriesName = "", contenderName, extent] = process.argv.slice(2)
const series = allSeries[seriesName]?.(extent === "quick")
const contender = series?.contenders.find(({ name }) => name === contenderName)
if (series === undefined || contender === undefined) {
  throw new Error("usage: peakMemoryProcess.ts series contender extent")
}

const work = await contender.load()
for (let i = 0; i < series.repetitions; i++) await work()
// Exits explicitly, because a contender may keep a helper for its next run.
process.stdout.write(JSON.stringify(peak()), () => process.exit())
