/**
 * Which ends of a supervised program are followed by another life.
 *
 * A policy is a `Schedule` over attempts that goes on, without a wait, for as long as the program is to be restarted.
 * It composes with everything that `Schedule` has: `Schedule.upTo`, `Schedule.while`, `Schedule.max`.
 *
 * The words of others: OTP's `permanent`, `transient` and `temporary` are {@link always}, {@link onCrash} and
 * {@link never}; systemd's are `Restart=always`, `on-failure` and `no`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type * as Attempt from "./Attempt.ts"
import * as PolicySchedule from "./internal/policySchedule.ts"

/**
 * A restart policy.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type RestartPolicy = Schedule.Schedule<Attempt.Attempt, Attempt.Attempt>

/**
 * Restarts while a condition holds.
 *
 * **Example** (A code that asks for a restart)
 *
 * ```ts
 * import * as ProcessResult from "processkit/ProcessResult"
 * import * as RestartPolicy from "processkit/RestartPolicy"
 *
 * export const onRequest = RestartPolicy.make(({ result }) => result !== undefined && ProcessResult.code(result) === 75)
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (condition: (attempt: Attempt.Attempt) => boolean): RestartPolicy =>
  PolicySchedule.goesOn(condition, Duration.zero)

/**
 * Restarts whatever the end was.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const always: RestartPolicy = make(() => true)

/**
 * Restarts after everything but a clean end: a code that the command does not accept, a signal, a deadline, a failed
 * start, a failed health check.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const onCrash: RestartPolicy = make(({ kind }) => kind !== "clean")

/**
 * Restarts never.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const never: RestartPolicy = PolicySchedule.never
