/**
 * Asks the operating system who is alive and what is open, and never the library.
 *
 * Every process that a test file starts, and everything it starts in turn, carries the mark of `leakCheck.ts` in its
 * environment.
 */
import * as fs from "node:fs"
import { carriers } from "./survivors.ts"

export { hasProc } from "./survivors.ts"
export { eventually, throughout } from "./world.ts"

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

/** The children of a process, and nobody where it is gone (proc_pid_task(5): `children`). */
export const childrenOf = (pid: number): ReadonlyArray<number> =>
  read(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number).filter((child) => child > 0)

/** What a process calls itself, and nothing where it is gone. */
export const nameOf = (pid: number): string => read(`/proc/${pid}/comm`).trimEnd()

/** What a process was called with; nothing where it is gone, a zombie, or a thread of the kernel (proc_pid_cmdline(5)). */
export const argv = (pid: number): string => read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim()

/** What is left of everything that this file started, in words. */
export const survivors = (): Array<string> =>
  carriers(`PROCESSKIT_TEST_WORKER=${process.env["PROCESSKIT_TEST_WORKER"]}`)
    .filter((pid) => pid !== process.pid && !argv(pid).includes("processkit-guardian"))
    .map((pid) => `${pid} ${argv(pid)}`)

const isWatch = (fd: string): boolean => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:inotify"
  } catch {
    return false
  }
}

/**
 * How many descriptors this process has open, apart from the one that lists them and the one that Node keeps from the
 * first watch of a file on (`uv__inotify_init` in libuv).
 */
export const openDescriptors = (): number => fs.readdirSync("/proc/self/fd").filter((fd) => !isWatch(fd)).length - 1
