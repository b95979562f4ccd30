/**
 * What a run, a group and a teardown tell the outside: metrics, spans and log lines.
 *
 * Names and numbers only: programs by name, never arguments, variables, input or output.
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Tracer from "effect/Tracer"
import type * as Outcome from "../Outcome.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import * as Text from "./textHygiene.ts"

const spawns = Metric.counter("processkit_spawns_total", {
  description: "processes started, by mechanism",
  incremental: true
})

const runs = Metric.counter("processkit_runs_total", {
  description: "runs ended, by outcome",
  incremental: true
})

const duration = Metric.timer("processkit_run_duration", { description: "time from start to end of a run" })

const teardowns = Metric.counter("processkit_teardowns_total", {
  description: "process trees ended, by how",
  incremental: true
})

/** The program as it may be shown: its last path segment, on one line. */
export const executableName = (program: string): string =>
  Text.shown(program.slice(Math.max(program.lastIndexOf("/"), program.lastIndexOf("\\")) + 1))

/** OpenTelemetry's names for a process (semantic conventions 1.27, registry "process"). */
export const startAttributes = (program: string): Record<string, string> => ({
  "process.executable.name": executableName(program)
})

/** Counts a start; synchronous, since a run is driven by callbacks. */
export const started = (
  context: Context.Context<never>,
  span: Tracer.Span,
  mechanism: string,
  pid: number | undefined
): void => {
  Metric.withAttributes(spawns, { mechanism }).updateUnsafe(1, context)
  if (pid !== undefined) span.attribute("process.pid", pid)
}

/** Counts the end of a run and writes it on the run's span. */
export const ended = (
  context: Context.Context<never>,
  span: Tracer.Span,
  outcome: Outcome.Outcome,
  elapsed: Duration.Duration
): void => {
  Metric.withAttributes(runs, { outcome: outcome._tag }).updateUnsafe(1, context)
  duration.updateUnsafe(elapsed, context)
  const exit = outcome._tag === "TimedOut" ? outcome.exit : outcome
  if (exit._tag === "Exited") span.attribute("process.exit.code", exit.code)
  else span.attribute("processkit.exit.signal", exit.signal)
  span.attribute("processkit.outcome", outcome._tag)
}

export const teardown = (report: StopPolicy.ShutdownReport): Effect.Effect<void> => {
  const how = report.survivors.length > 0
    ? "incomplete"
    : report.forced
    ? "killed"
    : report.members > 0
    ? "drained"
    : "empty"
  const count = Metric.update(Metric.withAttributes(teardowns, { how }), 1)
  return report.survivors.length === 0 ? count : Effect.andThen(
    count,
    Effect.logWarning(`processes still alive after SIGKILL: ${report.survivors.join(", ")}`)
  )
}
