/** Whether tests can run something as another user, which takes root and a repository that others may enter. */
import * as fs from "node:fs"
import * as path from "node:path"

const above = (directory: string): ReadonlyArray<string> =>
  path.dirname(directory) === directory ? [directory] : [directory, ...above(path.dirname(directory))]

/** A repository in root's home, for one, is closed to everybody else. */
const isOpen = above(import.meta.dirname).every((directory) => (fs.statSync(directory).mode & 0o001) !== 0)

export const canBecomeOther: boolean = process.getuid?.() === 0 && isOpen

/** What is missing where that cannot be done, for the output of the test that is left out. */
export const missingForOther = "root, and a repository that other users may enter"
