/** What owner and host hold at a moment, asked of the operating system, and whether it grows. */
import * as fs from "node:fs"
import { ownGroups } from "../cgroupDirectories.ts"

export interface Sample {
  readonly ownerHeap: number
  readonly ownerDescriptors: number
  readonly hostMemory: number
  readonly hostDescriptors: number
  readonly groups: number
  readonly survivors: number
}

/** All that is not from a file, also what a child that was just forked shares: that is private or not by chance. */
const kilobytes = (pid: number): number =>
  Number(/^Anonymous: *(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1])

const descriptors = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length

/** Takes a sample; the heap is in megabytes and after a collection, the memory of the host in kilobytes. */
export const take = (host: number, survivors: number): Sample => {
  globalThis.gc?.()
  return {
    ownerHeap: process.memoryUsage().heapUsed / 2 ** 20,
    ownerDescriptors: descriptors(process.pid),
    hostMemory: kilobytes(host),
    hostDescriptors: descriptors(host),
    groups: ownGroups().length,
    survivors
  }
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** How much something grew from the second quarter of the samples to the last: the first quarter is warming up. */
export const growth = (samples: ReadonlyArray<Sample>, of: (sample: Sample) => number): number => {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  return median(samples.slice(-quarter).map(of)) - median(samples.slice(quarter, 2 * quarter).map(of))
}

/** What is wrong at the end, when nothing runs any more: nothing, if all is well. */
export const faults = (running: ReadonlyArray<Sample>, first: Sample, last: Sample): ReadonlyArray<string> => {
  const bounds: ReadonlyArray<readonly [what: string, found: number, most: number]> = [
    ["processes left", last.survivors, 0],
    ["cgroup directories left", last.groups, 0],
    ["descriptors of the owner more than at the start", last.ownerDescriptors - first.ownerDescriptors, 2],
    ["descriptors of the host more than at the start", last.hostDescriptors - first.hostDescriptors, 0],
    ["megabytes by which the owner's heap grew", growth(running, (sample) => sample.ownerHeap), 5],
    ["kilobytes by which the host's memory grew", growth(running, (sample) => sample.hostMemory), 64]
  ]
  return bounds.flatMap(([what, found, most]) => found > most ? [`${found} ${what}, at most ${most}`] : [])
}
