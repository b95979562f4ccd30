/**
 * Everything that can go wrong with a process, as one error with a reason.
 *
 * Every failure of this library that the outside world can cause is a `ProcessError`; its `reason` says which one and
 * carries typed fields. `Effect.catchReason("ProcessError", "NotFound", …)` handles one reason and leaves the others.
 *
 * **Details**
 *
 * A message is one line. It says what happened to which program and what to do, and never holds arguments,
 * environment values, standard input or paths of working directories. The fields hold the captured streams in full.
 *
 * **Gotchas**
 *
 * - Captured output is verbatim in the fields: a program that prints a secret puts it there.
 * - Printing an error (`console.log`, `JSON.stringify`, a log line) shows its message and its fields, and of long streams the
 *   beginning; read the fields for all of it.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import { type Captured, preview, tail } from "./internal/captured.ts"
import * as Text from "./internal/textHygiene.ts"
import type * as Mechanism from "./Mechanism.ts"
import type * as Outcome from "./Outcome.ts"
import type * as Signal from "./Signal.ts"
import type * as StopPolicy from "./StopPolicy.ts"

const TypeId = "~processkit/ProcessError"

/**
 * The program could not be located.
 *
 * **Details**
 *
 * `searched` lists the directories that were looked in, and is `undefined` where the program was given as a path.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends Data.TaggedError("NotFound")<{
  readonly program: string
  readonly searched: ReadonlyArray<string> | undefined
}> {
  override get message(): string {
    if (this.searched === undefined) return `${name(this)} does not exist: check the path of the program`
    const advice = /\s/.test(this.program)
      ? "give its arguments apart from its name"
      : "install it, or give its absolute path"
    return `${name(this)} was not found on PATH: ${advice}`
  }
}

/**
 * The program was located and the operating system refused to start it.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class SpawnFailed extends Data.TaggedError("SpawnFailed")<{
  readonly program: string
  readonly errno: string
}> {
  override get message(): string {
    return `${name(this)} could not be started: the operating system answered ${Text.shown(this.errno)}`
  }
}

/**
 * The working directory does not exist, is not a directory, or may not be entered.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class InvalidCwd extends Data.TaggedError("InvalidCwd")<{
  readonly program: string
  readonly cwd: string
  readonly errno: "ENOENT" | "ENOTDIR" | "EACCES" | (string & {})
}> {
  override get message(): string {
    return `${name(this)} was not started: its working directory ${
      cwdProblem.get(this.errno) ?? `cannot be used (${Text.shown(this.errno)})`
    }`
  }
}

const cwdProblem: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "does not exist"],
  ["ENOTDIR", "is not a directory"],
  ["EACCES", "may not be entered by this user"]
])

/**
 * This user may not execute the program, or not with an attribute that was asked for.
 *
 * **Details**
 *
 * `option` names the attribute (`uid`, `priority`), and is `undefined` where it is the program that may not be executed.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class PermissionDenied extends Data.TaggedError("PermissionDenied")<{
  readonly program: string
  readonly errno: string
  readonly option?: string | undefined
}> {
  override get message(): string {
    return this.option === undefined
      ? `${name(this)} may not be executed by this user: check that it is a file with the execute permission`
      : `${name(this)} was not started: this user may not set its ${Text.shown(this.option)}; leave the option out, ` +
        "or run as a user who may"
  }
}

/**
 * The file is not something this machine can execute.
 *
 * **Details**
 *
 * An empty file, a script without `#!` line, a program for another processor. Where a script names an interpreter
 * that does not exist, `interpreter` holds its path.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class ExecFormat extends Data.TaggedError("ExecFormat")<{
  readonly program: string
  readonly interpreter: string | undefined
}> {
  override get message(): string {
    return this.interpreter === undefined
      ? `${name(this)} is not an executable format of this machine: a script needs a #! line`
      : `${name(this)} needs the interpreter ${Text.shown(this.interpreter)}, which does not exist`
  }
}

/**
 * An input was refused, and nothing was done with it: no start that needs it, and no question to a program that runs.
 *
 * **Details**
 *
 * `field` names the position (`argument 3`, `environment variable 2`), never the value.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class InvalidInput extends Data.TaggedError("InvalidInput")<{
  readonly program: string | undefined
  readonly field: string
  readonly problem: string
}> {
  override get message(): string {
    return `invalid input for ${name(this)}: ${Text.shown(this.field)} ${Text.shown(this.problem)}`
  }
}

/**
 * Arguments and environment together are larger than the operating system accepts.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class ArgumentListTooLong extends Data.TaggedError("ArgumentListTooLong")<{
  readonly program: string
  readonly bytes: number
}> {
  override get message(): string {
    return `${name(this)} was not started: its arguments and environment take ${this.bytes} bytes, more than the ` +
      "operating system accepts; pass large input through standard input or a file"
  }
}

/**
 * The operating system is out of descriptors, processes or memory for now.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class ResourceExhausted extends Data.TaggedError("ResourceExhausted")<{
  readonly program: string
  readonly errno: string
}> {
  override get message(): string {
    return `${name(this)} could not be started: the operating system is out of resources (${
      Text.shown(this.errno)
    }); try again ` +
      "with fewer processes or a higher limit"
  }
}

/**
 * The program returned an exit code that the command does not accept.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class NonZeroExit extends Data.TaggedError("NonZeroExit")<
  Captured & {
    readonly program: string
    readonly code: number
  }
> {
  override get message(): string {
    return `${name(this)} exited with code ${this.code}${tail(this)}`
  }
  override toJSON(): unknown {
    return preview(this)
  }
  override [Inspectable.NodeInspectSymbol](): unknown {
    return preview(this)
  }
}

/**
 * The program was killed by a signal that we did not send because of a deadline.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class Signaled extends Data.TaggedError("Signaled")<
  Captured & {
    readonly program: string
    readonly signal: Signal.Signal
    readonly number: number
  }
> {
  override get message(): string {
    return `${name(this)} was killed by ${Text.shown(this.signal)}${tail(this)}`
  }
  override toJSON(): unknown {
    return preview(this)
  }
  override [Inspectable.NodeInspectSymbol](): unknown {
    return preview(this)
  }
}

/**
 * A deadline of the command passed and the program was stopped.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedError("TimedOut")<
  Captured & {
    readonly program: string
    readonly after: Duration.Duration
    readonly kind: "deadline" | "inactivity"
    readonly exit: Outcome.Exit
  }
> {
  override get message(): string {
    const what = this.kind === "deadline" ? "timed out after" : "printed nothing for"
    return `${name(this)} ${what} ${lasting(this.after)} and was stopped${tail(this)}`
  }
  override toJSON(): unknown {
    return preview(this)
  }
  override [Inspectable.NodeInspectSymbol](): unknown {
    return preview(this)
  }
}

/**
 * The program printed more than the output buffer of its command allows.
 *
 * **Details**
 *
 * `totalLines` and `totalBytes` count what had been printed when the run ended; lines are counted only where the bound
 * is in lines. `maxLines` and `maxBytes` are the bounds, `undefined` where there is none. Where the buffer had room and it
 * was a line that was longer than lines may be, `maxLineBytes` is that bound and the others are `undefined`.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class OutputTooLarge extends Data.TaggedError("OutputTooLarge")<{
  readonly program: string
  readonly stream: "stdout" | "stderr"
  readonly maxLines: number | undefined
  readonly maxBytes: number | undefined
  readonly maxLineBytes?: number | undefined
  readonly totalLines: number | undefined
  readonly totalBytes: number
}> {
  override get message(): string {
    if (this.maxLineBytes !== undefined) {
      const bound = counted(this.maxLineBytes, "byte")
      return `${name(this)} printed a line of more than ${bound} on ${this.stream}, which was cut: raise maxLineBytes`
    }
    const bounds = [
      ...(this.maxLines === undefined ? [] : [counted(this.maxLines, "line")]),
      ...(this.maxBytes === undefined ? [] : [counted(this.maxBytes, "byte")])
    ].join(" and ")
    const total = counted(this.totalBytes, "byte")
    return `${name(this)} printed ${total} on ${this.stream}, more than its buffer keeps (${bounds}): ` +
      "raise the buffer, keep a tail, or stream the output"
  }
}

/**
 * Standard input could not be fed to its end, and the run would have succeeded otherwise.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class StdinFailed extends Data.TaggedError("StdinFailed")<{
  readonly program: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the standard input of ${name(this)} failed before its end: the program saw only a part of it`
  }
}

/**
 * The program did not become ready in time, or can never become ready. It was not killed.
 *
 * **Details**
 *
 * `last` is what was found at the last look. `ended` is why nobody waited longer: how the program had exited,
 * `"output"` where it had closed the stream that was looked at, or `"look"` where one look was all that was wanted;
 * `undefined` where the time was over. `said` is the last line that it had printed, on standard error where there is one.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class NotReady extends Data.TaggedError("NotReady")<{
  readonly program: string
  readonly within: Duration.Duration
  readonly last: string
  readonly ended?: Outcome.Exit | "output" | "look" | undefined
  readonly said?: string | undefined
}> {
  override get message(): string {
    const said = this.said === undefined || this.said === "" ? "" : `; it said: ${Text.shown(this.said)}`
    return `${name(this)} was not ready ${notReadyUntil(this)}: ${Text.shown(this.last)}${said}`
  }
}

const notReadyUntil = ({ ended, within }: Pick<NotReady, "ended" | "within">): string => {
  if (ended === undefined) return `within ${lasting(within)}`
  if (ended === "output") return "when its output ended"
  if (ended === "look") return "when it was looked at"
  return ended._tag === "Exited"
    ? `when it exited with code ${ended.code}`
    : `when it was killed by ${Text.shown(ended.signal)}`
}

/**
 * The output of a successful run could not be parsed.
 *
 * **Details**
 *
 * `cause` is what the parser said. It is not part of the message, since parsers quote their input.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class ParseFailed extends Data.TaggedError("ParseFailed")<{
  readonly program: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the output of ${name(this)} could not be parsed: the reason's cause says where`
  }
}

/**
 * The `AbortSignal` of the command fired. Nothing was started, or the tree is gone.
 *
 * **Details**
 *
 * `stop` says what was sent and whether `SIGKILL` was needed; `undefined` where nothing had been started.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class Cancelled extends Data.TaggedError("Cancelled")<{
  readonly program: string
  readonly stop: StopPolicy.Stop | undefined
}> {
  override get message(): string {
    return this.stop === undefined
      ? `${name(this)} was not started: it had been cancelled before`
      : `${name(this)} was cancelled and stopped`
  }
}

/**
 * A resource limit could not be put in force, so nothing was started.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class ResourceLimit extends Data.TaggedError("ResourceLimit")<{
  readonly limit: "memory" | "processes" | "cpus"
  readonly why: "invalid" | "unsupported" | "unenforceable"
  readonly detail: string
}> {
  override get message(): string {
    return `the limit on ${this.limit} is ${this.why} here: ${Text.shown(this.detail)}`
  }
}

/**
 * This platform or mechanism cannot do what was asked, so nothing was done.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class Unsupported extends Data.TaggedError("Unsupported")<{
  readonly feature: string
  readonly mechanism: Mechanism.Mechanism | undefined
  readonly detail: string
}> {
  override get message(): string {
    const where = this.mechanism === undefined ? "here" : `by the mechanism ${this.mechanism}`
    return `${Text.shown(this.feature)} is not supported ${where}: ${Text.shown(this.detail)}`
  }
}

/**
 * The process group was closing or closed.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class GroupClosed extends Data.TaggedError("GroupClosed")<{
  readonly operation: string
}> {
  override get message(): string {
    return `${
      Text.shown(this.operation)
    } was refused: the process group is closed; keep its scope open for as long as it is used`
  }
}

/**
 * A stream that can be consumed once was asked for a second time.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class AlreadyConsumed extends Data.TaggedError("AlreadyConsumed")<{
  readonly program: string
  readonly stream: "stdin" | "stdout" | "stderr"
}> {
  override get message(): string {
    return `the ${this.stream} of ${name(this)} was already consumed: it can be taken once`
  }
}

/**
 * The helper process that holds the children was lost, and with it their exit statuses.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class HostLost extends Data.TaggedError("HostLost")<{
  readonly program: string | undefined
  readonly detail: string
}> {
  override get message(): string {
    return `the process host of ${name(this)} was lost: ${Text.shown(this.detail)}`
  }
}

/**
 * Processes were still alive when the time after `SIGKILL` ran out.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class TeardownIncomplete extends Data.TaggedError("TeardownIncomplete")<{
  readonly program: string | undefined
  readonly pids: ReadonlyArray<number>
}> {
  override get message(): string {
    return `${name(this)} could not be ended: still alive after SIGKILL are the processes ${this.pids.join(", ")}`
  }
}

/**
 * A supervisor met a failure that waiting does not heal.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class GaveUp extends Data.TaggedError("GaveUp")<{
  readonly program: string
  readonly restarts: number
  readonly last: string
}> {
  override get message(): string {
    return `${name(this)} was given up after ${counted(this.restarts, "restart")}: ${Text.shown(this.last)}`
  }
}

/**
 * A supervised program failed too often in too short a time.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class RestartStorm extends Data.TaggedError("RestartStorm")<{
  readonly program: string
  readonly restarts: number
  readonly within: Duration.Duration
}> {
  override get message(): string {
    return `${name(this)} was restarted ${counted(this.restarts, "time")} within ${lasting(this.within)}`
  }
}

/**
 * A scripted runner has no rule for the command.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class Unscripted extends Data.TaggedError("Unscripted")<{
  readonly program: string
  readonly argumentCount: number
}> {
  override get message(): string {
    return `${name(this)} with ${counted(this.argumentCount, "argument")} is not scripted: add a rule or a fallback`
  }
}

/**
 * A replayed cassette has no entry for the command.
 *
 * **Details**
 *
 * `nearest` says in which positions the entry that comes closest differs, if there is one for this program.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class CassetteMiss extends Data.TaggedError("CassetteMiss")<{
  readonly program: string
  readonly cassette: string
  readonly nearest?: string | undefined
}> {
  override get message(): string {
    const nearest = this.nearest === undefined ? "" : ` (the nearest differs in ${Text.shown(this.nearest)})`
    return `the cassette ${Text.shown(this.cassette)} has no entry for this call of ${
      name(this)
    }${nearest}: record it again`
  }
}

/**
 * A cassette cannot be read as one.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class CassetteInvalid extends Data.TaggedError("CassetteInvalid")<{
  readonly cassette: string
  readonly problem: string
}> {
  override get message(): string {
    return `the cassette ${Text.shown(this.cassette)} is invalid: ${Text.shown(this.problem)}`
  }
}

/**
 * Input or output of the library itself failed: reading a pipe, opening a file, asking for the process table.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export class IoFailed extends Data.TaggedError("IoFailed")<{
  readonly program: string | undefined
  readonly operation: string
  readonly errno: string
}> {
  override get message(): string {
    return `${Text.shown(this.operation)} failed for ${name(this)}: ${Text.shown(this.errno)}`
  }
}

/**
 * Every reason a process can fail for.
 *
 * @stability experimental
 * @category reasons
 * @since 0.1.0
 */
export type Reason =
  | NotFound
  | SpawnFailed
  | InvalidCwd
  | PermissionDenied
  | ExecFormat
  | InvalidInput
  | ArgumentListTooLong
  | ResourceExhausted
  | NonZeroExit
  | Signaled
  | TimedOut
  | OutputTooLarge
  | StdinFailed
  | NotReady
  | ParseFailed
  | Cancelled
  | ResourceLimit
  | Unsupported
  | GroupClosed
  | AlreadyConsumed
  | HostLost
  | TeardownIncomplete
  | GaveUp
  | RestartStorm
  | Unscripted
  | CassetteMiss
  | CassetteInvalid
  | IoFailed

/**
 * The one error of this library.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 *
 * export const version = Command.run(Command.make("git", ["--version"])).pipe(
 *   Effect.catchReason("ProcessError", "NotFound", () => Effect.succeed("git is not installed"))
 * )
 * ```
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class ProcessError extends Data.TaggedError("ProcessError")<{ readonly reason: Reason }> {
  readonly [TypeId] = TypeId
  override get message(): string {
    return this.reason.message
  }
  /** The program the failure is about, where it is about one. */
  get program(): string | undefined {
    return "program" in this.reason ? this.reason.program : undefined
  }
  /** Whether the same command may succeed if it is run again later. */
  get isTransient(): boolean {
    return isTransientReason(this.reason)
  }
  override toJSON(): unknown {
    return { _tag: this._tag, message: this.message, reason: this.reason }
  }
  override [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * Tells whether a value is a `ProcessError`.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isProcessError = (u: unknown): u is ProcessError => Predicate.hasProperty(u, TypeId)

/**
 * Wraps a reason.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason): ProcessError => new ProcessError({ reason })

/**
 * Names the reason for a start that the operating system refused, for backends.
 *
 * **Details**
 *
 * `ENOENT` is taken for a program that was given as a path. `E2BIG` is left to the backend, which knows how much it was
 * (`ArgumentListTooLong`), and so is what a working directory was refused for (`InvalidCwd`).
 *
 * **Example** (What a third-party backend fails with)
 *
 * ```ts
 * import * as ProcessError from "processkit/ProcessError"
 *
 * const error = ProcessError.make(ProcessError.fromErrno("make", "EAGAIN"))
 * error.reason._tag // => "ResourceExhausted"
 * error.isTransient // => true
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromErrno = (program: string, errno: string): Reason => {
  if (errno === "ENOENT") return new NotFound({ program, searched: undefined })
  if (errno === "ENOEXEC") return new ExecFormat({ program, interpreter: undefined })
  if (errno === "EACCES" || errno === "EPERM") return new PermissionDenied({ program, errno })
  return shortages.has(errno) ? new ResourceExhausted({ program, errno }) : new SpawnFailed({ program, errno })
}

// -----------------------------------------------------------------------------

/** The system has no more of something at the moment. */
const shortages: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"])

const transientErrnos: ReadonlySet<string> = new Set(["EINTR", "EAGAIN", "EBUSY", "ETXTBSY"])

/** Only failures of the operating system to serve us now; never an exit code, never a deadline. */
const isTransientReason = (reason: Reason): boolean =>
  reason._tag === "ResourceExhausted" || reason._tag === "HostLost" ||
  ((reason._tag === "SpawnFailed" || reason._tag === "IoFailed") && transientErrnos.has(reason.errno))

const name = (reason: { readonly program: string | undefined }): string =>
  reason.program === undefined ? "the command" : Text.shown(reason.program)

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

const lasting = (duration: Duration.Duration): string => Duration.isZero(duration) ? "0ms" : Duration.format(duration)
