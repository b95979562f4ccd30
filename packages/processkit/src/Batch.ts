/**
 * Many commands, a bounded number of them at a time.
 *
 * A batch runs every command once with `Command.outputString` or `Command.outputBytes` and gives what became of each.
 * Like those verbs it takes an exit code for data, and here a failure is data too: one command that cannot be started
 * keeps no other from its turn. Each command runs in a process group of its own, so that an interrupted batch leaves
 * nothing behind.
 *
 * A batch is no pool and no scheduler, and does not try again. For that, combine verbs with Effect's own operators.
 *
 * **Gotchas**
 *
 * - `outputAll` holds every result until the end, with all of its output. For thousands of commands that print a lot,
 *   use {@link outputStream}, or give the commands a `buffer`.
 *
 * **Example** (Data in its place, whatever happened)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Result from "effect/Result"
 * import * as Batch from "processkit/Batch"
 * import * as Command from "processkit/Command"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Effect.map(
 *   Batch.outputAll([Command.make`lint src`, Command.make`missing`], { concurrency: 4 }),
 *   (results) => results.map(Result.match({ onSuccess: ({ stdout }) => stdout, onFailure: ({ reason }) => reason._tag }))
 * )
 *
 * const runner = ScriptedRunner.layer(
 *   ScriptedRunner.on(["lint"], Reply.ok("2 warnings")),
 *   ScriptedRunner.on(["missing"], Reply.notFound)
 * )
 * Effect.runPromise(Effect.provide(program, runner)) // => ["2 warnings", "NotFound"]
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Command from "./Command.ts"
import * as Engine from "./internal/batch.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import type * as ProcessRunner from "./ProcessRunner.ts"

/**
 * How far a batch has got.
 *
 * **Details**
 *
 * `total` is `undefined` where the commands come from something whose length nobody knows. `failed` counts those of the
 * completed whose exit code their command does not accept, or that gave no result at all.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly total: number | undefined
  readonly started: number
  readonly completed: number
  readonly failed: number
}

/**
 * What became of one command: its result, or why there is none.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Outcome<A> = Result.Result<ProcessResult.ProcessResult<A>, ProcessError.ProcessError>

/**
 * How a batch runs.
 *
 * **Details**
 *
 * - `concurrency`: how many commands run at a time, at least 1. {@link maxConcurrency} is what `Infinity` and every
 *   larger number count as.
 * - `onFailure`: `"collect"`, the default, gives every failure in its place.
 * - `onProgress`: called whenever a command starts or ends. One that throws is logged and not called again.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly concurrency: number
  readonly onFailure?: "collect" | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * How a batch runs that ends with its first failure.
 *
 * **Details**
 *
 * An exit code that its command does not accept is a failure here, as in `Command.checked`. The commands in flight are
 * stopped, no other is started, and the batch fails once nothing of it is left.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface FailFastOptions extends Omit<Options, "onFailure"> {
  readonly onFailure: "stop"
}

/**
 * In which order a stream gives results.
 *
 * **Details**
 *
 * `"completion"`, the default, gives each as soon as it is there. In `"input"` order a slow command holds up those
 * after it; no more than `concurrency` results ever wait.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Ordered {
  readonly order?: "completion" | "input" | undefined
}

/**
 * The largest number of commands that run at a time, whatever is asked for.
 *
 * **Details**
 *
 * Each run takes a few descriptors of the owner, and the common limit on those is some thousand.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const maxConcurrency: number = Engine.maxConcurrency

/**
 * Runs the commands and gives what became of each, in the order of the commands.
 *
 * **Details**
 *
 * Interrupting the batch ends every command in flight, with everything it started, and starts no other.
 *
 * **Errors**
 *
 * `InvalidInput` for a concurrency below 1, NaN or a fraction, before anything is started. With `onFailure: "stop"` the
 * error of the first failure, and the elements are plain results.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputAll: All<string> = all(Command.outputString)

/**
 * Runs the commands and gives what became of each, with output as bytes; as {@link outputAll} otherwise.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputAllBytes: All<Uint8Array> = all(Command.outputBytes)

/**
 * Runs the commands and gives each result with the index of its command, as soon as it is there.
 *
 * **Details**
 *
 * Commands are drawn when their turn comes, so that a generator of any length will do. A consumer that is behind holds
 * further starts up; one that leaves ends every command in flight and keeps what it has got. Nothing is started before
 * the first pull.
 *
 * **Errors**
 *
 * As for {@link outputAll}.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const outputStream: Streaming<string> = streaming(Command.outputString)

/**
 * Streams the results with output as bytes; as {@link outputStream} otherwise.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const outputStreamBytes: Streaming<Uint8Array> = streaming(Command.outputBytes)

// -----------------------------------------------------------------------------

type Commands = Iterable<Command.Command>

interface All<A> {
  (
    options: Options
  ): (commands: Commands) => Effect.Effect<Array<Outcome<A>>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    options: FailFastOptions
  ): (
    commands: Commands
  ) => Effect.Effect<Array<ProcessResult.ProcessResult<A>>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    commands: Commands,
    options: Options
  ): Effect.Effect<Array<Outcome<A>>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    commands: Commands,
    options: FailFastOptions
  ): Effect.Effect<Array<ProcessResult.ProcessResult<A>>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
}

interface Streaming<A> {
  (
    options: Options & Ordered
  ): (
    commands: Commands
  ) => Stream.Stream<readonly [index: number, Outcome<A>], ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    options: FailFastOptions & Ordered
  ): (
    commands: Commands
  ) => Stream.Stream<
    readonly [index: number, ProcessResult.ProcessResult<A>],
    ProcessError.ProcessError,
    ProcessRunner.ProcessRunner
  >
  (
    commands: Commands,
    options: Options & Ordered
  ): Stream.Stream<readonly [index: number, Outcome<A>], ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    commands: Commands,
    options: FailFastOptions & Ordered
  ): Stream.Stream<
    readonly [index: number, ProcessResult.ProcessResult<A>],
    ProcessError.ProcessError,
    ProcessRunner.ProcessRunner
  >
}

type Verb<A> = (
  command: Command.Command
) => Effect.Effect<ProcessResult.ProcessResult<A>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

/** What cannot be taken for a command is refused in its place, as any other failure to start. */
function guarded<A>(verb: Verb<A>): Verb<A> {
  return (command) => Command.isCommand(command) ? verb(command) : Engine.notACommand
}

function all<A>(verb: Verb<A>): All<A> {
  return dual(2, (commands: Commands, options: Options) => Engine.outputAll(commands, guarded(verb), options))
}

function streaming<A>(verb: Verb<A>): Streaming<A> {
  return dual(
    2,
    (commands: Commands, options: Options & Ordered) => Engine.outputStream(commands, guarded(verb), options)
  )
}
