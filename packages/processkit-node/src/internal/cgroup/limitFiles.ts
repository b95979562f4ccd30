/**
 * How limits are written to a cgroup directory, and how its counters read: pure.
 *
 * Source: kernel document "Control Group v2": `memory.max`, `memory.swap.max`, `memory.oom.group`, `memory.events`,
 * `pids.max`, `pids.events`, `cpu.max`, `cpu.stat`.
 */
import type { Evidence, InForce, Name, Verdict } from "processkit/Limits"
import * as CgroupStats from "./cgroupStats.ts"

/** Which controller enforces a limit. Memory comes first: see `controllers.ts`. */
export const controllers: { readonly [name in Name]: string } = { memory: "memory", processes: "pids", cpus: "cpu" }

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

/** Where a limit is counted, and under which key. */
const counters: { readonly [name in Name]: readonly [file: string, key: string] } = {
  memory: ["memory.events", "oom_kill"],
  processes: ["pids.events", "max"],
  cpus: ["cpu.stat", "nr_throttled"]
}

const verdict = (count: number | undefined): Verdict =>
  count === undefined ? "unknown" : count > 0 ? "tripped" : "not-tripped"

/** What the counters say; `read` gives the text of a file, nothing where there is none. */
export const evidence = (read: (file: string) => string): Evidence => {
  const of = (name: Name) => verdict(CgroupStats.keyed(read(counters[name][0]), counters[name][1]))
  return { memory: of("memory"), processes: of("processes"), cpus: of("cpus") }
}
