/**
 * How long a supervisor waits before the next life of its program.
 *
 * A backoff is a `Schedule` over attempts whose waits grow with every restart, and start again after a healthy life. Any
 * other schedule serves as one: `Schedule.spaced("1 second")` waits the same each time, and where a schedule ends, so
 * does the supervision.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Attempt from "./Attempt.ts"
import { duration, longest } from "./internal/amounts.ts"
import * as Model from "./internal/backoffModel.ts"
import * as PolicySchedule from "./internal/policySchedule.ts"
import { optional, own, record, refuse } from "./internal/refusal.ts"
import type * as ProcessError from "./ProcessError.ts"

/**
 * A backoff; its output is the wait.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Backoff = Schedule.Schedule<Duration.Duration, Attempt.Attempt, ProcessError.ProcessError>

/**
 * How an exponential backoff grows.
 *
 * **Details**
 *
 * - `base`: the first wait; 200 milliseconds by default. 0 never waits.
 * - `factor`: by how much each wait is longer than the one before; 2 by default. What is no growth (below 1, infinite,
 *   NaN) counts as 1.
 * - `max`: the longest wait, before jitter; 30 seconds by default.
 * - `jitter`: multiplies each wait by a random number from 0.5 up to 1.5, so that programs that one incident ended do
 *   not come back in one moment; on by default.
 * - `healthyAfter`: a life that lasts this long starts the waits again, whatever its end; `max` by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly base?: Duration.Input | undefined
  readonly factor?: number | undefined
  readonly max?: Duration.Input | undefined
  readonly jitter?: boolean | undefined
  readonly healthyAfter?: Duration.Input | undefined
}

/**
 * Makes a backoff that multiplies its wait with every restart, up to a longest one.
 *
 * **Details**
 *
 * The wait after `n` restarts since the last healthy life is `min(base * factor ** n, max)`, times the jitter. Clean
 * ends count like failures: a program that `RestartPolicy.always` restarts in a loop is slowed down too.
 *
 * **Errors**
 *
 * `InvalidInput`, from the first step and from a supervisor before it starts anything, for a duration that is NaN or
 * negative. Durations above ten years are cut to ten years.
 *
 * **Gotchas**
 *
 * With the default `healthyAfter` a program that always lives a little less than `max` climbs to the longest wait, and
 * one that lives a little longer never waits more than `base`. Say what healthy means where that matters.
 *
 * **Example** (The waits of a program that dies at once)
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 * import * as Attempt from "processkit/Attempt"
 * import * as Backoff from "processkit/Backoff"
 * import * as ProcessError from "processkit/ProcessError"
 *
 * const crash = Attempt.failed("api", ProcessError.make(new ProcessError.HostLost({ program: "api", detail: "" })))
 * const waits = Effect.gen(function*() {
 *   const step = yield* Schedule.toStep(Backoff.exponential({ base: "1 second", max: "5 seconds", jitter: false }))
 *   const steps = yield* Effect.replicateEffect(step(0, crash), 5)
 *   return steps.map(([wait]) => Duration.toSeconds(wait))
 * })
 * Effect.runPromise(Effect.scoped(waits)) // => [1, 2, 4, 5, 5]
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const exponential = (options?: Options): Backoff =>
  PolicySchedule.make(() => configOf(options), (config) => {
    let level = 0
    return ({ kind, uptime }, { draw }) => {
      // A life may have begun and be of the kind "spawn": where nothing is known about its end.
      const begun = kind !== "spawn" || !Duration.isZero(uptime)
      level = Model.levelAfter(config, level, { begun, uptime: Duration.toMillis(uptime) })
      const wait = Duration.millis(Model.spread(Model.rawDelay(config, level), config.jitter, draw()))
      level = Model.nextLevel(level)
      return Result.succeed([wait, wait])
    }
  })

// -----------------------------------------------------------------------------

const configOf = (options: Options | undefined): Model.Config => {
  const given = options === undefined ? {} : record("the backoff", options)
  const { factor = 2, jitter = true } = { factor: own(given, "factor"), jitter: own(given, "jitter") }
  const max = duration("the longest wait of the backoff", own(given, "max") ?? "30 seconds")
  return {
    base: finite(duration("the base of the backoff", own(given, "base") ?? "200 millis")),
    factor: typeof factor === "number" ? Model.growth(factor) : refuse("the factor of the backoff", "is not a number"),
    max: finite(max),
    jitter: optional("the jitter of the backoff", jitter, "boolean"),
    healthyAfter: Duration.toMillis(duration("healthyAfter", own(given, "healthyAfter") ?? max))
  }
}

const finite = (duration: Duration.Duration): number => Duration.toMillis(Duration.min(duration, longest))
