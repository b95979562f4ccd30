/**
 * The verbs: what is asked of a run, and how its result becomes a value or an error.
 *
 * All of them go through the runner in the context, so that a group, a decorator or a double sees every start.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Command from "../Command.ts"
import * as Outcome from "../Outcome.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessEvent from "../ProcessEvent.ts"
import * as ProcessResult from "../ProcessResult.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as InputRules from "./inputRules.ts"
import { isElsewhere } from "./outputRules.ts"
import { ownText } from "./ownText.ts"
import { retried } from "./retrying.ts"
import * as Subscription from "./subscription.ts"
import * as TerminalRules from "./terminalRules.ts"

export type Verb<A, R = never> = Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner | R>

/** Several commands that are run as one. */
export interface Composite<P extends RunningProcess.RunningProcess = RunningProcess.RunningProcess> {
  readonly program: string
  readonly options: Pick<Command.Options, "stdin" | "stdout" | "stderr" | "retry" | "cancelOn">
  readonly launch: (options: ProcessRunner.StartOptions) => Verb<P, Scope.Scope>
}

/** What a verb runs. */
export type Subject = Command.Command | Composite

/** By its own fields, so that a polluted `Object.prototype` makes no command a composite. */
const isComposite = (subject: Subject): subject is Composite => Object.hasOwn(subject, "launch")

const launch = (
  subject: Subject,
  options?: ProcessRunner.StartOptions
): Verb<RunningProcess.RunningProcess, Scope.Scope> =>
  isComposite(subject)
    ? subject.launch(options ?? {})
    : Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.start(subject, options))

/** Starts a run that ends with the verb, and asks it for something. */
const during = <A, R>(
  subject: Subject,
  overflow: ProcessRunner.StartOptions["overflow"],
  ask: (running: RunningProcess.RunningProcess) => Effect.Effect<A, ProcessError.ProcessError, R>,
  wants: ProcessRunner.StartOptions["wants"] = "text"
): Verb<A, Exclude<R, Scope.Scope>> => asking(subject, launch(subject, { overflow, wants }), ask)

/** Asks what is started for something. A writer that nobody can reach is closed. */
export const asking = <P extends RunningProcess.RunningProcess, A, R>(
  subject: Pick<Subject, "options">,
  started: Verb<P, Scope.Scope>,
  ask: (running: P) => Effect.Effect<A, ProcessError.ProcessError, R>
): Verb<A, Exclude<R, Scope.Scope>> =>
  Effect.scoped(Effect.flatMap(started, (running) => Effect.andThen(closeWriter(subject, running), ask(running))))

const closeWriter = (
  { options }: Pick<Subject, "options">,
  running: RunningProcess.RunningProcess
): Effect.Effect<void> => options.stdin === "pipe" ? running.stdin.end : Effect.void

/** Refuses to capture what is not a pipe: the value would always be empty. */
export const capturing = <A, R>(command: Subject, verb: Verb<A, R>): Verb<A, R> =>
  isElsewhere(TerminalRules.streams(command.options).stdout) ? Effect.fail(notCaptured(command, "stdout")) : verb

const notCaptured = (command: Subject, field: "stdout" | "stderr"): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.InvalidInput({
      program: InputRules.programOf(command),
      field,
      problem: "is not a pipe, so that this verb has nothing to give"
    })
  )

const success = (command: Subject, overflow: ProcessRunner.StartOptions["overflow"]) =>
  during(command, overflow, (running) => Effect.flatMap(running.result, ProcessResult.ensureSuccess))

/** Standard output of a successful run, all of it: a value made of what a buffer left would be wrong without a word. */
const wholeOutput = (command: Subject): Verb<string> =>
  capturing(command, Effect.map(success(command, "whole"), (result) => result.stdout))

export const run = (command: Subject): Verb<string> =>
  retried(command, Effect.map(wholeOutput(command), (stdout) => stdout.trimEnd()))

export const runUnit = (command: Subject): Verb<void> => retried(command, Effect.asVoid(success(command, "ignore")))

export const checked = (command: Subject): Verb<ProcessResult.ProcessResult<string>> =>
  retried(command, success(command, "end"))

export const outputString = (command: Subject): Verb<ProcessResult.ProcessResult<string>> =>
  capturing(command, during(command, "end", (running) => running.result))

export const outputBytes = (command: Subject): Verb<ProcessResult.ProcessResult<Uint8Array>> =>
  capturing(command, during(command, "end", (running) => running.resultBytes, "stdoutBytes"))

export const exitCode = (command: Subject): Verb<number> => retried(command, code(command))

/** The exit code; a run without one fails as if it had been checked. */
const code = (command: Subject): Verb<number> =>
  during(command, "ignore", (running) =>
    Effect.flatMap(running.result, (result) => {
      const code = Outcome.code(result.outcome)
      return code === undefined ? Effect.fail(ProcessResult.toError(result)) : Effect.succeed(code)
    }))

export const probe = (command: Subject): Verb<boolean> =>
  retried(
    command,
    during(command, "ignore", (running) =>
      Effect.flatMap(running.result, (result) => {
        const code = Outcome.code(result.outcome)
        return code === 0 || code === 1 ? Effect.succeed(code === 0) : Effect.fail(ProcessResult.toError(result))
      }))
  )

export const parse = <A>(command: Subject, f: (stdout: string) => A): Verb<A> =>
  retried(command, Effect.map(wholeOutput(command), f))

export const tryParse = <A, E>(command: Subject, f: (stdout: string) => Result.Result<A, E>): Verb<A> =>
  retried(
    command,
    Effect.flatMap(wholeOutput(command), (stdout) =>
      Effect.fromResult(
        Result.mapError(
          Result.flatMap(Result.try(() => f(stdout)), (parsed): Result.Result<A, unknown> => parsed),
          (cause) => parseFailed(command, cause)
        )
      ))
  )

export const json = <S extends Schema.Constraint>(
  command: Subject,
  schema: S
): Verb<S["Type"], S["DecodingServices"]> =>
  retried(
    command,
    Effect.flatMap(wholeOutput(command), (stdout) =>
      Effect.mapError(decode(stdout, schema), (cause) => parseFailed(command, cause)))
  )

/** Loads the decoder when it is first needed: whoever passes a schema has loaded most of it, nobody else pays. */
const decode = <S extends Schema.Constraint>(
  text: string,
  schema: S
): Effect.Effect<S["Type"], unknown, S["DecodingServices"]> =>
  Effect.flatMap(
    Effect.fromResult(Result.try((): unknown => JSON.parse(text))),
    (value) =>
      Effect.flatMap(
        Effect.promise(() => import("effect/SchemaParser")),
        (parser) => parser.decodeUnknownEffect(schema)(value)
      )
  )

const parseFailed = (command: Subject, cause: unknown): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.ParseFailed({ program: command.program, cause }))

export const firstLine = (
  command: Subject,
  predicate: (line: string) => boolean
): Verb<Option.Option<string>> =>
  capturing(
    command,
    during(command, "ignore", (running) =>
      Effect.tap(
        Effect.map(Stream.runHead(Stream.filter(running.stdoutLines, predicate)), Option.map(ownText)),
        (line) => Option.isSome(line) ? Effect.void : withinDeadline(running)
      ))
  )

/** Fails where output ended because a deadline passed; any other end is an answer. */
const withinDeadline = (running: RunningProcess.RunningProcess): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.flatMap(
    running.result,
    (result) => Outcome.isTimedOut(result.outcome) ? Effect.fail(ProcessResult.toError(result)) : Effect.void
  )

type Flow<A> = Stream.Stream<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

/** Output while it flows; then the verb fails as if the run had been checked, but not for what no buffer could keep. */
const flowing = <A>(
  command: Subject,
  wants: ProcessRunner.StartOptions["wants"],
  view: (running: RunningProcess.RunningProcess) => Stream.Stream<A, ProcessError.ProcessError>
): Flow<A> =>
  Stream.unwrap(Effect.map(
    Effect.tap(
      launch(command, { overflow: "ignore", wants }),
      (running) => closeWriter(command, running)
    ),
    (running) =>
      Subscription.endingWith(
        view(running),
        Effect.as(Effect.flatMap(running.result, ProcessResult.ensureSuccess), [])
      )
  ))

const piped = <A>(command: Subject, name: "stdout" | "stderr", flow: Flow<A>): Flow<A> =>
  isElsewhere(TerminalRules.streams(command.options)[name]) ? Stream.fail(notCaptured(command, name)) : flow

export const stdoutLines = (command: Subject): Flow<string> =>
  piped(command, "stdout", flowing(command, "text", (running) => running.stdoutLines))

export const stderrLines = (command: Subject): Flow<string> =>
  piped(command, "stderr", flowing(command, "text", (running) => running.stderrLines))

export const stdoutChunks = (command: Subject): Flow<Uint8Array> =>
  piped(command, "stdout", flowing(command, "stdoutChunks", (running) => running.stdoutChunks))

export const stderrChunks = (command: Subject): Flow<Uint8Array> =>
  piped(command, "stderr", flowing(command, "stderrChunks", (running) => running.stderrChunks))

export const events = (command: Subject): Flow<ProcessEvent.ProcessEvent> =>
  piped(command, "stdout", flowing(command, "text", (running) => running.events))

export const start = (command: Subject): Verb<RunningProcess.RunningProcess, Scope.Scope> => launch(command)

export const startDetached = (command: Command.Command): Verb<number> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.startDetached(command))

export const resolve = (command: Command.Command): Verb<string> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.resolve(command))
