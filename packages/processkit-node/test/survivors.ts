/**
 * Counts processes by a mark in their environment, which a child passes on to its own children: an oracle that shares
 * neither code nor bookkeeping with the library. Needs `/proc`; a process may scrub its environment and hide.
 */
import * as fs from "node:fs"

export const hasProc = fs.existsSync("/proc/self/environ")

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

const isAlive = (statPath: string): boolean => {
  const stat = read(statPath)
  return stat !== "" && !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "X")
}

const threads = (pid: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

let count = 0

export interface Mark {
  readonly variable: readonly [name: string, value: string]
  /** Pids of living processes that carry the mark. */
  readonly survivors: () => ReadonlyArray<number>
}

const includes = (path: string, mark: string): boolean => read(path).split("\0").includes(mark)

/** A process whose first thread has ended shows its environment in the others only. */
const carries = (pid: string, mark: string): boolean =>
  includes(`/proc/${pid}/environ`, mark) ||
  (!isAlive(`/proc/${pid}/stat`) && threads(pid).some((task) => includes(`/proc/${pid}/task/${task}/environ`, mark)))

/** Pids of living processes that carry a mark. */
export const carriers = (mark: string): ReadonlyArray<number> =>
  fs.readdirSync("/proc").filter((name) =>
    /^[0-9]+$/.test(name) && carries(name, mark) &&
    threads(name).some((task) => isAlive(`/proc/${name}/task/${task}/stat`))
  ).map(Number)

/** Makes a mark of its own for one test. */
export const makeMark = (): Mark => {
  const variable = ["PROCESSKIT_TEST_MARK", `${process.pid}-${performance.now()}-${++count}`] as const
  const text = variable.join("=")
  return {
    variable,
    survivors: () => carriers(text)
  }
}
