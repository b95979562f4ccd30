/**
 * What a finished run left: its output, its outcome, and how complete both are.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Text from "./internal/textHygiene.ts"
import * as Outcome from "./Outcome.ts"
import type * as Pipeline from "./Pipeline.ts"
import type * as ProcessBackend from "./ProcessBackend.ts"
import * as ProcessError from "./ProcessError.ts"
import type * as Signal from "./Signal.ts"
import type * as StopPolicy from "./StopPolicy.ts"

const TypeId = "~processkit/ProcessResult"

/**
 * The result of a run.
 *
 * **Details**
 *
 * - `stdout` and `stderr` are what the output buffer kept, `stdout` as text or bytes. A stream that was consumed while
 *   it flowed, or was not a pipe, is empty here.
 * - `duration` is the time from the start to the end of output, on the monotonic clock.
 * - `truncated` means that the buffer dropped something or cut a line; `incomplete` that a pipe was still open after
 *   the process had ended and was closed by us, so that output of a descendant may be missing.
 * - `leftovers` counts the descendants that outlived the program and were killed at the end of a private run.
 * - `stop` is there where we stopped the program: what was sent first, and whether `SIGKILL` was needed.
 * - `oomKilled` is there, and true, where the system killed the program because its group had reached its limit of memory.
 * - `usage` is there where the mechanism can measure it, `stderrBytes` where bytes were captured.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProcessResult<out A = string> extends Inspectable.Inspectable {
  readonly [TypeId]: typeof TypeId
  readonly program: string
  readonly stdout: A
  readonly stderr: string
  readonly stderrBytes?: Uint8Array | undefined
  readonly outcome: Outcome.Outcome
  readonly duration: Duration.Duration
  readonly truncated: boolean
  readonly incomplete: boolean
  readonly leftovers: number
  readonly stop?: StopPolicy.Stop | undefined
  readonly oomKilled?: boolean | undefined
  readonly usage?: ProcessBackend.Usage | undefined
  readonly okCodes: ReadonlyArray<number>
}

/**
 * Tells whether a value is a `ProcessResult`.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isProcessResult = (u: unknown): u is ProcessResult<unknown> => Predicate.hasProperty(u, TypeId)

/**
 * Makes a result, for doubles and decorators.
 *
 * **Details**
 *
 * What is not given is as after a quick, complete, successful run without output.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  fields:
    & Pick<ProcessResult<A>, "program" | "stdout" | "stderr" | "outcome" | "duration">
    & Partial<Omit<ProcessResult<A>, keyof Inspectable.Inspectable | typeof TypeId>>
): ProcessResult<A> =>
  Object.assign(Object.create(Proto), { truncated: false, incomplete: false, leftovers: 0, okCodes: [0] }, fields)

/**
 * Gets the exit code, if the program returned one.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const code = <A>(self: ProcessResult<A>): number | undefined => Outcome.code(self.outcome)

/**
 * Gets the signal that killed the program, if one did.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const signal = <A>(self: ProcessResult<A>): Signal.Signal | undefined => Outcome.signal(self.outcome)

/**
 * Tells whether the program returned one of the codes that its command accepts.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const isSuccess = <A>(self: ProcessResult<A>): boolean =>
  self.outcome._tag === "Exited" && self.okCodes.includes(self.outcome.code)

/**
 * Fails unless the run succeeded: with `TimedOut`, else `Signaled`, else `NonZeroExit`.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const ensureSuccess = <A>(self: ProcessResult<A>): Effect.Effect<ProcessResult<A>, ProcessError.ProcessError> =>
  Effect.fromResult(checkSuccess(self))

/**
 * The pure form of {@link ensureSuccess}.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const checkSuccess = <A>(self: ProcessResult<A>): Result.Result<ProcessResult<A>, ProcessError.ProcessError> =>
  isSuccess(self) ? Result.succeed(self) : Result.fail(toError(self))

/**
 * Gets the error that this outcome is to a verb that does not accept it: `TimedOut`, `Signaled` or `NonZeroExit`.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const toError = <A>(self: ProcessResult<A>): ProcessError.ProcessError => ProcessError.make(failure(self))

/**
 * Joins both streams: standard output, then standard error, on a line of its own.
 *
 * **Gotchas**
 *
 * This is not the order in which the program wrote: two pipes have no common order.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const combined = (self: ProcessResult<string>): string =>
  self.stdout !== "" && self.stderr !== "" && !self.stdout.endsWith("\n")
    ? `${self.stdout}\n${self.stderr}`
    : self.stdout + self.stderr

/**
 * Gets what a person would look at first: standard error where it has text, else standard output, both trimmed.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const diagnostic = (self: ProcessResult<string>): string => self.stderr.trim() || self.stdout.trim()

/**
 * Tells whether one of the texts occurs in one of the streams, whatever the case of ASCII letters.
 *
 * **Details**
 *
 * An empty list occurs nowhere, an empty text everywhere.
 *
 * **Example** (Recognising a failure by its words)
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as Outcome from "processkit/Outcome"
 * import * as ProcessResult from "processkit/ProcessResult"
 *
 * const result = ProcessResult.make({
 *   program: "git",
 *   stdout: "",
 *   stderr: "fatal: Not a git repository",
 *   outcome: Outcome.exited(128),
 *   duration: Duration.millis(3)
 * })
 *
 * ProcessResult.outputContainsAny(result, ["not a git repository"]) // => true
 * ProcessResult.isSuccess(result) // => false
 * ```
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const outputContainsAny: {
  (texts: ReadonlyArray<string>): (self: ProcessResult<string>) => boolean
  (self: ProcessResult<string>, texts: ReadonlyArray<string>): boolean
} = dual(2, (self: ProcessResult<string>, texts: ReadonlyArray<string>): boolean => {
  const streams = [asciiLower(self.stdout), asciiLower(self.stderr)]
  return texts.some((text) => streams.some((stream) => stream.includes(asciiLower(text))))
})

// -----------------------------------------------------------------------------

const Proto = {
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  toJSON(this: ProcessResult<unknown>): unknown {
    return {
      _id: "ProcessResult",
      ...this,
      stdout: previewed(this.stdout),
      stderr: previewed(this.stderr),
      ...(this.stderrBytes === undefined ? {} : { stderrBytes: previewed(this.stderrBytes) })
    }
  }
}

const previewed = (output: unknown): unknown =>
  typeof output === "string" ? Text.cut(output) : output instanceof Uint8Array ? `<${output.length} bytes>` : output

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

const failure = <A>(self: ProcessResult<A>): ProcessError.Reason => {
  const { outcome, program, stderr, stdout } = self
  const said = { program, stderr, ...printedBy(self) }
  const captured = stdout instanceof Uint8Array
    ? { ...said, stdout: new TextDecoder().decode(stdout), stdoutBytes: stdout }
    : { ...said, stdout: String(stdout) }
  switch (outcome._tag) {
    case "TimedOut":
      return new ProcessError.TimedOut({ ...captured, after: outcome.after, kind: outcome.kind, exit: outcome.exit })
    case "Signaled":
      return new ProcessError.Signaled({ ...captured, signal: outcome.signal, number: outcome.number })
    case "Exited":
      return new ProcessError.NonZeroExit({ ...captured, code: outcome.code })
  }
}

/** Names the last stage of a pipeline where another one is to blame: what was printed is not what that one has to say. */
const printedBy = (self: Partial<Pipeline.PipelineResult<unknown>>): { readonly stdoutOf?: string } => {
  const { culprit, stages } = self
  const last = stages?.at(-1)
  return culprit === undefined || stages === undefined || last === undefined || stages[culprit] === last
    ? {}
    : { stdoutOf: last.program }
}
