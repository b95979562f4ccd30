/**
 * What a supervision is doing now.
 *
 * A status is one immutable value that is replaced as a whole, so that its fields always belong to the same moment.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Outcome from "./Outcome.ts"

/**
 * What a supervision is doing.
 *
 * **Details**
 *
 * - `"held"`: nothing runs yet, because others of its group have to be ready or have to end first.
 * - `"starting"`: a start is under way. `"running"`: a program is up.
 * - `"ending"`: a life is over, or is being ended, and its tree is not gone yet.
 * - `"pausing"`: resting because of a storm. `"waiting"`: backing off before the next start.
 * - `"ended"`: for good.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Phase = "held" | "starting" | "running" | "ending" | "pausing" | "waiting" | "ended"

/**
 * A snapshot of a supervision.
 *
 * **Details**
 *
 * `incarnation` counts the lives begun, from 1; 0 before the first. `pid` and `startedAt` (milliseconds since the epoch)
 * are those of the program that is up, `isReady` says whether that one is ready. `lastOutcome` is how the life before
 * ended. `survivors` are processes that outlived `SIGKILL` and hold up the next start.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SupervisionStatus {
  readonly phase: Phase
  readonly incarnation: number
  readonly restarts: number
  readonly stormPauses: number
  readonly livenessKills: number
  readonly pid: number | undefined
  readonly startedAt: number | undefined
  readonly isReady: boolean
  readonly lastOutcome: Outcome.Outcome | undefined
  readonly survivors: ReadonlyArray<number>
}
