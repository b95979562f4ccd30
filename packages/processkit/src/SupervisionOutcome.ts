/**
 * How a supervision concluded.
 *
 * That there is an outcome means that supervision ended in an orderly way, and nothing about whether the program was
 * ever well: `lastResult` says that.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as ProcessResult from "./ProcessResult.ts"

/**
 * Why a supervision ended.
 *
 * **Details**
 *
 * - `"Predicate"`: `stopWhen` said so.
 * - `"PolicySatisfied"`: the restart policy asks for no further life.
 * - `"GaveUp"`: `giveUpWhen` said so, or a storm guard ended.
 * - `"RestartsExhausted"`: `maxRestarts` is used up, or the backoff ended.
 * - `"Unhealthy"`: the program was killed for its health, and the restart policy asks for no further life.
 * - `"Stopped"`: somebody stopped the session.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Reason = "Predicate" | "PolicySatisfied" | "GaveUp" | "RestartsExhausted" | "Unhealthy" | "Stopped"

/**
 * The outcome of a supervision.
 *
 * **Details**
 *
 * `lastResult` is the result of the last life, `undefined` where a session was stopped when nothing had a result yet.
 * `restarts` counts lives after the first that its policy asked for and that were begun; those for which a group took it
 * down are none. `stormPauses` are the pauses a storm guard took, `livenessKills` the lives that the supervisor ended
 * because they were not healthy or not ready in time.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SupervisionOutcome {
  readonly reason: Reason
  readonly lastResult: ProcessResult.ProcessResult<string> | undefined
  readonly restarts: number
  readonly stormPauses: number
  readonly livenessKills: number
}
