/**
 * Whom a group may take in: the checks before it, the same for every mechanism.
 *
 * Nobody may be taken in whose end would end us: ourselves, our helpers, or those above us.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import * as Inspection from "./inspection.ts"
import * as LiveTrees from "./liveTrees.ts"
import type { ProcessTable, Row } from "./processTable.ts"

const operation = "adopting a process"

/** The failure to take somebody in. */
export const failed = (errno: string): ProcessError.ProcessError => Inspection.failed(operation, errno)

/** Says why a number is none that may be taken in. */
export const refused = (problem: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.InvalidInput({ program: undefined, field: "the pid", problem }))

/** Why a pid may not be taken in, given who we are; `parentOf` gives the parent of a process, as far as is known. */
export const obstacle = (
  pid: number,
  self: { readonly pid: number; readonly pgid: number | undefined },
  parentOf: (pid: number) => number | undefined
): string | undefined => {
  if (pid === 1) return "is the first process of the system"
  if (pid === self.pid) return "is this program itself"
  if (pid === self.pgid) return "leads the process group of this program"
  // Bounded, because a table that changes meanwhile could show a circle.
  for (let above = parentOf(self.pid), steps = 0; above !== undefined && above > 1 && steps < 1000; steps++) {
    if (above === pid) return "is one of the processes that started this program"
    above = parentOf(above)
  }
  return undefined
}

const parentOf = (pid: number): number | undefined => {
  if (pid === process.pid) return process.ppid
  const found = Inspection.table().probe?.(pid)
  return found !== undefined && Result.isSuccess(found) ? found.success?.ppid : undefined
}

/** What a host calls itself, and those that it has set between itself and a program (`native/linux`). */
const [host, monitor] = ["pk-host", "pk-monitor"]

/** Our own helpers are known; another thread, or another copy of this library in it, has hosts of its own. */
const isOurs = (pid: number): boolean =>
  LiveTrees.isForeign(pid) || (parentOf(pid) === process.pid && Inspection.nameOf(pid) === host)

/** Whether somebody works for us: a guardian, a host, or what a host has set to watch over a program. */
const isHelper = (pid: number, row: Row | undefined): boolean =>
  isOurs(pid) ||
  (row !== undefined && row.ppid !== process.pid && isOurs(row.ppid) && Inspection.nameOf(pid) === monitor)

/** The process to take in, as it is identified; `undefined` for a zombie, which needs nobody any more. */
export const candidate = Effect.fnUntraced(function*(
  pid: number,
  startTime: string | undefined
): Effect.fn.Return<Row | undefined, ProcessError.ProcessError> {
  const own = yield* Inspection.row(process.pid)
  const problem = obstacle(pid, { pid: process.pid, pgid: own?.pgid }, parentOf)
  if (problem !== undefined) return yield* Effect.fail(refused(problem))
  const row = yield* Inspection.row(pid)
  if (isHelper(pid, row)) return yield* Effect.fail(refused("is a helper of this program"))
  if (row === undefined) return yield* Effect.fail(failed("ESRCH"))
  if (startTime !== undefined && Inspection.startTimeOf(row) !== startTime) {
    return yield* Effect.fail(refused("belongs to another process by now"))
  }
  if (!row.alive) return undefined
  if (Inspection.isThread(pid)) return yield* Effect.fail(refused("is the number of a thread"))
  if (Inspection.isKernelThread(pid)) return yield* Effect.fail(refused("is a thread of the kernel"))
  const errno = Inspection.signalErrno(pid)
  return errno === undefined ? row : yield* Effect.fail(failed(errno))
})

/** Whether a process is still the one that was identified, as far as can be asked at once. */
export const isSame = ({ pid, start }: Row): boolean => {
  const now = Inspection.table().probe?.(pid)
  return now === undefined || Result.isFailure(now) || now.success === undefined || now.success.start === start
}

const listedIn = (table: ProcessTable): Effect.Effect<ReadonlyMap<number, Row>, ProcessError.ProcessError> =>
  Effect.callback((resume) =>
    table.read(() => (reading) => resume(Effect.fromResult(Result.mapError(reading, failed))))
  )

/** The same as another table has it: each tells the start in its own way, and they cannot be compared. */
export const candidateIn = Effect.fnUntraced(function*(
  table: ProcessTable,
  pid: number,
  startTime: string | undefined
): Effect.fn.Return<Row | undefined, ProcessError.ProcessError> {
  const row = yield* candidate(pid, startTime)
  if (row === undefined || table.name === Inspection.table().name) return row
  const listed = (yield* listedIn(table)).get(pid)
  return listed !== undefined && isSame(row) ? listed : yield* Effect.fail(failed("ESRCH"))
})
