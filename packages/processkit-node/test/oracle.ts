/**
 * Asks the operating system who is alive and what is open, and never the library.
 *
 * Every process that a test file starts, and everything it starts in turn, carries the mark of `leakCheck.ts` in its
 * environment. Scripts may add a mark of their own to tell one tree from another.
 */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"

/** Whether this system has `/proc`, without which the oracle is blind. */
export const hasProc: boolean = fs.existsSync("/proc/self/environ")

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

/** The fields of `/proc/<pid>/stat` after the command name, or nothing where there is no such process. */
export const stat = (pid: number): { state: string; ppid: number; pgid: number; session: number } | undefined => {
  const text = read(`/proc/${pid}/stat`)
  if (text === "") return undefined
  const [state = "", ppid, pgid, session] = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state, ppid: Number(ppid), pgid: Number(pgid), session: Number(session) }
}

/** Whether a process runs; a zombie does not. */
export const isAlive = (pid: number): boolean => {
  const state = stat(pid)?.state
  return state !== undefined && state !== "Z" && state !== "X"
}

const pids = (): Array<number> => fs.readdirSync("/proc").map(Number).filter((pid) => Number.isInteger(pid))

/** Processes alive now that carry a mark in their environment, by default that of this test file. */
export const marked = (mark: string = `PROCESSKIT_TEST_WORKER=${process.env["PROCESSKIT_TEST_WORKER"]}`) =>
  pids()
    .filter((pid) =>
      pid !== process.pid && isAlive(pid) && read(`/proc/${pid}/environ`).split("\0").includes(mark) &&
      !read(`/proc/${pid}/cmdline`).includes("processkit-guardian")
    )
    .map((pid) => ({ pid, argv: read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim() }))

/** What is left of everything that this file started, in words. */
export const survivors = (): Array<string> => marked().map(({ argv, pid }) => `${pid} ${argv}`)

/** How many descriptors this process has open, apart from the one that lists them. */
export const openDescriptors = (): number => fs.readdirSync("/proc/self/fd").length - 1

/** Waits for a condition, and fails by name where it does not come true in time. */
export const eventually = (what: string, condition: () => boolean, within = 10_000): Effect.Effect<void> =>
  Effect.suspend(() => {
    const deadline = performance.now() + within
    const attempt = Effect.callback<boolean>((resume) => {
      const timer = setTimeout(() => resume(Effect.sync(condition)), 5)
      return Effect.sync(() => clearTimeout(timer))
    })
    const loop: Effect.Effect<void> = Effect.flatMap(attempt, (isTrue) => {
      if (isTrue) return Effect.void
      return performance.now() < deadline ? loop : Effect.die(new Error(`did not come true: ${what}`))
    })
    return condition() ? Effect.void : loop
  })
