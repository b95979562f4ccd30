/** What tests of supervision share: attempts, schedules driven by hand, programs by turns, and numbers of every kind. */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Attempt from "processkit/Attempt"
import * as Outcome from "processkit/Outcome"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessResult from "processkit/ProcessResult"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { intBetween } from "./arbitraries.ts"

const result = (outcome: Outcome.Outcome, uptime: number): ProcessResult.ProcessResult<string> =>
  ProcessResult.make({ program: "job", stdout: "", stderr: "", outcome, duration: Duration.millis(uptime) })

/** An attempt that ended with a code after some milliseconds. */
export const exited = (code: number, uptime = 0): Attempt.Attempt =>
  Attempt.completed(result(Outcome.exited(code), uptime))

export const clean = (uptime = 0): Attempt.Attempt => exited(0, uptime)

export const crash = (uptime = 0): Attempt.Attempt => exited(1, uptime)

export const unhealthy = (uptime = 0): Attempt.Attempt =>
  Attempt.unhealthy(result(Outcome.signaled("SIGKILL", 9), uptime))

/** An attempt that did not begin, for a reason that may pass. */
export const exhausted: Attempt.Attempt = Attempt.failed(
  "job",
  ProcessError.make(new ProcessError.ResourceExhausted({ program: "job", errno: "EMFILE" }))
)

export const missing: Attempt.Attempt = Attempt.failed(
  "job",
  ProcessError.make(new ProcessError.NotFound({ program: "job", searched: [] }))
)

/** What a schedule said to one attempt: an output and a wait in milliseconds, its last output, or why it failed. */
export type Said<A> =
  | { readonly wait: number; readonly output: A }
  | { readonly done: A }
  | { readonly failed: string }

/** Shows attempts to a schedule one after the other, some milliseconds after the one before, until it ends. */
export const drive = <A, R>(
  schedule: Schedule.Schedule<A, Attempt.Attempt, ProcessError.ProcessError, R>,
  attempts: ReadonlyArray<readonly [gap: number, attempt: Attempt.Attempt]>
): Effect.Effect<Array<Said<A>>, never, R> =>
  Effect.gen(function*() {
    const step = yield* Schedule.toStep(schedule)
    const said: Array<Said<A>> = []
    for (const [gap, attempt] of attempts) {
      yield* TestClock.adjust(gap)
      const exit = yield* Effect.exit(step(0, attempt))
      if (Exit.isSuccess(exit)) {
        said.push({ output: exit.value[0], wait: Duration.toMillis(exit.value[1]) })
        continue
      }
      const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
      said.push(
        Cause.isDone(error) ? { done: error.value as A } : { failed: (error as ProcessError.ProcessError).reason._tag }
      )
      break
    }
    return said
  })

/** The waits that a schedule gave, in milliseconds. */
export const waits = <A>(said: ReadonlyArray<Said<A>>): Array<number> =>
  said.flatMap((one) => "wait" in one ? [one.wait] : [])

/** Numbers of every kind, with those that break arithmetic more often than chance would give. */
export const anyNumber: Arbitrary.Arbitrary<number> = Arbitrary.map(
  Arbitrary.all([intBetween(0, 40), intBetween(0, 100_000)]),
  ([kind, number]) => odd[kind] ?? number / 7
)

const odd = [NaN, Infinity, -Infinity, 1e308, 5e-324, -1, -0, 0, Number.MAX_SAFE_INTEGER, 0.5, 1, 2, 1.0001]

/** Durations from nothing to ten years, in milliseconds. */
export const anyWait: Arbitrary.Arbitrary<number> = Arbitrary.map(
  Arbitrary.all([intBetween(0, 12), intBetween(0, 1_000_000)]),
  ([kind, number]) => [0, 1e-3, 1, 315_619_200_000][kind] ?? number / 3
)

export const anyFactor: Arbitrary.Arbitrary<number> = Arbitrary.map(
  Arbitrary.all([intBetween(0, 6), intBetween(100, 500)]),
  ([kind, number]) => [1, 1e308, 1.000001][kind] ?? number / 100
)

/** A random number from 0 up to 1. */
export const draw: Arbitrary.Arbitrary<number> = Arbitrary.map(intBetween(0, 999_999), (number) => number / 1_000_000)

export const pick = <const A extends string>(items: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.schema(Schema.Literals(items))

/** A program that behaves differently each time it is started; the last behaviour repeats. */
export const byTurns = (...turns: readonly [Program, ...Array<Program>]): Program => {
  let started = 0
  const next = (): Program => turns[Math.min(started++, turns.length - 1)] as Program
  return { main: (io) => Effect.suspend(() => next().main(io)) }
}

/** A program that exits with a code after some milliseconds. */
export const exitsAfter = (millis: number, code: number): Program => ({
  main: () => Effect.as(Effect.sleep(millis), Outcome.exited(code))
})

/** A program that runs until it is ended. */
export const runsOn: Program = { main: () => Effect.never }
