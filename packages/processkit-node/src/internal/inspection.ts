/**
 * Looks at one process of the system, whoever has started it.
 *
 * The start that the kernel keeps counts from the boot, so the token also names the boot: an identity that was saved
 * must not fit somebody who came to life at the same moment after another one.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as ProcessError from "processkit/ProcessError"
import type { ProcessInfo } from "processkit/Processes"
import * as Reserve from "./descriptorReserve.ts"
import { errnoOf } from "./errno.ts"
import type { ProcessTable, Row } from "./processTable.ts"
import * as ProcTable from "./procTable.ts"
import * as PsTable from "./psTable.ts"

let known: ProcessTable | undefined

/** The table of this system. */
export const table = (): ProcessTable => known ??= ProcTable.isOurs() ? ProcTable.make() : PsTable.make()

const read = (path: string): string | undefined => {
  try {
    return Reserve.withReserve(() => fs.readFileSync(path, "utf8")).trimEnd()
  } catch {
    return undefined
  }
}

let boot: string | undefined

/** A start time that fits nobody of another boot. */
export const startTimeOf = ({ start }: Row): string => {
  boot ??= read("/proc/sys/kernel/random/boot_id")?.slice(0, 8)
  return `${start}@${boot ?? ""}`
}

/** The failure to look at a process, or to do something to it. */
export const failed = (operation: string, errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation, errno }))

/** Asks the system for a process without touching it: `undefined` for one that we may signal. */
export const signalErrno = (pid: number): string | undefined => {
  try {
    process.kill(pid, 0)
    return undefined
  } catch (thrown) {
    return errnoOf(thrown)
  }
}

const listed: Effect.Effect<ReadonlyMap<number, Row>, string> = Effect.callback((resume) =>
  table().read(() => (reading) => resume(Effect.fromResult(reading)))
)

/**
 * The row of a process, zombies included, `undefined` where there is none.
 *
 * Who is not listed may be hidden: mounted with `hidepid=2`, `/proc` does not show the processes of others
 * (proc(5)). Kill(2) knows them all.
 */
export const row = (pid: number): Effect.Effect<Row | undefined, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const { probe } = table()
    const found = probe === undefined
      ? Effect.map(listed, (rows) => rows.get(pid))
      : Effect.fromResult(probe(pid))
    return Effect.mapError(
      Effect.flatMap(found, (row) => {
        if (row !== undefined || signalErrno(pid) === "ESRCH") return Effect.succeed(row)
        // It may have ended since, or begun.
        return probe === undefined ? Effect.succeed(row) : hidden(probe(pid), pid)
      }),
      (errno) => failed("looking at a process", errno)
    )
  })

const hidden = (again: Result.Result<Row | undefined, string>, pid: number): Effect.Effect<Row | undefined, string> =>
  Result.isSuccess(again) && again.success === undefined && signalErrno(pid) !== "ESRCH"
    ? Effect.fail("EACCES")
    : Effect.fromResult(again)

/** Linux gives out numbers for threads, too, and answers questions about them as about processes (proc(5)). */
export const isThread = (pid: number): boolean => {
  const group = read(`/proc/${pid}/status`)?.match(/^Tgid:\s+(\d+)$/m)?.[1]
  return group !== undefined && group !== String(pid)
}

/** `PF_KTHREAD` of `linux/sched.h`, in field 9 of proc_pid_stat(5). */
const kernelThread = 0x0020_0000

/** Whether a number is that of a thread of the kernel, which takes no signal. */
export const isKernelThread = (pid: number): boolean => {
  const flags = ProcTable.fieldsOf(read(`/proc/${pid}/stat`) ?? "")[6]
  return (Number(flags ?? 0) & kernelThread) !== 0
}

/** The short name of a process (proc_pid_comm(5)). */
export const nameOf = (pid: number): string | undefined => read(`/proc/${pid}/comm`)

/** What is known of a process that is alive. */
export const inspect = (pid: number): Effect.Effect<ProcessInfo | undefined, ProcessError.ProcessError> =>
  Effect.map(row(pid), (row) =>
    row === undefined || !row.alive || isThread(pid) ? undefined : {
      pid,
      parentPid: row.ppid,
      name: nameOf(pid),
      startTime: startTimeOf(row)
    })
