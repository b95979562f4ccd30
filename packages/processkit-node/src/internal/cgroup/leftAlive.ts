/**
 * Kills those whom `cgroup.kill` has left alive: processes whose first thread has ended while others run on, as after
 * pthread_exit(3) in `main`.
 *
 * The kernel sends that signal to the first thread of each process. One that has ended takes none, and the others never
 * hear of it (measured on Linux 6.18: a process with one thread left, in state Z, is still there a second later). A
 * signal by number is for the process, and any thread that is left takes it (signal(7), "process-directed").
 */
import * as Result from "effect/Result"
import * as Inspection from "../inspection.ts"
import * as Signalling from "../signalling.ts"
import { SIGKILL } from "../signalNumber.ts"
import * as Files from "./files.ts"

const listed = (directory: string): ReadonlyArray<number> => Result.getOrElse(Files.members(directory), () => [])

/**
 * Kills whoever is in a directory and below it, one by one. Those who are dying already get one more signal.
 *
 * Race: a member ends after it was listed, and a stranger gets its number. So who it is is read first, and whoever is
 * still listed after that is the one that was read; and right before the signal the start is compared once more.
 */
export const kill = (directory: string): void => {
  const { probe } = Inspection.table()
  const rows = listed(directory).flatMap((pid) => {
    const row = probe === undefined ? undefined : Result.getOrUndefined(probe(pid))
    return row === undefined ? [] : [row]
  })
  if (rows.length === 0) return
  const still = new Set(listed(directory))
  for (const row of rows) if (still.has(row.pid)) Signalling.send({ _tag: "process", row }, SIGKILL, probe)
}
