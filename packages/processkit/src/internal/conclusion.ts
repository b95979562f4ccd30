/**
 * Decides what a finished run was: pure, and the only place where the ranks of the reasons are written down.
 *
 * What we did outranks what the dying process returned, and the first observer of the exit has decided by then what we
 * did. Cancellation outranks a deadline that fell into the same moment.
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Outcome from "../Outcome.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import * as ProcessResult from "../ProcessResult.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import { longestText } from "./keptText.ts"
import type { Overflow } from "./retention.ts"
import type { Ending } from "./stage.ts"

/** Why we ended a process, where we did. */
export type Intervention =
  | { readonly _tag: "Deadline"; readonly after: Duration.Duration; readonly kind: "deadline" | "inactivity" }
  | { readonly _tag: "Cancelled" }
  | { readonly _tag: "Overflow" }
  | { readonly _tag: "Stopped" }

/** The intervention that counts when a second one is asked for before the process has exited. */
export const outranking = (first: Intervention | undefined, second: Intervention): Intervention =>
  first === undefined || (second._tag === "Cancelled" && first._tag === "Deadline") ? second : first

/** The deadline that a backend says has passed; the command's own says after how long, and zero where it has none. */
export const deadlineOf = (
  report: Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>,
  { inactivityTimeout, timeout }: Readonly<Record<"timeout" | "inactivityTimeout", Duration.Duration | undefined>>
): Intervention | undefined => {
  const kind = Exit.isSuccess(report) ? report.value.deadline : undefined
  if (kind === undefined) return undefined
  const own = kind === "deadline" ? timeout : inactivityTimeout
  return { _tag: "Deadline", after: own ?? Duration.zero, kind }
}

/** How a process ended, once our own doing is taken into account. */
export const outcomeOf = (exit: Outcome.Exit, intervention: Intervention | undefined): Outcome.Outcome =>
  intervention?._tag === "Deadline"
    ? Outcome.timedOut({ after: intervention.after, kind: intervention.kind, exit })
    : exit

/** What the end of a process says to the others in its pipeline, before any output is looked at. */
export const endingOf = (
  exit: Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>,
  intervention: Intervention | undefined
): Ending =>
  Exit.isFailure(exit) || intervention?._tag === "Cancelled" ? "failed" : outcomeOf(exit.value.exit, intervention)

/** The failure of a run that the caller's `AbortSignal` ended. */
export const cancelled = (program: string, stop: StopPolicy.Stop | undefined): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.Cancelled({ program, stop }))

/** One stream at the end of a run. */
export interface StreamEnd {
  readonly name: "stdout" | "stderr"
  readonly errno: string | undefined
  readonly cut: boolean
  readonly dropped: Overflow | undefined
  readonly overflow: Overflow | undefined
  readonly totalBytes: number
}

/** Everything that is known when a run is over. */
export interface Facts<A> {
  readonly program: string
  readonly report: ProcessBackend.ExitReport
  readonly intervention: Intervention | undefined
  readonly stop: StopPolicy.Stop | undefined
  readonly streams: ReadonlyArray<StreamEnd>
  readonly stdinFailure: { readonly cause: unknown } | undefined
  readonly stdout: () => A
  readonly stderr: () => string
  readonly stderrBytes: (() => Uint8Array) | undefined
  readonly duration: Duration.Duration
  readonly leftovers: number
  readonly okCodes: ReadonlyArray<number>
  /** Whether a buffer that failed makes the run fail. */
  readonly overflowFails: boolean
  /** Whether a successful run also fails where its standard output is not all there. */
  readonly whole: boolean
}

export const conclude = <A>(
  facts: Facts<A>
): Result.Result<ProcessResult.ProcessResult<A>, ProcessError.ProcessError> => {
  if (facts.intervention?._tag === "Cancelled") return Result.fail(cancelled(facts.program, facts.stop))
  const failed = failureOf(facts)
  if (failed !== undefined) return Result.fail(ProcessError.make(failed))
  const texts = textsOf(facts)
  if (Result.isFailure(texts)) return Result.fail(ProcessError.make(texts.failure))
  const result = resultOf(facts, texts.success)
  const flaw = ProcessResult.isSuccess(result) ? flawOf(facts) : undefined
  return flaw === undefined ? Result.succeed(result) : Result.fail(ProcessError.make(flaw))
}

/** Both outputs; one that was kept without a bound may be longer than any text can be, and making it throws. */
const textsOf = <A>(
  facts: Facts<A>
): Result.Result<{ readonly stdout: A; readonly stderr: string }, ProcessError.Reason> => {
  const made = <T>(stream: "stdout" | "stderr", make: () => T) =>
    Result.mapError(Result.try(make), () => {
      const totalBytes = facts.streams.find(({ name }) => name === stream)?.totalBytes ?? longestText
      return new ProcessError.OutputTooLarge({
        program: facts.program,
        stream,
        maxLines: undefined,
        maxBytes: longestText,
        totalLines: undefined,
        totalBytes
      })
    })
  return Result.flatMap(
    made("stdout", facts.stdout),
    (stdout) => Result.map(made("stderr", facts.stderr), (stderr) => ({ stdout, stderr }))
  )
}

/** What keeps a run that has ended well from being a success. */
const flawOf = <A>({ program, stdinFailure, streams, whole }: Facts<A>): ProcessError.Reason | undefined => {
  if (stdinFailure !== undefined) return new ProcessError.StdinFailed({ program, ...stdinFailure })
  const dropped = whole ? streams.find(({ name }) => name === "stdout")?.dropped : undefined
  return dropped === undefined ? undefined : new ProcessError.OutputTooLarge({ program, stream: "stdout", ...dropped })
}

/** A failure that leaves no result to speak of. */
const failureOf = <A>(facts: Facts<A>): ProcessError.Reason | undefined => {
  const { program } = facts
  for (const { errno, name, overflow } of facts.streams) {
    if (overflow !== undefined && facts.overflowFails) {
      return new ProcessError.OutputTooLarge({ program, stream: name, ...overflow })
    }
    if (errno !== undefined) return new ProcessError.IoFailed({ program, operation: `reading ${name}`, errno })
  }
  return undefined
}

const resultOf = <A>(
  facts: Facts<A>,
  texts: { readonly stdout: A; readonly stderr: string }
): ProcessResult.ProcessResult<A> =>
  ProcessResult.make({
    program: facts.program,
    ...texts,
    outcome: outcomeOf(facts.report.exit, facts.intervention),
    duration: facts.duration,
    truncated: facts.streams.some((stream) => stream.dropped !== undefined),
    incomplete: facts.streams.some((stream) => stream.cut),
    leftovers: facts.leftovers,
    okCodes: facts.okCodes,
    ...(facts.stderrBytes === undefined ? {} : { stderrBytes: facts.stderrBytes() }),
    ...(facts.stop === undefined ? {} : { stop: facts.stop }),
    ...(facts.report.oomKilled === true ? { oomKilled: true } : {}),
    ...(facts.report.usage === undefined ? {} : { usage: facts.report.usage })
  })
