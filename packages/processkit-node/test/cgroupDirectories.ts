/** The directories that owners leave in the cgroup hierarchy while they live, as the file system tells of them. */
import * as fs from "node:fs"

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

/** The directories that owners with this pid have, anywhere below our own cgroup. */
export const directoriesOf = (pid: number): ReadonlyArray<string> =>
  fs.existsSync(ownCgroup)
    ? fs.readdirSync(ownCgroup).filter((name) => new RegExp(`^processkit-\\d+-${pid}-`).test(name))
      .map((name) => `${ownCgroup}/${name}`)
    : []

/** The names of the directories in one: none where this user may not look, or where it is gone by then. */
const directoriesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((it) =>
      it.name
    )
  } catch {
    return []
  }
}

const below = (directory: string): ReadonlyArray<string> => {
  const inside = directoriesIn(directory).map((name) => `${directory}/${name}`)
  return inside.concat(inside.flatMap(below))
}

/** The directories that owners with this pid have, anywhere in the visible hierarchy. */
export const directoriesAnywhere = (pid: number): ReadonlyArray<string> =>
  cgroupMount === "" ? [] : below(cgroupMount).filter((path) => new RegExp(`/processkit-\\d+-${pid}-[^/]+$`).test(path))

/** The groups of this process that have a directory. */
export const ownGroups = (): ReadonlyArray<string> =>
  directoriesOf(process.pid).flatMap((directory) =>
    fs.readdirSync(directory).filter((name) => /^g\d+$/.test(name)).map((name) => `${directory}/${name}`)
  )
