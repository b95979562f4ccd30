/**
 * What a run, a group and a teardown tell the outside: metrics, spans and log lines.
 *
 * Names and numbers only: programs by name, never arguments, variables, input or output.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Tracer from "effect/Tracer"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import * as Text from "./textHygiene.ts"

/**
 * A counter for each value of one attribute, made when the value first occurs and kept.
 *
 * Effect finds the series of a metric by a key, which it computes once for a metric that carries its attributes, but
 * with every update for one that gets them from `Metric.withAttributes`.
 */
const counters = (id: string, description: string, attribute: string): (value: string) => Metric.Counter<number> => {
  const made = new Map<string, Metric.Counter<number>>()
  return (value) => {
    const known = made.get(value)
    if (known !== undefined) return known
    const counter = Metric.counter(id, { description, incremental: true, attributes: { [attribute]: value } })
    made.set(value, counter)
    return counter
  }
}

const spawns = counters("processkit_spawns_total", "processes started, by mechanism", "mechanism")

const runs = counters("processkit_runs_total", "runs ended, by outcome", "outcome")

const duration = Metric.timer("processkit_run_duration", { description: "time from start to end of a run" })

const teardowns = counters("processkit_teardowns_total", "process trees ended, by how", "how")

const retries = counters(
  "processkit_retries_total",
  "attempts of a verb after its first, by the reason that the one before failed with",
  "reason"
)

const exhausted = counters(
  "processkit_retries_exhausted_total",
  "verbs that were tried again and failed all the same, by the reason of their last failure",
  "reason"
)

/** The program as it may be shown: its last path segment, on one line. */
export const executableName = (program: string): string =>
  Text.shown(program.slice(Math.max(program.lastIndexOf("/"), program.lastIndexOf("\\")) + 1))

/** OpenTelemetry's names for a process (semantic conventions 1.27, registry "process"). */
export const startAttributes = (program: string): Record<string, string> => ({
  "process.executable.name": executableName(program)
})

/**
 * Tells something from a callback, where nobody would catch what a tracer of the user's throws: the program of a run must
 * not lose its owner because of it, nor the owner end.
 */
const telling = (context: Context.Context<never>, tell: () => void): void => {
  const told = Result.try(tell)
  if (Result.isSuccess(told)) return
  Effect.runForkWith(context)(
    Effect.logWarning("a tracer or a metric threw, and a run is told of in part", told.failure)
  )
}

/** Counts a start; synchronous, since a run is driven by callbacks. */
export const started = (
  context: Context.Context<never>,
  span: Tracer.Span,
  mechanism: string,
  pid: number | undefined
): void =>
  telling(context, () => {
    spawns(mechanism).updateUnsafe(1, context)
    if (pid !== undefined) span.attribute("process.pid", pid)
  })

/** Counts a detached start, of which nothing else will be known. */
export const detached = (mechanism: string, pid: number): Effect.Effect<void> =>
  Effect.andThen(Metric.update(spawns(mechanism), 1), Effect.annotateCurrentSpan("process.pid", pid))

/** Counts the end of a run and writes it on the run's span. */
export const ended = (
  context: Context.Context<never>,
  span: Tracer.Span,
  outcome: Outcome.Outcome,
  elapsed: Duration.Duration
): void =>
  telling(context, () => {
    runs(outcome._tag).updateUnsafe(1, context)
    duration.updateUnsafe(elapsed, context)
    const exit = outcome._tag === "TimedOut" ? outcome.exit : outcome
    if (exit._tag === "Exited") span.attribute("process.exit.code", exit.code)
    else span.attribute("processkit.exit.signal", exit.signal)
    span.attribute("processkit.outcome", outcome._tag)
  })

/** Ends the span of a run, or of a start that failed. */
export const endSpan = (
  context: Context.Context<never>,
  span: Tracer.Span,
  clock: Clock.Clock,
  exit: Exit.Exit<unknown, unknown>
): void => telling(context, () => span.end(clock.currentTimeNanosUnsafe(), exit))

/** Counts an attempt that follows a failed one. The tag of a reason is one of a few dozen words, and quotes nothing. */
export const retry = ({ reason }: ProcessError.ProcessError): Effect.Effect<void> =>
  Metric.update(retries(reason._tag), 1)

/** Counts a failure that all attempts after the first have left. */
export const retriesExhausted = ({ reason }: ProcessError.ProcessError): Effect.Effect<void> =>
  Metric.update(exhausted(reason._tag), 1)

/** Counts the end of a tree, and warns of those who could not be ended. */
export const teardown = (report: StopPolicy.ShutdownReport, insisted: boolean): Effect.Effect<void> => {
  const left = report.survivors.length
  const how = left > 0
    ? (insisted ? "incomplete" : "spared")
    : report.forced
    ? "killed"
    : report.members > 0
    ? "drained"
    : "empty"
  const count = Metric.update(teardowns(how), 1)
  return how === "incomplete"
    ? Effect.andThen(count, Effect.logWarning(`processes still alive after SIGKILL: ${report.survivors.join(", ")}`))
    : count
}
