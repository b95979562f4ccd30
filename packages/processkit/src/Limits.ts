/**
 * What a group may use at most, and whether it tried to use more.
 *
 * A limit holds for the whole tree, not for each process, and it holds or the group is not opened.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as ByteSize from "effect/ByteSize"

/**
 * What can be limited.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Name = "memory" | "processes" | "cpus"

/**
 * The limits that are asked for; what is not given is not limited.
 *
 * **Details**
 *
 * - `memory`: in bytes; nothing goes to swap instead. A group that needs more is killed, all members together.
 * - `processes`: how many there may be at once, threads included. Starting one more fails in the member that tries
 *   (`EAGAIN`).
 * - `cpus`: time of processors in a time: 0.5 is half of one. Who wants more waits.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly memory?: ByteSize.Input | undefined
  readonly processes?: number | undefined
  readonly cpus?: number | undefined
}

/**
 * The limits in force, memory in bytes; `undefined` for what is not limited.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface InForce {
  readonly memory: number | undefined
  readonly processes: number | undefined
  readonly cpus: number | undefined
}

/**
 * What the counters of the kernel say of a limit: that it was reached, that it was not, or nothing.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Verdict = "tripped" | "not-tripped" | "unknown"

/**
 * Whether each limit was reached since the group was opened; `undefined` for what was never limited.
 *
 * **Details**
 *
 * - `memory`: somebody was killed for it. - `processes`: a start failed for it. - `cpus`: somebody had to wait.
 *
 * A limit that an update named and could not set counts as one that was asked for.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Evidence = { readonly [name in Name]: Verdict | undefined }
