/**
 * The table of processes from `/proc`, read synchronously: small files that never touch a disk.
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as Reserve from "./descriptorReserve.ts"
import { errnoOf } from "./errno.ts"
import type { ProcessTable, Reading, Row } from "./processTable.ts"
import { share } from "./processTable.ts"

/** What `/proc/<pid>/stat` says, before it is known whether a zombie still has living threads. */
export interface Stat extends Omit<Row, "alive"> {
  readonly state: string
  readonly threads: number
}

/**
 * The fields of `/proc/<pid>/stat` from (3) state on; none of anything else.
 *
 * The command name before them stands in parentheses and may hold any byte but NUL, so they are counted from the **last**
 * closing one (proc_pid_stat(5), man-pages 6.7).
 */
export const fieldsOf = (stat: string): ReadonlyArray<string> => {
  const close = stat.lastIndexOf(")")
  return close < 0 ? [] : stat.slice(close + 2).split(" ")
}

/**
 * Parses `/proc/<pid>/stat`; undefined for anything else.
 *
 * Source: proc_pid_stat(5), man-pages 6.7: (3) state, (4) ppid, (5) pgrp, (6) session, (20) num_threads, (22) starttime.
 */
export const parseStat = (text: string): Stat | undefined => {
  const pid = Number.parseInt(text, 10)
  if (!Number.isSafeInteger(pid)) return undefined
  const fields = fieldsOf(text)
  const [state, ppid, pgid, session] = fields
  const start = fields[19]
  if (state === undefined || start === undefined) return undefined
  return {
    pid,
    ppid: Number(ppid),
    pgid: Number(pgid),
    session: Number(session),
    state,
    threads: Number(fields[17]),
    start
  }
}

/** Parses the last field of `/proc/loadavg`, the pid given out last. Source: proc_loadavg(5), man-pages 6.7. */
export const parseLastPid = (loadavg: string): number | undefined => {
  const last = Number(loadavg.trim().split(" ").at(4))
  return Number.isSafeInteger(last) && last > 0 ? last : undefined
}

/** Tells whether a state letter of proc_pid_stat(5) means that nothing is left to run. */
export const isDeadState = (state: string): boolean => state === "Z" || state === "X" || state === "x"

// A stat line holds 16 bytes of name (64 for kernel workers) and 51 numbers of at most 20 digits.
const buffer = Buffer.allocUnsafe(2048)

const readText = (path: string): string => {
  const fd = Reserve.openWithReserve(path)
  try {
    return buffer.toString("latin1", 0, fs.readSync(fd, buffer, 0, buffer.length, 0))
  } finally {
    fs.closeSync(fd)
  }
}

const goneErrnos: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "ENOTDIR"])

/** Turns "the process went away while we looked" into `undefined`; anything else is thrown on. */
const unlessGone = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (thrown) {
    if (goneErrnos.has(errnoOf(thrown))) return undefined
    throw thrown
  }
}

const attempt = <A>(read: () => A): Result.Result<A, string> => {
  try {
    return Result.succeed(read())
  } catch (thrown) {
    return Result.fail(errnoOf(thrown))
  }
}

/**
 * A thread group whose first thread has ended shows as `Z` while its other threads run on, hold its pipes and may fork.
 * Source: measured on Linux 6.18; `fs/proc/array.c` reports the state of the first thread.
 */
const anyThreadAlive = (pid: number): boolean =>
  (unlessGone(() => fs.readdirSync(`/proc/${pid}/task`)) ?? []).some((task) => {
    const stat = parseStat(unlessGone(() => readText(`/proc/${pid}/task/${task}/stat`)) ?? "")
    return stat !== undefined && !isDeadState(stat.state)
  })

const readRow = (pid: number): Row | undefined => {
  const text = unlessGone(() => readText(`/proc/${pid}/stat`))
  const stat = text === undefined ? undefined : parseStat(text)
  if (stat === undefined) return undefined
  const { ppid, pgid, session, start } = stat
  const alive = !isDeadState(stat.state) || (stat.threads > 1 && anyThreadAlive(pid))
  return { pid, ppid, pgid, session, alive, start }
}

const readNow = (): Reading =>
  attempt(() => {
    const table = new Map<number, Row>()
    for (const name of readdirWithReserve()) {
      const first = name.charCodeAt(0)
      if (first < 0x31 || first > 0x39) continue
      const row = readRow(Number(name))
      if (row !== undefined) table.set(row.pid, row)
    }
    return table
  })

const readdirWithReserve = (): ReadonlyArray<string> => Reserve.withReserve(() => fs.readdirSync("/proc"))

/**
 * `/proc/loadavg` tells the last pid of the reader's own pid namespace (`fs/proc/loadavg.c`: the cursor of
 * `task_active_pid_ns(current)`, Linux 4.20). lxcfs puts a file of its own in its place that is refreshed every few
 * seconds only; it is told apart by its device.
 */
const loadavgIsGenuine = (): boolean => {
  const result = attempt(() => fs.statSync("/proc/loadavg").dev === fs.statSync("/proc").dev)
  return Result.isSuccess(result) && result.success
}

/** The number that we have where `/proc` was mounted, if it was: in another pid namespace everybody has another one. */
const ownNumber = (): string | undefined => {
  try {
    return fs.readlinkSync("/proc/self")
  } catch {
    return undefined
  }
}

/** Whether the numbers in `/proc` are ours; another namespace's name strangers (pid_namespaces(7), "/proc and PID namespaces"). */
export const isOurs = (): boolean => ownNumber() === String(process.pid)

/** Whether there is a `/proc`, and it is another namespace's. */
export const isForeign = (): boolean => ownNumber() !== undefined && !isOurs()

/** Makes the table that reads `/proc`. */
export const make = (): ProcessTable => {
  const genuine = loadavgIsGenuine()
  return {
    name: "proc",
    read: share((done) => done(readNow())),
    readNow,
    // Most probes are for pids that nobody has, and an exception costs five times as much as this question.
    probe: (pid) => fs.existsSync(`/proc/${pid}`) ? attempt(() => readRow(pid)) : Result.succeed(undefined),
    lastPid: () => {
      const text = genuine ? attempt(() => readText("/proc/loadavg")) : undefined
      return text !== undefined && Result.isSuccess(text) ? parseLastPid(text.success) : undefined
    }
  }
}
