/** The directories that owners leave in the cgroup hierarchy while they live, as the file system tells of them. */
import * as fs from "node:fs"
import * as path from "node:path"

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, "latin1")
  } catch {
    return ""
  }
}

/** Where version 2 of the hierarchy is mounted; empty where it is not. */
export const cgroupMount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(read("/proc/self/mountinfo"))?.[1] ?? ""

/** The cgroup of this process and of everything that it starts without a mechanism. */
export const ownCgroup = `${cgroupMount}${/^0::(.*)$/m.exec(read("/proc/self/cgroup"))?.[1] ?? ""}`.replace(/\/$/, "")

/** The directories in another one; none where this user may not look, or where it is gone, be it in this moment. */
const directoriesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
      .map(({ name }) => `${directory}/${name}`)
  } catch {
    return []
  }
}

const isOf = (pid: number) => (directory: string): boolean =>
  new RegExp(`^processkit-\\d+-${pid}-`).test(path.basename(directory))

/** The directories that owners with this pid have in our own cgroup. */
export const directoriesOf = (pid: number): ReadonlyArray<string> => directoriesIn(ownCgroup).filter(isOf(pid))

const below = (directory: string): ReadonlyArray<string> => {
  const found = directoriesIn(directory)
  return found.concat(found.flatMap(below))
}

/** Those that they have anywhere in the hierarchy. */
export const directoriesAnywhereOf = (pid: number): ReadonlyArray<string> =>
  cgroupMount === "" ? [] : below(cgroupMount).filter(isOf(pid))

/** The groups of this process that have a directory. */
export const ownGroups = (): ReadonlyArray<string> =>
  directoriesOf(process.pid).flatMap(directoriesIn).filter((directory) => /^g\d+$/.test(path.basename(directory)))
