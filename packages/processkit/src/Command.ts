/**
 * Commands: a program, its arguments and how to run it, as a value that is also an `Effect`.
 *
 * A command does nothing until a verb runs it, and can be run any number of times. Each verb starts the program in a
 * private process group, so that whatever it leaves behind is gone when the verb returns, fails or is interrupted.
 * `yield* command` is {@link checked}.
 *
 * No shell is involved anywhere: arguments are passed as they are, and a file that only a shell could run is refused.
 *
 * | You want | Call | A non-zero exit |
 * | --- | --- | --- |
 * | its text | {@link run} | fails |
 * | only that it worked | {@link runUnit} | fails |
 * | everything, if it worked | {@link checked}, or `yield*` | fails |
 * | everything, whatever happened | {@link outputString}, {@link outputBytes} | is data |
 * | the code | {@link exitCode} | is data |
 * | yes or no | {@link probe} | 1 is no, others fail |
 * | a value | {@link parse}, {@link tryParse}, {@link json} | fails |
 * | the first line that fits | {@link firstLine} | is ignored |
 * | lines as they come | {@link stdoutLines}, {@link stderrLines} | fails at the end |
 * | bytes as they come | {@link stdoutChunks}, {@link stderrChunks} | fails at the end |
 * | everything as it comes | {@link events} | fails at the end |
 * | a live process | {@link start} | is data |
 * | its output in the next command | {@link pipeTo} | see `Pipeline` |
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as ChildProcess from "effect/process/ChildProcess"
import * as CommandLine from "effect/process/CommandLine"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { wholeCommand } from "./internal/childProcess.ts"
import { isRecord } from "./internal/refusal.ts"
import * as Verbs from "./internal/verbs.ts"
import type * as OutputBuffer from "./OutputBuffer.ts"
import * as Pipeline from "./Pipeline.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessEvent from "./ProcessEvent.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import type * as ProcessRunner from "./ProcessRunner.ts"
import type * as RunningProcess from "./RunningProcess.ts"
import type * as SpawnAttributes from "./SpawnAttributes.ts"
import type * as Stdin from "./Stdin.ts"
import type * as Stdio from "./Stdio.ts"
import type * as StopPolicy from "./StopPolicy.ts"

const TypeId = "~processkit/Command"

/**
 * An argument: text, or a secret that stays out of everything that is shown.
 *
 * **Gotchas**
 *
 * Arguments of a running program are readable by every user of the machine (proc_pid_cmdline(5)). Pass secrets by
 * environment or standard input.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Argument = string | Redacted.Redacted<string>

/**
 * What ends a line of output.
 *
 * **Details**
 *
 * - `"newline"`, the default: LF, together with one CR before it. A lone CR is content, so that a progress bar is one
 *   line that grows.
 * - `"carriage-return"`: LF, CR and CRLF, each of them once, also where CRLF comes in two pieces. Each step of a
 *   progress bar is a line, given as soon as its CR is there.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type LineTerminator = "newline" | "carriage-return"

/**
 * When a verb that checks its run tries again.
 *
 * **Details**
 *
 * `schedule` says how often and how far apart, `while` which failures are worth it; without `while` those whose
 * `isTransient` is true. A cancelled run is never repeated, nor is one whose standard input could be fed once only and
 * was taken. Each attempt's processes are gone before the next one starts. `RetryPolicy` makes the usual ones; `invalid`
 * says what was wrong with its options, and fails the start.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly schedule: Schedule.Schedule<unknown, ProcessError.ProcessError>
  readonly while?: ((error: ProcessError.ProcessError) => boolean) | undefined
  readonly invalid?: { readonly field: string; readonly problem: string } | undefined
}

/**
 * How a command runs. Nothing is required.
 *
 * **Details**
 *
 * - `cwd`: the working directory; the owner's by default. A relative program path is relative to it.
 * - `env`: variables on top of the inherited environment; `undefined` removes one. `envClear` inherits nothing,
 *   `inheritEnv` only what it names, read anew at every start.
 * - `preferLocal`: directories searched before `PATH` for a program given by name; relative ones are relative to the
 *   owner's directory.
 * - `stdin`: see `Stdin`; `"null"` by default. `stdout`, `stderr`: see `Stdio`; `"pipe"` by default.
 * - `encoding`: any label of `TextDecoder`; UTF-8 by default.
 * - `lineTerminator`: what ends a line; `"newline"` by default.
 * - `maxLineBytes`: where a line is cut; 1 MiB by default.
 * - `buffer`: what is kept of each stream; 64 MiB and a failure above it by default.
 * - `timeout`: from the start to the end of output; none by default, 0 stops the program as soon as it has started, unless it
 *   has ended by then.
 * - `inactivityTimeout`: how long the program may print nothing on either stream that is a pipe; none by default.
 * - `stop`: how the program is stopped, for whatever reason; `SIGTERM`, 2 seconds, `SIGKILL` by default.
 * - `retry`: none by default.
 * - `okCodes`: the exit codes that are success; `[0]` by default. `exitCode` and `probe` ignore it.
 * - `cancelOn`: a signal from outside Effect that stops the run and fails it with `Cancelled`.
 * - `onStdoutLine`, `onStderrLine`: called for every line, before the run ends. One that throws is not called again.
 * - `uid`, `gid`, `groups`, `umask`, `rlimits`, `priority`, `affinity`, `ioPriority`, `argv0`, `noNewPrivileges`,
 *   `windowsHide`, `terminal`: see `SpawnAttributes`; the owner's by default, and no terminal.
 * - `redact`: makes of every line what results and streams of lines show; called for each in order, and once more for
 *   one that a readiness check reads. A line for which it throws or gives no text is blank, and one that was cut at
 *   `maxLineBytes` is an ellipsis.
 * - `sanitizeTerminal`: takes escape sequences and all controls but the tab out of every line, before `redact` sees it.
 * - `unchecked`, `mergeStderr`: for a stage of a pipeline, see {@link unchecked} and {@link mergeStderr}.
 *
 * Where `redact` or `sanitizeTerminal` is set, what is captured is made of lines, with `\n` between them; captured bytes
 * are those of that text, in UTF-8. Observers, tees and verbs that give a stream of bytes get what the program wrote; a
 * live process has no chunks to give then.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options extends SpawnAttributes.Options {
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, Argument | undefined>> | undefined
  readonly envClear?: boolean | undefined
  readonly inheritEnv?: ReadonlyArray<string> | undefined
  readonly preferLocal?: string | ReadonlyArray<string> | undefined
  readonly stdin?: Stdin.Stdin | undefined
  readonly stdout?: Stdio.Stdio | undefined
  readonly stderr?: Stdio.Stdio | undefined
  readonly encoding?: string | undefined
  readonly lineTerminator?: LineTerminator | undefined
  readonly maxLineBytes?: ByteSize.Input | undefined
  readonly buffer?: OutputBuffer.OutputBuffer | undefined
  readonly timeout?: Duration.Input | undefined
  readonly inactivityTimeout?: Duration.Input | undefined
  readonly stop?: StopPolicy.StopPolicy | undefined
  readonly retry?: Retry | undefined
  readonly okCodes?: ReadonlyArray<number> | undefined
  readonly cancelOn?: AbortSignal | undefined
  readonly onStdoutLine?: ((line: string) => void) | undefined
  readonly onStderrLine?: ((line: string) => void) | undefined
  readonly redact?: ((line: string, stream: "stdout" | "stderr") => string) | undefined
  readonly sanitizeTerminal?: boolean | undefined
  readonly unchecked?: boolean | undefined
  readonly mergeStderr?: boolean | undefined
}

/**
 * A command.
 *
 * **Details**
 *
 * Immutable. `invalid` says what could not be taken for a command, such as a template that cannot be read; running such
 * a command fails with `InvalidInput`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Command
  extends
    Effect.Effect<ProcessResult.ProcessResult<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>,
    Inspectable.Inspectable
{
  readonly [TypeId]: typeof TypeId
  readonly program: string
  readonly args: ReadonlyArray<Argument>
  readonly options: Options
  readonly invalid: { readonly field: string; readonly problem: string } | undefined
}

/**
 * Tells whether a value is a command.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isCommand = (u: unknown): u is Command => Predicate.hasProperty(u, TypeId)

/**
 * Makes a command from a program, its arguments and options, or from a template.
 *
 * **Details**
 *
 * In a template the text is split into words as a shell would split it, but no shell reads it: operators, expansions
 * and globs are refused. Each `${}` is one literal argument, whatever it contains; an array is one argument per item.
 *
 * **Example** (A template needs no quoting)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 *
 * const paths = ["a file.txt", "$HOME"]
 * Command.make`git log -n ${5} -- ${paths}`.args // => ["log", "-n", "5", "--", "a file.txt", "$HOME"]
 * Command.display(Command.make("git", ["commit", "-m", "it's done"])) // => "git commit -m 'it'\\''s done'"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  (strings: TemplateStringsArray, ...holes: ReadonlyArray<CommandLine.TemplateExpression>): Command
  (program: string, options: Options): Command
  (program: string, args?: ReadonlyArray<Argument>, options?: Options): Command
} = (first: string | TemplateStringsArray, ...rest: ReadonlyArray<unknown>): Command => {
  if (isTemplate(first)) return fromTemplate(first, rest as ReadonlyArray<CommandLine.TemplateExpression>)
  const [second = [], third] = rest
  return third === undefined && isRecord(second)
    ? command(first, [], second)
    : command(first, second as ReadonlyArray<Argument>, (third === undefined ? {} : third) as Options)
}

/**
 * Takes a command of `effect/process` for a command of this library.
 *
 * **Details**
 *
 * An environment without `extendEnv` replaces the inherited one, `shell` becomes the shell with `-c`, and `killSignal` and
 * `forceKillAfter` become `stop`. Standard input is `"pipe"` where the command says nothing of it, as there.
 *
 * **Errors**
 *
 * Running the command fails with `InvalidInput` where it cannot be one of ours: a pipeline, `additionalFds`,
 * `detached: false`, output that goes to a sink, input that is not to be ended.
 *
 * **Example** (A command with a script for a shell)
 *
 * ```ts
 * import * as ChildProcess from "effect/process/ChildProcess"
 * import * as Command from "processkit/Command"
 *
 * const command = Command.fromChildProcess(ChildProcess.make("echo $HOME", { shell: true }))
 * Command.display(command) // => "/bin/sh -c 'echo $HOME'"
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromChildProcess = (self: ChildProcess.Command): Command => {
  const { args, invalid, options, program } = wholeCommand(self)
  return command(program, args, options, invalid)
}

/**
 * Runs the command and gives its standard output, with white space at the end trimmed.
 *
 * **Errors**
 *
 * `NonZeroExit`, `Signaled`, `TimedOut`; `OutputTooLarge` also where the buffer dropped something, since what is left
 * would look complete; and every reason a start can fail for.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const run: Verb<string> = Verbs.run

/**
 * Runs the command and checks that it worked.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const runUnit: Verb<void> = Verbs.runUnit

/**
 * Runs the command, checks that it worked, and gives the whole result; what `yield* command` does.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const checked: Verb<ProcessResult.ProcessResult<string>> = Verbs.checked

/**
 * Runs the command and gives the whole result, whatever the exit code, signal or deadline.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputString: Verb<ProcessResult.ProcessResult<string>> = Verbs.outputString

/**
 * Runs the command and gives the whole result with its output as bytes.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const outputBytes: Verb<ProcessResult.ProcessResult<Uint8Array>> = Verbs.outputBytes

/**
 * Runs the command and gives its exit code, whichever it is.
 *
 * **Errors**
 *
 * `Signaled` and `TimedOut`, since there is no code then.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const exitCode: Verb<number> = Verbs.exitCode

/**
 * Runs a command that answers a question by its exit code: 0 is true, 1 is false, everything else fails.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const probe: Verb<boolean> = Verbs.probe

/**
 * Runs the command and turns its untrimmed standard output into a value.
 *
 * **Gotchas**
 *
 * A function that throws is a defect; use {@link tryParse} for one that can fail.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const parse: {
  <A>(
    f: (stdout: string) => A
  ): (self: Command) => Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  <A>(self: Command, f: (stdout: string) => A): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(2, Verbs.parse)

/**
 * Runs the command and turns its untrimmed standard output into a value with a function that can fail.
 *
 * **Errors**
 *
 * `ParseFailed` with the function's error as its cause, whether it was returned or thrown.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const tryParse: {
  <A, E>(
    f: (stdout: string) => Result.Result<A, E>
  ): (self: Command) => Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  <A, E>(
    self: Command,
    f: (stdout: string) => Result.Result<A, E>
  ): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(2, Verbs.tryParse)

/**
 * Runs the command and decodes its standard output as JSON.
 *
 * **Errors**
 *
 * `ParseFailed` where the text is not JSON or does not fit the schema.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const json: {
  <S extends Schema.Constraint>(
    schema: S
  ): (
    self: Command
  ) => Effect.Effect<S["Type"], ProcessError.ProcessError, ProcessRunner.ProcessRunner | S["DecodingServices"]>
  <S extends Schema.Constraint>(
    self: Command,
    schema: S
  ): Effect.Effect<S["Type"], ProcessError.ProcessError, ProcessRunner.ProcessRunner | S["DecodingServices"]>
} = dual(2, Verbs.json)

/**
 * Runs the command until it prints a line that fits, stops it, and gives the line.
 *
 * **Details**
 *
 * Gives nothing where the output ends first, whatever the exit code.
 *
 * **Errors**
 *
 * `TimedOut` where the command's deadline passes first.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const firstLine: {
  (
    predicate: (line: string) => boolean
  ): (self: Command) => Effect.Effect<Option.Option<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
  (
    self: Command,
    predicate: (line: string) => boolean
  ): Effect.Effect<Option.Option<string>, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
} = dual(2, Verbs.firstLine)

/**
 * Gives the lines of standard output while the program runs.
 *
 * **Details**
 *
 * The program starts with the first pull. When the consumer stops, so does the program, with everything it started.
 * After the last line the stream fails like {@link checked} unless the program worked.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stdoutLines = (
  self: Command
): Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> => Verbs.stdoutLines(self)

/**
 * Connects the standard output of one command to the standard input of the next.
 *
 * **Details**
 *
 * Gives a `Pipeline`, which runs and fails like a command; `Pipeline.pipeTo` appends further stages, and so does this.
 *
 * **Example** (Three programs, no shell)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 * import * as Pipeline from "processkit/Pipeline"
 *
 * const lines = Command.make("git", ["log", "-s"]).pipe(
 *   Command.pipeTo(Command.make("sort")),
 *   Command.pipeTo(Command.make("uniq", ["-c"]))
 * )
 *
 * Pipeline.display(lines) // => "git log -s | sort | uniq -c"
 * ```
 *
 * @stability experimental
 * @category pipelines
 * @since 0.1.0
 */
export const pipeTo: {
  (that: Command): (self: Command | Pipeline.Pipeline) => Pipeline.Pipeline
  (self: Command | Pipeline.Pipeline, that: Command): Pipeline.Pipeline
} = dual(
  2,
  (self: Command | Pipeline.Pipeline, that: Command): Pipeline.Pipeline =>
    Pipeline.isPipeline(self) ? Pipeline.pipeTo(self, that) : Pipeline.make(self, that)
)

/**
 * Exempts a command from blame in a pipeline: its exit code, a broken pipe and its own timeout fail nothing there.
 *
 * **Details**
 *
 * A producer whose reader leaves early dies of a broken pipe, and a pipeline fails with it unless it is unchecked. As
 * the last stage the command may return what it likes, and still fails the pipeline when a signal or a deadline ends it.
 * Outside of a pipeline this changes nothing.
 *
 * @stability experimental
 * @category pipelines
 * @since 0.1.0
 */
export const unchecked = (self: Command): Command => withOptions(self, { unchecked: true })

/**
 * Sends standard error of a command into the pipe to the next stage, too, in the order in which it is written.
 *
 * **Details**
 *
 * The stage has no standard error of its own then. For the last stage of a pipeline, and outside of one, this changes
 * nothing.
 *
 * **Errors**
 *
 * `Unsupported` where the mechanism is `process-group` and the system has no `mkfifo` to make a pipe with.
 *
 * @stability experimental
 * @category pipelines
 * @since 0.1.0
 */
export const mergeStderr = (self: Command): Command => withOptions(self, { mergeStderr: true })

/**
 * Gives the lines of standard error while the program runs, as {@link stdoutLines} does.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stderrLines = (
  self: Command
): Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> => Verbs.stderrLines(self)

/**
 * Gives the bytes of standard output while the program runs, in the chunks in which they were read.
 *
 * **Details**
 *
 * As {@link stdoutLines}, byte for byte; a bound of the buffer in lines does not apply.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stdoutChunks = (
  self: Command
): Stream.Stream<Uint8Array, ProcessError.ProcessError, ProcessRunner.ProcessRunner> => Verbs.stdoutChunks(self)

/**
 * Gives the bytes of standard error while the program runs, as {@link stdoutChunks} does.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const stderrChunks = (
  self: Command
): Stream.Stream<Uint8Array, ProcessError.ProcessError, ProcessRunner.ProcessRunner> => Verbs.stderrChunks(self)

/**
 * Gives what the program does while it runs: its start, the lines of both streams, its end.
 *
 * **Details**
 *
 * As {@link stdoutLines}: after `Exited` the stream fails like {@link checked} unless the program worked.
 *
 * @stability experimental
 * @category streams
 * @since 0.1.0
 */
export const events = (
  self: Command
): Stream.Stream<ProcessEvent.ProcessEvent, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.events(self)

/**
 * Starts the command and gives it as a live process that the scope ends, together with its descendants.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const start = (
  self: Command
): Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, ProcessRunner.ProcessRunner | Scope.Scope> =>
  Verbs.start(self)

/**
 * Starts the command as a program that nobody owns, and gives its process id.
 *
 * **When to use**
 *
 * For what shall go on when this program is gone: a daemon that was asked for, an updater, an editor. Everything else
 * is better started by a verb that ends what it starts.
 *
 * **Details**
 *
 * The program outlives the scope, the group in which it was started, this program however that ends, and the host that
 * other programs are started by. It has a session of its own, nothing of ours open, and belongs to no container of ours,
 * so it counts in no statistics and no limit of a group reaches it. What contains this program itself, contains it too.
 *
 * Of the options those are kept that are over when the program runs: where and with which environment, as whom and with
 * which limits. `stdin`, `stdout` and `stderr` are `"null"` by default here, or files. The failure of a start is told as
 * by every other verb; of the end nobody is told. While this program lives, it reaps the other one.
 *
 * **Errors**
 *
 * `InvalidInput` names the option that would need an owner: `timeout`, `inactivityTimeout`, `stop`, `retry`, `okCodes`, `cancelOn`, any
 * stream that is neither `"null"` nor a file, and all that is about captured output. `Unsupported` where the mechanism has no
 * such start. Otherwise those of {@link start}.
 *
 * **Gotchas**
 *
 * - A number alone says little later on, when somebody else may have it. `Processes.info(pid)` gives the start time as well,
 *   and `Processes.isAlive` compares both.
 * - An interruption that comes during the start cannot take it back: the program may be running.
 * - A service manager that ends everything in the cgroup of a unit, and a container that ends with its first process, end
 *   this one too.
 *
 * **Example** (Leaving a program behind)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import * as Stdio from "processkit/Stdio"
 *
 * const log = Stdio.file("/var/log/updater.log", { append: true })
 * export const pid = Command.startDetached(Command.make("updater", ["--now"], { cwd: "/", stdout: log, stderr: log }))
 * ```
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const startDetached: Verb<number> = Verbs.startDetached

/**
 * Locates the program exactly as a start would, without starting it, and gives its path.
 *
 * **Errors**
 *
 * Those of a start: `NotFound`, `PermissionDenied`, `InvalidCwd`, `InvalidInput`.
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const resolve: Verb<string> = Verbs.resolve

/**
 * Locates a program by its name exactly as a start without options would, and gives its path.
 *
 * **When to use**
 *
 * To find out whether a tool is installed. Where the command has an environment, a directory or `preferLocal`, ask
 * {@link resolve} with that command.
 *
 * **Errors**
 *
 * Those of {@link resolve}; `NotFound` where there is no such program, with the directories that were searched.
 *
 * **Example** (Whichever is installed)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
 * import * as Command from "processkit/Command"
 *
 * const shell = Effect.catchReason(Command.which("no-such-shell"), "ProcessError", "NotFound", () => Command.which("/bin/sh"))
 * Effect.runPromise(Effect.provide(shell, NodeProcessRunner.layer)) // => "/bin/sh"
 * ```
 *
 * @stability experimental
 * @category verbs
 * @since 0.1.0
 */
export const which = (program: string): Effect.Effect<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Verbs.resolve(command(program, [], {}))

/**
 * Shows the command to a person: quoted as a POSIX shell would need it, secrets and control characters replaced.
 *
 * **Gotchas**
 *
 * Plain arguments are shown as they are. What must not be seen has to be `Redacted`.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const display = (self: Command): string => CommandLine.display([self.program, ...self.args])

/**
 * Sets the arguments.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setArgs: {
  (args: ReadonlyArray<Argument>): (self: Command) => Command
  (self: Command, args: ReadonlyArray<Argument>): Command
} = dual(2, (self: Command, args: ReadonlyArray<Argument>) => command(self.program, args, self.options, self.invalid))

/**
 * Sets several options; those that are not given stay.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setOptions: {
  (options: Options): (self: Command) => Command
  (self: Command, options: Options): Command
} = dual(
  2,
  (self: Command, options: Options) =>
    isRecord(options) ? withOptions(self, options) : command(self.program, self.args, options, self.invalid)
)

/**
 * Adds variables to the environment; later ones win, and `undefined` removes.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setEnv: Setter<"env"> = dual(
  2,
  (self: Command, env: Options["env"]) => withOptions(self, { env: mergedEnv(self.options.env, env) })
)

/**
 * Sets the working directory.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setCwd: Setter<"cwd"> = setter("cwd")

/**
 * Sets whether nothing is inherited from the owner's environment.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setEnvClear: Setter<"envClear"> = setter("envClear")

/**
 * Sets which variables are inherited, and that no others are.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setInheritEnv: Setter<"inheritEnv"> = setter("inheritEnv")

/**
 * Sets the directories that are searched before `PATH`.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setPreferLocal: Setter<"preferLocal"> = setter("preferLocal")

/**
 * Sets the source of standard input.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setStdin: Setter<"stdin"> = setter("stdin")

/**
 * Sets where standard output goes.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setStdout: Setter<"stdout"> = setter("stdout")

/**
 * Sets where standard error goes.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setStderr: Setter<"stderr"> = setter("stderr")

/**
 * Sets the encoding of the output, a label of `TextDecoder`.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setEncoding: Setter<"encoding"> = setter("encoding")

/**
 * Sets what ends a line of output.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setLineTerminator: Setter<"lineTerminator"> = setter("lineTerminator")

/**
 * Sets where a line is cut.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setMaxLineBytes: Setter<"maxLineBytes"> = setter("maxLineBytes")

/**
 * Sets what is kept of each output stream.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setBuffer: Setter<"buffer"> = setter("buffer")

/**
 * Sets the time from the start to the end of output.
 *
 * **Details**
 *
 * A program that runs when it is over is stopped. Where it has exited and its pipe is kept open, the output ends then; what
 * a slow consumer has left in the pipe is still there for that consumer.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setTimeout: Setter<"timeout"> = setter("timeout")

/**
 * Sets how long the program may print nothing before it is stopped; infinity is for ever.
 *
 * **Details**
 *
 * Counts from the start and anew from every byte on standard output or standard error, whether or not anybody reads the
 * lines. Time in which a slow consumer holds the output up does not count. When it is over, the program is stopped as
 * with {@link setTimeout}, and the outcome is `TimedOut` with the kind `"inactivity"`.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setInactivityTimeout: Setter<"inactivityTimeout"> = setter("inactivityTimeout")

/**
 * Sets how the program is stopped.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setStop: Setter<"stop"> = setter("stop")

/**
 * Sets when a checking verb tries again.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setRetry: Setter<"retry"> = setter("retry")

/**
 * Sets the exit codes that are success; an empty list changes nothing.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setOkCodes: Setter<"okCodes"> = dual(
  2,
  (self: Command, okCodes: Options["okCodes"]) =>
    okCodes === undefined || (Array.isArray(okCodes) && okCodes.length === 0) ? self : withOptions(self, { okCodes })
)

/**
 * Sets the signal that cancels the run.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setCancelOn: Setter<"cancelOn"> = setter("cancelOn")

/**
 * Sets what is called for every line of standard output.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setOnStdoutLine: Setter<"onStdoutLine"> = setter("onStdoutLine")

/**
 * Sets whether the command is exempt from blame in a pipeline, see {@link unchecked}.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setUnchecked: Setter<"unchecked"> = setter("unchecked")

/**
 * Sets whether standard error goes into the pipe to the next stage too, see {@link mergeStderr}.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setMergeStderr: Setter<"mergeStderr"> = setter("mergeStderr")

/**
 * Sets what is called for every line of standard error.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setOnStderrLine: Setter<"onStderrLine"> = setter("onStderrLine")

/**
 * Sets the user that the program runs as, by number.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setUid: Setter<"uid"> = setter("uid")

/**
 * Sets the group that the program runs as, by number.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setGid: Setter<"gid"> = setter("gid")

/**
 * Sets the supplementary groups of the program.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setGroups: Setter<"groups"> = setter("groups")

/**
 * Sets the bits that files made by the program do not get.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setUmask: Setter<"umask"> = setter("umask")

/**
 * Sets the limits of the program's resources, instead of all that were set before.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setRlimits: Setter<"rlimits"> = setter("rlimits")

/**
 * Sets the scheduling priority of the program.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setPriority: Setter<"priority"> = setter("priority")

/**
 * Sets the processors that the program may use.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setAffinity: Setter<"affinity"> = setter("affinity")

/**
 * Sets how the kernel orders what the program reads and writes.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setIoPriority: Setter<"ioPriority"> = setter("ioPriority")

/**
 * Sets what the program sees as its own name.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setArgv0: Setter<"argv0"> = setter("argv0")

/**
 * Sets whether the program and its descendants can gain rights by executing something.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setNoNewPrivileges: Setter<"noNewPrivileges"> = setter("noNewPrivileges")

/**
 * Sets whether the program gets the terminal of the owner, as the foreground job of a shell does.
 *
 * **Details**
 *
 * Standard streams are then `"inherit"` by default, so use a verb that gives no output: {@link checked}, {@link runUnit},
 * {@link exitCode}, {@link start}.
 *
 * **Errors**
 *
 * The start fails with `Unsupported` where the owner has no terminal, is in the background of it, has lent it to another
 * command, or where the mechanism cannot lend it.
 *
 * **Example** (An editor, and then its file)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 *
 * const edit = (file: string) => Command.runUnit(Command.make("vi", [file], { terminal: "shared" }))
 * export const program = Effect.andThen(edit("notes.txt"), Command.run(Command.make("wc", ["-l", "notes.txt"])))
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setTerminal: Setter<"terminal"> = setter("terminal")

/**
 * Sets whether Windows shows no console window for the program.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setWindowsHide: Setter<"windowsHide"> = setter("windowsHide")

/**
 * Sets what every captured line is replaced by.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setRedact: Setter<"redact"> = setter("redact")

/**
 * Sets whether captured lines are freed of what acts on a terminal.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const setSanitizeTerminal: Setter<"sanitizeTerminal"> = setter("sanitizeTerminal")

// -----------------------------------------------------------------------------

/** An interface, and its types spelt out, so that editors show what a verb gives, fails with and needs. */
interface Verb<A> {
  (self: Command): Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
}

interface Setter<K extends keyof Options> {
  (value: Options[K]): (self: Command) => Command
  (self: Command, value: Options[K]): Command
}

function setter<K extends keyof Options>(key: K): Setter<K> {
  return dual(2, (self: Command, value: Options[K]): Command => withOptions(self, { [key]: value }))
}

function withOptions(self: Command, options: Options): Command {
  return command(self.program, self.args, { ...self.options, ...options }, self.invalid)
}

/** Later variables win; what is no set of variables stays, so that a start refuses it. */
function mergedEnv(first: Options["env"], second: Options["env"]): Options["env"] {
  if (first === undefined || second === undefined) return second ?? first
  if (!isRecord(second)) return second
  return isRecord(first) ? { ...first, ...second } : first
}

const Proto = {
  ...Effectable.Prototype<Command>({
    label: "Command",
    evaluate() {
      return Verbs.checked(this)
    }
  }),
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  toJSON(this: Command): unknown {
    return {
      _id: "Command",
      program: this.program,
      argumentCount: this.args.length,
      environment: Object.keys(this.options.env ?? {}).toSorted()
    }
  }
}

/** Copies what it is given: own properties only, so that a polluted `Object.prototype` sets no option. */
const command = (
  program: string,
  args: ReadonlyArray<Argument>,
  options: Options,
  invalid?: Command["invalid"]
): Command =>
  Object.assign(Object.create(Proto), {
    program,
    args: Array.isArray(args) ? [...args] : [],
    options: Object.assign(Object.create(null), isRecord(options) ? options : {}),
    invalid: invalid ?? malformed(args, options)
  })

/** What types rule out, and a JavaScript caller may pass all the same. */
const malformed = (args: ReadonlyArray<Argument>, options: Options): Command["invalid"] =>
  !Array.isArray(args)
    ? { field: "the arguments", problem: "are not a list" }
    : isRecord(options)
    ? undefined
    : { field: "the options", problem: "are not an object" }

const isTemplate = (first: string | TemplateStringsArray): first is TemplateStringsArray =>
  typeof first !== "string" && Predicate.hasProperty(first, "raw")

const fromTemplate = (
  strings: TemplateStringsArray,
  holes: ReadonlyArray<CommandLine.TemplateExpression>
): Command => {
  const words = CommandLine.template(strings, ...holes)
  if (Result.isFailure(words)) return unreadable(`cannot be read: ${words.failure.message}`)
  const [program, ...args] = words.success
  return typeof program === "string"
    ? command(program, args, {})
    : unreadable(program === undefined ? "is empty" : "has a secret for its program")
}

const unreadable = (problem: string): Command => command("", [], {}, { field: "the template", problem })
