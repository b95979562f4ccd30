/**
 * One descriptor kept for bad times.
 *
 * Ending processes must work when the owner has run out of descriptors, and reading `/proc` needs one at a time. The
 * reserve is taken while processes are alive and given up for the length of one reading that would fail without it.
 */
import * as fs from "node:fs"
import { errnoOf } from "./errno.ts"

let reserve: number | undefined

/** Takes the reserve, if there is none yet. Succeeds or does nothing. */
export const hold = (): void => {
  if (reserve !== undefined) return
  try {
    reserve = fs.openSync("/dev/null", fs.constants.O_RDONLY)
  } catch {
    // Out of descriptors already: the start that asks for the reserve is about to find out by itself.
  }
}

/** Gives the reserve back. */
export const drop = (): void => {
  if (reserve === undefined) return
  fs.closeSync(reserve)
  reserve = undefined
}

/** Opens a file for reading, at the expense of the reserve where the descriptors have run out. */
export const openWithReserve = (path: string): number => {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY)
  } catch (thrown) {
    const errno = errnoOf(thrown)
    if (reserve === undefined || (errno !== "EMFILE" && errno !== "ENFILE")) throw thrown
    drop()
    return fs.openSync(path, fs.constants.O_RDONLY)
  }
}

/** What a start takes at most: two for each standard stream, two for the answer of the child (`uv_spawn`, libuv 1.x). */
const neededByStart = 8

/**
 * Tells the errno for which a start would run out of descriptors half-way.
 *
 * Asked before each start: a child for which the last descriptors are missing fails with EMFILE, and Node (22 and 24)
 * then loses the pipes that libuv has opened for it (`ChildProcess.prototype.spawn` returns before it looks at them).
 */
export const shortage = (): string | undefined => {
  const opened: Array<number> = []
  try {
    while (opened.length < neededByStart) opened.push(fs.openSync("/dev/null", fs.constants.O_RDONLY))
    return undefined
  } catch (thrown) {
    const errno = errnoOf(thrown)
    return errno === "EMFILE" || errno === "ENFILE" ? errno : undefined
  } finally {
    for (const fd of opened) fs.closeSync(fd)
  }
}
