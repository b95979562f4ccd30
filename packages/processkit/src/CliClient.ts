/**
 * A program with a verb vocabulary of its own: what a typed wrapper around `git`, `docker` or `ffmpeg` is built on.
 *
 * A client holds a program, defaults for its commands, and the runner that was there when it was made, so that its verbs
 * need nothing from the context. Each verb takes a list of arguments, or a command that is ready.
 *
 * **Details**
 *
 * Defaults fill gaps: what a command says itself always counts. It opts out of a default by saying the opposite:
 *
 * | Default | Opting out |
 * | --- | --- |
 * | `timeout` | `timeout: "Infinity"` |
 * | `retry` | `retry: RetryPolicy.never` |
 * | a variable of `env` or `envFrom` | another value, or `undefined` to have none |
 * | all of them | `envClear: true` |
 * | some of them, for the owner's | `inheritEnv` with their names |
 * | any other | its usual value, such as `okCodes: [0]` |
 *
 * **Gotchas**
 *
 * - A ready command keeps its program, also where that is not the client's: it runs with this client's defaults.
 * - A client keeps the runner it was made with. Inside a group, use {@link withRunner} with `group.runner`.
 * - Values that come from users can begin with `-` and be taken for options. Pass them behind {@link operands}.
 *
 * **Example** (Two operations of git)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as CliClient from "processkit/CliClient"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Effect.gen(function*() {
 *   const git = yield* CliClient.make("git", { timeout: "30 seconds", env: { GIT_TERMINAL_PROMPT: "0" } })
 *   const branch = yield* git.run(["branch", "--show-current"])
 *   const isClean = yield* git.probe(["diff", "--quiet"])
 *   return [branch, isClean]
 * })
 *
 * const runner = ScriptedRunner.layer(
 *   ScriptedRunner.on(["git", "branch"], Reply.ok("main\n")),
 *   ScriptedRunner.on(["git", "diff"], Reply.fail(1))
 * )
 * Effect.runPromise(Effect.provide(program, runner)) // => ["main", false]
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Command from "./Command.ts"
import { filled } from "./internal/clientDefaults.ts"
import { isRecord } from "./internal/refusal.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessEvent from "./ProcessEvent.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import * as ProcessRunner from "./ProcessRunner.ts"
import type * as RunningProcess from "./RunningProcess.ts"

const TypeId = "~processkit/CliClient"

/**
 * What every command of a client gets, unless it says otherwise.
 *
 * **Details**
 *
 * `envFrom` computes variables when a command is made: once, so that all attempts of a retry see the same value. A
 * variable that `env` names, or the command itself, is not computed. One that is computed as `undefined` is removed.
 *
 * **Gotchas**
 *
 * A function in `envFrom` that throws is a defect.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Defaults extends Command.Options {
  readonly envFrom?: Readonly<Record<string, () => Command.Argument | undefined>> | undefined
}

/**
 * What a verb of a client runs: arguments for its program, or a command that is ready.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Input = ReadonlyArray<Command.Argument> | Command.Command

/**
 * A client.
 *
 * **Details**
 *
 * `command` makes a command with the defaults in it; `commandIn` does so for a working directory. The verbs are those of
 * `Command`, with the program, the defaults and the runner filled in; `options` go before the defaults. There is no
 * `startDetached`, which refuses most of what is a default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface CliClient extends Pipeable.Pipeable, Inspectable.Inspectable {
  readonly [TypeId]: typeof TypeId
  readonly program: string
  readonly defaults: Defaults
  readonly runner: ProcessRunner.ProcessRunner["Service"]
  readonly command: (input: Input, options?: Command.Options) => Command.Command
  readonly commandIn: (cwd: string, input: Input, options?: Command.Options) => Command.Command
  readonly run: Verb<string>
  readonly runUnit: Verb<void>
  readonly checked: Verb<ProcessResult.ProcessResult<string>>
  readonly outputString: Verb<ProcessResult.ProcessResult<string>>
  readonly outputBytes: Verb<ProcessResult.ProcessResult<Uint8Array>>
  readonly exitCode: Verb<number>
  readonly probe: Verb<boolean>
  readonly parse: <A>(
    input: Input,
    f: (stdout: string) => A,
    options?: Command.Options
  ) => Effect.Effect<A, ProcessError.ProcessError>
  readonly tryParse: <A, E>(
    input: Input,
    f: (stdout: string) => Result.Result<A, E>,
    options?: Command.Options
  ) => Effect.Effect<A, ProcessError.ProcessError>
  readonly json: <S extends Schema.Constraint>(
    input: Input,
    schema: S,
    options?: Command.Options
  ) => Effect.Effect<S["Type"], ProcessError.ProcessError, S["DecodingServices"]>
  readonly firstLine: (
    input: Input,
    predicate: (line: string) => boolean,
    options?: Command.Options
  ) => Effect.Effect<Option.Option<string>, ProcessError.ProcessError>
  readonly stdoutLines: Flow<string>
  readonly stderrLines: Flow<string>
  readonly stdoutChunks: Flow<Uint8Array>
  readonly stderrChunks: Flow<Uint8Array>
  readonly events: Flow<ProcessEvent.ProcessEvent>
  readonly start: (
    input: Input,
    options?: Command.Options
  ) => Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, Scope.Scope>
  readonly resolve: Effect.Effect<string, ProcessError.ProcessError>
}

/**
 * Tells whether a value is a client.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isCliClient = (u: unknown): u is CliClient => Predicate.hasProperty(u, TypeId)

/**
 * Makes a client of a program with the runner in the context.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  program: string,
  defaults: Defaults = {}
): Effect.Effect<CliClient, never, ProcessRunner.ProcessRunner> =>
  Effect.map(ProcessRunner.ProcessRunner, (runner) => fromRunner(program, runner, defaults))

/**
 * Makes a client of a program with a given runner, such as that of a group.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromRunner = (
  program: string,
  runner: ProcessRunner.ProcessRunner["Service"],
  defaults: Defaults = {}
): CliClient => {
  const command = commandWith(program, defaults)
  const verb = <A>(
    verb: (command: Command.Command) => Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  ): Verb<A> =>
  (input, options) => on(runner, Effect.suspend(() => verb(command(input, options))))
  const flow = <A>(
    stream: (command: Command.Command) => Stream.Stream<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  ): Flow<A> =>
  (input, options) =>
    Stream.provideService(
      Stream.suspend(() => stream(command(input, options))),
      ProcessRunner.ProcessRunner,
      runner
    )
  return Object.assign(
    Object.create(Proto),
    {
      program,
      defaults: Object.assign(Object.create(null), defaults),
      runner,
      command,
      commandIn: (cwd, input, options) => command(input, { ...options, cwd }),
      run: verb(Command.run),
      runUnit: verb(Command.runUnit),
      checked: verb(Command.checked),
      outputString: verb(Command.outputString),
      outputBytes: verb(Command.outputBytes),
      exitCode: verb(Command.exitCode),
      probe: verb(Command.probe),
      parse: (input, f, options) => verb(Command.parse(f))(input, options),
      tryParse: (input, f, options) => verb(Command.tryParse(f))(input, options),
      json: (input, schema, options) => on(runner, Effect.suspend(() => Command.json(command(input, options), schema))),
      firstLine: (input, predicate, options) => verb(Command.firstLine(predicate))(input, options),
      stdoutLines: flow(Command.stdoutLines),
      stderrLines: flow(Command.stderrLines),
      stdoutChunks: flow(Command.stdoutChunks),
      stderrChunks: flow(Command.stderrChunks),
      events: flow(Command.events),
      start: (input, options) => on(runner, Effect.suspend(() => Command.start(command(input, options)))),
      resolve: on(runner, Effect.suspend(() => Command.resolve(command([]))))
    } satisfies Omit<CliClient, typeof TypeId | keyof Pipeable.Pipeable | keyof Inspectable.Inspectable>
  )
}

/**
 * Gives the same client with another runner.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withRunner: {
  (runner: ProcessRunner.ProcessRunner["Service"]): (self: CliClient) => CliClient
  (self: CliClient, runner: ProcessRunner.ProcessRunner["Service"]): CliClient
} = dual(
  2,
  (self: CliClient, runner: ProcessRunner.ProcessRunner["Service"]): CliClient =>
    fromRunner(self.program, runner, self.defaults)
)

/**
 * Gives a client with more defaults; later ones win, variables one by one.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const withDefaults: {
  (defaults: Defaults): (self: CliClient) => CliClient
  (self: CliClient, defaults: Defaults): CliClient
} = dual(2, (self: CliClient, defaults: Defaults): CliClient =>
  fromRunner(self.program, self.runner, {
    ...self.defaults,
    ...defaults,
    env: { ...self.defaults.env, ...defaults.env },
    envFrom: { ...self.defaults.envFrom, ...defaults.envFrom }
  }))

/**
 * Marks values as operands, whatever they begin with: `--`, then the values.
 *
 * **Details**
 *
 * After `--` no argument is an option (POSIX, Utility Syntax Guideline 10). Programs that parse their arguments in
 * another way may not know it; look at their manual.
 *
 * **Example** (A file whose name looks like an option)
 *
 * ```ts
 * import * as CliClient from "processkit/CliClient"
 *
 * const path = "--force"
 * const args = ["rm", "--quiet", ...CliClient.operands(path)]
 * args // => ["rm", "--quiet", "--", "--force"]
 * ```
 *
 * @stability experimental
 * @category arguments
 * @since 0.1.0
 */
export const operands = (...values: ReadonlyArray<Command.Argument>): ReadonlyArray<Command.Argument> => [
  "--",
  ...values
]

// -----------------------------------------------------------------------------

interface Flow<A> {
  (input: Input, options?: Command.Options): Stream.Stream<A, ProcessError.ProcessError>
}

interface Verb<A> {
  (input: Input, options?: Command.Options): Effect.Effect<A, ProcessError.ProcessError>
}

const on = <A, R>(
  runner: ProcessRunner.ProcessRunner["Service"],
  effect: Effect.Effect<A, ProcessError.ProcessError, R>
) => Effect.provideService(effect, ProcessRunner.ProcessRunner, runner)

const commandWith = (program: string, defaults: Defaults): CliClient["command"] => (input, options = {}) => {
  const own = Command.isCommand(input)
    ? Command.setOptions(input, options)
    : Command.make(program, input, options)
  if (own.invalid !== undefined) return own
  return Command.setOptions(own, isRecord(defaults) ? filled(own.options, defaults) : defaults)
}

const Proto = {
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  },
  toJSON(this: CliClient): unknown {
    return { _id: "CliClient", program: this.program, defaults: Object.keys(this.defaults).toSorted() }
  }
}
