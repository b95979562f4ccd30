/**
 * How limits are written to a cgroup directory, and how its counters read: pure.
 *
 * Source: kernel document "Control Group v2": `memory.max`, `memory.swap.max`, `memory.oom.group`, `memory.events`,
 * `memory.events.local`, `pids.max`, `pids.events`, `cpu.max`, `cpu.stat`.
 */
import type { Evidence, InForce, Name, Verdict } from "processkit/Limits"
import * as CgroupStats from "./cgroupStats.ts"

/** Which controller enforces a limit. Memory comes first: see `controllers.ts`. */
export const controllers: { readonly [name in Name]: string } = { memory: "memory", processes: "pids", cpus: "cpu" }

/** Every limit, in the order in which they are enabled and written. */
export const names: ReadonlyArray<Name> = ["memory", "processes", "cpus"]

/** One write; an optional file is missing where the kernel was built without it. */
export interface Write {
  readonly file: string
  readonly text: string
  readonly optional?: boolean
}

const period = 100_000
const longestPeriod = 1_000_000

/** The kernel takes no time below a millisecond, so that a small part of a processor is given in a longer period. */
const cpuMax = (cpus: number | undefined): string => {
  if (cpus === undefined) return `max ${period}`
  const length = cpus * period >= 1000 ? period : longestPeriod
  return `${Math.round(cpus * length)} ${length}`
}

/** What is written for a limit, or to lift it. */
export const writes = (name: Name, { cpus, memory, processes }: InForce): ReadonlyArray<Write> => {
  switch (name) {
    case "memory":
      return [
        // Without these the group would swap instead of ending, and lose one member instead of all.
        { file: "memory.swap.max", text: memory === undefined ? "max" : "0", optional: true },
        { file: "memory.oom.group", text: memory === undefined ? "0" : "1", optional: true },
        { file: "memory.max", text: memory?.toString() ?? "max" }
      ]
    case "processes":
      return [{ file: "pids.max", text: processes?.toString() ?? "max" }]
    case "cpus":
      return [{ file: "cpu.max", text: cpuMax(cpus) }]
  }
}

/**
 * How often a limit of memory was reached for good, and how many of the group the kernel has killed.
 *
 * `oom` counts how often a limit was reached, in `memory.events.local` only that of this directory and not one that a
 * member has made below. `oom_kill` counts whom any killer has ended, wherever below, also that of the whole machine or of
 * a limit above ours: only together they say that our limit has killed somebody.
 */
export interface OutOfMemory {
  readonly reached: number
  readonly killed: number
}

/** What the counters say, where there are any; `read` gives the text of a file, nothing where there is none. */
export const outOfMemory = (read: (file: string) => string): OutOfMemory | undefined => {
  const reached = CgroupStats.keyed(read("memory.events.local"), "oom")
  const killed = CgroupStats.keyed(read("memory.events"), "oom_kill")
  return reached === undefined || killed === undefined ? undefined : { reached, killed }
}

/** Whether the limit has killed somebody between two looks. */
export const hasKilled = (before: OutOfMemory, after: OutOfMemory): boolean =>
  after.reached > before.reached && after.killed > before.killed

export const nobodyKilled: OutOfMemory = { reached: 0, killed: 0 }

const counted = (text: string, key: string): boolean | undefined => {
  const count = CgroupStats.keyed(text, key)
  return count === undefined ? undefined : count > 0
}

const verdict = (tripped: boolean | undefined): Verdict =>
  tripped === undefined ? "unknown" : tripped ? "tripped" : "not-tripped"

/**
 * Whether a start failed for the limit of processes of this directory.
 *
 * Before Linux 6.10 the counter is that of the directory in which a start failed, for whatever limit: its own or one above
 * (kernel document "Control Group v2", `pids.events`, and "pids_localevents"). So the most that there were at once has to
 * have come up to the least limit; where the kernel does not keep that (before 6.1), the counter alone has to do.
 */
const hasRefused = (read: (file: string) => string, least: number): boolean | undefined => {
  const refused = counted(read("pids.events"), "max")
  const most = CgroupStats.number(read("pids.peak"))
  return refused === true && most !== undefined ? most >= least : refused
}

/**
 * What the counters say; `read` as for {@link outOfMemory}. `leastProcesses` is the least limit
 * of processes that was ever in force.
 */
export const evidence = (read: (file: string) => string, leastProcesses: number): Evidence => {
  const memory = outOfMemory(read)
  return {
    memory: verdict(memory && hasKilled(nobodyKilled, memory)),
    processes: verdict(hasRefused(read, leastProcesses)),
    cpus: verdict(counted(read("cpu.stat"), "nr_throttled"))
  }
}
