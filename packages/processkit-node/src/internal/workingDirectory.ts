/**
 * The directory a child starts in.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"

/**
 * The owner's directory. One that has been removed has no name any more and is still the owner's: a program that were
 * started in another one would not know, and `rm -r build` is not for just anywhere. Linux leads to it by the process,
 * also from another one (proc_pid_cwd(5)); nothing is found in it, nor below a path that does not exist.
 */
export const owner = (): string => {
  try {
    return process.cwd()
  } catch {
    return `/proc/${process.pid}/cwd`
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
