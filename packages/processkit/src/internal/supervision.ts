/**
 * Keeps a program alive: one life after the other, until the schedule ends or somebody says so.
 *
 * One fiber does everything, in a loop that holds the last attempt and nothing else of the past. It looks at what is
 * asked of it after every wait: a request to stop that comes while a program is being started finds the program up and
 * ends it, and no start follows.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Attempt from "../Attempt.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import type * as SupervisionEvent from "../SupervisionEvent.ts"
import type * as SupervisionOutcome from "../SupervisionOutcome.ts"
import * as Conclusion from "./conclusion.ts"
import * as Incarnation from "./incarnation.ts"
import { Control } from "./supervisionControl.ts"
import { Ledger } from "./supervisionLedger.ts"
import * as Telemetry from "./supervisionTelemetry.ts"

/** What comes after an attempt. */
export type Decision =
  | { readonly _tag: "Restart"; readonly pause: Duration.Duration; readonly delay: Duration.Duration }
  | { readonly _tag: "Stop"; readonly reason: SupervisionOutcome.Reason }

/** Everything a supervision needs to know, checked. */
export interface Plan<E, R> extends Incarnation.Plan<R> {
  readonly schedule: Schedule.Schedule<Decision, Attempt.Attempt, ProcessError.ProcessError | E, R>
  readonly cancelOn: AbortSignal | undefined
  /** What a group does about a member. */
  readonly membership?: Membership<E, R> | undefined
}

/** A program that is one of a group. */
export interface Membership<E, R> {
  /** Waited for before each start: others that have to be ready. */
  readonly gate: Effect.Effect<void, ProcessError.ProcessError | E, R>
  /** Asked when there will be another life, before the wait for it. */
  readonly onRestart: (
    attempt: Attempt.Attempt,
    control: Control
  ) => Effect.Effect<void, ProcessError.ProcessError | E, R>
  readonly onEvent: (event: SupervisionEvent.SupervisionEvent) => void
}

/** A supervision under way. */
export interface Supervision<E> extends Incarnation.Keeper<E> {
  readonly control: Control
  readonly ledger: Ledger<E>
}

type Outcome = SupervisionOutcome.SupervisionOutcome

type Environment<R> = Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner

/** Begins to supervise, in a fiber that the scope ends; with it ends the program. */
export const begin = Effect.fnUntraced(function*<E, R>(
  plan: Plan<E, R>
): Effect.fn.Return<Supervision<E>, never, Environment<R> | Scope.Scope> {
  const self = { control: new Control(), ledger: new Ledger<E>(plan.command.program, plan.membership?.onEvent) }
  const began = yield* Clock.monotonicTimeNanos
  const concluded = (exit: Parameters<Ledger<E>["concluded"]>[0]) =>
    Effect.map(Clock.monotonicTimeNanos, (now) => {
      self.control.end()
      self.ledger.concluded(exit, Duration.nanos(now - began))
    })
  yield* supervise(self, plan).pipe(
    Effect.withSpan("processkit.supervisor", { attributes: Telemetry.spanAttributes(self.ledger.program) }),
    Effect.onExit(concluded),
    Effect.forkScoped({ startImmediately: true })
  )
  return self
})

const supervise = <E, R>(
  self: Supervision<E>,
  plan: Plan<E, R>
): Effect.Effect<Outcome, ProcessError.ProcessError | E, Environment<R>> =>
  Effect.scoped(Effect.gen(function*() {
    const { control, ledger } = self
    const { membership } = plan
    const step = yield* Schedule.toStep(plan.schedule)
    while (true) {
      yield* control.park(() => ledger.held())
      if (membership !== undefined) {
        ledger.held()
        yield* control.unlessDisturbed(membership.gate)
      }
      if (control.isStopping) return ledger.outcome("Stopped")
      if (control.isAsked) continue
      const attempt = yield* Incarnation.live(self, plan)
      if (control.isStopping) return ledger.outcome("Stopped")
      if (attempt === undefined) continue
      const decision = yield* control.unlessDisturbed(decide(step, attempt))
      if (control.isStopping) return ledger.outcome("Stopped")
      if (decision === undefined) continue
      if (decision._tag === "Stop") return yield* conclude(ledger, attempt, decision.reason)
      if (membership !== undefined) yield* control.unlessDisturbed(membership.onRestart(attempt, control))
      yield* rest(self, plan, decision)
      if (control.isStopping) return ledger.outcome("Stopped")
      ledger.restarted()
      yield* Telemetry.restart
    }
  }))

/** How a supervision ends, for as many as ask. */
export const outcomeOf = <E>(ledger: Ledger<E>): Effect.Effect<Outcome, ProcessError.ProcessError | E> =>
  Deferred.await(ledger.conclusion)

type Step<E, R> = (
  now: number,
  attempt: Attempt.Attempt
) => Pull.Pull<[Decision, Duration.Duration], ProcessError.ProcessError | E, Decision, R>

/** A cancelled program is not for the schedule to decide about: its caller has decided. */
const decide = <E, R>(
  step: Step<E, R>,
  attempt: Attempt.Attempt
): Effect.Effect<Decision, ProcessError.ProcessError | E, R> => {
  if (attempt.error?.reason._tag === "Cancelled") return Effect.fail(attempt.error)
  return Effect.flatMap(Clock.currentTimeMillis, (now) => step(now, attempt)).pipe(
    Effect.map(([decision]) => decision),
    Pull.catchDone((decision) => Effect.succeed(decision as Decision))
  )
}

/** Supervision that ends with a failed start has no result to end with, and fails as the start did. */
const conclude = <E>(
  ledger: Ledger<E>,
  { error }: Attempt.Attempt,
  reason: SupervisionOutcome.Reason
): Effect.Effect<Outcome, ProcessError.ProcessError> =>
  error === undefined ? Effect.succeed(ledger.outcome(reason)) : Effect.fail(error)

/** Waits before the next life; any request and a cancellation end the wait. */
const rest = <E, R>(
  { control, ledger }: Supervision<E>,
  { cancelOn }: Plan<E, R>,
  { delay, pause }: Extract<Decision, { readonly _tag: "Restart" }>
): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.gen(function*() {
    ledger.restarting(pause, delay)
    if (!Duration.isZero(pause)) {
      ledger.waiting("pausing")
      yield* Telemetry.stormPause(ledger.program, pause)
    }
    const wait = Effect.gen(function*() {
      if (!Duration.isZero(pause)) yield* Effect.sleep(pause)
      ledger.waiting("waiting")
      yield* Effect.sleep(delay)
    })
    yield* control.unlessDisturbed(
      cancelOn === undefined ? wait : Effect.raceFirst(wait, aborted(cancelOn, ledger.program))
    )
  })

/** Fails when a signal fires. */
const aborted = (signal: AbortSignal, program: string): Effect.Effect<never, ProcessError.ProcessError> =>
  Effect.callback((resume) => {
    const ignore = () => signal.removeEventListener("abort", onAbort)
    const onAbort = () => {
      ignore()
      resume(Effect.fail(Conclusion.cancelled(program, undefined)))
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener("abort", onAbort)
    return Effect.sync(ignore)
  })
