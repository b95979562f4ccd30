/**
 * How much of a stream a run keeps for its result.
 *
 * A buffer bounds memory, never the child: the pipe is drained whatever the buffer drops, and the result says whether
 * something was dropped.
 *
 * **Gotchas**
 *
 * - A bound in lines splits decoded text, so the kept text has `\n` between its lines whatever the program wrote. A
 *   bound in bytes alone keeps the bytes as they came.
 * - `outputBytes` keeps raw bytes and ignores bounds in lines for standard output; so do verbs that give chunks.
 * - `tail`, `head` and `headTail` that name neither bytes nor lines keep everything. `failAbove` has to name one, or it
 *   would never fail: it is refused.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as ByteSize from "effect/ByteSize"

/**
 * Bounds of a buffer: bytes, lines, or both.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly bytes?: ByteSize.Input | undefined
  readonly lines?: number | undefined
}

/**
 * A policy for what to keep.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type OutputBuffer =
  | { readonly _tag: "Unbounded" }
  | ({ readonly _tag: "Tail" | "Head" | "HeadTail" | "FailAbove" } & Bounds)

/**
 * Keeps everything.
 *
 * **When to use**
 *
 * Only for programs whose output is known to be small, or where the memory is there: nothing else bounds it.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const unbounded: OutputBuffer = { _tag: "Unbounded" }

/**
 * Keeps the newest output and drops what came before.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const tail = (bounds: Bounds): OutputBuffer => ({ _tag: "Tail", ...bounds })

/**
 * Keeps the first output, as one contiguous piece, and drops everything after it.
 *
 * **Details**
 *
 * The first line that does not fit seals a buffer that is bounded in lines: later lines are dropped even where they
 * would fit.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const head = (bounds: Bounds): OutputBuffer => ({ _tag: "Head", ...bounds })

/**
 * Keeps the first half and the newest half of the bound, and drops the middle.
 *
 * **Details**
 *
 * What the first lines leave of their half is there for the newest, so that nothing is dropped that fits the bound.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const headTail = (bounds: Bounds): OutputBuffer => ({ _tag: "HeadTail", ...bounds })

/**
 * Fails the run with `OutputTooLarge` when the total exceeds the bound.
 *
 * **Details**
 *
 * A verb that needs the output ends the program at once; a live process goes on, drained, and its `result` fails.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const failAbove = (bounds: Bounds): OutputBuffer => ({ _tag: "FailAbove", ...bounds })

/**
 * The buffer of a command that names none: 64 MiB for each stream, and a loud failure above.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const defaultBuffer: OutputBuffer = failAbove({ bytes: "64 MiB" })
