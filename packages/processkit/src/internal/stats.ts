/** What is made of the numbers that a backend gives: sums, and what is still known after an exit. Pure, but for the ask. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as Stats from "../Stats.ts"

type Snapshot = Stats.ProcessGroupStats

/** All that is known where only the processes can be counted. */
export const counted = (processes: number): Snapshot => ({
  processes,
  cpuTime: undefined,
  memoryBytes: undefined,
  peakMemoryBytes: undefined,
  peakTasks: undefined,
  ioReadBytes: undefined,
  ioWriteBytes: undefined
})

/** Asks a tree what it uses; every backend can at least count. */
export const ofTree = (tree: ProcessBackend.Tree): Effect.Effect<Snapshot, ProcessError.ProcessError> =>
  tree.stats ?? Effect.map(tree.members, (members) => counted(members.length))

type Amount = Exclude<keyof Snapshot, "processes" | "cpuTime">

/** The larger of two numbers, or the one that is known. */
const larger = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? a ?? b : Math.max(a, b)

/** The longer of two times, or the one that is known. */
export const longer = (
  a: Duration.Duration | undefined,
  b: Duration.Duration | undefined
): Duration.Duration | undefined => a === undefined || b === undefined ? a ?? b : Duration.max(a, b)

/** The most memory that a look has shown. */
export const peakOf = (before: number | undefined, { memoryBytes, peakMemoryBytes }: Snapshot): number | undefined =>
  larger(before, larger(memoryBytes, peakMemoryBytes))

/** Adds what the operating system reported of a program at its exit, which a look at the living misses. */
export const withUsage = (live: Snapshot, usage: ProcessBackend.Usage | undefined): Snapshot =>
  usage === undefined ? live : {
    ...live,
    cpuTime: longer(live.cpuTime, Duration.sum(usage.userTime, usage.systemTime)),
    peakMemoryBytes: larger(live.peakMemoryBytes, usage.peakMemoryBytes)
  }

/** One look made of several; a sum of which a part is not known is not known. */
export const sum = (parts: ReadonlyArray<Snapshot>): Snapshot => {
  const total = (key: Amount) =>
    parts.reduce<number | undefined>((total, { [key]: part }) => plus(total, part), parts.length === 0 ? undefined : 0)
  return {
    processes: parts.reduce((total, { processes }) => total + processes, 0),
    cpuTime: totalTime(parts),
    memoryBytes: total("memoryBytes"),
    // Each had its peak at its own time, so that the sum is more than was ever held.
    peakMemoryBytes: parts.some(({ peakMemoryBytes }) => peakMemoryBytes === undefined)
      ? undefined
      : parts.reduce<number | undefined>(peakOf, undefined),
    peakTasks: undefined,
    ioReadBytes: total("ioReadBytes"),
    ioWriteBytes: total("ioWriteBytes")
  }
}

const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b

const totalTime = (parts: ReadonlyArray<Snapshot>): Duration.Duration | undefined => {
  const times = parts.flatMap(({ cpuTime }) => cpuTime ?? [])
  return times.length === 0 || times.length < parts.length ? undefined : times.reduce(Duration.sum)
}

/** How many cores were busy on average; not known without a time used, or in no time at all. */
export const averageCores = (
  cpuTime: Duration.Duration | undefined,
  duration: Duration.Duration
): number | undefined =>
  cpuTime === undefined || !Duration.isPositive(duration)
    ? undefined
    : Duration.toMillis(cpuTime) / Duration.toMillis(duration)
