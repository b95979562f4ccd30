/**
 * The controllers that limits need, in the directory of this owner.
 *
 * A controller works in a directory when the one above enables it, and a directory with processes in it may not enable
 * one for those below ("no internal processes"), unless it is the real root. We are in our own directory, so there are
 * limits where somebody has enabled controllers before, and in the real root.
 *
 * Elsewhere we do not even try: the kernel refuses `+memory` there, but takes `+pids` or `+cpu` alone, turns our directory
 * into a threaded one, and no child could be started below it any more (EOPNOTSUPP; seen on Linux 6.18).
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as path from "node:path"
import type { LimitRefusal } from "processkit/Containment"
import type { Name } from "processkit/Limits"
import * as Files from "./files.ts"
import { controllers, names } from "./limitFiles.ts"

const wordsOf = (file: string): ReadonlyArray<string> =>
  Result.getOrElse(Files.read(file), () => "").trim().split(/\s+/)

/** Only the real root has no type: that of a cgroup namespace is an ordinary directory. */
const isRealRoot = (directory: string): boolean => !fs.existsSync(`${directory}/cgroup.type`)

const delegated = "systemd-run --user --scope -p Delegate=yes"

/** Why, in a sentence that fits into a message, a limit cannot be had below a directory that we are in; nothing where it can. */
export const refusal = (own: string, name: Name): string | undefined => {
  const controller = controllers[name]
  if (!wordsOf(`${own}/cgroup.controllers`).includes(controller)) {
    return `the cgroup of this process has no ${controller} controller: boot with cgroup v2 alone ` +
      `(systemd.unified_cgroup_hierarchy=1), or have it delegated (${delegated})`
  }
  if (wordsOf(`${own}/cgroup.subtree_control`).includes(controller)) return undefined
  if (!isRealRoot(own)) {
    return `the ${controller} controller is not enabled below this cgroup, which has processes in it: call ` +
      `NodeProcessRunner.adoptScope first, in a scope of its own (${delegated})`
  }
  try {
    fs.accessSync(`${own}/cgroup.subtree_control`, fs.constants.W_OK)
    return undefined
  } catch {
    return `the ${controller} controller may not be enabled by this user: run as root, or use ${delegated} and call ` +
      "NodeProcessRunner.adoptScope"
  }
}

/** The controllers of limits that a directory has, memory first. */
export const offered = (own: string): ReadonlyArray<string> => {
  const all = wordsOf(`${own}/cgroup.controllers`)
  return names.map((name) => controllers[name]).filter((controller) => all.includes(controller))
}

/** Whether a directory gives on every controller that it has, or can. */
export const hasRoom = (own: string): boolean =>
  prediction(own).limits.length === offered(own).length && offered(own).length > 0

/** Which limits can be had below a directory, and why not the others. */
export const prediction = (own: string): {
  readonly limits: ReadonlyArray<Name>
  readonly refusedLimits: ReadonlyArray<LimitRefusal>
} => {
  const refusedLimits = names.flatMap((limit) => {
    const reason = refusal(own, limit)
    return reason === undefined ? [] : [{ limit, reason }]
  })
  return { limits: names.filter((name) => refusedLimits.every(({ limit }) => limit !== name)), refusedLimits }
}

const enableIn = (directory: string, controller: string): Result.Result<void, string> =>
  wordsOf(`${directory}/cgroup.subtree_control`).includes(controller)
    ? Result.succeed(undefined)
    : Files.write(`${directory}/cgroup.subtree_control`, `+${controller}`)

/** Enables the controller of a limit for the groups in the directory of an owner, or says why that cannot be. */
export const enable = (owner: string, name: Name): Result.Result<void, string> => {
  const own = path.dirname(owner)
  const obstacle = refusal(own, name)
  if (obstacle !== undefined) return Result.fail(obstacle)
  return Result.mapError(
    Result.flatMap(enableIn(own, controllers[name]), () => enableIn(owner, controllers[name])),
    (errno) => `the ${controllers[name]} controller could not be enabled (${errno})`
  )
}

/** Enables every controller of a limit that is there, memory first, or none where one is refused. */
export const enableAll = (directory: string): Result.Result<void, string> => {
  for (const controller of offered(directory)) {
    const enabled = enableIn(directory, controller)
    if (Result.isSuccess(enabled)) continue
    // Nobody could move back into a directory that gives any of them on.
    for (const each of offered(directory)) Files.write(`${directory}/cgroup.subtree_control`, `-${each}`)
    return enabled
  }
  return Result.succeed(undefined)
}
