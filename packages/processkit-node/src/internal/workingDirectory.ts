/**
 * The directory a child starts in.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"

/** The owner's directory by the owner, whatever its name is now: Linux leads to it from another process (proc_pid_cwd(5)). */
const byProcess = `/proc/${process.pid}/cwd`

const isSame = (first: string, second: string): boolean => {
  const [one, other] = [fs.statSync(first), fs.statSync(second)]
  return one.ino === other.ino && one.dev === other.dev
}

/**
 * The owner's directory.
 *
 * Node remembers its name (`wrappedCwd` in lib/internal/bootstrap/switches/does_own_process_state.js, Node 22 and 24), so
 * that one that was renamed, removed or covered by a mount is told as if nothing had happened. A program that were
 * started in another directory would not know, and `rm -r build` is not for just anywhere.
 */
export const owner = (): string => {
  try {
    const name = process.cwd()
    return process.platform !== "linux" || isSame(".", name) ? name : byProcess
  } catch {
    return byProcess
  }
}

/** Where the child will start: the requested directory, relative to the owner's; the kernel follows links and `..`. */
export const resolve = (cwd: string | undefined): string =>
  cwd === undefined ? owner() : path.isAbsolute(cwd) ? cwd : `${owner()}/${cwd}`

const problem = (directory: string): string | undefined => {
  try {
    const stat = fs.statSync(directory)
    if (!stat.isDirectory()) return "ENOTDIR"
    fs.accessSync(directory, fs.constants.X_OK)
    return undefined
  } catch (thrown) {
    return errnoOf(thrown)
  }
}

/** Tells why a child could not start in the requested directory; an inherited one needs no check. */
export const check = (program: string, cwd: string | undefined): ProcessError.Reason | undefined => {
  const errno = cwd === undefined ? undefined : problem(resolve(cwd))
  return cwd === undefined || errno === undefined ? undefined : new ProcessError.InvalidCwd({ program, cwd, errno })
}
