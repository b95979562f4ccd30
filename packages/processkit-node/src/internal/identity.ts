/**
 * The attributes that `child_process.spawn` has itself: another user, another group, another name.
 *
 * libuv gives up the supplementary groups where it changes user or group, and does not look whether that worked
 * (`uv__process_child_init`, libuv 1.x). So a start that would keep them is refused before.
 */
import * as fs from "node:fs"
import type { SpawnRequest } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import type { Name } from "processkit/SpawnAttributes"

/** What this mechanism can give a child. */
export const attributes: ReadonlyArray<Name> = ["argv0", "uid", "gid"]

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "latin1")
  } catch {
    return "" // not Linux, or a kernel without it
  }
}

/** `CAP_SETGID` of `linux/capability.h`. A container may take it away from its root, and leave `CAP_SETUID`. */
const capSetgid = 6n

/** Whether the effective capabilities in the text of `/proc/self/status` have the one to set groups, where it tells. */
export const maySetGroups = (status: string): boolean => {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1]
  return effective === undefined || ((BigInt(`0x${effective}`) >> capSetgid) & 1n) === 1n
}

/** A user namespace may forbid to give up groups, for root too (user_namespaces(7), `/proc/pid/setgroups`). */
const mayGiveUpGroups = (): boolean =>
  process.geteuid?.() === 0 && maySetGroups(read("/proc/self/status")) &&
  !read("/proc/self/setgroups").startsWith("deny")

/** The option that changes who the child is, where one does. */
const changed = ({ attributes: { gid, uid } }: SpawnRequest): Name | undefined =>
  uid !== undefined ? "uid" : gid !== undefined ? "gid" : undefined

/** Node takes ids for signed numbers of 32 bits (`lib/child_process.js`, `isInt32`). */
const maxId = 2 ** 31 - 1

const tooLarge = ({ attributes: { gid = 0, uid = 0 } }: SpawnRequest): Name | undefined =>
  uid > maxId ? "uid" : gid > maxId ? "gid" : undefined

/** Why a start cannot or may not change user or group, where it wants to. */
export const refusal = (request: SpawnRequest): ProcessError.Reason | undefined => {
  const large = tooLarge(request)
  if (large !== undefined) {
    return new ProcessError.Unsupported({
      feature: `the option ${large} above ${maxId}`,
      mechanism: "process-group",
      detail: "child_process takes no larger one"
    })
  }
  const option = changed(request)
  return option === undefined || mayGiveUpGroups()
    ? undefined
    : new ProcessError.PermissionDenied({ program: request.program, errno: "EPERM", option })
}
