/**
 * How a process ended.
 *
 * An outcome says what happened, not whether it was good: which exit codes count as success belongs to the command
 * (`okCodes`). What processkit did to the process outranks what the dying process returned: a server that answers the
 * stop signal of a deadline with exit code 0 has `TimedOut`, and the code is kept in `exit`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Signal from "./Signal.ts"

/**
 * The process returned an exit code.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Exited {
  readonly _tag: "Exited"
  readonly code: number
}

/**
 * The process was killed by a signal, ours or somebody else's.
 *
 * **Details**
 *
 * `number` is the signal's number on the machine where the process ran. `coreDumped` is `undefined` where the
 * mechanism cannot see it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Signaled {
  readonly _tag: "Signaled"
  readonly signal: Signal.Signal
  readonly number: number
  readonly coreDumped: boolean | undefined
}

/**
 * How the operating system saw the process end, before anything we did is taken into account.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Exit = Exited | Signaled

/**
 * The process was stopped because a deadline passed.
 *
 * **Details**
 *
 * `after` is the configured duration. `kind` says which deadline it was: the whole run, or silence on both output
 * streams. `exit` is how the process then really ended.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface TimedOut {
  readonly _tag: "TimedOut"
  readonly after: Duration.Duration
  readonly kind: "deadline" | "inactivity"
  readonly exit: Exit
}

/**
 * How a process ended, with our own deadlines taken into account.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Outcome = Exited | Signaled | TimedOut

/**
 * Tells whether the process returned an exit code.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isExited = (self: Outcome): self is Exited => self._tag === "Exited"

/**
 * Tells whether the process was killed by a signal.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isSignaled = (self: Outcome): self is Signaled => self._tag === "Signaled"

/**
 * Tells whether a deadline ended the process.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isTimedOut = (self: Outcome): self is TimedOut => self._tag === "TimedOut"

/**
 * Makes the outcome of a process that returned an exit code.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const exited = (code: number): Exited => ({ _tag: "Exited", code })

/**
 * Makes the outcome of a process that was killed by a signal.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const signaled = (signal: Signal.Signal, number: number, coreDumped?: boolean): Signaled => ({
  _tag: "Signaled",
  signal,
  number,
  coreDumped
})

/**
 * Makes the outcome of a process that a deadline ended.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const timedOut = (options: Omit<TimedOut, "_tag">): TimedOut => ({ _tag: "TimedOut", ...options })

/**
 * Gets the exit code, if the process returned one.
 *
 * **Gotchas**
 *
 * A process killed by a signal has no exit code: not -1, and not 128 plus the signal, which a shell would show.
 *
 * **Example** (Codes and signals are different things)
 *
 * ```ts
 * import * as Outcome from "processkit/Outcome"
 *
 * Outcome.code(Outcome.exited(143)) // => 143
 * Outcome.code(Outcome.signaled("SIGTERM", 15)) // => undefined
 * ```
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const code = (self: Outcome): number | undefined => self._tag === "Exited" ? self.code : undefined

/**
 * Gets the signal that killed the process, if one did and no deadline of ours was the reason.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const signal = (self: Outcome): Signal.Signal | undefined => self._tag === "Signaled" ? self.signal : undefined
