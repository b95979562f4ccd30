/**
 * Checks a command's every input and turns it into a start, before anything happens.
 *
 * Pure. A refusal names the position of the input, never its value, which may be a secret.
 */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Command from "../Command.ts"
import * as OutputBuffer from "../OutputBuffer.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import * as Signal from "../Signal.ts"
import * as Stdin from "../Stdin.ts"
import * as StopPolicy from "../StopPolicy.ts"
import type { Limits } from "./retention.ts"

/** What is fed to a child that reads from a pipe. */
export type Payload =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Interactive" }
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  | Extract<Stdin.Source, { readonly _tag: "Feed" }>

/** A stop policy without open questions. */
export interface Stop {
  readonly signal: Signal.Signal
  readonly grace: Duration.Duration
}

/** A command that may be started. */
export interface Prepared {
  readonly request: ProcessBackend.SpawnRequest
  readonly payload: Payload
  readonly encoding: string
  readonly maxLineBytes: number
  readonly retention: Limits
  readonly timeout: Duration.Duration | undefined
  readonly stop: Stop
  readonly okCodes: ReadonlyArray<number>
}

/** Signals an invalid input inside this module; never leaves it. */
class Refused {
  readonly field: string
  readonly problem: string
  constructor(field: string, problem: string) {
    this.field = field
    this.problem = problem
  }
}

const refuse = (field: string, problem: string): never => {
  throw new Refused(field, problem)
}

/** Runs checks that refuse by throwing {@link Refused}, and gives the refusal as a value. */
export const checked = <A>(
  program: string | undefined,
  check: () => A
): Result.Result<A, ProcessError.ProcessError> => {
  try {
    return Result.succeed(check())
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused
    const { field, problem } = refused
    const named = field === programField ? undefined : program
    return Result.fail(ProcessError.make(new ProcessError.InvalidInput({ program: named, field, problem })))
  }
}

/** The one input that errors name; not where it is the input that was refused. */
const programField = "the program"

export const prepare = (command: Command.Command): Result.Result<Prepared, ProcessError.ProcessError> =>
  checked(typeof command.program === "string" ? command.program : undefined, () => {
    if (command.invalid !== undefined) refuse("the template", command.invalid)
    const options = command.options
    hooks(options)
    const payload = payloadOf(options.stdin)
    return {
      request: {
        program: programName(command.program),
        args: argumentsOf(command).map((arg, i) => text(`argument ${i + 1}`, arg)),
        cwd: options.cwd === undefined ? undefined : nonEmpty("the working directory", options.cwd),
        env: environment(options),
        preferLocal: list("preferLocal", options.preferLocal).map((dir, i) => nonEmpty(`preferLocal ${i + 1}`, dir)),
        stdin: inputOf(options.stdin, payload),
        stdout: output("stdout", options.stdout),
        stderr: output("stderr", options.stderr)
      },
      payload,
      encoding: encoding(options.encoding),
      maxLineBytes: options.maxLineBytes === undefined ? 1_048_576 : bytes("maxLineBytes", options.maxLineBytes),
      retention: limits(options.buffer),
      timeout: options.timeout === undefined ? undefined : duration("timeout", options.timeout),
      stop: stopPolicy(options.stop),
      okCodes: okCodes(options.okCodes)
    }
  })

/** Whether a command's input can be fed one time only. */
export const feedsOnce = ({ options }: Command.Command): boolean =>
  Stdin.isSource(options.stdin) && options.stdin._tag === "Feed" && options.stdin.once !== undefined

/** Completes a stop policy, refusing what is not one. */
export const stopPolicy = (
  policy: StopPolicy.StopPolicy | undefined,
  base: StopPolicy.StopPolicy = StopPolicy.defaultPolicy
): Stop => {
  if (policy !== undefined && !Predicate.isObject(policy)) return refuse("stop", "is not a stop policy")
  const asked = policy ?? {}
  const signal = own(asked, "signal") ?? base.signal ?? StopPolicy.defaultPolicy.signal
  if (!Signal.isSignal(signal)) return refuse("the stop signal", "is not a signal")
  const grace = own(asked, "grace") ?? base.grace ?? StopPolicy.defaultPolicy.grace
  return { signal, grace: duration("the stop grace", grace) }
}

/** Reads a property that is not there just because somebody polluted `Object.prototype`. */
export const own = <A extends object, K extends keyof A>(self: A, key: K): A[K] | undefined =>
  Object.hasOwn(self, key) || !Object.hasOwn(Object.prototype, key) ? self[key] : undefined

/** The retry policy of a command, where it has a valid one; an invalid one is refused by the start. */
export const retryOf = ({ options: { retry } }: Command.Command): Command.Retry | undefined =>
  retry !== undefined && isRetry(retry) ? { schedule: retry.schedule, while: own(retry, "while") } : undefined

const isRetry = (retry: Command.Retry): boolean => {
  if (!Predicate.isObject(retry) || !Schedule.isSchedule(retry.schedule)) return false
  const worth = own(retry, "while")
  return worth === undefined || Predicate.isFunction(worth)
}

/** What cancels a command, where it is valid; an invalid one is refused by the start. */
export const cancelOnOf = ({ options: { cancelOn } }: Command.Command): AbortSignal | undefined =>
  isAbortSignal(cancelOn) ? cancelOn : undefined

const isAbortSignal = (u: unknown): u is AbortSignal => Predicate.hasProperty(u, "addEventListener")

/** A signal, or a refusal. */
export const signal = (value: Signal.Signal): Signal.Signal =>
  Signal.isSignal(value) ? value : refuse("the signal", "is not a signal")

const tenYears = Duration.days(3653)

/**
 * A duration that can be waited for: NaN and negative ones are refused, anything above ten years is cut to ten years,
 * infinity stays. The raw numbers are looked at because `Duration` turns NaN into zero.
 */
export const duration = (field: string, input: Duration.Input): Duration.Duration => {
  if (hasNaN(input)) refuse(field, "is not a number")
  const value = Option.getOrUndefined(Duration.fromInput(input))
  if (value === undefined) return refuse(field, "is not a duration")
  if (Duration.isNegative(value)) refuse(field, "is negative")
  return Duration.isFinite(value) ? Duration.min(value, tenYears) : Duration.infinity
}

const hasNaN = (input: Duration.Input): boolean =>
  typeof input === "number"
    ? Number.isNaN(input)
    : typeof input === "object" && input !== null && !Duration.isDuration(input) &&
      Object.values(input).some((part) => typeof part === "number" && Number.isNaN(part))

const programName = (program: string): string =>
  Redacted.isRedacted(program) ? refuse(programField, "is not a string") : nonEmpty(programField, program)

const nonEmpty = (field: string, value: string): string => text(field, value) || refuse(field, "is empty")

const loneSurrogate = /\p{Surrogate}/u

/** Text that reaches the child byte for byte: a string without NUL that UTF-8 can carry. */
const text = (field: string, value: string | Redacted.Redacted<string>): string => {
  const plain = Redacted.isRedacted(value) ? Redacted.value(value) : value
  if (typeof plain !== "string") return refuse(field, "is not a string")
  if (plain.includes("\0")) refuse(field, "contains a NUL character")
  if (loneSurrogate.test(plain)) refuse(field, "contains half of a surrogate pair")
  return plain
}

const argumentsOf = ({ args }: Command.Command): ReadonlyArray<Command.Argument> =>
  Array.isArray(args) ? args : refuse("the arguments", "are not a list")

/** What calls back, or is called back. */
const hooks = ({ cancelOn, onStderrLine, onStdoutLine, retry }: Command.Options): void => {
  if (cancelOn !== undefined && !isAbortSignal(cancelOn)) refuse("cancelOn", "is not an abort signal")
  if (onStdoutLine !== undefined && !Predicate.isFunction(onStdoutLine)) refuse("onStdoutLine", "is not a function")
  if (onStderrLine !== undefined && !Predicate.isFunction(onStderrLine)) refuse("onStderrLine", "is not a function")
  if (retry !== undefined && !isRetry(retry)) refuse("retry", "is not a schedule with a condition")
}

const list = (field: string, value: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> => {
  if (value === undefined) return []
  if (typeof value === "string") return [value]
  return Array.isArray(value) ? value : refuse(field, "is not a list")
}

const environment = (options: Command.Options): ProcessBackend.Environment => {
  const allowed = options.inheritEnv === undefined
    ? undefined
    : list("inheritEnv", options.inheritEnv).map((name, i) => variableName(`inheritEnv ${i + 1}`, name))
  return {
    base: allowed ?? (options.envClear === true ? "empty" : "inherit"),
    set: Object.entries(variables(options.env)).map(([name, value], i) => {
      const field = `environment variable ${i + 1}`
      return [
        variableName(field, name),
        value === undefined ? undefined : text(`the value of ${field}`, value)
      ] as const
    })
  }
}

const variables = (env: Command.Options["env"] = {}): NonNullable<Command.Options["env"]> =>
  Predicate.isObject(env) && !Array.isArray(env) ? env : refuse("the environment", "is not an object of variables")

const variableName = (field: string, name: string): string =>
  nonEmpty(field, name).includes("=") ? refuse(field, "has a name that contains =") : name

const payloadOf = (stdin: Stdin.Stdin | undefined): Payload => {
  if (stdin === undefined || stdin === "null" || stdin === "inherit") return { _tag: "Nothing" }
  if (stdin === "pipe") return { _tag: "Interactive" }
  if (typeof stdin === "string") return { _tag: "Bytes", bytes: new TextEncoder().encode(stdin) }
  if (stdin instanceof Uint8Array) return { _tag: "Bytes", bytes: stdin }
  if (Stdin.isSource(stdin)) {
    return stdin._tag === "Text"
      ? { _tag: "Bytes", bytes: new TextEncoder().encode(stdin.text) }
      : stdin._tag === "File"
      ? { _tag: "Nothing" }
      : stdin
  }
  if (Stream.isStream(stdin)) return Stdin.replayable(stdin)
  return refuse("stdin", "is not a source of input")
}

const inputOf = (stdin: Stdin.Stdin | undefined, payload: Payload): ProcessBackend.Input => {
  if (payload._tag !== "Nothing") return "pipe"
  if (stdin === "inherit") return "inherit"
  return Stdin.isSource(stdin) && stdin._tag === "File"
    ? { _tag: "File", path: nonEmpty("the path of stdin", stdin.path) }
    : "null"
}

const output = (field: string, value: Command.Output | undefined): ProcessBackend.Output => {
  if (value === undefined) return "pipe"
  return value === "pipe" || value === "null" || value === "inherit"
    ? value
    : refuse(field, "is none of \"pipe\", \"null\" and \"inherit\"")
}

const encoding = (label: string | undefined): string => {
  if (label === undefined) return "utf-8"
  const known = Result.try(() => new TextDecoder(label).encoding)
  return Result.isSuccess(known) ? known.success : refuse("encoding", "is not an encoding this runtime can decode")
}

const limits = (buffer: OutputBuffer.OutputBuffer = OutputBuffer.defaultBuffer): Limits => {
  if (!Predicate.hasProperty(buffer, "_tag") || !policies.has(buffer._tag)) {
    return refuse("the buffer", "is not an output buffer")
  }
  if (buffer._tag === "Unbounded") return { policy: buffer._tag, bytes: Infinity, lines: Infinity }
  const [inBytes, inLines] = [own(buffer, "bytes"), own(buffer, "lines")]
  return {
    policy: buffer._tag,
    bytes: inBytes === undefined ? Infinity : bytes("the buffer", inBytes),
    lines: inLines === undefined ? Infinity : count("the buffer", inLines)
  }
}

const policies: ReadonlySet<unknown> = new Set(["Unbounded", "Tail", "Head", "HeadTail", "FailAbove"])

const bytes = (field: string, input: ByteSize.Input): number => {
  const size = Option.flatMap(ByteSize.fromInput(input), ByteSize.toNumber)
  return Option.getOrElse(size, () => refuse(field, "is not a size in bytes"))
}

const count = (field: string, value: number): number =>
  Number.isSafeInteger(value) && value >= 0 ? value : refuse(field, "has a number of lines that is not a count")

const okCodes = (codes: ReadonlyArray<number> | undefined): ReadonlyArray<number> => {
  if (codes === undefined) return [0]
  if (!Array.isArray(codes)) return refuse("okCodes", "is not a list")
  if (codes.length === 0) return [0]
  return codes.every((code) => Number.isSafeInteger(code))
    ? codes
    : refuse("okCodes", "has a code that is not an integer")
}
