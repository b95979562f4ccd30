/**
 * Schedules over attempts with parameters that may be refused.
 *
 * A schedule is made where there is nobody to fail to, so one with a parameter that makes no sense is a schedule that
 * fails. A supervisor asks for the refusal before it starts anything; whoever drives the schedule alone gets it with the
 * first step.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Attempt from "../Attempt.ts"
import type * as ProcessError from "../ProcessError.ts"
import { checked } from "./refusal.ts"

/** What a step is given besides the attempt: monotonic milliseconds and random numbers. */
export interface World {
  readonly at: number
  readonly draw: () => number
}

/** One step: the output and the wait, or nothing more. */
export type Step<Output> = (
  attempt: Attempt.Attempt,
  world: World
) => Result.Result<readonly [Output, Duration.Duration], ProcessError.ProcessError>

const refusals = new WeakMap<object, ProcessError.ProcessError>()

/** Why a schedule of this library can do nothing but fail, where that is so. */
export const refusalOf = (schedule: object): ProcessError.ProcessError | undefined => refusals.get(schedule)

/** Makes a schedule from checked parameters and a step with a memory of its own for each driver. */
export const make = <Config, Output>(
  check: () => Config,
  begin: (config: Config) => Step<Output>
): Schedule.Schedule<Output, Attempt.Attempt, ProcessError.ProcessError> => {
  const config = checked(undefined, check)
  const schedule = Schedule.fromStep(
    Effect.map(Effect.fromResult(config), (config) => {
      const step = begin(config)
      return (_wallClock: number, attempt: Attempt.Attempt) => run(step, attempt)
    })
  )
  if (Result.isFailure(config)) refusals.set(schedule, config.failure)
  return schedule
}

/** Schedules are told the wall clock, which a person may set; distances are measured on the monotonic one. */
const run = <Output>(
  step: Step<Output>,
  attempt: Attempt.Attempt
): Pull.Pull<[Output, Duration.Duration], ProcessError.ProcessError, Output> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const world = {
      at: Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
      draw: () => random.nextDoubleUnsafe()
    }
    const [output, wait] = yield* Effect.fromResult(step(attempt, world))
    return [output, wait]
  })

/** A schedule without waits that goes on while a condition holds. */
export const goesOn = (
  condition: (attempt: Attempt.Attempt) => boolean,
  wait: Duration.Duration
): Schedule.Schedule<Attempt.Attempt, Attempt.Attempt> =>
  Schedule.fromStep(
    Effect.succeed((_wallClock: number, attempt: Attempt.Attempt) =>
      Effect.suspend((): Pull.Pull<[Attempt.Attempt, Duration.Duration], never, Attempt.Attempt> =>
        condition(attempt) ? Effect.succeed([attempt, wait]) : Cause.done(attempt)
      )
    )
  )

/** Goes on never; a supervisor knows by it that there will be one life only. */
export const never: Schedule.Schedule<Attempt.Attempt, Attempt.Attempt> = goesOn(() => false, Duration.zero)
