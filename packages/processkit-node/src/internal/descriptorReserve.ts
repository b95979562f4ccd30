/**
 * One descriptor kept for bad times.
 *
 * Ending processes must work when the owner has run out of descriptors, and reading `/proc` needs one at a time. The
 * reserve is taken while processes are alive and given up for the length of one reading that would fail without it.
 */
import * as fs from "node:fs"
import { errnoOf } from "./errno.ts"

let reserve: number | undefined

/** Who needs the reserve. */
const holders = new Set<unknown>()

const take = (): void => {
  if (reserve !== undefined) return
  try {
    reserve = fs.openSync("/dev/null", fs.constants.O_RDONLY)
  } catch {
    // Out of descriptors already: the start that asks for the reserve is about to find out by itself.
  }
}

const spend = (): void => {
  if (reserve === undefined) return
  fs.closeSync(reserve)
  reserve = undefined
}

/** Takes the reserve, if there is none yet, for a holder of any kind. Succeeds or does nothing. */
export const hold = (holder: unknown): void => {
  holders.add(holder)
  take()
}

/** How long the reserve is kept when nobody needs it: runs that follow each other would open and close it for each. */
const idle = 50

let waiting: NodeJS.Timeout | undefined

const spendWhenIdle = (): void => {
  waiting = undefined
  if (holders.size === 0) spend()
}

/** Gives the reserve back, soon after nobody needs it any more. */
export const drop = (holder: unknown): void => {
  holders.delete(holder)
  if (holders.size === 0) waiting ??= setTimeout(spendWhenIdle, idle).unref()
}

/** Whether an errno says that descriptors have run out. */
export const isShortage = (errno: string): boolean => errno === "EMFILE" || errno === "ENFILE"

/** Does work that opens a file, at the expense of the reserve where the descriptors have run out. */
const atItsExpense = <A>(work: () => A): A => {
  try {
    return work()
  } catch (thrown) {
    if (reserve === undefined || !isShortage(errnoOf(thrown))) throw thrown
    spend()
    return work()
  }
}

/** Opens a file for reading; the reserve stays spent as long as that may be open. */
export const openWithReserve = (path: string): number => atItsExpense(() => fs.openSync(path, fs.constants.O_RDONLY))

/** Does work that closes what it opens, and takes the reserve again. */
export const withReserve = <A>(work: () => A): A => {
  try {
    return atItsExpense(work)
  } finally {
    if (holders.size > 0) take()
  }
}

/** What a start takes at most: two for each standard stream, two for the answer of the child (`uv_spawn`, libuv 1.x). */
const neededByStart = 8

/**
 * Tells the errno for which a start would run out of descriptors half-way.
 *
 * Asked before each start: a child for which the last descriptors are missing fails with EMFILE, and Node (22 and 24)
 * then loses the pipes that libuv has opened for it (`ChildProcess.prototype.spawn` returns before it looks at them).
 * Each descriptor above the standard ones takes two more.
 */
export const shortage = (further = 0): string | undefined => {
  const opened: Array<number> = []
  try {
    while (opened.length < neededByStart + 2 * further) opened.push(fs.openSync("/dev/null", fs.constants.O_RDONLY))
    return undefined
  } catch (thrown) {
    const errno = errnoOf(thrown)
    return isShortage(errno) ? errno : undefined
  } finally {
    for (const fd of opened) fs.closeSync(fd)
  }
}
