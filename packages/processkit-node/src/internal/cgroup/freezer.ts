/**
 * Freezes and thaws the members of a cgroup directory.
 *
 * The kernel freezes in the background and reports the end of it in `cgroup.events` (kernel document "Control Group
 * v2", `cgroup.freeze`). A member in uninterruptible sleep may never freeze, and nobody waits for it for longer than
 * the budget.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import * as Files from "./files.ts"

const budget = 50

const untilFrozen = (directory: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const deadline = performance.now() + budget
    let timer: NodeJS.Timeout | undefined
    const check = (): void => {
      const events = Files.events(directory)
      // A directory without members reports `frozen 1` too.
      if (Result.isFailure(events) || events.success.frozen || performance.now() > deadline) return resume(Effect.void)
      timer = setTimeout(check, 1)
    }
    check()
    return Effect.sync(() => clearTimeout(timer))
  })

const write = (directory: string, frozen: boolean): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() =>
    Effect.fromResult(Result.mapError(Files.freeze(directory, frozen), (errno) =>
      ProcessError.make(
        new ProcessError.IoFailed({
          program: undefined,
          operation: frozen ? "freezing a group" : "thawing a group",
          errno
        })
      )))
  )

/** Freezes, and waits until every member stands still or the budget is used up. */
export const freeze = (directory: string): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.andThen(write(directory, true), untilFrozen(directory))

/** Lets every member run on. */
export const thaw = (directory: string): Effect.Effect<void, ProcessError.ProcessError> => write(directory, false)
