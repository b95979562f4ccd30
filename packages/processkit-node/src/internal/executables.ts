/**
 * Looks at files that shall be executed, and remembers what it saw.
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"
import * as BinfmtMisc from "./binfmtMisc.ts"
import { errnoOf } from "./errno.ts"
import type { Format } from "./executableFormat.ts"
import { classify, headBytes } from "./executableFormat.ts"
import type { Found } from "./programLookup.ts"

const mayExecute = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Tells what stands at a path: a file that this user may execute, nothing, or something that is in the way. */
export const inspect = (file: string): Found => {
  try {
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    if (stat === undefined) return "nothing"
    return stat.isFile() && mayExecute(file) ? "program" : "unusable"
  } catch (thrown) {
    const errno = errnoOf(thrown)
    return errno === "ENOENT" ? "nothing" : { obstacle: errno }
  }
}

interface Remembered {
  readonly stamp: string
  readonly format: Format
}

const maxRemembered = 256
const remembered = new Map<string, Remembered>()

/** A `Map` keeps the order of insertion, so the first key is the one that was set the longest ago. */
const remember = (file: string, entry: Remembered): void => {
  remembered.delete(file)
  remembered.set(file, entry)
  const oldest = remembered.keys().next()
  if (remembered.size > maxRemembered && oldest.done !== true) remembered.delete(oldest.value)
}

const readHead = (file: string): Buffer => {
  const fd = fs.openSync(file, fs.constants.O_RDONLY)
  try {
    const head = Buffer.alloc(headBytes)
    return head.subarray(0, fs.readSync(fd, head, 0, headBytes, 0))
  } finally {
    fs.closeSync(fd)
  }
}

const isTaken = (file: string, head: Buffer): boolean =>
  process.platform === "linux" && BinfmtMisc.registered().some((handler) => BinfmtMisc.takes(handler, file, head))

/** The format of a file; a file that may be executed but not read is left to the kernel. */
const formatOf = (file: string): Result.Result<Format, string> => {
  try {
    const stat = fs.statSync(file, { bigint: true })
    const stamp = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`
    const known = remembered.get(file)
    if (known?.stamp === stamp) return Result.succeed(known.format)
    const head = readHead(file)
    const own = classify(head, Number(stat.size), process)
    const format: Format = own._tag === "unknown" && isTaken(file, head) ? { _tag: "binary" } : own
    remember(file, { stamp, format })
    return Result.succeed(format)
  } catch (thrown) {
    const errno = errnoOf(thrown)
    return errno === "EACCES" || errno === "EPERM" ? Result.succeed({ _tag: "binary" }) : Result.fail(errno)
  }
}

/** How deep interpreters may be scripts themselves; deeper chains fail in the kernel with ELOOP (execve(2)). */
const maxDepth = 5

/**
 * Checks that the kernel would execute a file, following the interpreters of scripts.
 *
 * An interpreter given as a relative path is relative to the directory of the child. Answers with the reason not to try.
 */
export const check = (
  program: string,
  file: string,
  childDirectory: () => string
): ProcessError.Reason | undefined => {
  let current = file
  for (let depth = 0; depth <= maxDepth; depth++) {
    const format = formatOf(current)
    if (Result.isFailure(format)) return unreadable(program, current === file ? undefined : current, format.failure)
    if (format.success._tag === "binary") return undefined
    if (format.success._tag === "unknown") return new ProcessError.ExecFormat({ program, interpreter: undefined })
    const { interpreter } = format.success
    current = path.isAbsolute(interpreter) ? interpreter : `${childDirectory()}/${interpreter}`
    if (inspect(current) === "nothing") return new ProcessError.ExecFormat({ program, interpreter })
  }
  return undefined
}

const unreadable = (program: string, interpreter: string | undefined, errno: string): ProcessError.Reason => {
  const reason = ProcessError.fromErrno(program, errno)
  return interpreter === undefined || reason._tag === "ResourceExhausted"
    ? reason
    : new ProcessError.ExecFormat({ program, interpreter })
}
