/**
 * What happens under supervision, as it happens.
 *
 * Events are small: they say how a life ended and not what it printed, so that keeping some of them costs little.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Attempt from "./Attempt.ts"
import type * as Outcome from "./Outcome.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as SupervisionOutcome from "./SupervisionOutcome.ts"

/**
 * A program was started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Started {
  readonly _tag: "Started"
  readonly incarnation: number
  readonly pid: number | undefined
}

/**
 * A program could not be started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface StartFailed {
  readonly _tag: "StartFailed"
  readonly incarnation: number
  readonly error: ProcessError.ProcessError
}

/**
 * A program is ready.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Ready {
  readonly _tag: "Ready"
  readonly incarnation: number
}

/**
 * A program is being killed: `failures` health checks in a row failed, or it was not ready in time.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Unhealthy {
  readonly _tag: "Unhealthy"
  readonly incarnation: number
  readonly probe: "health" | "ready"
  readonly failures: number
  readonly last: string
}

/**
 * A life is over, and its tree is gone.
 *
 * **Details**
 *
 * `outcome` is `undefined` where nothing is known about the end. `kind` is `undefined` where the supervisor was told to
 * end the program, so that nothing is decided about it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Exited {
  readonly _tag: "Exited"
  readonly incarnation: number
  readonly kind: Attempt.Kind | undefined
  readonly outcome: Outcome.Outcome | undefined
  readonly uptime: Duration.Duration
}

/**
 * The next start waits for processes of the life before that outlived `SIGKILL`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Blocked {
  readonly _tag: "Blocked"
  readonly incarnation: number
  readonly survivors: ReadonlyArray<number>
}

/**
 * There will be another life, after a pause because of a storm and a delay of the backoff; either may be 0.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Restarting {
  readonly _tag: "Restarting"
  readonly incarnation: number
  readonly pause: Duration.Duration
  readonly delay: Duration.Duration
}

/**
 * Supervision has concluded.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Ended {
  readonly _tag: "Ended"
  readonly reason: SupervisionOutcome.Reason
}

/**
 * Supervision has failed, or was interrupted; then there is no error.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Failed {
  readonly _tag: "Failed"
  readonly error: unknown
}

/**
 * The reader was too slow, or came too late: this many events before the next one are gone.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Lagged {
  readonly _tag: "Lagged"
  readonly skipped: number
}

/**
 * An event of a supervision.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type SupervisionEvent =
  | Started
  | StartFailed
  | Ready
  | Unhealthy
  | Exited
  | Blocked
  | Restarting
  | Ended
  | Failed
  | Lagged
