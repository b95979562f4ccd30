/**
 * The directory a child starts in.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"

/** The owner's directory; the root where the owner's has been removed, so that nothing is found in it. */
export const owner = (): string => {
  try {
    return process.cwd()
  } catch {
    return "/"
  }
}

/** Where the child will start: the requested directory, relative to the owner's. */
export const resolve = (cwd: string | undefined): string =>
  cwd === undefined ? owner() : path.isAbsolute(cwd) ? cwd : path.resolve(owner(), cwd)

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
