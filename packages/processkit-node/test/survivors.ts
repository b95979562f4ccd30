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

/** The fields of a `stat` file after the command name, which may hold anything. */
const fields = (statPath: string): ReadonlyArray<string> => {
  const stat = read(statPath)
  return stat === "" ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ")
}

const isAlive = (statPath: string): boolean => !["Z", "X", undefined].includes(fields(statPath)[0])

/** A thread of the kernel's has no program at all (`PF_KTHREAD`, Linux, include/linux/sched.h). */
const isOfKernel = (pid: string): boolean => (Number(fields(`/proc/${pid}/stat`)[6]) & 0x20_0000) !== 0

/** Between two programs a process has neither arguments nor an environment, for as long as it waits for a processor. */
const isBeingExecuted = (pid: string): boolean =>
  read(`/proc/${pid}/cmdline`) === "" && isAlive(`/proc/${pid}/stat`) && !isOfKernel(pid)

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

const never = new Int32Array(new SharedArrayBuffer(4))

/** The environment of a process; one that is being executed is waited for, for a tenth of a second at most. */
const environment = (pid: string): string => {
  let text = read(`/proc/${pid}/environ`)
  for (let i = 0; i < 100 && text === "" && isBeingExecuted(pid); i++) {
    Atomics.wait(never, 0, 0, 1)
    text = read(`/proc/${pid}/environ`)
  }
  return text
}

const includes = (environment: string, mark: string): boolean => environment.split("\0").includes(mark)

/** A process whose first thread has ended shows its environment in the others only. */
const carries = (pid: string, mark: string): boolean =>
  includes(environment(pid), mark) ||
  (!isAlive(`/proc/${pid}/stat`) &&
    threads(pid).some((task) => includes(read(`/proc/${pid}/task/${task}/environ`), mark)))

/** Pids of living processes that carry a mark. */
export const carriers = (mark: string): ReadonlyArray<number> =>
  fs.readdirSync("/proc").filter((name) =>
    /^[0-9]+$/.test(name) && carries(name, mark) &&
    threads(name).some((task) => isAlive(`/proc/${name}/task/${task}/stat`))
  ).map(Number)

/** Kills processes, some of which may be gone by now. */
export const killAll = (pids: ReadonlyArray<number>): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It has ended since it was looked for.
    }
  }
}

/** Makes a mark of its own for one test. */
export const makeMark = (): Mark => {
  const variable = ["PROCESSKIT_TEST_MARK", `${process.pid}-${performance.now()}-${++count}`] as const
  const text = variable.join("=")
  return {
    variable,
    survivors: () => carriers(text)
  }
}
