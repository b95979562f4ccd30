/**
 * The files of one cgroup directory.
 *
 * Each operation answers with a value or an errno. A directory that is gone is not an error to whoever asks who is in
 * it: nobody is. Sources: kernel document "Control Group v2", "Core Interface Files" (`cgroup.kill` since Linux 5.14,
 * `cgroup.freeze` since 5.2).
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as Reserve from "../descriptorReserve.ts"
import { errnoOf } from "../errno.ts"

type Answer<A> = Result.Result<A, string>

const attempt = <A>(work: () => A): Answer<A> => {
  try {
    return Result.succeed(Reserve.withReserve(work))
  } catch (thrown) {
    return Result.fail(errnoOf(thrown))
  }
}

/** ENODEV is what kernfs answers for a file whose directory was removed while it was open. */
const isGone = (errno: string): boolean => errno === "ENOENT" || errno === "ENODEV"

const orWhenGone = <A>(answer: Answer<A>, value: A): Answer<A> =>
  Result.isFailure(answer) && isGone(answer.failure) ? Result.succeed(value) : answer

const readText = (path: string): string => fs.readFileSync(path, "latin1")

/** The text of a file; which ones there are depends on the controllers. */
export const read = (path: string): Answer<string> => attempt(() => readText(path))

export const exists = (directory: string): boolean => fs.existsSync(directory)

export const make = (directory: string): Answer<void> => attempt(() => fs.mkdirSync(directory, { mode: 0o700 }))

/** The sub-directories, which members may have made themselves. */
export const children = (directory: string): Answer<ReadonlyArray<string>> =>
  orWhenGone(
    attempt(() =>
      fs.readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${directory}/${entry.name}`)
    ),
    []
  )

/** The directory and everything below it, the deepest first. */
export const subtree = (directory: string): ReadonlyArray<string> => [
  ...Result.getOrElse(children(directory), () => []).flatMap(subtree),
  directory
]

/** A pid of 0 stands for a member of a pid namespace that is not visible from here; nobody can name it. */
const pidsIn = (text: string): ReadonlyArray<number> => text.split("\n").map(Number).filter((pid) => pid > 0)

/** What `cgroup.events` says. A directory that is gone is empty. */
export const events = (directory: string): Answer<{ readonly populated: boolean; readonly frozen: boolean }> =>
  orWhenGone(
    attempt(() => {
      const text = readText(`${directory}/cgroup.events`)
      return { populated: text.includes("populated 1"), frozen: text.includes("frozen 1") }
    }),
    { populated: false, frozen: false }
  )

/** The members of a directory itself, without those below it. */
export const ownMembers = (directory: string): Answer<ReadonlyArray<number>> =>
  attempt(() => pidsIn(readText(`${directory}/cgroup.procs`)))

/** The members of a directory and of those below it. A zombie is not listed. */
export const members = (directory: string): Answer<ReadonlyArray<number>> => {
  // Most questions come when the answer is nobody, which one small file tells.
  const state = events(directory)
  if (Result.isSuccess(state) && !state.success.populated) return Result.succeed([])
  const found: Array<number> = []
  for (const path of subtree(directory)) {
    const pids = orWhenGone(attempt(() => pidsIn(readText(`${path}/cgroup.procs`))), [])
    if (Result.isFailure(pids)) return Result.fail(pids.failure)
    found.push(...pids.success)
  }
  return Result.succeed(found)
}

/** Freezes or thaws the directory and everything below it; the kernel answers before it has done so. */
export const freeze = (directory: string, frozen: boolean): Answer<void> =>
  orWhenGone(attempt(() => fs.writeFileSync(`${directory}/cgroup.freeze`, frozen ? "1" : "0")), undefined)

/** Writes one of the files; the kernel answers when it has done what it says. */
export const write = (path: string, text: string): Answer<void> => attempt(() => fs.writeFileSync(path, text))

/** Moves a process, with all its threads, into a directory. */
export const join = (directory: string, pid: number): Answer<void> => write(`${directory}/cgroup.procs`, String(pid))

export const canKill = (directory: string): boolean => fs.existsSync(`${directory}/cgroup.kill`)

/** Kills every member, here and below, frozen or not, and whatever is forked meanwhile. */
export const killNow = (directory: string): Answer<void> =>
  orWhenGone(attempt(() => fs.writeFileSync(`${directory}/cgroup.kill`, "1")), undefined)

/**
 * The same, with the write in another thread: it takes 20 to 30 ms for a thousand members. Opening and closing take
 * microseconds, and each would be one more way to that thread and back.
 */
export const kill = (directory: string, done: (answer: Answer<void>) => void): void => {
  try {
    const fd = fs.openSync(`${directory}/cgroup.kill`, fs.constants.O_WRONLY)
    fs.write(fd, "1", (error) => {
      fs.closeSync(fd)
      done(error === null ? Result.succeed(undefined) : orWhenGone(Result.fail(errnoOf(error)), undefined))
    })
  } catch (thrown) {
    const errno = errnoOf(thrown)
    // The reserve is for one use at a time, so it is used in this thread.
    done(Reserve.isShortage(errno) ? killNow(directory) : orWhenGone(Result.fail(errno), undefined))
  }
}

/** Removes the directory and everything below it; fails with EBUSY as long as somebody is in there. */
export const remove = (directory: string): Answer<void> => {
  const removed = orWhenGone(attempt(() => fs.rmdirSync(directory)), undefined)
  // ENOTEMPTY and EBUSY alike may mean directories below; EBUSY may also mean members, here or there.
  if (Result.isSuccess(removed)) return removed
  for (const path of subtree(directory)) {
    const removed = orWhenGone(attempt(() => fs.rmdirSync(path)), undefined)
    if (Result.isFailure(removed)) return removed
  }
  return Result.succeed(undefined)
}
