/**
 * How a process tree is asked to end, and how long it may take before it is made to.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Signal from "./Signal.ts"

/**
 * The first signal of a stop and the time between it and `SIGKILL`.
 *
 * **Details**
 *
 * `signal` defaults to `SIGTERM` and is always followed by `SIGCONT`, so that a stopped process can act on it. `grace`
 * defaults to 2 seconds, ends early when nothing is left, and is skipped altogether when it is 0.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface StopPolicy {
  readonly signal?: Signal.Signal | undefined
  readonly grace?: Duration.Input | undefined
}

/**
 * What a stop did: which signal came first, and whether `SIGKILL` was needed.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Stop {
  readonly signal: Signal.Signal
  readonly forced: boolean
}

/**
 * What ending a group did.
 *
 * **Details**
 *
 * `members` counts the processes alive when the stop began, `survivors` lists the process ids that were still alive
 * when the time after `SIGKILL` ran out; it is empty whenever the operating system confirmed the end.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ShutdownReport extends Stop {
  readonly members: number
  readonly survivors: ReadonlyArray<number>
  readonly elapsed: Duration.Duration
}

/**
 * The policy that applies where none is given: `SIGTERM`, 2 seconds, `SIGKILL`.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const defaultPolicy: { readonly signal: Signal.Signal; readonly grace: Duration.Duration } = {
  signal: "SIGTERM",
  grace: Duration.seconds(2)
}
