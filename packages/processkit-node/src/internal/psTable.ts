/**
 * The table of processes from `ps`, for systems without `/proc`.
 */
import * as Result from "effect/Result"
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { errnoOf } from "./errno.ts"
import type { ProcessTable, Reading, Row } from "./processTable.ts"
import { share } from "./processTable.ts"
import * as ProcTable from "./procTable.ts"

// Keywords of POSIX and BSD alike. `sess` is left out: it is a kernel address on macOS. Sources: ps(1) of macOS 14,
// FreeBSD 14 and procps-ng 4.
const args: ReadonlyArray<string> = ["-axo", "pid=,ppid=,pgid=,stat=,lstart="]
const env: Readonly<Record<string, string>> = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" }
const maxBuffer = 64 * 1024 * 1024
const timeout = 10_000

/** procps-ng marks several threads by `l` (ps(1), process state codes): such a zombie has only lost its first thread. */
const isAlive = (stat: string): boolean => !stat.startsWith("Z") || stat.includes("l")

const parseLine = (line: string): Row | undefined => {
  const [pid, ppid, pgid, stat, ...start] = line.trim().split(/\s+/)
  if (stat === undefined || start.length < 5) return undefined
  const row = {
    pid: Number(pid),
    ppid: Number(ppid),
    pgid: Number(pgid),
    session: undefined,
    alive: isAlive(stat),
    start: start.join(" ")
  }
  return Number.isSafeInteger(row.pid) && Number.isSafeInteger(row.ppid) && Number.isSafeInteger(row.pgid)
    ? row
    : undefined
}

/** Parses what `ps` printed; lines that are not rows are left out. */
export const parsePs = (text: string): ReadonlyMap<number, Row> => {
  const table = new Map<number, Row>()
  for (const line of text.split("\n")) {
    const row = parseLine(line)
    if (row !== undefined) table.set(row.pid, row)
  }
  return table
}

/**
 * A table in which not even its reader stands was cut off on the way.
 *
 * `ps` itself is left out: its pid may have been a member's a moment ago, and within the second that `lstart` counts in
 * it would be taken for that one.
 */
const checked = (text: string, reader: number | undefined): Reading => {
  const table = new Map(parsePs(text))
  if (reader !== undefined) table.delete(reader)
  return table.has(process.pid) ? Result.succeed(table) : Result.fail("EIO")
}

const read = (program: string) => (done: (reading: Reading) => void): void => {
  try {
    const reader = execFile(
      program,
      [...args],
      { env: { ...env }, encoding: "latin1", maxBuffer, timeout, cwd: "/" },
      (error, stdout) => {
        done(error === null ? checked(stdout, reader.pid) : Result.fail(errnoOf(error)))
      }
    )
  } catch (thrown) {
    const errno = errnoOf(thrown)
    setImmediate(() => done(Result.fail(errno)))
  }
}

const readNow = (program: string): Reading => {
  const result = spawnSync(program, [...args], { env: { ...env }, encoding: "latin1", maxBuffer, timeout, cwd: "/" })
  return result.error === undefined ? checked(result.stdout, result.pid) : Result.fail(errnoOf(result.error))
}

let found: string | undefined

/** What nobody can run. */
const nothing = "/dev/null"

/**
 * Where `ps` is: by absolute path, so that no PATH can put something else in its place. Where it would read a table in
 * which our numbers are those of strangers, nothing is asked, and nobody is known.
 */
export const psPath = (): string =>
  found ??= ProcTable.isForeign()
    ? nothing
    : ["/bin/ps", "/usr/bin/ps"].find((path) => fs.existsSync(path)) ?? "/bin/ps"

/** Makes the table that asks `ps`. */
export const make = (): ProcessTable => {
  const program = psPath()
  return {
    name: "ps",
    read: share(read(program)),
    readNow: () => readNow(program),
    probe: undefined,
    lastPid: () => undefined
  }
}
