/**
 * Makes room for controllers in the cgroup of this process, by moving everybody in it into a directory below.
 *
 * A directory with processes in it enables no controllers for those below ("no internal processes"), and in a scope that
 * was delegated to us, or in a container, the processes in the way are we ourselves and whoever shares the cgroup. Nobody
 * is moved unless the program asks for it.
 *
 * `memory` is enabled first: as long as somebody is left in the directory the kernel refuses it, while `pids` or `cpu`
 * alone would turn the directory into a threaded one. Where it is refused everybody is moved back.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as path from "node:path"
import * as ProcessError from "processkit/ProcessError"
import * as Controllers from "./controllers.ts"
import * as Files from "./files.ts"
import * as OwnerDirectory from "./ownerDirectory.ts"

/** How often we look again for processes that were forked while others were moved. */
const maxRounds = 20

const failed = (detail: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({ feature: "making room for controllers", mechanism: "cgroup-v2", detail })
  )

/** Moves everybody, until a look shows nobody; who has ended meanwhile is no obstacle. */
export const moveAll = (from: string, to: string): Result.Result<void, string> => {
  for (let round = 0; round < maxRounds; round++) {
    const pids = Files.ownMembers(from)
    if (Result.isFailure(pids)) return Result.fail(pids.failure)
    if (pids.success.length === 0) return Result.succeed(undefined)
    for (const pid of pids.success) {
      const moved = Files.join(to, pid)
      if (Result.isFailure(moved) && moved.failure !== "ESRCH") return Result.fail(moved.failure)
    }
  }
  return Result.fail("EBUSY")
}

const asideName = "processkit-aside-"

/**
 * The directory above, where a program before us has made room in it and has moved us aside together with whoever has
 * started us. Another one below this would not be wrong, but there would be one more with every program.
 */
export const roomAbove = (own: string): string | undefined => {
  const above = path.dirname(own)
  return path.basename(own).startsWith(asideName) && Controllers.hasRoom(above) && OwnerDirectory.mayUse(above)
    ? above
    : undefined
}

/** Moves everybody aside and enables what is there. */
export const makeRoom = (own: string): Result.Result<void, string> => {
  const aside = `${own}/${asideName}${process.pid}`
  const moved = Result.flatMap(Files.make(aside), () => moveAll(own, aside))
  const enabled = Result.flatMap(moved, () => Controllers.enableAll(own))
  if (Result.isSuccess(enabled)) return enabled
  moveAll(aside, own)
  Files.remove(aside)
  return enabled
}

/** Makes room, once; nothing is to be done where the controllers are enabled, or can be. */
export const adoptScope: Effect.Effect<void, ProcessError.ProcessError> = Effect.suspend(() => {
  const obstacle = OwnerDirectory.refusal()
  const own = OwnerDirectory.own()
  if (own === undefined || obstacle !== undefined) return Effect.fail(failed(obstacle ?? "there is no cgroup"))
  if (Controllers.hasRoom(own)) return Effect.void
  const above = roomAbove(own)
  if (above !== undefined) return Effect.sync(() => OwnerDirectory.settleIn(above))
  if (!Controllers.offered(own).includes("memory")) return Effect.fail(failed("this cgroup has no memory controller"))
  const made = makeRoom(own)
  if (Result.isFailure(made)) return Effect.fail(failed(`the kernel refused it (${made.failure})`))
  OwnerDirectory.settleIn(own)
  return Effect.void
})
