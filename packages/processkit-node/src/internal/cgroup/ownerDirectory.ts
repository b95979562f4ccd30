/**
 * The one directory under which all groups of this owner live.
 *
 * One directory per owner makes the end of the owner simple: whoever outlives it needs to know one path. It is made
 * beside the processes of our own cgroup, which the "no internal processes" rule allows as long as no controller is
 * enabled for children (kernel document "Control Group v2").
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import { errnoOf } from "../errno.ts"
import * as Inspection from "../inspection.ts"
import * as ProcTable from "../procTable.ts"
import * as CgroupTree from "./cgroupTree.ts"
import * as Files from "./files.ts"
import * as Hierarchy from "./hierarchy.ts"
import * as OwnerName from "./ownerName.ts"

/** Why there is no such directory, in one sentence for the report of refused mechanisms. */
export type Refusal = string

export const notMounted: Refusal = "no cgroup v2 hierarchy is mounted"
export const notVisible: Refusal = "the cgroup of this process is not visible here"
export const notOurs: Refusal = "the cgroup of this process is not writable by this user"
export const readOnly: Refusal = "the cgroup hierarchy is mounted read-only"
export const tooOld: Refusal = "the kernel is older than 5.14 and has no cgroup.kill"

/**
 * The start time of a process.
 *
 * Whose stat cannot be read may be alive all the same: there was no descriptor left, or `/proc` hides the processes of
 * others (proc(5), `hidepid`). Kill(2) knows them all.
 */
export const startOf = (pid: number): string | undefined => {
  const stat = Files.read(`/proc/${pid}/stat`)
  if (Result.isFailure(stat)) return Inspection.signalErrno(pid) === "ESRCH" ? undefined : OwnerName.hidden
  return ProcTable.parseStat(stat.success)?.start
}

/** The number of a namespace of ours; empty where there is none of this kind. */
const inode = (kind: "pid" | "time"): string => {
  try {
    return /\d+/.exec(fs.readlinkSync(`/proc/self/ns/${kind}`))?.[0] ?? ""
  } catch {
    return ""
  }
}

/** Where pids and start times are the same as here. */
const namespaceOf = (): string => inode("pid") === "" ? OwnerName.unknown : inode("pid") + inode("time")

/** Who we are; of whom nobody can say that we are dead where we do not know it ourselves. */
const self = (namespace: string): OwnerName.Owner => {
  const start = startOf(process.pid) ?? OwnerName.hidden
  return start === OwnerName.hidden
    ? { namespace: OwnerName.unknown, pid: process.pid, start: "0" }
    : { namespace, pid: process.pid, start }
}

let settled: string | undefined

/** Keeps using a directory that this process was in, and from which it was moved aside into one below. */
export const settleIn = (directory: string): void => {
  settled = directory
}

/** Our own directory, verified: `cgroup.procs` there must list this process. */
const ownDirectory = (): Result.Result<string, Refusal> => {
  if (settled !== undefined) return Result.succeed(settled)
  const selfCgroup = Result.getOrElse(Files.read("/proc/self/cgroup"), () => "")
  const mountinfo = Result.getOrElse(Files.read("/proc/self/mountinfo"), () => "")
  const path = Hierarchy.ownPath(selfCgroup)
  const mounts = Hierarchy.mounts(mountinfo)
  if (path === undefined || mounts.length === 0) return Result.fail(notMounted)
  const own = Hierarchy.candidates(path, mounts).find(listsUs)
  return own === undefined ? Result.fail(notVisible) : Result.succeed(own)
}

const listsUs = (directory: string): boolean =>
  Result.getOrElse(Files.read(`${directory}/cgroup.procs`), () => "").split("\n").includes(String(process.pid))

const refusals: Readonly<Record<string, Refusal>> = {
  EACCES: notOurs,
  EPERM: notOurs,
  EROFS: readOnly
}

/** `cgroup.kill` came with Linux 5.14, and the root of the hierarchy, which has none, cannot be asked for it. */
const hasKill = (): boolean => {
  const [major = 0, minor = 0] = os.release().split(".").map(Number)
  return major > 5 || (major === 5 && minor >= 14)
}

/** The directory that we are in, where it is visible. */
export const own = (): string | undefined => Result.getOrUndefined(ownDirectory())

/** Whether this user may make directories in one, and put processes into those. */
export const mayUse = (directory: string): boolean => Result.isSuccess(usable(directory))

const usable = (directory: string): Result.Result<void, string> => {
  try {
    fs.accessSync(directory, fs.constants.W_OK)
    fs.accessSync(`${directory}/cgroup.procs`, fs.constants.W_OK)
    return Result.succeed(undefined)
  } catch (thrown) {
    return Result.fail(errnoOf(thrown))
  }
}

/** Why there can be no such directory, as far as that shows without making one. */
export const refusal = (): Refusal | undefined => {
  const own = ownDirectory()
  if (Result.isFailure(own)) return own.failure
  if (!hasKill()) return tooOld
  const answer = usable(own.success)
  if (Result.isSuccess(answer)) return undefined
  return refusals[answer.failure] ?? `the cgroup of this process cannot be used (${answer.failure})`
}

/** Makes the directory of this owner, after removing those of owners that are dead. */
export const make = (): Result.Result<string, Refusal> => {
  const own = ownDirectory()
  if (Result.isFailure(own)) return own
  const namespace = namespaceOf()
  sweep(own.success, namespace)
  const directory = `${own.success}/${OwnerName.format(self(namespace), crypto.randomBytes(8).toString("hex"))}`
  const made = Files.make(directory)
  if (Result.isFailure(made)) {
    return Result.fail(refusals[made.failure] ?? `a cgroup could not be made (${made.failure})`)
  }
  if (Files.canKill(directory)) return Result.succeed(directory)
  Files.remove(directory)
  return Result.fail(tooOld)
}

/**
 * Ends and removes what dead owners left. Nobody waits for that: a directory is removed when its last process is gone,
 * while the first start goes on. What does not go away within a second is found by the next owner.
 */
const sweep = (own: string, namespace: string): void => {
  for (const directory of Result.getOrElse(Files.children(own), () => [])) {
    const owner = OwnerName.parse(directory.slice(directory.lastIndexOf("/") + 1))
    if (owner === undefined || !OwnerName.isStale(owner, namespace, startOf)) continue
    Effect.runFork(CgroupTree.clear(directory))
  }
}
