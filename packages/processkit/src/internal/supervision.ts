/**
 * Keeps a program alive: one life after the other, until the schedule ends or somebody says so.
 *
 * One fiber does everything, in a loop that holds the last attempt and nothing else of the past. It looks at what is
 * asked of it after every wait: a request to stop that comes while a program is being started finds the program up and
 * ends it, and no start follows.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Attempt from "../Attempt.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import type * as SupervisionEvent from "../SupervisionEvent.ts"
import type * as SupervisionOutcome from "../SupervisionOutcome.ts"
import type * as Supervisor from "../Supervisor.ts"
import * as Conclusion from "./conclusion.ts"
import * as Incarnation from "./incarnation.ts"
import * as RestartDecision from "./restartDecision.ts"
import * as SteadyTime from "./steadyTime.ts"
import { Control } from "./supervisionControl.ts"
import { Ledger } from "./supervisionLedger.ts"
import * as Telemetry from "./supervisionTelemetry.ts"

type Decision = Supervisor.Decision

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
  /** Asked when there will be another life, before the wait for it; answers what it has to pause besides. */
  readonly onRestart: (
    attempt: Attempt.Attempt,
    control: Control
  ) => Effect.Effect<Duration.Duration, ProcessError.ProcessError | E, R>
  readonly onEvent: (event: SupervisionEvent.SupervisionEvent) => void
}

/** A supervision under way. */
export interface Supervision<E> extends Incarnation.Keeper<E> {
  readonly control: Control
  readonly ledger: Ledger<E>
}

type Outcome = SupervisionOutcome.SupervisionOutcome

type Environment<R> = Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner

/**
 * Begins to supervise, in a fiber that the scope ends; with it ends the program.
 *
 * The fiber is born with the context in which all lives are led. Whoever changes the context of a running fiber leaves a
 * frame that puts it back, and such a frame would stay for as long as the supervision does.
 */
export const begin = Effect.fnUntraced(function*<E, R>(
  plan: Plan<E, R>
): Effect.fn.Return<Supervision<E>, never, Environment<R> | Scope.Scope> {
  const self = { control: new Control(), ledger: new Ledger<E>(plan.command.program, plan.membership?.onEvent) }
  const caller = yield* Effect.scope
  const span = yield* Effect.makeSpan("processkit.supervisor", {
    attributes: Telemetry.spanAttributes(self.ledger.program)
  })
  const began = yield* Clock.monotonicTimeNanos
  const own = Scope.makeUnsafe()
  yield* supervise(self, plan).pipe(
    Effect.onExit((exit) => Scope.close(own, exit)),
    Effect.onExit((exit) => concluded(self, span, began, exit)),
    Effect.forkIn(caller, { startImmediately: true }),
    Effect.provideService(Tracer.ParentSpan, span),
    Scope.provide(own)
  )
  return self
})

const concluded = <E>(
  { control, ledger }: Supervision<E>,
  span: Tracer.Span,
  began: bigint,
  exit: Parameters<Ledger<E>["concluded"]>[0]
): Effect.Effect<void> =>
  Effect.map(Clock.Clock, (clock) => {
    control.end()
    span.end(clock.currentTimeNanosUnsafe(), exit)
    ledger.concluded(exit, Duration.nanos(clock.monotonicTimeNanosUnsafe() - began))
  })

const supervise = Effect.fnUntraced(function*<E, R>(
  self: Supervision<E>,
  plan: Plan<E, R>
): Effect.fn.Return<Outcome, ProcessError.ProcessError | E, R | ProcessRunner.ProcessRunner | Scope.Scope> {
  const { control, ledger } = self
  const { membership } = plan
  const step = yield* Schedule.toStep(plan.schedule)
  const now = yield* SteadyTime.begin
  let isRestart = false
  while (true) {
    yield* unlessCancelled(plan, control.park(() => ledger.held()))
    if (membership !== undefined) {
      ledger.held()
      yield* control.unlessDisturbed(unlessCancelled(plan, membership.gate))
    }
    if (control.isStopping) return ledger.outcome("Stopped")
    // Others may have been told that nothing starts any more while this one waited for them.
    if (control.isAsked || control.isHeld) continue
    if (isRestart) {
      yield* Telemetry.restart
      ledger.restarted()
      isRestart = false
    }
    const attempt = yield* Incarnation.live(self, plan)
    if (control.isStopping) return ledger.outcome("Stopped")
    if (attempt === undefined) continue
    const decision = yield* unlessStopped(self, plan, decide(step, now(), attempt))
    if (decision === undefined) return ledger.outcome("Stopped")
    if (decision._tag === "Stop") return yield* conclude(ledger, attempt, decision.reason)
    const more = membership === undefined
      ? Duration.zero
      : yield* unlessStopped(self, plan, membership.onRestart(attempt, control))
    if (more === undefined) return ledger.outcome("Stopped")
    yield* rest(self, plan, { ...decision, pause: Duration.sum(decision.pause, more) })
    if (control.isStopping) return ledger.outcome("Stopped")
    isRestart = true
  }
})

/** How a supervision ends, for as many as ask. */
export const outcomeOf = <E>(ledger: Ledger<E>): Effect.Effect<Outcome, ProcessError.ProcessError | E> =>
  Deferred.await(ledger.conclusion)

type Step<E, R> = (
  now: number,
  attempt: Attempt.Attempt
) => Pull.Pull<[Decision, Duration.Duration], ProcessError.ProcessError | E, Decision, R>

/** Repeats an effect as if it were a program, for as long as the schedule says. Ends as the last life did. */
export const repeat = Effect.fnUntraced(function*<A, E, R, E2, R2>(
  self: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<Decision, Attempt.Attempt, E2, R2>
): Effect.fn.Return<A, E | E2, R | R2> {
  const wait = yield* RestartDecision.waitOf(schedule)
  const now = yield* SteadyTime.begin
  while (true) {
    const began = yield* Clock.monotonicTimeNanos
    const exit = yield* Effect.exit(self)
    const error = Exit.isSuccess(exit) ? undefined : Result.getOrUndefined(Cause.findError(exit.cause))
    if (Exit.isFailure(exit) && !mayPass(error)) return yield* exit
    const uptime = Duration.nanos((yield* Clock.monotonicTimeNanos) - began)
    const life = Attempt.ofEffect("effect", uptime, ProcessError.isProcessError(error) ? error : undefined)
    const rest = yield* wait(now(), life)
    if (rest === undefined) return yield* exit
    yield* Effect.sleep(rest)
  }
})

/** What may be different next time: a failure of a process, and not that its caller has cancelled it. */
const mayPass = (error: unknown): error is ProcessError.ProcessError =>
  ProcessError.isProcessError(error) && error.reason._tag !== "Cancelled"

/**
 * Waits for something that is begun once, and gives nothing where a stop comes first. Whoever is held meanwhile has
 * nothing up, and waits on when it is released: what was asked is answered, and what is left of a delay is kept.
 */
const unlessStopped = Effect.fnUntraced(function*<A, E, R, E2, R2>(
  { control }: Supervision<E>,
  plan: Plan<E, R>,
  effect: Effect.Effect<A, E2, R2>
): Effect.fn.Return<A | undefined, ProcessError.ProcessError | E2, R2> {
  const waiting = yield* Effect.forkChild(unlessCancelled(plan, effect), { startImmediately: true })
  const over = Effect.gen(function*() {
    while (true) {
      const exit = yield* control.unlessDisturbed(Fiber.await(waiting))
      if (control.isStopping) return undefined
      if (exit !== undefined) return yield* exit
      yield* unlessCancelled(plan, control.park())
    }
  })
  return yield* Effect.ensuring(over, Fiber.interrupt(waiting))
})

/** A cancelled program is not for the schedule to decide about: its caller has decided. */
const decide = <E, R>(
  step: Step<E, R>,
  now: number,
  attempt: Attempt.Attempt
): Effect.Effect<Decision, ProcessError.ProcessError | E, R> => {
  if (attempt.error?.reason._tag === "Cancelled") return Effect.fail(attempt.error)
  return step(now, attempt).pipe(
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

/** Waits before the next life; a stop and a cancellation end the wait. */
const rest = Effect.fnUntraced(function*<E, R>(
  self: Supervision<E>,
  plan: Plan<E, R>,
  { delay, pause }: Extract<Decision, { readonly _tag: "Restart" }>
): Effect.fn.Return<void, ProcessError.ProcessError> {
  const { ledger } = self
  ledger.restarting(pause, delay)
  if (!Duration.isZero(pause)) {
    ledger.waiting("pausing")
    yield* Telemetry.stormPause(ledger.program, pause)
  }
  const backOff = Effect.suspend(() => {
    ledger.waiting("waiting")
    return Effect.sleep(delay)
  })
  const wait = Duration.isZero(pause) ? backOff : Effect.andThen(Effect.sleep(pause), backOff)
  yield* unlessStopped(self, plan, wait)
})

/** Waits for something, and fails where the command's own signal fires first. */
const unlessCancelled = <A, E, R>(
  { cancelOn, command }: Pick<Plan<never, never>, "cancelOn" | "command">,
  wait: Effect.Effect<A, E, R>
): Effect.Effect<A, ProcessError.ProcessError | E, R> =>
  cancelOn === undefined ? wait : Effect.raceFirst(wait, aborted(cancelOn, command.program))

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
