/**
 * A runner that remembers what was run.
 *
 * It decorates any runner, real or scripted, and sees every start: those of verbs, inside groups, pipelines, batches
 * and supervisors, each attempt of a retry, detached ones, and those that fail.
 *
 * **Example** (What a function runs)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Command from "processkit/Command"
 * import { Invocation, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
 *
 * const runner = RecordingRunner.layer.pipe(Layer.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok()))))
 *
 * const program = Effect.gen(function*() {
 *   yield* Command.run(Command.make`git push --force`)
 *   return Invocation.hasFlag(yield* RecordingRunner.onlyCall, "--force")
 * })
 *
 * Effect.runPromise(Effect.provide(program, runner)) // => true
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Command from "../Command.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import { CallsDiffer } from "./CallsDiffer.ts"
import * as Invocation from "./Invocation.ts"

/**
 * What was run.
 *
 * **Details**
 *
 * - `calls`: every start so far, in order.
 * - `clear`: forgets them.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class RecordingRunner extends Context.Service<RecordingRunner, {
  readonly calls: Effect.Effect<ReadonlyArray<Invocation.Invocation>>
  readonly clear: Effect.Effect<void>
}>()("processkit/testing/RecordingRunner") {}

/**
 * A recording runner: the runner itself, and what it has seen.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Recorded {
  readonly runner: ProcessRunner.ProcessRunner["Service"]
  readonly recording: RecordingRunner["Service"]
}

/**
 * Makes a runner that remembers what another one is asked to start.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (runner: ProcessRunner.ProcessRunner["Service"]): Recorded => {
  const calls: Array<Invocation.Invocation> = []
  const noted =
    (isDetached: boolean) => <A, R>(start: Effect.Effect<A, ProcessError.ProcessError, R>, command: Command.Command) =>
      Effect.suspend(() => {
        calls.push(Invocation.fromCommand(command, isDetached))
        return start
      })
  return {
    runner: ProcessRunner.mapDetached(ProcessRunner.mapStart(runner, noted(false)), noted(true)),
    recording: {
      calls: Effect.sync(() => [...calls]),
      clear: Effect.sync(() => {
        calls.length = 0
      })
    }
  }
}

/**
 * Puts a memory around the runner in the context, anew each time the layer is built.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  ProcessRunner.ProcessRunner | RecordingRunner,
  never,
  ProcessRunner.ProcessRunner
> = Layer.fresh(Layer.effectContext(
  Effect.map(ProcessRunner.ProcessRunner, (below) => {
    const { recording, runner } = make(below)
    return Context.add(Context.make(ProcessRunner.ProcessRunner, runner), RecordingRunner, recording)
  })
))

/**
 * Every start so far, in order.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const calls: Effect.Effect<ReadonlyArray<Invocation.Invocation>, never, RecordingRunner> = Effect.flatMap(
  RecordingRunner,
  (recording) => recording.calls
)

/**
 * The one start that there was.
 *
 * **Errors**
 *
 * `CallsDiffer` where there was none, or more than one.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const onlyCall: Effect.Effect<Invocation.Invocation, CallsDiffer, RecordingRunner> = Effect.flatMap(
  calls,
  ([call, ...more]) =>
    call === undefined || more.length > 0
      ? Effect.fail(CallsDiffer.of(["exactly one call"], call === undefined ? [] : [call, ...more].map(String)))
      : Effect.succeed(call)
)

/**
 * Forgets every start so far.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const clear: Effect.Effect<void, never, RecordingRunner> = Effect.flatMap(
  RecordingRunner,
  (recording) => recording.clear
)

/**
 * Checks that just these commands were started, in this order.
 *
 * **Details**
 *
 * Each is a command line, as a list of words or as a command whose options do not matter. Secrets are equal to the word
 * `<redacted>`.
 *
 * **Errors**
 *
 * `CallsDiffer`, whose message shows the difference line by line.
 *
 * **Example** (The message of a failed expectation)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Command from "processkit/Command"
 * import { RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Effect.gen(function*() {
 *   yield* Command.run(Command.make`git fetch`)
 *   yield* Command.run(Command.make`git merge`)
 *   return yield* RecordingRunner.expectCalls([["git", "fetch"], ["git", "rebase"]]).pipe(Effect.flip)
 * })
 * const runner = RecordingRunner.layer.pipe(Layer.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok()))))
 *
 * const failure = await Effect.runPromise(Effect.provide(program, runner))
 * failure.difference // => "  git fetch\n- git rebase\n+ git merge"
 * ```
 *
 * @stability experimental
 * @category assertions
 * @since 0.1.0
 */
export const expectCalls = (
  expected: ReadonlyArray<ReadonlyArray<string> | Command.Command>
): Effect.Effect<void, CallsDiffer, RecordingRunner> =>
  Effect.flatMap(calls, (calls) => {
    const wanted = expected.map((call) => quoted(Command.isCommand(call) ? lineOf(call) : call))
    const seen = calls.map((call) => quoted(Invocation.line(call)))
    const same = wanted.length === seen.length && wanted.every((line, i) => line === seen[i])
    return same ? Effect.void : Effect.fail(CallsDiffer.of(wanted, seen))
  })

// -----------------------------------------------------------------------------

const lineOf = (command: Command.Command): ReadonlyArray<string> => Invocation.line(Invocation.fromCommand(command))

/** Words as a shell would need them, so that two lines are equal only where their words are. */
const quoted = ([program = "", ...args]: ReadonlyArray<string>): string => Command.display(Command.make(program, args))
