/**
 * Where this process stands in the cgroup v2 hierarchy, as a pure function of two files of `/proc`.
 *
 * Sources: cgroups(7), "/proc/pid/cgroup" and "Cgroup namespaces"; proc_pid_mountinfo(5); kernel document
 * "Control Group v2", section "Namespace".
 */

/** A mounted part of the hierarchy: which directory of it is visible where. */
export interface Mount {
  readonly root: string
  readonly mountPoint: string
}

/** The path of this process in the v2 hierarchy, from the text of `/proc/self/cgroup`. */
export const ownPath = (selfCgroup: string): string | undefined => {
  const line = selfCgroup.split("\n").find((line) => line.startsWith("0::"))
  return line === undefined ? undefined : line.slice(3)
}

/** Spaces, tabs, line ends and backslashes are written as octal escapes (proc_pid_mountinfo(5)). */
const unescape = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The mounts of type `cgroup2`, from the text of `/proc/self/mountinfo`. */
export const mounts = (mountinfo: string): ReadonlyArray<Mount> =>
  mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ")
    const [root, mountPoint] = before.split(" ").slice(3)
    return after.startsWith("cgroup2 ") && root !== undefined && mountPoint !== undefined
      ? [{ root: unescape(root), mountPoint: unescape(mountPoint) }]
      : []
  })

/**
 * The directories that may be the one of this process, the first mount first.
 *
 * A path that begins with `/..` lies outside of the visible part of a cgroup namespace and has no directory here.
 */
export const candidates = (path: string, mounts: ReadonlyArray<Mount>): ReadonlyArray<string> =>
  path.startsWith("/..") ? [] : mounts.flatMap(({ mountPoint, root }) => {
    const base = root === "/" ? "" : root
    if (path !== base && !path.startsWith(`${base}/`)) return []
    const rest = path.slice(base.length)
    return [rest === "/" ? mountPoint : mountPoint + rest]
  })
