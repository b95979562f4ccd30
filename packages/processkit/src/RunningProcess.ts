/**
 * A program that was started and is still ours.
 *
 * Both output pipes are read from the start, whether or not anybody looks: what nobody consumes is kept within the
 * command's buffer, and the program never blocks on a full pipe. The exit is observed once; every later question gets
 * the same answer.
 *
 * **Gotchas**
 *
 * - A stream is taken from the result: once `stdoutLines` is consumed, the result's `stdout` is empty. It can be taken
 *   once, in one way: lines, chunks, or together with the other stream.
 * - A stream that is taken and then not pulled holds the program up, and with it `outcome` and `result`. Consume it to
 *   its end, or leave it: after `Stream.take(1)` the rest is read and dropped.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Inspectable from "effect/Inspectable"
import type * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import * as Dialog from "./internal/dialog.ts"
import * as Face from "./internal/face.ts"
import * as Joining from "./internal/joining.ts"
import type * as Outcome from "./Outcome.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessEvent from "./ProcessEvent.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import type * as Readiness from "./Readiness.ts"
import type * as Signal from "./Signal.ts"
import type * as Stats from "./Stats.ts"
import type * as StopPolicy from "./StopPolicy.ts"

/**
 * Writes to the standard input of a program that was started with `stdin: "pipe"`.
 *
 * **Details**
 *
 * Every write waits until the bytes are in the pipe. A program that does not read any more is no error: the bytes are
 * dropped, as the program's exit says what it made of them. `end` gives the program end of file, and does nothing where
 * the command's `stdin` is not `"pipe"`. `isOpen` is false from the first write on that was dropped, so that a source
 * without end can stop.
 *
 * **Errors**
 *
 * `Unsupported` where the command's `stdin` is not `"pipe"`, `IoFailed` where the pipe fails for another reason than
 * its reader.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  readonly write: (data: string | Uint8Array) => Effect.Effect<void, ProcessError.ProcessError>
  readonly writeLine: (line: string) => Effect.Effect<void, ProcessError.ProcessError>
  readonly flush: Effect.Effect<void, ProcessError.ProcessError>
  readonly end: Effect.Effect<void>
  readonly isOpen: Effect.Effect<boolean>
}

/**
 * How long to wait for a program to become ready; 30 seconds by default.
 *
 * **Details**
 *
 * Measured by Effect's `Clock`. `within` bounds the wait and not the program: when it is over, the program runs on.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface WaitOptions {
  readonly within?: Duration.Input | undefined
}

/**
 * The ways to wait until a program is ready, none of which ends it.
 *
 * **Details**
 *
 * - `waitForLine`, `waitForStderrLine`: gives the first line that fits, and takes it from the output together with those
 *   before it. The next wait, `stdoutLines` and the result begin after it. A wait that fails takes nothing.
 * - `waitForOutput`: gives what was printed after the last line end, once that fits, such as a prompt; takes nothing.
 * - `waitForPort`, `waitForSocket`, `waitForPath`, `waitForHttp`: look from outside, every 50 milliseconds.
 * - `waitFor`: any `Readiness`, or an effect, which is asked until it succeeds with something else than `false`.
 *
 * **Errors**
 *
 * `NotReady` when the time is over, or at once where waiting has become pointless: the program has exited, or its stream
 * has ended. `AlreadyConsumed` where somebody else consumes the stream, `Cancelled` after the command's `AbortSignal`
 * fired, `InvalidInput`, and `Unsupported` where the runner has no world to look at.
 *
 * @see {@link Readiness.Readiness} for what each of them looks at, and its gotchas
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Waits {
  readonly waitForLine: (
    pattern: Readiness.Pattern,
    options?: WaitOptions
  ) => Effect.Effect<string, ProcessError.ProcessError>
  readonly waitForStderrLine: (
    pattern: Readiness.Pattern,
    options?: WaitOptions
  ) => Effect.Effect<string, ProcessError.ProcessError>
  readonly waitForOutput: (
    pattern: Readiness.Pattern,
    options?: WaitOptions & Readiness.OutputOptions
  ) => Effect.Effect<string, ProcessError.ProcessError>
  readonly waitForPort: (
    port: number,
    options?: WaitOptions & Readiness.PortOptions
  ) => Effect.Effect<void, ProcessError.ProcessError>
  readonly waitForSocket: (path: string, options?: WaitOptions) => Effect.Effect<void, ProcessError.ProcessError>
  readonly waitForPath: (path: string, options?: WaitOptions) => Effect.Effect<void, ProcessError.ProcessError>
  readonly waitForHttp: (
    url: string | URL,
    options?: WaitOptions & Readiness.HttpOptions
  ) => Effect.Effect<void, ProcessError.ProcessError>
  readonly waitFor: <A, E, R>(
    condition: Readiness.Readiness<R> | Effect.Effect<A, E, R>,
    options?: WaitOptions
  ) => Effect.Effect<void, ProcessError.ProcessError, R>
}

/**
 * What has come on one output stream so far.
 *
 * **Details**
 *
 * - `bytes`: as the program wrote them; 0 for a stream that is not a pipe.
 * - `lines`: those that have ended, whether they were kept, dropped or consumed. A stream that is taken as chunks, or
 *   whose consumer left, is not cut into lines any more, and `lines` stays.
 * - `dropped`: what the buffer dropped: lines where it is bounded in lines, bytes otherwise. What a consumer took is
 *   not dropped.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Counter {
  readonly bytes: number
  readonly lines: number
  readonly dropped: number
}

/**
 * What has come on both output streams so far.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Counters {
  readonly stdout: Counter
  readonly stderr: Counter
}

/**
 * A running program.
 *
 * **Details**
 *
 * - `pid`: `undefined` where there is no process, as with a scripted runner.
 * - `startedAt`: milliseconds since the epoch, by Effect's `Clock`.
 * - `exit`: waits for the end of the program itself, whatever becomes of its output.
 * - `outcome`: waits for the exit and the end of output. `result`, `resultBytes`: then also what was kept of it.
 * - `signal`: to the program itself and not to its descendants; does nothing once it has exited.
 * - `stop`: the stop ladder, for the program and its descendants. `kill`: the same, at once.
 * - `stdoutLines`, `stderrLines`, `stdoutChunks`, `stderrChunks`: from the first line or byte on, in order. They end
 *   with the output and do not fail for an exit code. A consumer that is slow holds the program up; the other stream
 *   flows on.
 * - `all`: the lines of both streams in the order of their arrival; `events`: the same with the name of the stream,
 *   the start before them and the outcome after them. Order within a stream is exact; two pipes have no common one,
 *   and what came before anybody looked is given stream by stream.
 * - `counters`: what has come so far.
 * - `waitForLine` and its kin: see {@link Waits}.
 * - `stats`: what the program and its descendants use at the moment; after its exit what is left of them, with what the
 *   operating system reported of the program at its end.
 * - `profile`: waits like `outcome`, looks every so often meanwhile, and sums up what the run used.
 *
 * **Errors**
 *
 * `Cancelled` after the command's `AbortSignal` fired, `OutputTooLarge` and `IoFailed` from `result`, `StdinFailed`
 * from `result` of an otherwise successful run. From a stream: `AlreadyConsumed` where it was taken before, in
 * whichever way, `InvalidInput` where it is not a pipe, or where chunks are asked of a buffer that keeps lines.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RunningProcess extends Waits, Pipeable.Pipeable, Inspectable.Inspectable {
  readonly [Face.TypeId]: typeof Face.TypeId
  readonly program: string
  readonly pid: number | undefined
  readonly startedAt: number
  readonly stdin: Writer
  readonly stdoutLines: Stream.Stream<string, ProcessError.ProcessError>
  readonly stderrLines: Stream.Stream<string, ProcessError.ProcessError>
  readonly stdoutChunks: Stream.Stream<Uint8Array, ProcessError.ProcessError>
  readonly stderrChunks: Stream.Stream<Uint8Array, ProcessError.ProcessError>
  readonly exit: Effect.Effect<Outcome.Exit, ProcessError.ProcessError>
  readonly events: Stream.Stream<ProcessEvent.ProcessEvent, ProcessError.ProcessError>
  readonly all: Stream.Stream<string, ProcessError.ProcessError>
  readonly counters: Effect.Effect<Counters>
  readonly outcome: Effect.Effect<Outcome.Outcome, ProcessError.ProcessError>
  readonly result: Effect.Effect<ProcessResult.ProcessResult<string>, ProcessError.ProcessError>
  readonly resultBytes: Effect.Effect<ProcessResult.ProcessResult<Uint8Array>, ProcessError.ProcessError>
  readonly isRunning: Effect.Effect<boolean>
  readonly signal: (signal: Signal.Signal) => Effect.Effect<void, ProcessError.ProcessError>
  readonly kill: Effect.Effect<void, ProcessError.ProcessError>
  readonly stop: (policy?: StopPolicy.StopPolicy) => Effect.Effect<StopPolicy.ShutdownReport, ProcessError.ProcessError>
  readonly stats: Effect.Effect<Stats.ProcessGroupStats, ProcessError.ProcessError>
  readonly profile: (every: Duration.Input) => Effect.Effect<Stats.RunProfile, ProcessError.ProcessError>
}

/**
 * What is answered to a prompt: a line, or what to make of the prompt.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | string
  | Redacted.Redacted<string>
  | ((prompt: string) => string | Redacted.Redacted<string>)

/**
 * A prompt of a program, and the answer to it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Turn = readonly [prompt: Readiness.Pattern, answer: Answer]

/**
 * Where a program asks, and how long each of its questions may take to come; standard output and 30 seconds by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DialogOptions extends WaitOptions, Readiness.StreamOptions {}

/**
 * Tells whether a value is a `RunningProcess`.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isRunningProcess = (u: unknown): u is RunningProcess => Predicate.hasProperty(u, Face.TypeId)

/**
 * Makes a running program from its parts, for decorators and runners of other kinds.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  fields: Omit<RunningProcess, typeof Face.TypeId | keyof Pipeable.Pipeable | keyof Inspectable.Inspectable>
) => RunningProcess = Face.fromParts

/**
 * Answers the prompts of a program that was started with `stdin: "pipe"`, in turn, and gives the prompts.
 *
 * **Details**
 *
 * Each prompt is waited for with `waitForOutput`, the first in what is there, the others in what comes after the answer
 * before. An answer is written as a line. The output is left for others, and the input open for more.
 *
 * **Errors**
 *
 * Those of `waitForOutput` and of the writer; `NotReady` says which question did not come.
 *
 * **Gotchas**
 *
 * A program that sees that it writes to a pipe may hold its prompt back until its buffer is full, or not ask at all.
 *
 * **Example** (Logging in)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 * import * as Command from "processkit/Command"
 * import * as RunningProcess from "processkit/RunningProcess"
 *
 * export const login = (password: Redacted.Redacted<string>) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const running = yield* Command.start(Command.make("login-tool", [], { stdin: "pipe" }))
 *     yield* RunningProcess.dialog(running, [["user: ", "ada"], [/password.*: $/i, password]], { within: "5 seconds" })
 *     return yield* running.result
 *   }))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const dialog: {
  (
    turns: ReadonlyArray<Turn>,
    options?: DialogOptions
  ): (self: RunningProcess) => Effect.Effect<ReadonlyArray<string>, ProcessError.ProcessError>
  (
    self: RunningProcess,
    turns: ReadonlyArray<Turn>,
    options?: DialogOptions
  ): Effect.Effect<ReadonlyArray<string>, ProcessError.ProcessError>
} = dual((args) => isRunningProcess(args[0]), Dialog.converse)

/**
 * Waits until the first of several programs has ended, and gives its position and outcome.
 *
 * **Details**
 *
 * The programs are only looked at: the others run on, and all of them can be waited for again, with the same answer.
 * Where several have ended, the first in the list counts. Exit codes and signals are data.
 *
 * **Errors**
 *
 * `InvalidInput` where the list is empty, since nothing would ever end. `Cancelled` where the first to end was cancelled.
 *
 * **Example** (Whichever comes first)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import * as RunningProcess from "processkit/RunningProcess"
 *
 * export const winner = Effect.scoped(Effect.gen(function*() {
 *   const mirrors = yield* Effect.forEach(["a", "b"], (host) => Command.start(Command.make("fetch", [host])))
 *   const [index, outcome] = yield* RunningProcess.waitAny(mirrors)
 *   return `mirror ${index} was first: ${outcome._tag}`
 * }))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const waitAny: (
  processes: ReadonlyArray<RunningProcess>
) => Effect.Effect<readonly [index: number, outcome: Outcome.Outcome], ProcessError.ProcessError> = Joining.waitAny

/**
 * Waits until all of several programs have ended, and gives their outcomes in the order of the list.
 *
 * **Details**
 *
 * The programs are only looked at, as by {@link waitAny}. No outcome is waited for where the list is empty.
 *
 * **Errors**
 *
 * The first failure, such as `Cancelled`, ends the wait; the others run on and can be waited for again.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const waitAll: (
  processes: ReadonlyArray<RunningProcess>
) => Effect.Effect<ReadonlyArray<Outcome.Outcome>, ProcessError.ProcessError> = Joining.waitAll
