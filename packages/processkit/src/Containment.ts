/**
 * What a mechanism guarantees, as data that a program can read before it starts anything.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Limits from "./Limits.ts"
import type * as Mechanism from "./Mechanism.ts"
import type * as SpawnAttributes from "./SpawnAttributes.ts"

/**
 * A mechanism that was considered and not taken, and why.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly mechanism: Mechanism.Mechanism
  readonly reason: string
}

/**
 * A limit that cannot be had, and what to do about it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface LimitRefusal {
  readonly limit: Limits.Name
  readonly reason: string
}

/**
 * The guarantees of a process group.
 *
 * **Details**
 *
 * - `tree`: which processes end with the group. `whole` means every descendant, whatever it does; `linked` means
 *   every descendant that stayed in the session, kept its chain of living parents, or was seen before it broke away.
 * - `ownerDeath`: what ends when the owning program is killed without a chance to clean up.
 * - `limits`: the resource limits that can be enforced for the whole group. `refusedLimits`: those that cannot be
 *   had here, and what to run to get them.
 * - `attributes`: the attributes that a program can be started with; asking for another fails with `Unsupported`.
 * - `descriptors`: whether a program can be given descriptors above the standard ones, which only the bridge to
 *   `effect/process` asks for.
 * - `realTimeSignals`: whether death by a real-time signal is told apart from success.
 * - `escapes`: one sentence that names what can leave the group.
 * - `refused`: stronger mechanisms that were tried and could not be had here.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Containment {
  readonly mechanism: Mechanism.Mechanism
  readonly tree: "whole" | "linked"
  readonly ownerDeath: "whole" | "linked" | "none"
  readonly suspend: boolean
  readonly limits: ReadonlyArray<Limits.Name>
  readonly refusedLimits?: ReadonlyArray<LimitRefusal> | undefined
  readonly attributes: ReadonlyArray<SpawnAttributes.Name>
  readonly descriptors?: boolean | undefined
  readonly realTimeSignals: boolean
  readonly escapes: string
  readonly refused: ReadonlyArray<Refusal>
}
