/** What supervision tells the outside: counters and log lines. Programs by name, never arguments or output. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { whole } from "./amounts.ts"
import { executableName } from "./telemetry.ts"

const restarts = Metric.counter("processkit_restarts_total", {
  description: "lives of supervised programs after their first",
  incremental: true
})

const stormPauses = Metric.counter("processkit_storm_pauses_total", {
  description: "pauses that a storm guard took",
  incremental: true
})

const livenessKills = Metric.counter("processkit_liveness_kills_total", {
  description: "programs killed because they were not healthy or not ready in time",
  incremental: true
})

export const spanAttributes = (program: string): Record<string, string> => ({
  "process.executable.name": executableName(program)
})

export const restart: Effect.Effect<void> = Metric.update(restarts, 1)

export const livenessKill: Effect.Effect<void> = Metric.update(livenessKills, 1)

/** Counts a pause, and warns: somebody ought to look at a program that fails so often. */
export const stormPause = (program: string, pause: Duration.Duration): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(stormPauses, 1),
    Effect.logWarning(
      `${executableName(program)} fails too often: its next start is put off by ${Duration.format(whole(pause))}`
    )
  )

/** Warns of processes that keep a supervised program from being started again. */
export const blocked = (program: string, survivors: ReadonlyArray<number>): Effect.Effect<void> =>
  Effect.logWarning(
    `${executableName(program)} is not started again while these of its processes are alive: ${survivors.join(", ")}`
  )
