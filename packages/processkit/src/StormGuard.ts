/**
 * What a supervisor does when its program fails too often in too short a time.
 *
 * A guard is a `Schedule` over attempts that counts failures and lets clean ends pass. {@link pause} takes a rest now
 * and then; {@link giveUp} ends the supervision. A supervisor without a guard only has its backoff.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import * as Attempt from "./Attempt.ts"
import { duration, longest, times } from "./internal/amounts.ts"
import * as BackoffModel from "./internal/backoffModel.ts"
import * as PolicySchedule from "./internal/policySchedule.ts"
import { optional, own, record, refuse } from "./internal/refusal.ts"
import * as Model from "./internal/stormModel.ts"
import * as ProcessError from "./ProcessError.ts"

/**
 * A guard that pauses; its output is the pause, 0 where there is none.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Pause = Schedule.Schedule<Duration.Duration, Attempt.Attempt, ProcessError.ProcessError>

/**
 * A guard that gives up; its output is the number of failures in its window.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type GiveUp = Schedule.Schedule<number, Attempt.Attempt, ProcessError.ProcessError>

/**
 * When a guard pauses, and for how long.
 *
 * **Details**
 *
 * - `halfLife`: after this time a failure counts half; 30 seconds by default. 0 forgets at once, infinity never.
 * - `threshold`: the score above which there is a pause; 5 by default, at least 1. Infinity never pauses.
 * - `pause`: how long; 15 seconds by default.
 * - `jitter`: multiplies each pause by a random number from 0.5 up to 1.5; on by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface PauseOptions {
  readonly halfLife?: Duration.Input | undefined
  readonly threshold?: number | undefined
  readonly pause?: Duration.Input | undefined
  readonly jitter?: boolean | undefined
}

/**
 * How many restarts are too many: more than `restarts` within the time.
 *
 * **Details**
 *
 * The window slides. What happened exactly `within` ago is still in it, as with OTP's intensity and period.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface GiveUpOptions {
  readonly restarts: number
  readonly within: Duration.Input
}

/**
 * Makes a guard that takes one pause when failures come too fast, and then starts to count again.
 *
 * **Details**
 *
 * Each failure adds 1 to a score that halves with every `halfLife`. In a burst a threshold of 5 is exceeded by the sixth
 * failure; failures at equal distances exceed it in the end if they are closer than `-halfLife * log2(1 - 1 /
 * threshold)`, which is 9.66 seconds with the defaults. The pause comes before the backoff and in addition to it.
 *
 * **Errors**
 *
 * `InvalidInput`, from the first step and from a supervisor before it starts anything, for a duration or a threshold
 * that makes no sense.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const pause = (options?: PauseOptions): Pause =>
  PolicySchedule.make(() => pauseOf(options), (config) => {
    let state = Model.calm
    return (attempt, { at, draw }) => {
      if (!Attempt.isFailure(attempt)) return Result.succeed([Duration.zero, Duration.zero])
      const next = Model.afterFailure(config, state, at)
      state = next.state
      const rest = next.tripped
        ? Duration.millis(BackoffModel.spread(config.pause, config.jitter, draw()))
        : Duration.zero
      return Result.succeed([rest, rest])
    }
  })

/**
 * Makes a guard that fails when there are more failures than restarts allowed within a time.
 *
 * **When to use**
 *
 * Where somebody above knows better what to do about a program that cannot be kept alive, as in a tree of supervisors.
 *
 * **Errors**
 *
 * `RestartStorm` once the window holds more than `restarts` failures. `InvalidInput` for a number that is no count, or a
 * time that is NaN or negative.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const giveUp = (options: GiveUpOptions): GiveUp =>
  PolicySchedule.make(() => giveUpOf(options), ({ restarts, within }) => {
    const length = Duration.toMillis(within)
    let failures: ReadonlyArray<number> = []
    return (attempt, { at }) => {
      if (!Attempt.isFailure(attempt)) return Result.succeed([failures.length, Duration.zero])
      failures = Model.within(failures, at, length)
      return failures.length > restarts
        ? Result.fail(
          ProcessError.make(new ProcessError.RestartStorm({ program: attempt.program, restarts, within }))
        )
        : Result.succeed([failures.length, Duration.zero])
    }
  })

// -----------------------------------------------------------------------------

const pauseOf = (options: PauseOptions | undefined) => {
  const given = options === undefined ? {} : record("the storm guard", options)
  const jitter = own(given, "jitter")
  const threshold = own(given, "threshold") ?? 5
  return {
    halfLife: Duration.toMillis(duration("the half-life of the storm guard", own(given, "halfLife") ?? "30 seconds")),
    threshold: threshold >= 1 ? threshold : refuse("the threshold of the storm guard", "is not a number from 1 up"),
    pause: Duration.toMillis(
      Duration.min(duration("the pause of the storm guard", own(given, "pause") ?? "15 seconds"), longest)
    ),
    jitter: optional("the jitter of the storm guard", jitter, "boolean") ?? true
  }
}

const giveUpOf = (options: GiveUpOptions) => {
  const given = record("the storm guard", options)
  return {
    restarts: times("the restarts of the storm guard", given.restarts),
    within: duration("the window of the storm guard", given.within)
  }
}
