/**
 * Children that have left the cgroup they were born in.
 *
 * Whoever opens a login session or a scope is moved by the service manager (pam_systemd(8); systemd-run(1), `--scope`), and
 * root can move itself. What such a child starts from then on is not found, but it is known itself, and its host can reach
 * it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ProcessError } from "processkit/ProcessError"
import * as Ending from "../ending.ts"
import type { HostChild } from "../host/hostAnswers.ts"
import * as Files from "./files.ts"
import * as Hierarchy from "./hierarchy.ts"

/**
 * Whether a process runs in another cgroup than one of ours or those below it. Who has ended stays with its cgroup, also
 * when that was removed (kernel document "Control Group v2", "Processes").
 */
const isElsewhere = (pid: number, directory: string): boolean => {
  const path = Hierarchy.ownPath(Result.getOrElse(Files.read(`/proc/${pid}/cgroup`), () => ""))?.trimEnd()
  // The names from the owner's on, which is random: a namespace may show less of what is above.
  const known = `${directory.slice(directory.lastIndexOf("/processkit-"))}/`
  return path !== undefined && !path.endsWith(" (deleted)") && !`${path}/`.includes(known)
}

/** Those who are elsewhere, among the children whose ends have not been reported. */
const among = (
  due: ReadonlySet<HostChild>,
  directory: string,
  listed: ReadonlyArray<number>
): ReadonlyArray<HostChild> => {
  if (due.size === 0) return []
  const inside = new Set(listed)
  return [...due].filter(({ pid }) => !inside.has(pid) && isElsewhere(pid, directory))
}

/** The members of a directory, and the children that have left it. */
export const members = (
  directory: string,
  due: ReadonlySet<HostChild>
): Result.Result<ReadonlyArray<number>, string> =>
  Result.map(Files.members(directory), (listed) => [...listed, ...among(due, directory, listed).map(({ pid }) => pid)])

/** Signals the children that have left a directory; `listed` are those who were signalled in it. */
export const signal = (
  due: ReadonlySet<HostChild>,
  directory: string,
  number: number,
  listed: ReadonlyArray<number> = []
): Effect.Effect<void, ProcessError> =>
  Effect.forEach(
    among(due, directory, listed),
    (child) =>
      Effect.flatMap(
        child.signal(number),
        ({ errno }) => errno === undefined || errno === "ESRCH" ? Effect.void : Effect.fail(Ending.notSignalled(errno))
      ),
    { discard: true }
  )
