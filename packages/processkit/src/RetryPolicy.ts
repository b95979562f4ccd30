/**
 * When a verb that checks its run tries again: how often, how far apart, after which failures.
 *
 * A policy is what the option `retry` of a command takes. A `Schedule` of Effect serves as well; this module adds the
 * one that most programs want, and words for the failures that are worth another attempt.
 *
 * **Details**
 *
 * Whatever a policy says, a cancelled run is never repeated, nor one that has used up its standard input, and the
 * processes of each attempt are gone before the next one starts. Waiting between attempts can be interrupted.
 *
 * **Example** (A fetch that may be repeated)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Predicate from "effect/Predicate"
 * import * as Command from "processkit/Command"
 * import * as RetryPolicy from "processkit/RetryPolicy"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const flaky = Predicate.or(RetryPolicy.isTransient, RetryPolicy.says("could not resolve host"))
 * const fetch = Command.make("git", ["fetch"], {
 *   retry: RetryPolicy.exponential({ attempts: 3, base: "1 millis", while: flaky })
 * })
 *
 * const git = ScriptedRunner.layer(
 *   ScriptedRunner.on(["git"], Reply.fail(128, "fatal: Could not resolve host"), Reply.ok("done"))
 * )
 * Effect.runPromise(Effect.provide(Command.run(fetch), git)) // => "done"
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Command from "./Command.ts"
import { duration } from "./internal/amounts.ts"
import { optional, own, read, record, refuse } from "./internal/refusal.ts"
import * as Model from "./internal/retryModel.ts"
import type * as ProcessError from "./ProcessError.ts"

/**
 * A policy; the same as what the option `retry` takes.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type RetryPolicy = Command.Retry

/**
 * Tells whether a failure is worth another attempt.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Classifier = (error: ProcessError.ProcessError) => boolean

/**
 * How an exponential policy waits.
 *
 * **Details**
 *
 * - `attempts`: how often the command runs at most, the first time included; 4 by default. 0 and 1 both mean once, and
 *   `Infinity` means until it works.
 * - `base`: the wait after the first attempt, before jitter; 100 milliseconds by default. 0 never waits.
 * - `factor`: by how much each wait is longer than the one before; 2 by default. What is no growth (1 and below,
 *   infinite, NaN) keeps the wait as it is.
 * - `max`: the longest wait; 30 seconds by default.
 * - `jitter`: waits any time between none and what is computed, so that those who failed together do not come back
 *   together; on by default.
 * - `while`: which failures are worth it; {@link isTransient} by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly attempts?: number | undefined
  readonly base?: Duration.Input | undefined
  readonly factor?: number | undefined
  readonly max?: Duration.Input | undefined
  readonly jitter?: boolean | undefined
  readonly while?: Classifier | undefined
}

/**
 * How a fixed policy waits.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FixedOptions {
  readonly attempts: number
  readonly delay: Duration.Input
  readonly while?: Classifier | undefined
}

/**
 * Makes a policy that multiplies its wait with every attempt, up to a longest one.
 *
 * **Details**
 *
 * After attempt `n` it waits `min(base * factor ** (n - 1), max)`, and with jitter any part of that.
 *
 * **Errors**
 *
 * What cannot be followed, such as a duration that is NaN or negative, or attempts that are no whole number, fails the
 * command with `InvalidInput` before anything is started.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const exponential = (options: Options = {}): RetryPolicy =>
  policy(() => {
    const given = record("the retry policy", options)
    const { factor = 2, jitter = true } = { factor: own(given, "factor"), jitter: own(given, "jitter") }
    return {
      config: {
        attempts: attempts(own(given, "attempts") ?? 4),
        base: millis("the base of the retry policy", own(given, "base") ?? "100 millis"),
        factor: typeof factor === "number" ? factor : refuse("the factor of the retry policy", "is not a number"),
        max: millis("the longest wait of the retry policy", own(given, "max") ?? "30 seconds"),
        jitter: optional("the jitter of the retry policy", jitter, "boolean")
      },
      worth: optional("while", own(given, "while"), "function")
    }
  })

/**
 * Makes a policy that waits the same time after every attempt, without jitter.
 *
 * **Errors**
 *
 * As for {@link exponential}.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fixed = (options: FixedOptions): RetryPolicy =>
  policy(() => {
    const given = record("the retry policy", options)
    const delay = millis("the delay of the retry policy", own(given, "delay") as Duration.Input)
    return {
      config: { attempts: attempts(own(given, "attempts")), base: delay, factor: 1, max: delay, jitter: false },
      worth: optional("while", own(given, "while"), "function")
    }
  })

/**
 * Tries once; for a command that is not to follow the policy of its `CliClient`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const never: RetryPolicy = { schedule: Schedule.recurs(0), while: () => false }

/**
 * Tells whether waiting may heal the failure: the operating system was out of descriptors, processes or memory, a file
 * was busy, the helper of the children was lost.
 *
 * @stability experimental
 * @category classifiers
 * @since 0.1.0
 */
export const isTransient: Classifier = (error) => error.isTransient

/**
 * Tells whether the failure has one of the reasons.
 *
 * @stability experimental
 * @category classifiers
 * @since 0.1.0
 */
export const hasReason = (...tags: ReadonlyArray<ProcessError.Reason["_tag"]>): Classifier => ({ reason }) =>
  tags.includes(reason._tag)

/**
 * Tells whether the program returned one of the exit codes.
 *
 * @stability experimental
 * @category classifiers
 * @since 0.1.0
 */
export const hasCode = (...codes: ReadonlyArray<number>): Classifier => ({ reason }) =>
  reason._tag === "NonZeroExit" && codes.includes(reason.code)

/**
 * Tells whether the failed program said one of the texts on either stream, whatever the case.
 *
 * @stability experimental
 * @category classifiers
 * @since 0.1.0
 */
export const says = (...texts: ReadonlyArray<string>): Classifier => ({ reason }) => {
  if (!("stderr" in reason)) return false
  const said = `${reason.stderr}\n${reason.stdout}`.toLowerCase()
  return texts.some((text) => said.includes(text.toLowerCase()))
}

// -----------------------------------------------------------------------------

interface Checked {
  readonly config: Model.Config
  readonly worth: Classifier | undefined
}

/** A policy made of options that are checked now; what is wrong with them is told when the policy is used. */
function policy(check: () => Checked): RetryPolicy {
  const options = read(check)
  if (Result.isFailure(options)) return { ...never, invalid: options.failure }
  const { config, worth } = options.success
  return { schedule: schedule(config), while: worth }
}

const schedule = (config: Model.Config): Schedule.Schedule<Duration.Duration, unknown> =>
  Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt }: Schedule.InputMetadata<unknown>) =>
      Model.goesOn(config, attempt)
        ? Effect.map(Random.next, (draw): [Duration.Duration, Duration.Duration] => {
          const wait = Duration.millis(Model.spread(config, Model.delay(config, attempt), draw))
          return [wait, wait]
        })
        : Cause.done(Duration.zero)
    )
  )

const attempts = (value: number | undefined): number => {
  if (value === Infinity) return value
  return Number.isSafeInteger(value) && value !== undefined && value >= 0
    ? value
    : refuse("the attempts of the retry policy", "are not a whole number")
}

const millis = (field: string, input: Duration.Input): number => {
  const wait = duration(field, input)
  return Duration.isFinite(wait) ? Duration.toMillis(wait) : refuse(field, "is infinite")
}
