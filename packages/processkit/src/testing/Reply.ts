/**
 * What a scripted program does: what it prints, and how it ends.
 *
 * A reply is data. The bytes it stands for travel through the same pumps, decoders, buffers and errors as those of a real
 * program, so a test sees what production would make of them.
 *
 * **Details**
 *
 * Text is printed exactly as it is given, as UTF-8: `ok("done")` prints four bytes and no newline. Only {@link lines}
 * ends each of its lines.
 *
 * A program that is fed its input reads it to the end before it ends. One whose `stdin` is `"pipe"` does not wait for
 * the writer.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import * as Signals from "../internal/scriptedSignals.ts"
import * as Outcome from "../Outcome.ts"
import type * as Signal from "../Signal.ts"

const TypeId = "~processkit/testing/Reply"

const Proto = {
  [TypeId]: TypeId,
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  }
}

/**
 * How a scripted program ends: by itself, only when somebody ends it, or not even started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Ending =
  | { readonly _tag: "Ends"; readonly exit: Outcome.Exit }
  | { readonly _tag: "Pending" }
  | { readonly _tag: "NotFound" }

/**
 * A reply.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Reply extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly stdout: string
  readonly stderr: string
  readonly ending: Ending
}

/**
 * Tells whether a value is a reply.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isReply = (u: unknown): u is Reply => Predicate.hasProperty(u, TypeId)

/**
 * Prints a text and exits with 0.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const ok = (stdout = ""): Reply => reply({ stdout, ending: exits(0) })

/**
 * Prints lines, each ended by a newline, and exits with 0.
 *
 * **Example** (Lines are ended, text is not)
 *
 * ```ts
 * import { Reply } from "processkit/testing"
 *
 * Reply.lines(["a", "b"]).stdout // => "a\nb\n"
 * Reply.ok("a").stdout // => "a"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const lines = (lines: ReadonlyArray<string>): Reply => ok(lines.map((line) => `${line}\n`).join(""))

/**
 * Prints a text on standard error and exits with a code.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fail = (code: number, stderr = ""): Reply => reply({ stderr, ending: exits(code) })

/**
 * Is killed by a signal that somebody else sent. Its number is that of Linux.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const signaled = (signal: Signal.Signal): Reply =>
  reply({ ending: { _tag: "Ends", exit: Signals.killedBy(signal) } })

/**
 * Runs until it is stopped, cancelled, timed out or interrupted; any signal that kills ends it.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const pending: Reply = reply({ ending: { _tag: "Pending" } })

/**
 * Is not installed: the start fails with `NotFound`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const notFound: Reply = reply({ ending: { _tag: "NotFound" } })

/**
 * Sets what is printed on standard output.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withStdout: {
  (stdout: string): (self: Reply) => Reply
  (self: Reply, stdout: string): Reply
} = dual(2, (self: Reply, stdout: string): Reply => reply({ ...self, stdout }))

/**
 * Sets what is printed on standard error.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withStderr: {
  (stderr: string): (self: Reply) => Reply
  (self: Reply, stderr: string): Reply
} = dual(2, (self: Reply, stderr: string): Reply => reply({ ...self, stderr }))

// -----------------------------------------------------------------------------

interface Fields {
  readonly stdout?: string
  readonly stderr?: string
  readonly ending: Ending
}

function reply({ ending, stderr = "", stdout = "" }: Fields): Reply {
  return Object.assign(Object.create(Proto), { stdout, stderr, ending })
}

const exits = (code: number): Ending => ({ _tag: "Ends", exit: Outcome.exited(code) })
