/** The order in which the parts of a policy are asked about an attempt, as one schedule. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Attempt from "../Attempt.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as ProcessResult from "../ProcessResult.ts"
import type * as SupervisionOutcome from "../SupervisionOutcome.ts"
import type * as Supervisor from "../Supervisor.ts"
import * as Rules from "./supervisionRules.ts"

type Decision = Supervisor.Decision

/** A policy with everything that it asks always. */
export interface Policy<E, R> extends Supervisor.Policy<E, R> {
  readonly restart: NonNullable<Supervisor.Policy<E, R>["restart"]>
  readonly giveUpWhen: NonNullable<Supervisor.Policy<E, R>["giveUpWhen"]>
  readonly backoff: NonNullable<Supervisor.Policy<E, R>["backoff"]>
}

/** Gives the wait that a schedule asks for, or nothing where it has ended. */
type Wait<E, R> = (now: number, attempt: Attempt.Attempt) => Effect.Effect<Duration.Duration | undefined, E, R>

/** What a policy has become for one driver: schedules with a memory, and a count. */
interface Judge<E, R> {
  readonly stopWhen: Policy<E, R>["stopWhen"]
  readonly restart: Wait<ProcessError.ProcessError | E, R>
  readonly giveUpWhen: Policy<E, R>["giveUpWhen"]
  readonly maxRestarts: number
  readonly guard: Wait<ProcessError.ProcessError | E, R> | undefined
  readonly backoff: Wait<ProcessError.ProcessError | E, R>
  restarts: number
}

/** Makes the schedule that decides about the next life. */
export const schedule = <E, R>(
  policy: Policy<E, R>
): Schedule.Schedule<Decision, Attempt.Attempt, ProcessError.ProcessError | E, R> =>
  Schedule.fromStep(
    Effect.map(judgeOf(policy), (judge) => (now: number, attempt: Attempt.Attempt) => decide(judge, now, attempt))
  )

const judgeOf = Effect.fnUntraced(function*<E, R>(
  { backoff, giveUpWhen, maxRestarts, restart, stopWhen, stormGuard }: Policy<E, R>
): Effect.fn.Return<Judge<E, R>, ProcessError.ProcessError, R> {
  return {
    stopWhen,
    restart: yield* waitOf(restart),
    giveUpWhen,
    maxRestarts: yield* Effect.fromResult(Rules.maxRestarts(maxRestarts)),
    guard: stormGuard === undefined ? undefined : yield* waitOf(stormGuard),
    backoff: yield* waitOf(backoff),
    restarts: 0
  }
})

/** Nobody is asked who need not be, and no wait is taken before everybody was. */
const decide = Effect.fnUntraced(function*<E, R>(
  judge: Judge<E, R>,
  now: number,
  attempt: Attempt.Attempt
): Effect.fn.Return<[Decision, Duration.Duration], ProcessError.ProcessError | E | Cause.Done<Decision>, R> {
  const { giveUpWhen, guard, stopWhen } = judge
  if (stopWhen !== undefined && hasEndedByItself(attempt) && (yield* answer(stopWhen(attempt.result)))) {
    return yield* stop("Predicate")
  }
  if ((yield* judge.restart(now, attempt)) === undefined) {
    return yield* stop(attempt.kind === "liveness" ? "Unhealthy" : "PolicySatisfied")
  }
  if (Attempt.isFailure(attempt) && (yield* answer(giveUpWhen(attempt)))) return yield* stop("GaveUp")
  if (judge.restarts >= judge.maxRestarts) return yield* stop("RestartsExhausted")
  const pause = guard === undefined ? Duration.zero : yield* guard(now, attempt)
  if (pause === undefined) return yield* stop("GaveUp")
  const delay = yield* judge.backoff(now, attempt)
  if (delay === undefined) return yield* stop("RestartsExhausted")
  judge.restarts++
  return [{ _tag: "Restart", pause, delay }, Duration.sum(pause, delay)]
})

/** Gives a driver of a schedule that is asked for its waits alone. */
export const waitOf = <E, R>(
  schedule: Schedule.Schedule<unknown, Attempt.Attempt, E, R>
): Effect.Effect<Wait<E, R>, never, R> =>
  Effect.map(Schedule.toStep(schedule), (step): Wait<E, R> => (now, attempt) =>
    step(now, attempt).pipe(
      Effect.map(([, wait]): Duration.Duration | undefined => wait),
      Pull.catchDone(() => Effect.succeed(undefined))
    ))

const stop = (reason: SupervisionOutcome.Reason): Effect.Effect<never, Cause.Done<Decision>> =>
  Cause.done<Decision>({ _tag: "Stop", reason })

const answer = <E, R>(given: Supervisor.Answer<E, R>): Effect.Effect<boolean, E, R> =>
  typeof given === "boolean" ? Effect.succeed(given) : given

const hasEndedByItself = (
  attempt: Attempt.Attempt
): attempt is Attempt.Attempt & { readonly result: ProcessResult.ProcessResult<string> } =>
  attempt.kind !== "liveness" && attempt.result !== undefined
