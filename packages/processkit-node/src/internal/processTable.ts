/**
 * The operating system's table of processes: what a row says, and how a table is asked for.
 */
import type * as Result from "effect/Result"

/**
 * One process as the operating system lists it.
 *
 * `pid` and `start` together are an identity: a recycled pid has another start. `start` is only ever compared for
 * equality. `alive` is false for a zombie, `session` is undefined where the table does not tell it.
 */
export interface Row {
  readonly pid: number
  readonly ppid: number
  readonly pgid: number
  readonly session: number | undefined
  readonly alive: boolean
  readonly start: string
}

/** Every process visible to us, by pid. */
export type Table = ReadonlyMap<number, Row>

/** A table, or the errno for which it could not be read. */
export type Reading = Result.Result<Table, string>

/**
 * A way to read the table.
 *
 * - `read` calls `begin` when the reading begins, which is after the call, and what that returns when it is done. What
 *   is known at the beginning belongs to the reading; what changes until its end does not.
 * - `readNow` blocks; it serves the exit hook of the owner.
 * - `probe` reads one row at once, and is undefined where that would take a process of its own. It answers `undefined`
 *   for a process that is gone and fails with an errno where the answer could not be had.
 * - `lastPid` is the pid that the system gave out last, and undefined where that cannot be known cheaply.
 */
export interface ProcessTable {
  readonly name: "proc" | "ps"
  readonly read: (begin: () => (reading: Reading) => void) => void
  readonly readNow: () => Reading
  readonly probe: ((pid: number) => Result.Result<Row | undefined, string>) | undefined
  readonly lastPid: () => number | undefined
}

/**
 * Shares readings between those who ask at the same time.
 *
 * A reading may only be given to those who asked before it began, because they want to see the effect of a signal they
 * just sent. So requests queue up while a reading is under way and share the next one: any number of groups closing
 * at once costs two readings, not one each.
 */
export const share = (read: (done: (reading: Reading) => void) => void): ProcessTable["read"] => {
  let waiting: Array<() => (reading: Reading) => void> = []
  let reading = false
  const next = () => {
    reading = true
    setImmediate(() => {
      const served = waiting.map((begin) => begin())
      waiting = []
      read((result) => {
        reading = false
        if (waiting.length > 0) next()
        for (const done of served) done(result)
      })
    })
  }
  return (begin) => {
    waiting.push(begin)
    if (!reading) next()
  }
}
