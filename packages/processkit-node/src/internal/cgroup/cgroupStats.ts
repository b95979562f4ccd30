/**
 * What a cgroup directory has used, from the kernel's accounts.
 *
 * `cpu.stat` is there without any controller, and counts what has ended as well, also in directories below that were
 * removed. The other files exist where their controller is enabled; where one is not, the members are added up. Source:
 * kernel document "Control Group v2": `cpu.stat`, `memory.current`, `memory.peak` (5.19), `pids.peak` (6.1), `io.stat`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ProcessError } from "processkit/ProcessError"
import type { ProcessGroupStats } from "processkit/Stats"
import * as TreeStats from "../treeStats.ts"
import * as Files from "./files.ts"

/** The number of one key of a "flat keyed" file. */
export const keyed = (text: string, key: string): number | undefined =>
  number(text.split("\n").find((line) => line.startsWith(`${key} `))?.slice(key.length + 1))

/** One key of a "nested keyed" file, summed over its lines; the file is empty before the first access. */
export const summed = (text: string, key: string): number | undefined =>
  text.split("\n").filter((line) => line !== "").reduce<number | undefined>((sum, line) => {
    const field = line.split(" ").find((field) => field.startsWith(`${key}=`))
    // A device that was never accessed has a line without fields.
    const value = field === undefined ? 0 : number(field.slice(key.length + 1))
    return sum === undefined || value === undefined ? undefined : sum + value
  }, 0)

/** A number, not `max`. */
export const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+\n?$/.test(text) ? Number(text) : undefined

const optional = <A>(text: string | undefined, parse: (text: string) => A): A | undefined =>
  text === undefined ? undefined : parse(text)

/** What the accounts say, with `undefined` for each that is not kept here. */
const accounts = (directory: string): Omit<ProcessGroupStats, "processes"> => {
  const file = (name: string) => Result.getOrUndefined(Files.read(`${directory}/${name}`))
  const [io, micros] = [file("io.stat"), keyed(file("cpu.stat") ?? "", "usage_usec")]
  return {
    cpuTime: optional(micros?.toString(), (text) => Duration.micros(BigInt(text))),
    memoryBytes: number(file("memory.current")),
    peakMemoryBytes: number(file("memory.peak")),
    peakTasks: number(file("pids.peak")),
    ioReadBytes: optional(io, (text) => summed(text, "rbytes")),
    ioWriteBytes: optional(io, (text) => summed(text, "wbytes"))
  }
}

/** A lower bound and another one, which may not be known. */
const atLeast = (bound: number | undefined, other: number | undefined): number | undefined =>
  other === undefined ? bound : Math.max(bound ?? 0, other)

/** Looks at a directory and whoever is in it. */
export const look = (
  directory: string,
  members: Effect.Effect<ReadonlyArray<number>, ProcessError>
): Effect.Effect<ProcessGroupStats, ProcessError> =>
  Effect.map(TreeStats.look(members), (live) => {
    const kept = accounts(directory)
    return {
      processes: live.processes,
      cpuTime: kept.cpuTime ?? live.cpuTime,
      memoryBytes: kept.memoryBytes ?? live.memoryBytes,
      peakMemoryBytes: kept.peakMemoryBytes ?? atLeast(live.peakMemoryBytes, kept.memoryBytes),
      peakTasks: kept.peakTasks,
      ioReadBytes: kept.ioReadBytes ?? live.ioReadBytes,
      ioWriteBytes: kept.ioWriteBytes ?? live.ioWriteBytes
    }
  })
