/**
 * Pipelines: commands whose output is the input of the next, without a shell.
 *
 * A pipeline is a value like a `Command`, and an `Effect` like one: `yield* pipeline` is {@link checked}. Every verb
 * starts all stages in one private group, connects them with pipes, and leaves nothing behind when it returns, fails or
 * is interrupted. Where the mechanism can, the bytes between two stages never leave the kernel; elsewhere they are
 * passed on with back-pressure.
 *
 * **Details**
 *
 * A pipeline succeeds when every stage does. Otherwise the leftmost stage that failed by itself is the culprit: error
 * and result carry its program, its outcome and its standard error. A stage that was ended by a broken pipe, or because
 * another one had failed, is blamed only where nobody else can be. `Command.unchecked` exempts a stage from blame.
 *
 * The first stage that fails by itself ends the others: those before it at once, since nobody reads them any more, and
 * those after it when they have read what it wrote, or after the grace of their stop policy.
 *
 * What a pipe replaces is ignored: standard input of all stages but the first, standard output and its observers of all
 * but the last, and the `retry` of each.
 *
 * **Gotchas**
 *
 * - A producer whose reader leaves early, as in `yes | head -1`, dies of a broken pipe, and that fails the pipeline, as
 *   with `pipefail` in a shell. Mark such a producer with `Command.unchecked`.
 * - A descendant that holds the pipe when its stage has ended may write for half a second more, and is ended then.
 *
 * **Example** (Who commits most)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 * import * as Pipeline from "processkit/Pipeline"
 *
 * export const authors = Pipeline.run(Pipeline.make(
 *   Command.make("git", ["log", "--format=%an"]),
 *   Command.make("sort"),
 *   Command.make("uniq", ["-c"])
 * ))
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as CommandLine from "effect/process/CommandLine"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Command from "./Command.ts"
import * as PipelineVerbs from "./internal/pipelineVerbs.ts"
import * as Verbs from "./internal/verbs.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessEvent from "./ProcessEvent.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import type * as ProcessRunner from "./ProcessRunner.ts"
import type * as RunningProcess from "./RunningProcess.ts"

const TypeId = "~processkit/Pipeline"

/**
 * How a pipeline runs as a whole. Nothing is required.
 *
 * **Details**
 *
 * - `timeout`: from the start of the first stage to the end of the last; all stages are stopped then, and what the last
 *   one printed is kept.
 * - `retry`: as for a command, of the whole pipeline.
 * - `cancelOn`: a signal from outside Effect that stops all stages and fails the run with `Cancelled`. A stage that has
 *   a signal of its own keeps it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout?: Duration.Input | undefined
  readonly retry?: Command.Retry | undefined
  readonly cancelOn?: AbortSignal | undefined
}

/**
 * A pipeline.
 *
 * **Details**
 *
 * Immutable. `invalid` says what could not be taken for a pipeline; running such a one fails with `InvalidInput`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Pipeline
  extends
    Effect.Effect<PipelineResult<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>,
    Inspectable.Inspectable
{
  readonly [TypeId]: typeof TypeId
  readonly stages: ReadonlyArray<Command.Command>
  readonly options: Options
  readonly invalid: { readonly field: string; readonly problem: string } | undefined
}

/**
 * The result of a pipeline.
 *
 * **Details**
 *
 * `stdout` is that of the last stage. `program`, `outcome`, `stderr`, `stop` and `okCodes` are those of the culprit, whose
 * position is `culprit`; without one they are those of the last stage. After the deadline of the whole, `program` names
 * all of them. `leftovers` is the sum over all stages. `stages` has the result of each, with empty `stdout` for all but
 * the last.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface PipelineResult<out A = string> extends ProcessResult.ProcessResult<A> {
  readonly stages: ReadonlyArray<ProcessResult.ProcessResult<A>>
  readonly culprit: number | undefined
}

/**
 * A running pipeline: a running program whose input is that of the first stage and whose output is that of the last.
 *
 * **Details**
 *
 * - `stages`: the running program of each stage.
 * - `pid`, the streams, and whatever waits for output are those of the last stage; `stdin` is that of the first.
 * - `outcome`, `result`: wait for all stages, and give what the culprit has to answer for.
 * - `isRunning`: whether any stage runs. `signal`: to each program that runs. `stop`, `kill`: all of them at once.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RunningPipeline extends RunningProcess.RunningProcess {
  readonly stages: ReadonlyArray<RunningProcess.RunningProcess>
  readonly result: Effect.Effect<PipelineResult<string>, ProcessError.ProcessError>
  readonly resultBytes: Effect.Effect<PipelineResult<Uint8Array>, ProcessError.ProcessError>
}

/**
 * Tells whether a value is a pipeline.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isPipeline = (u: unknown): u is Pipeline => Predicate.hasProperty(u, TypeId)

/**
 * Makes a pipeline from its stages, first to last.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (first: Command.Command, ...rest: ReadonlyArray<Command.Command>): Pipeline =>
  pipeline([first, ...rest], {})

/**
 * Appends a stage.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const pipeTo: {
  (that: Command.Command): (self: Pipeline) => Pipeline
  (self: Pipeline, that: Command.Command): Pipeline
} = dual(2, (self: Pipeline, that: Command.Command) => pipeline([...self.stages, that], self.options, self.invalid))

/**
 * Sets the time from the start of the first stage to the end of the last.
 *
 * **Details**
 *
 * The `timeout` of a stage is that stage's alone: when it passes, the stage has failed and is named as the culprit.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setTimeout: Setter<"timeout"> = setter("timeout")

/**
 * Sets the time that the whole may take: {@link setTimeout} by the name that Effect gives to it.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const timeout: Setter<"timeout"> = setTimeout

/**
 * Sets when a checking verb runs the whole pipeline again.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setRetry: Setter<"retry"> = setter("retry")

/**
 * Sets the signal that cancels the run.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setCancelOn: Setter<"cancelOn"> = setter("cancelOn")

/**
 * Runs the pipeline and gives the standard output of its last stage, with white space at the end trimmed.
 *
 * **Errors**
 *
 * `NonZeroExit`, `Signaled` and `TimedOut` of the culprit; `OutputTooLarge` also where the buffer dropped something; and
 * every reason a start can fail for, after which the stages that had been started are gone.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const run: Verb<string> = (self) => Verbs.run(PipelineVerbs.composite(self))

/**
 * Runs the pipeline and checks that every stage worked.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const runUnit: Verb<void> = (self) => Verbs.runUnit(PipelineVerbs.composite(self))

/**
 * Runs the pipeline, checks that every stage worked, and gives the whole result; what `yield* pipeline` does.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const checked: Verb<PipelineResult<string>> = (self) => PipelineVerbs.checked(self)

/**
 * Runs the pipeline and gives the whole result, whoever failed in it and how.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputString: Verb<PipelineResult<string>> = (self) => PipelineVerbs.outputString(self)

/**
 * Runs the pipeline and gives the whole result with its output as bytes.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputBytes: Verb<PipelineResult<Uint8Array>> = (self) => PipelineVerbs.outputBytes(self)

/**
 * Runs the pipeline and gives the exit code of the culprit, or else of the last stage.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const exitCode: Verb<number> = (self) => Verbs.exitCode(PipelineVerbs.composite(self))

/**
 * Runs a pipeline that answers a question by its exit code: 0 is true, 1 is false, everything else fails.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const probe: Verb<boolean> = (self) => Verbs.probe(PipelineVerbs.composite(self))

/**
 * Runs the pipeline and turns its untrimmed standard output into a value.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const parse: {
  <A>(
    f: (stdout: string) => A
  ): (self: Pipeline) => Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  <A>(
    self: Pipeline,
    f: (stdout: string) => A
  ): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(
  2,
  <A>(
    self: Pipeline,
    f: (stdout: string) => A
  ): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
    Verbs.parse(PipelineVerbs.composite(self), f)
)

/**
 * Runs the pipeline and turns its untrimmed standard output into a value with a function that can fail.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const tryParse: {
  <A, E>(
    f: (stdout: string) => Result.Result<A, E>
  ): (self: Pipeline) => Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  <A, E>(
    self: Pipeline,
    f: (stdout: string) => Result.Result<A, E>
  ): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(
  2,
  <A, E>(
    self: Pipeline,
    f: (stdout: string) => Result.Result<A, E>
  ): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
    Verbs.tryParse(PipelineVerbs.composite(self), f)
)

/**
 * Runs the pipeline and decodes its standard output as JSON.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const json: {
  <S extends Schema.Constraint>(
    schema: S
  ): (
    self: Pipeline
  ) => Effect.Effect<S["Type"], ProcessError.ProcessError, ProcessRunner.ProcessRunner | S["DecodingServices"]>
  <S extends Schema.Constraint>(
    self: Pipeline,
    schema: S
  ): Effect.Effect<S["Type"], ProcessError.ProcessError, ProcessRunner.ProcessRunner | S["DecodingServices"]>
} = dual(
  2,
  <S extends Schema.Constraint>(
    self: Pipeline,
    schema: S
  ): Effect.Effect<S["Type"], ProcessError.ProcessError, ProcessRunner.ProcessRunner | S["DecodingServices"]> =>
    Verbs.json(PipelineVerbs.composite(self), schema)
)

/**
 * Runs the pipeline until its last stage prints a line that fits, stops all stages, and gives the line.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const firstLine: {
  (
    predicate: (line: string) => boolean
  ): (self: Pipeline) => Effect.Effect<Option.Option<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    self: Pipeline,
    predicate: (line: string) => boolean
  ): Effect.Effect<Option.Option<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(
  2,
  (
    self: Pipeline,
    predicate: (line: string) => boolean
  ): Effect.Effect<Option.Option<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
    Verbs.firstLine(PipelineVerbs.composite(self), predicate)
)

/**
 * Gives the lines that the last stage prints, while the pipeline runs.
 *
 * **Details**
 *
 * All stages start with the first pull, and end when the consumer stops. After the last line the stream fails like
 * {@link checked} unless every stage worked.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stdoutLines = (
  self: Pipeline
): Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.stdoutLines(PipelineVerbs.composite(self))

/**
 * Gives the lines of the last stage's standard error while the pipeline runs, as {@link stdoutLines} does.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stderrLines = (
  self: Pipeline
): Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.stderrLines(PipelineVerbs.composite(self))

/**
 * Gives the bytes of the last stage's standard output while the pipeline runs, in the chunks in which they were read.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stdoutChunks = (
  self: Pipeline
): Stream.Stream<Uint8Array, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.stdoutChunks(PipelineVerbs.composite(self))

/**
 * Gives the bytes of the last stage's standard error while the pipeline runs, as {@link stdoutChunks} does.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stderrChunks = (
  self: Pipeline
): Stream.Stream<Uint8Array, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.stderrChunks(PipelineVerbs.composite(self))

/**
 * Gives what the last stage does while the pipeline runs: its start, the lines of both streams, its end.
 *
 * **Details**
 *
 * Afterwards the stream fails like {@link checked} unless every stage worked.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const events = (
  self: Pipeline
): Stream.Stream<ProcessEvent.ProcessEvent, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.events(PipelineVerbs.composite(self))

/**
 * Starts the pipeline and gives it as a live one that the scope ends, with everything its stages have started.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const start = (
  self: Pipeline
): Effect.Effect<RunningPipeline, ProcessError.ProcessError, ProcessRunner.ProcessRunner | Scope.Scope> =>
  PipelineVerbs.start(self)

/**
 * Shows the pipeline to a person: each command as `Command.display` shows it, with the pipes between them.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const display = (self: Pipeline): string =>
  self.stages.map(({ args, program }) => CommandLine.display([program, ...args])).join(" | ")

// -----------------------------------------------------------------------------

/** An interface, and its types spelt out, so that editors show what a verb gives, fails with and needs. */
interface Verb<A> {
  (self: Pipeline): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
}

interface Setter<K extends keyof Options> {
  (value: Options[K]): (self: Pipeline) => Pipeline
  (self: Pipeline, value: Options[K]): Pipeline
}

function setter<K extends keyof Options>(key: K): Setter<K> {
  return dual(
    2,
    (self: Pipeline, value: Options[K]): Pipeline =>
      pipeline(self.stages, { ...self.options, [key]: value }, self.invalid)
  )
}

const Proto = {
  ...Effectable.Prototype<Pipeline>({
    label: "Pipeline",
    evaluate() {
      return PipelineVerbs.checked(this)
    }
  }),
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  toJSON(this: Pipeline): unknown {
    return { _id: "Pipeline", stages: this.stages.map((stage) => stage.toJSON()) }
  }
}

function pipeline(
  stages: ReadonlyArray<Command.Command>,
  options: Options,
  invalid?: Pipeline["invalid"]
): Pipeline {
  const stranger = stages.findIndex((stage) => !Predicate.hasProperty(stage, "~processkit/Command"))
  return Object.assign(Object.create(Proto), {
    stages: stranger === -1 ? stages : stages.filter((_, i) => i !== stranger),
    options: Object.assign(Object.create(null), options),
    invalid: invalid ?? (stranger === -1 ? undefined : { field: `stage ${stranger + 1}`, problem: "is not a command" })
  })
}
