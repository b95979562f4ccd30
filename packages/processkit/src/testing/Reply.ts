/**
 * What a scripted program does: what it prints, and how it ends.
 *
 * A reply is data. The bytes it stands for travel through the same pumps, decoders, buffers and errors as those of a real
 * program, so a test sees what production would make of them.
 *
 * **Details**
 *
 * Text is printed exactly as it is given, as UTF-8: `ok("done")` prints four bytes and no newline. Only {@link lines}
 * ends each of its lines. Standard output comes first, then standard error; with {@link withDelay} both at their own
 * pace, a line at a time.
 *
 * A program that is fed its input reads it to the end before it ends. One whose `stdin` is `"pipe"` does not wait for
 * the writer.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Doors from "../internal/scriptedDoors.ts"
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
 * What a program writes: text, as UTF-8, or bytes as they are.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Output = string | Uint8Array

/**
 * How a scripted program ends: by itself, only when somebody ends it, by a deadline, by an answer, or not even started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Ending =
  | { readonly _tag: "Ends"; readonly exit: Outcome.Exit }
  | { readonly _tag: "Pending" }
  | { readonly _tag: "TimesOut" }
  | { readonly _tag: "Asks"; readonly prompt: string; readonly next: (answer: string) => Reply }
  | { readonly _tag: "Reads"; readonly next: (stdin: string) => Reply }
  | { readonly _tag: "NotFound" }
  | { readonly _tag: "Fails"; readonly errno: string }

/**
 * What a scripted program does about a signal instead of what the system does by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Disposition = "ignore" | { readonly stdout?: string | undefined; readonly code: number }

/**
 * A place where others find a program: `{ port }`, `{ socket }`, `{ path }`, or `{ http, status }`, an address with the
 * status of its answer.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Door = Doors.Door

/**
 * A place where others find a program, and how long after its start.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Reachable {
  readonly door: Door
  readonly after: Duration.Input
}

/**
 * A reply.
 *
 * **Details**
 *
 * `delay` is waited before each line. `signals` says what the program does about signals, `descendant` what it starts,
 * `reachable` where others find it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Reply extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly stdout: Output
  readonly stderr: Output
  readonly ending: Ending
  readonly delay: Duration.Input | undefined
  readonly signals: { readonly [S in Signal.Signal]?: Disposition | undefined }
  readonly descendant: Reply | undefined
  readonly reachable: ReadonlyArray<Reachable>
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
 * Prints bytes as they are, text or not, and exits with 0.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (stdout: Uint8Array): Reply => reply({ stdout, ending: exits(0) })

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
 * Runs into the deadline of its command, without anybody having to wait for it.
 *
 * **Details**
 *
 * The outcome is the `TimedOut` of a program that obeyed the stop signal, after the time that the command allows; zero
 * where it sets no deadline. For the wait itself use {@link pending} and a virtual clock.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const timedOut: Reply = reply({ ending: { _tag: "TimesOut" } })

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
 * Cannot be started: the start fails with `SpawnFailed` and this errno, or with the reason that the errno has of its own.
 *
 * **Details**
 *
 * `EACCES` and `EPERM` are `PermissionDenied`, `EAGAIN`, `EMFILE`, `ENFILE` and `ENOMEM` are `ResourceExhausted`,
 * `ENOEXEC` is `ExecFormat`, `ENOENT` is `NotFound`; everything else is `SpawnFailed`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const spawnFailed = (errno: string): Reply => reply({ ending: { _tag: "Fails", errno } })

/**
 * Prints a prompt without a newline, reads one line of standard input, and goes on with the reply to it.
 *
 * **Details**
 *
 * The program needs an input: a command with `stdin: "pipe"` and somebody who writes, or a source with enough lines. At
 * end of input the answer is what is left of it, which may be empty. The answer has no line end. A reply that goes on
 * may ask again; its delay and its output count, its signals and its descendant do not.
 *
 * **Example** (Asking for a name)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const login = Reply.dialog("user: ", (user) => user === "ada" ? Reply.ok("welcome\n") : Reply.fail(1, "unknown"))
 * const command = Command.make("login", [], { stdin: "ada\n" })
 *
 * Effect.runPromise(
 *   Effect.provide(Command.run(command), ScriptedRunner.layer(ScriptedRunner.fallback(login)))
 * ) // => "user: welcome"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const dialog = (prompt: string, next: Reply | ((answer: string) => Reply)): Reply =>
  reply({ ending: { _tag: "Asks", prompt, next: typeof next === "function" ? next : () => next } })

/**
 * Reads standard input to its end, as UTF-8, and goes on with the reply to it; what stands in a pipeline for `sort`.
 *
 * **Example** (Counting lines)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const count = Reply.reads((stdin) => Reply.ok(`${stdin.split("\n").length - 1}\n`))
 * const command = Command.make("wc", ["-l"], { stdin: "a\nb\n" })
 *
 * Effect.runPromise(
 *   Effect.provide(Command.run(command), ScriptedRunner.layer(ScriptedRunner.on(["wc"], count)))
 * ) // => "2"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const reads = (next: (stdin: string) => Reply): Reply => reply({ ending: { _tag: "Reads", next } })

/**
 * Sets what is printed on standard output.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withStdout: {
  (stdout: Output): (self: Reply) => Reply
  (self: Reply, stdout: Output): Reply
} = dual(2, (self: Reply, stdout: Output): Reply => reply({ ...self, stdout }))

/**
 * Sets what is printed on standard error.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withStderr: {
  (stderr: Output): (self: Reply) => Reply
  (self: Reply, stderr: Output): Reply
} = dual(2, (self: Reply, stderr: Output): Reply => reply({ ...self, stderr }))

/**
 * Waits before each line, and once where there is nothing to print, on Effect's clock.
 *
 * **Details**
 *
 * Both streams are printed side by side, and the program ends after the longer one.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withDelay: {
  (delay: Duration.Input): (self: Reply) => Reply
  (self: Reply, delay: Duration.Input): Reply
} = dual(2, (self: Reply, delay: Duration.Input): Reply => reply({ ...self, delay }))

/**
 * Sets what the program does about a signal: ignore it, or answer it with a last output and an exit code.
 *
 * **Details**
 *
 * `SIGKILL` and `SIGSTOP` cannot be caught.
 *
 * **Example** (A server that has to be killed)
 *
 * ```ts
 * import { Reply } from "processkit/testing"
 *
 * Reply.pending.pipe(Reply.withSignal("SIGTERM", "ignore")).signals // => { SIGTERM: "ignore" }
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withSignal: {
  (signal: Signal.Signal, disposition: Disposition): (self: Reply) => Reply
  (self: Reply, signal: Signal.Signal, disposition: Disposition): Reply
} = dual(
  3,
  (self: Reply, signal: Signal.Signal, disposition: Disposition): Reply =>
    reply({ ...self, signals: { ...self.signals, [signal]: disposition } })
)

/**
 * Starts another program that holds the same output pipes, and may outlive the first.
 *
 * **Details**
 *
 * With {@link pending} it is the daemon that keeps a pipe open after its parent has ended: the run waits for it no longer
 * than the drain window, ends it, and says so in its result.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withDescendant: {
  (descendant: Reply): (self: Reply) => Reply
  (self: Reply, descendant: Reply): Reply
} = dual(2, (self: Reply, descendant: Reply): Reply => reply({ ...self, descendant }))

/**
 * Lets others find the program at a port, a socket, a path or an address, so that waits for it succeed.
 *
 * **Details**
 *
 * From its start, or `after` it on Effect's clock, until it ends; a path stays. The host of a port does not matter, and an
 * address has to be asked for as it is given here. It answers with 200 unless told otherwise.
 *
 * **Example** (A server that listens after two seconds)
 *
 * ```ts
 * import { Reply } from "processkit/testing"
 *
 * Reply.pending.pipe(Reply.withReachable({ port: 3000 }, { after: "2 seconds" })).reachable.length // => 1
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withReachable: {
  (door: Door, options?: { readonly after?: Duration.Input | undefined }): (self: Reply) => Reply
  (self: Reply, door: Door, options?: { readonly after?: Duration.Input | undefined }): Reply
} = dual(
  (args) => isReply(args[0]),
  (self: Reply, door: Door, options?: { readonly after?: Duration.Input | undefined }): Reply =>
    reply({ ...self, reachable: [...self.reachable, { door, after: options?.after ?? 0 }] })
)

// -----------------------------------------------------------------------------

type Fields = Pick<Reply, "ending"> & Partial<Omit<Reply, "ending" | typeof TypeId>>

function reply(
  { delay, descendant, ending, reachable = [], signals = {}, stderr = "", stdout = "" }: Fields
): Reply {
  return Object.assign(Object.create(Proto), { stdout, stderr, ending, delay, signals, descendant, reachable })
}

const exits = (code: number): Ending => ({ _tag: "Ends", exit: Outcome.exited(code) })
