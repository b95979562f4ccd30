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
import * as ProcessResult from "../ProcessResult.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as Conclusion from "./conclusion.ts"
import * as InputRules from "./inputRules.ts"
import { isCaptured } from "./outputRules.ts"

type Verb<A, R = never> = Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner | R>

/** Starts a run that ends with the verb, and asks it for something. A writer that nobody can reach is closed. */
const during = <A, R>(
  command: Command.Command,
  overflow: ProcessRunner.StartOptions["overflow"],
  ask: (running: RunningProcess.RunningProcess) => Effect.Effect<A, ProcessError.ProcessError, R>
): Verb<A, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) =>
    Effect.scoped(
      Effect.flatMap(
        runner.start(command, { overflow }),
        (running) => Effect.andThen(closeWriter(command, running), ask(running))
      )
    ))

const closeWriter = (command: Command.Command, running: RunningProcess.RunningProcess): Effect.Effect<void> =>
  command.options.stdin === "pipe" ? running.stdin.end : Effect.void

/** Repeats a verb as its command asks: never a cancelled one, and never one whose input is used up. */
const retried = <A, R>(command: Command.Command, verb: Effect.Effect<A, ProcessError.ProcessError, R>) => {
  // A retry that is none is refused by the start.
  const retry = Result.getOrUndefined(
    InputRules.checked(InputRules.programOf(command), () => InputRules.retryOf(command))
  )
  const cancelOn = InputRules.cancelOnOf(command)
  if (retry === undefined) return verb
  const worth = retry.while ?? ((error: ProcessError.ProcessError) => error.isTransient)
  const repeat = (attempt: typeof verb) =>
    Effect.retry(attempt, {
      schedule: retry.schedule,
      while: (error) =>
        error.reason._tag !== "Cancelled" && cancelOn?.aborted !== true && !InputRules.isUsedUp(command) && worth(error)
    })
  return cancelOn === undefined ? repeat(verb) : waitingFor(cancelOn, command.program, verb, repeat)
}

/** Ends the wait between two attempts when the caller's signal fires; an attempt under way ends by itself. */
const waitingFor = <A, R>(
  cancelOn: AbortSignal,
  program: string,
  verb: Effect.Effect<A, ProcessError.ProcessError, R>,
  repeat: (attempt: typeof verb) => typeof verb
): typeof verb =>
  Effect.suspend(() => {
    let attempting = true
    const attempt = Effect.suspend(() => {
      attempting = true
      return Effect.ensuring(
        verb,
        Effect.sync(() => {
          attempting = false
        })
      )
    })
    const aborted = Effect.callback<never, ProcessError.ProcessError>((resume) => {
      const onAbort = () => attempting ? undefined : resume(Effect.fail(Conclusion.cancelled(program, undefined)))
      cancelOn.addEventListener("abort", onAbort)
      return Effect.sync(() => cancelOn.removeEventListener("abort", onAbort))
    })
    return Effect.raceFirst(repeat(attempt), aborted)
  })

/** Refuses to capture what is not a pipe: the value would always be empty. */
const capturing = <A, R>(command: Command.Command, verb: Verb<A, R>): Verb<A, R> =>
  isCaptured(command.options.stdout) ? verb : Effect.fail(notCaptured(command))

const notCaptured = (command: Command.Command): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.InvalidInput({
      program: InputRules.programOf(command),
      field: "stdout",
      problem: "is not a pipe, so that this verb has nothing to give"
    })
  )

const success = (command: Command.Command, overflow: ProcessRunner.StartOptions["overflow"]) =>
  during(command, overflow, (running) => Effect.flatMap(running.result, ProcessResult.ensureSuccess))

/** Standard output of a successful run, all of it: a value made of what a buffer left would be wrong without a word. */
const wholeOutput = (command: Command.Command): Verb<string> =>
  capturing(command, Effect.map(success(command, "whole"), (result) => result.stdout))

export const run = (command: Command.Command): Verb<string> =>
  retried(command, Effect.map(wholeOutput(command), (stdout) => stdout.trimEnd()))

export const runUnit = (command: Command.Command): Verb<void> =>
  retried(command, Effect.asVoid(success(command, "ignore")))

export const checked = (command: Command.Command): Verb<ProcessResult.ProcessResult<string>> =>
  retried(command, success(command, "end"))

export const outputString = (command: Command.Command): Verb<ProcessResult.ProcessResult<string>> =>
  capturing(command, during(command, "end", (running) => running.result))

export const outputBytes = (command: Command.Command): Verb<ProcessResult.ProcessResult<Uint8Array>> =>
  capturing(command, during(command, "end", (running) => running.resultBytes))

export const exitCode = (command: Command.Command): Verb<number> => retried(command, code(command))

/** The exit code; a run without one fails as if it had been checked. */
const code = (command: Command.Command): Verb<number> =>
  during(command, "ignore", (running) =>
    Effect.flatMap(running.result, (result) => {
      const code = Outcome.code(result.outcome)
      return code === undefined ? Effect.fail(ProcessResult.toError(result)) : Effect.succeed(code)
    }))

export const probe = (command: Command.Command): Verb<boolean> =>
  retried(
    command,
    during(command, "ignore", (running) =>
      Effect.flatMap(running.result, (result) => {
        const code = Outcome.code(result.outcome)
        return code === 0 || code === 1 ? Effect.succeed(code === 0) : Effect.fail(ProcessResult.toError(result))
      }))
  )

export const parse = <A>(command: Command.Command, f: (stdout: string) => A): Verb<A> =>
  retried(command, Effect.map(wholeOutput(command), f))

export const tryParse = <A, E>(command: Command.Command, f: (stdout: string) => Result.Result<A, E>): Verb<A> =>
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
  command: Command.Command,
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

const parseFailed = (command: Command.Command, cause: unknown): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.ParseFailed({ program: command.program, cause }))

export const firstLine = (
  command: Command.Command,
  predicate: (line: string) => boolean
): Verb<Option.Option<string>> =>
  capturing(
    command,
    during(command, "ignore", (running) =>
      Effect.tap(Stream.runHead(Stream.filter(running.stdoutLines, predicate)), (line) =>
        Option.isSome(line) ? Effect.void : withinDeadline(running)))
  )

/** Fails where output ended because a deadline passed; any other end is an answer. */
const withinDeadline = (running: RunningProcess.RunningProcess): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.flatMap(
    running.result,
    (result) => Outcome.isTimedOut(result.outcome) ? Effect.fail(ProcessResult.toError(result)) : Effect.void
  )

export const stdoutLines = (
  command: Command.Command
): Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Stream.unwrap(Effect.map(
    Effect.tap(capturing(command, start(command)), (running) => closeWriter(command, running)),
    (running) =>
      Stream.concat(
        running.stdoutLines,
        Stream.fromEffectDrain(Effect.flatMap(running.result, ProcessResult.ensureSuccess))
      )
  ))

export const start = (command: Command.Command): Verb<RunningProcess.RunningProcess, Scope.Scope> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.start(command))

export const resolve = (command: Command.Command): Verb<string> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.resolve(command))
