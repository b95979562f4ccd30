/**
 * One life of a supervised program, as restart policies see it: how it ended, and how long it lasted.
 *
 * An attempt is data. The supervisor makes one each time a program ends, or could not be started, and hands it to the
 * schedules that decide what comes next. It is made only when the whole tree of that life is gone.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as ProcessError from "./ProcessError.ts"
import * as ProcessResult from "./ProcessResult.ts"

/**
 * How a life ended.
 *
 * **Details**
 *
 * - `"clean"`: by itself, with a code that the command accepts.
 * - `"crash"`: by itself, in any other way; a deadline of the command is one.
 * - `"spawn"`: before it began, or with nothing known about its end.
 * - `"liveness"`: killed by its supervisor, because it was not healthy or did not become ready.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Kind = "clean" | "crash" | "spawn" | "liveness"

/**
 * One life of a supervised program.
 *
 * **Details**
 *
 * `uptime` is on the monotonic clock, from the start to the end of output. A program that ended has a `result`; an
 * `error` says why there is none. The life of an effect that succeeded has neither.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly kind: Kind
  readonly program: string
  readonly uptime: Duration.Duration
  readonly result: ProcessResult.ProcessResult<string> | undefined
  readonly error: ProcessError.ProcessError | undefined
}

/**
 * Tells whether the attempt failed: everything but a clean end is a failure.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isFailure = (self: Attempt): boolean => self.kind !== "clean"

/**
 * Makes the attempt of a program that ended by itself.
 *
 * **Details**
 *
 * Clean where the command accepts the code. Without `uptime` the duration of the result counts.
 *
 * **Example** (What counts as clean is said by the command)
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as Attempt from "processkit/Attempt"
 * import * as Outcome from "processkit/Outcome"
 * import * as ProcessResult from "processkit/ProcessResult"
 *
 * const result = ProcessResult.make({
 *   program: "worker",
 *   stdout: "",
 *   stderr: "",
 *   outcome: Outcome.exited(3),
 *   duration: Duration.seconds(4)
 * })
 *
 * Attempt.completed(result).kind // => "crash"
 * Attempt.completed({ ...result, okCodes: [0, 3] }).kind // => "clean"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const completed = (
  result: ProcessResult.ProcessResult<string>,
  uptime: Duration.Duration = result.duration
): Attempt => ({
  kind: ProcessResult.isSuccess(result) ? "clean" : "crash",
  program: result.program,
  uptime,
  result,
  error: undefined
})

/**
 * Makes the attempt of a program that was killed because it was not healthy.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const unhealthy = (
  result: ProcessResult.ProcessResult<string>,
  uptime: Duration.Duration = result.duration
): Attempt => ({ kind: "liveness", program: result.program, uptime, result, error: undefined })

/**
 * Makes the attempt of a program that could not be started, or of whose end nothing is known.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const failed = (
  program: string,
  error: ProcessError.ProcessError,
  uptime: Duration.Duration = Duration.zero
): Attempt => ({ kind: "spawn", program, uptime, result: undefined, error })

/**
 * Makes the attempt of an effect that stands for a life: clean where it succeeded, a crash where it failed.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const ofEffect = (
  name: string,
  uptime: Duration.Duration,
  error: ProcessError.ProcessError | undefined
): Attempt => ({
  kind: error === undefined ? "clean" : "crash",
  program: name,
  uptime,
  result: undefined,
  error
})
