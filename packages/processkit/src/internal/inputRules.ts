/**
 * Checks a command's every input and turns it into a start, before anything happens.
 *
 * Pure. A refusal names the position of the input, never its value, which may be a secret.
 */
import type * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Command from "../Command.ts"
import * as OutputBuffer from "../OutputBuffer.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as ProcessGroup from "../ProcessGroup.ts"
import * as Signal from "../Signal.ts"
import * as Stdin from "../Stdin.ts"
import * as StopPolicy from "../StopPolicy.ts"
import { bytes, count, duration } from "./amounts.ts"
import type { CapturePolicy } from "./capturePolicy.ts"
import * as DetachedRules from "./detachedRules.ts"
import type { LineRules } from "./lineCutter.ts"
import * as Origin from "./origin.ts"
import * as OutputRules from "./outputRules.ts"
import { checked, list, optional, own, programField, record, refuse } from "./refusal.ts"
import type { Limits } from "./retention.ts"
import * as SpawnAttributes from "./spawnAttributes.ts"
import * as TerminalRules from "./terminalRules.ts"

export { checked }

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
export interface Prepared extends LineRules {
  readonly request: ProcessBackend.SpawnRequest
  readonly payload: Payload
  readonly retention: Limits
  readonly capture: CapturePolicy
  readonly tees: Readonly<Record<"stdout" | "stderr", ReturnType<typeof OutputRules.receiver>>>
  readonly timeout: Duration.Duration | undefined
  readonly inactivityTimeout: Duration.Duration | undefined
  readonly stop: Stop
  readonly okCodes: ReadonlyArray<number>
  /** What only a pipeline asks about. */
  readonly unchecked: boolean
  readonly mergesStderr: boolean
}

/** Checks a command and makes a request of it; `buffer` counts where the command has none. */
export const prepare = (
  command: Command.Command,
  buffer?: Command.Options["buffer"]
): Result.Result<Prepared, ProcessError.ProcessError> =>
  checked(programOf(command), () => {
    if (command.invalid !== undefined) refuse(command.invalid.field, command.invalid.problem)
    const options = command.options
    const { stderr, stdin, stdout } = TerminalRules.streams(options)
    const payload = payloadOf(stdin)
    observers(options)
    TerminalRules.check(options)
    retryOf(command)
    return {
      request: requestOf(command, {
        stdin: inputOf(stdin, payload),
        stdout: OutputRules.destination("stdout", stdout, nonEmpty),
        stderr: OutputRules.destination("stderr", stderr, nonEmpty)
      }),
      payload,
      encoding: encoding(options.encoding),
      maxLineBytes: options.maxLineBytes === undefined ? 1_048_576 : bytes("maxLineBytes", options.maxLineBytes),
      lineTerminator: lineTerminator(options.lineTerminator),
      retention: retentionOf(options.buffer === undefined ? buffer : options.buffer),
      capture: capture(options),
      tees: {
        stdout: OutputRules.receiver("stdout", stdout),
        stderr: OutputRules.receiver("stderr", stderr)
      },
      timeout: options.timeout === undefined ? undefined : duration("timeout", options.timeout),
      inactivityTimeout: inactivityTimeout(options),
      stop: stopPolicy(options.stop),
      okCodes: okCodes(options.okCodes),
      unchecked: optional("unchecked", options.unchecked, "boolean") === true,
      mergesStderr: optional("mergeStderr", options.mergeStderr, "boolean") === true
    }
  })

/** What a backend is asked to start. */
const requestOf = (
  command: Command.Command,
  streams: Pick<ProcessBackend.SpawnRequest, "stdin" | "stdout" | "stderr">
): ProcessBackend.SpawnRequest => {
  const { args, options, program } = command
  return Origin.mark({
    program: nonEmpty(programField, program),
    args: args.map((arg, i) => text(`argument ${i + 1}`, exposed(`argument ${i + 1}`, arg))),
    cwd: options.cwd === undefined ? undefined : nonEmpty("the working directory", options.cwd),
    env: environment(options),
    preferLocal: names("preferLocal", options.preferLocal).map((dir, i) => nonEmpty(`preferLocal ${i + 1}`, dir)),
    ...streams,
    attributes: SpawnAttributes.read(options)
  }, command)
}

/** Checks a command that nobody will own, and turns it into a start. */
export const prepareDetached = (
  command: Command.Command
): Result.Result<ProcessBackend.SpawnRequest, ProcessError.ProcessError> =>
  checked(programOf(command), () => {
    if (command.invalid !== undefined) refuse(command.invalid.field, command.invalid.problem)
    DetachedRules.ownerless(command.options)
    return requestOf(command, DetachedRules.streams(command.options, nonEmpty))
  })
const retentionOf = (buffer: Command.Options["buffer"]): Limits => buffer === undefined ? defaultLimits : limits(buffer)

/** Nobody would hear a program that writes to no pipe of ours, and all of them would be stopped. */
const inactivityTimeout = (options: Command.Options): Duration.Duration | undefined => {
  if (options.inactivityTimeout === undefined) return undefined
  const { stderr, stdout } = TerminalRules.streams(options)
  const isHeard = [stdout, stderr].some(OutputRules.isCaptured)
  if (!isHeard) refuse("inactivityTimeout", "needs stdout or stderr to be a pipe")
  return duration("inactivityTimeout", options.inactivityTimeout)
}

/** The program for an error, as far as a JavaScript caller gave one. */
export const programOf = (command: { readonly program: string }): string | undefined =>
  typeof command.program === "string" && command.program !== "" ? command.program : undefined

/** Whether a command's input can be fed one time only. */
export const feedsOnce = ({ options }: { readonly options: Command.Options }): boolean =>
  takenOf(options.stdin) !== undefined

/** Whether a command's input could be fed one time only, and some start has taken it. */
export const isUsedUp = ({ options }: { readonly options: Command.Options }): boolean =>
  takenOf(options.stdin)?.taken === true

const takenOf = (stdin: Stdin.Stdin | undefined) =>
  Stdin.isSource(stdin) && stdin._tag === "Feed" ? stdin.once : undefined

/** How a command wants to be repeated, refusing what cannot be followed; `undefined` where it is not to be. */
export const retryOf = ({ options }: { readonly options: Command.Options }): Command.Retry | undefined => {
  if (options.retry === undefined) return undefined
  const retry = record("retry", options.retry)
  const invalid = own(retry, "invalid")
  if (invalid !== undefined) return refuse(invalid.field, invalid.problem)
  const schedule = own(retry, "schedule")
  return Schedule.isSchedule(schedule)
    ? { schedule, while: optional("retry", own(retry, "while"), "function") }
    : refuse("retry", "has no schedule")
}

/** Completes a stop policy, refusing what is not one. */
export const stopPolicy = (
  policy: StopPolicy.StopPolicy | undefined,
  base: Stop = StopPolicy.defaultPolicy
): Stop => {
  const given = policy === undefined ? {} : record("stop", policy)
  const { grace = base.grace, signal = base.signal } = { grace: own(given, "grace"), signal: own(given, "signal") }
  if (!Signal.isSignal(signal)) return refuse("the stop signal", "is not a signal")
  return { signal, grace: duration("the stop grace", grace) }
}

/** The stop policy in the options of a group. */
export const groupStop = (options: ProcessGroup.Options | undefined): Stop =>
  stopPolicy(options === undefined ? undefined : own(record("the options", options), "stop"))

/** A shutdown without open questions. */
export const shutdown = (
  request: ProcessGroup.Shutdown | undefined,
  base: Stop
): Stop & { readonly escalate: boolean } => {
  const escalate = request === undefined ? undefined : own(record("stop", request), "escalate")
  return { ...stopPolicy(request, base), escalate: optional("escalate", escalate, "boolean") ?? true }
}

/** What cancels a command, where it is valid; an invalid one is refused by the start. */
export const cancelOnOf = ({ options: { cancelOn } }: { readonly options: Command.Options }): AbortSignal | undefined =>
  cancelOn !== undefined && isAbortSignal(cancelOn) ? cancelOn : undefined

/** A signal, or a refusal. */
export const signal = (value: Signal.Signal): Signal.Signal =>
  Signal.isSignal(value) ? value : refuse("the signal", "is not a signal")

const nonEmpty = (field: string, value: string): string => text(field, value) || refuse(field, "is empty")

const loneSurrogate = /\p{Surrogate}/u

/** Text that reaches the child byte for byte: a string without NUL that UTF-8 can carry. */
const text = (field: string, value: string): string => {
  if (typeof value !== "string") return refuse(field, "is not a string")
  if (value.includes("\0")) refuse(field, "contains a NUL character")
  if (loneSurrogate.test(value)) refuse(field, "contains half of a surrogate pair")
  return value
}

/** What a secret hides, for the child's eyes only. */
const exposed = <A>(field: string, value: A | Redacted.Redacted<A>): A => {
  if (!Redacted.isRedacted(value)) return value
  const secret = Result.try(() => Redacted.value(value))
  return Result.isSuccess(secret) ? secret.success : refuse(field, "is a secret that was wiped")
}

const names = (field: string, value: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : typeof value === "string" ? [value] : list(field, value)

const environment = (options: Command.Options): ProcessBackend.Environment => {
  const allowed = options.inheritEnv === undefined
    ? undefined
    : names("inheritEnv", options.inheritEnv).map((name, i) => variableName(`inheritEnv ${i + 1}`, name))
  const cleared = optional("envClear", options.envClear, "boolean") === true
  const variables = options.env === undefined ? {} : record("the environment", options.env)
  return {
    base: allowed ?? (cleared ? "empty" : "inherit"),
    set: Object.entries(variables).map(([name, value], i) => variable(`environment variable ${i + 1}`, name, value))
  }
}

const variable = (field: string, name: string, value: Command.Argument | undefined) =>
  [
    variableName(field, name),
    value === undefined ? undefined : text(`the value of ${field}`, exposed(`the value of ${field}`, value))
  ] as const

const variableName = (field: string, name: string): string =>
  nonEmpty(field, name).includes("=") ? refuse(field, "has a name that contains =") : name

const payloadOf = (stdin: Stdin.Stdin | undefined): Payload => {
  if (stdin === undefined || stdin === "null" || stdin === "inherit") return { _tag: "Nothing" }
  if (stdin === "pipe") return { _tag: "Interactive" }
  if (typeof stdin === "string") return { _tag: "Bytes", bytes: new TextEncoder().encode(stdin) }
  if (stdin instanceof Uint8Array) return { _tag: "Bytes", bytes: stdin }
  if (Redacted.isRedacted(stdin)) return secretPayload(exposed("stdin", stdin))
  if (Stdin.isSource(stdin)) return payloadOfSource(stdin)
  return Stream.isStream(stdin) ? Stdin.replayable(stdin) : notASource()
}

const secretPayload = (secret: unknown): Payload =>
  typeof secret === "string" || secret instanceof Uint8Array
    ? { _tag: "Bytes", bytes: typeof secret === "string" ? new TextEncoder().encode(secret) : secret }
    : notASource()

const payloadOfSource = (source: Stdin.Source): Payload => {
  switch (source._tag) {
    case "Text":
      return typeof source.text === "string"
        ? { _tag: "Bytes", bytes: new TextEncoder().encode(source.text) }
        : notASource()
    case "File":
      return { _tag: "Nothing" }
    case "Feed":
      return Stream.isStream(source.stream) ? source : notASource()
  }
}

const notASource = (): never => refuse("stdin", "is not a source of input")

const inputOf = (stdin: Stdin.Stdin | undefined, payload: Payload): ProcessBackend.Input => {
  if (payload._tag !== "Nothing") return "pipe"
  if (stdin === "inherit") return "inherit"
  return Stdin.isSource(stdin) && stdin._tag === "File"
    ? { _tag: "File", path: nonEmpty("the path of stdin", stdin.path) }
    : "null"
}

const encoding = (label: string | undefined): string => {
  if (label === undefined) return "utf-8"
  const known = Result.try(() => new TextDecoder(text("encoding", label)).encoding)
  return Result.isSuccess(known) ? known.success : refuse("encoding", "is not an encoding this runtime can decode")
}

const lineTerminator = (value: Command.LineTerminator = "newline"): Command.LineTerminator =>
  value === "newline" || value === "carriage-return"
    ? value
    : refuse("lineTerminator", "is neither \"newline\" nor \"carriage-return\"")

const policies: ReadonlySet<unknown> = new Set(["Tail", "Head", "HeadTail", "FailAbove"])

const limits = (buffer: OutputBuffer.OutputBuffer): Limits => {
  const policy = own(record("the buffer", buffer), "_tag")
  if (policy === "Unbounded") return { policy, bytes: Infinity, lines: Infinity }
  if (policy === undefined || !policies.has(policy)) return refuse("the buffer", "is not an output buffer")
  const bounds = buffer as OutputBuffer.Bounds
  const [maxBytes, maxLines] = [own(bounds, "bytes"), own(bounds, "lines")]
  if (policy === "FailAbove" && maxBytes === undefined && maxLines === undefined) {
    refuse("the buffer", "names neither bytes nor lines to fail above")
  }
  return {
    policy,
    bytes: maxBytes === undefined ? Infinity : bytes("the buffer", maxBytes),
    lines: maxLines === undefined ? Infinity : count("the buffer", maxLines)
  }
}

/** Worked out once, because reading a size costs more than all other defaults of a run. */
const defaultLimits = limits(OutputBuffer.defaultBuffer)

const okCodes = (codes: ReadonlyArray<number> | undefined): ReadonlyArray<number> => {
  const given = codes === undefined ? [] : list("okCodes", codes)
  if (given.some((code) => !Number.isSafeInteger(code))) refuse("okCodes", "has a code that is not an integer")
  return given.length === 0 ? [0] : given
}

const capture = ({ redact, sanitizeTerminal }: Command.Options): CapturePolicy => ({
  redact: optional("redact", redact, "function"),
  sanitizeTerminal: optional("sanitizeTerminal", sanitizeTerminal, "boolean") === true
})

/** Whoever is told about a run has to listen; found out after the start, it would leave a child behind. */
export const observers = ({ cancelOn, onStderrLine, onStdoutLine }: Command.Options): void => {
  optional("onStdoutLine", onStdoutLine, "function")
  optional("onStderrLine", onStderrLine, "function")
  if (cancelOn !== undefined && !isAbortSignal(cancelOn)) refuse("cancelOn", "is not an AbortSignal")
}

const isAbortSignal = (value: AbortSignal): boolean =>
  typeof value === "object" && value !== null && typeof value.aborted === "boolean" &&
  typeof value.addEventListener === "function" && typeof value.removeEventListener === "function"
