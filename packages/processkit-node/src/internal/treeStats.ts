/**
 * What the members of a tree use, summed over `/proc`: for mechanisms that keep no accounts.
 *
 * Race: a member ends after it was listed, and its number goes to a stranger before its files are read. So the members
 * are listed again afterwards, and only those count that are on both lists. Who has gone meanwhile is no error.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { ProcessError } from "processkit/ProcessError"
import type { ProcessGroupStats } from "processkit/Stats"
import * as Reserve from "./descriptorReserve.ts"
import * as ProcUsage from "./procUsage.ts"

type Members = Effect.Effect<ReadonlyArray<number>, ProcessError>

/** The text of a file, nothing where it cannot be read: the process is gone, or belongs to somebody else. */
const read = (path: string): string => {
  try {
    return Reserve.withReserve(() => fs.readFileSync(path, "latin1"))
  } catch {
    return ""
  }
}

const usageOf = (pid: number): ProcUsage.ProcUsage => ({
  cpuMicros: ProcUsage.parseCpu(read(`/proc/${pid}/stat`)),
  ...ProcUsage.parseMemory(read(`/proc/${pid}/status`)),
  ...ProcUsage.parseIo(read(`/proc/${pid}/io`))
})

const statsOf = (all: ReadonlyArray<ProcUsage.ProcUsage>): ProcessGroupStats => {
  const { cpuMicros, ioReadBytes, ioWriteBytes, peakResidentBytes, residentBytes } = ProcUsage.summed(all)
  return {
    processes: all.length,
    cpuTime: cpuMicros === undefined ? undefined : Duration.micros(BigInt(cpuMicros)),
    memoryBytes: residentBytes,
    peakMemoryBytes: peakResidentBytes,
    peakTasks: undefined,
    ioReadBytes,
    ioWriteBytes
  }
}

/** Looks at the members that are alive. */
export const look = (members: Members): Effect.Effect<ProcessGroupStats, ProcessError> =>
  Effect.flatMap(members, (listed) => {
    // What they hold is nothing, what they have used is not known any more.
    if (listed.length === 0) return Effect.succeed(nobody)
    const read = listed.map((pid) => [pid, usageOf(pid)] as const)
    return Effect.map(members, (still) => {
      const kept = new Set(still)
      const all = read.filter(([pid]) => kept.has(pid)).map(([, usage]) => usage)
      return all.length === 0 ? nobody : statsOf(all)
    })
  })

const nobody: ProcessGroupStats = {
  ...statsOf([]),
  cpuTime: undefined,
  peakMemoryBytes: undefined,
  ioReadBytes: undefined,
  ioWriteBytes: undefined
}
