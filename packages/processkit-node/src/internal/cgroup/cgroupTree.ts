/**
 * What can be asked of the members of one cgroup directory.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Ending from "../ending.ts"
import { SIGKILL } from "../signalNumber.ts"
import * as Broadcast from "./broadcast.ts"
import * as CgroupStats from "./cgroupStats.ts"
import * as Emptiness from "./emptiness.ts"
import * as Files from "./files.ts"
import * as LeftAlive from "./leftAlive.ts"
import * as Strays from "./strays.ts"

const failed = (operation: string) => (errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation, errno }))

/** Asked for in another thread, because the write takes its time where there are many members. */
const kill = (state: State): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.callback((resume) => {
    state.killing = true
    Files.kill(
      state.directory,
      (answer) => resume(Effect.fromResult(Result.mapError(answer, failed("killing a group"))))
    )
  })

/** What is known of a directory without asking the kernel. */
export interface State {
  directory: string
  /** Whether it is frozen because somebody asked for it. `SIGCONT` ends that, as for a stopped process. */
  suspended: boolean
  /** Whether nobody in it is to live: it was killed, and nothing was asked of it or started in it since. */
  killing: boolean
  /** Whether there may be such a directory, and somebody in it. */
  exists: boolean
}

const members = (state: State, { due }: Emptiness.Reports): ProcessBackend.Tree["members"] =>
  Effect.suspend(() =>
    state.exists
      ? Effect.fromResult(Result.mapError(Strays.members(state.directory, due()), failed("listing members")))
      : Effect.succeed([])
  )

/** The tree of a directory. */
export const make = (state: State, reports: Emptiness.Reports): ProcessBackend.Tree => ({
  members: members(state, reports),
  signal: (signal) =>
    Effect.flatMap(Ending.numberOf(signal), (number) => {
      state.killing = false
      if (signal === "SIGCONT") state.suspended = false
      return Effect.flatMap(
        Broadcast.signal(state.directory, number, state.suspended),
        (listed) => Strays.signal(reports.due(), state.directory, number, listed)
      )
    }),
  kill: Effect.andThen(kill(state), Effect.suspend(() => Strays.signal(reports.due(), state.directory, SIGKILL))),
  awaitEmpty: (within) =>
    Emptiness.awaitEmpty(state.directory, within, {
      reports,
      insist: () => {
        if (state.killing) LeftAlive.kill(state.directory)
      }
    }),
  stats: Effect.suspend(() => CgroupStats.look(state.directory, members(state, reports)))
})

/** How long a directory may stay busy after its last process has ended. */
const removalBudget = Duration.seconds(1)

/** Removes a directory whose members are gone. A process that is still being torn down makes it busy for a moment. */
export const remove = (directory: string): Effect.Effect<void> => removeWith(directory, () => {})

/** Kills whoever is in a directory, at once, and removes it once nobody is left. */
export const clear = (directory: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    Files.killNow(directory)
    return removeWith(directory, () => LeftAlive.kill(directory))
  })

const removeWith = (directory: string, insist: () => void): Effect.Effect<void> =>
  Effect.suspend(() => {
    const removed = Files.remove(directory)
    if (Result.isSuccess(removed)) return Effect.void
    return Effect.flatMap(
      Emptiness.awaitEmpty(directory, removalBudget, { insist }),
      () => Effect.sync(() => void Files.remove(directory))
    )
  })
