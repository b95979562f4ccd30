/** One life of a supervised program, from its start until nothing of its tree is left. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Attempt from "../Attempt.ts"
import type * as Command from "../Command.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessResult from "../ProcessResult.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as HealthWatch from "./healthWatch.ts"
import type { Control } from "./supervisionControl.ts"
import type { Ledger } from "./supervisionLedger.ts"
import * as Telemetry from "./supervisionTelemetry.ts"

type Running = RunningProcess.RunningProcess

/** What is run, and how it is looked after. */
export interface Plan<R> {
  readonly command: Command.Command
  readonly health: ((running: Running) => HealthWatch.Plan<R>) | undefined
  readonly ready: ((running: Running) => Effect.Effect<unknown, unknown, R>) | undefined
}

/** Who lives it: what is known about the supervision, and what is asked of it. */
export interface Keeper<E> {
  readonly ledger: Ledger<E>
  readonly control: Control
}

/** Why a program is killed by its supervisor. */
type Verdict = HealthWatch.Verdict & {
  readonly probe: "health" | "ready"
  /** Why readiness could not even be looked for. */
  readonly error?: ProcessError.ProcessError | undefined
}

const atOnce = { signal: "SIGKILL", grace: 0 } as const

/** How often those who outlived `SIGKILL` are looked for. */
const vigil = Duration.seconds(1)

/**
 * Lives one life, and gives nothing where the supervisor was asked to end it: then there is nothing to decide.
 *
 * The program and everything it started is gone when this returns, since the next life must not meet the processes,
 * ports and locks of the last one.
 */
export const live = <E, R>(
  keeper: Keeper<E>,
  plan: Plan<R>
): Effect.Effect<
  Attempt.Attempt | undefined,
  ProcessError.ProcessError,
  Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner
> =>
  Effect.scoped(Effect.gen(function*() {
    const { control, ledger } = keeper
    ledger.starting()
    const runner = yield* ProcessRunner.ProcessRunner
    const started = yield* Effect.result(runner.start(plan.command, { overflow: "ignore" }))
    if (Result.isFailure(started)) {
      ledger.startFailed(started.failure)
      return Attempt.failed(ledger.program, started.failure)
    }
    const running = control.running = started.success
    ledger.started(running)
    const leave = Effect.sync(() => {
      control.running = undefined
    })
    return yield* Effect.ensuring(accompany(keeper, plan, running), leave)
  }))

/** Stays with a program until it has ended, by itself or not, and nothing of it is left. */
const accompany = Effect.fnUntraced(function*<E, R>(
  keeper: Keeper<E>,
  plan: Plan<R>,
  running: Running
): Effect.fn.Return<Attempt.Attempt | undefined, ProcessError.ProcessError, R | Scope.Scope> {
  const { control, ledger } = keeper
  const began = yield* Clock.monotonicTimeNanos
  // Done by whatever comes first: the end of the program, a verdict about it, or a request.
  const turn = Deferred.makeUnsafe<Verdict | undefined>()
  const take = (verdict?: Verdict) => void Deferred.doneUnsafe(turn, Exit.succeed(verdict))
  control.onRequest(take)
  if (plan.command.options.stdin === "pipe") yield* running.stdin.end
  yield* Effect.forkScoped(Effect.andThen(Effect.exit(running.outcome), Effect.sync(take)), { startImmediately: true })
  if (plan.ready === undefined && plan.health === undefined) ledger.becameReady()
  else yield* Effect.forkScoped(observe(ledger, plan, running, take), { startImmediately: true })
  const verdict = yield* Deferred.await(turn)
  ledger.ending()
  const isOurs = yield* endedByUs(keeper, running, verdict)
  const ended = yield* Effect.result(running.result)
  const uptime = Duration.nanos((yield* Clock.monotonicTimeNanos) - began)
  yield* bury(keeper, running)
  const attempt = attemptOf(ledger.program, ended, uptime, verdict)
  ledger.exited(isOurs ? undefined : attempt.kind, attempt.result, attempt.uptime)
  if (attempt.kind === "liveness") yield* Telemetry.livenessKill
  return isOurs ? undefined : attempt
})

/** Ends a program that is condemned, or that is to be stopped; answers whether it was the latter that ended it. */
const endedByUs = <E>(
  { control, ledger }: Keeper<E>,
  running: Running,
  verdict: Verdict | undefined
): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    // What has ended by itself meanwhile is not condemned any more.
    if (verdict !== undefined && (yield* running.isRunning)) {
      ledger.unhealthy(verdict)
      yield* Effect.ignore(running.stop(atOnce))
      return false
    }
    if (!control.isAsked || !(yield* running.isRunning)) return false
    yield* Effect.ignore(running.stop(control.policy))
    return true
  })

/** Tells when the program is ready, then watches its health. */
const observe = Effect.fnUntraced(function*<E, R>(
  ledger: Ledger<E>,
  plan: Plan<R>,
  running: Running,
  condemn: (verdict: Verdict) => void
): Effect.fn.Return<void, never, R> {
  const ready = yield* Effect.exit(plan.ready === undefined ? Effect.void : plan.ready(running))
  if (Exit.isFailure(ready)) {
    if (!Exit.hasInterrupts(ready)) condemn(notReady(ready.cause))
    return
  }
  if (!(yield* running.isRunning)) return
  ledger.becameReady()
  if (plan.health === undefined) return
  yield* HealthWatch.watch(plan.health(running), (verdict) => condemn({ probe: "health", ...verdict }))
})

/** Readiness that did not come may come next time; what cannot be looked for never will. */
const notReady = (cause: Cause.Cause<unknown>): Verdict => {
  const error = Result.getOrUndefined(Cause.findError(cause))
  const verdict = { probe: "ready", failures: 1 } as const
  if (!ProcessError.isProcessError(error)) return { ...verdict, last: "it did not become ready" }
  return { ...verdict, last: error.message, error: error.reason._tag === "NotReady" ? undefined : error }
}

/** Ends what is left of the tree, and waits for those who outlive even that. */
const bury = <E>({ control, ledger }: Keeper<E>, running: Running): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.gen(function*() {
    while (true) {
      const { survivors } = yield* running.stop(atOnce)
      if (survivors.length === 0) return
      if (ledger.blocked(survivors)) yield* Telemetry.blocked(ledger.program, survivors)
      if (control.isStopping) {
        const { program } = ledger
        return yield* Effect.fail(ProcessError.make(new ProcessError.TeardownIncomplete({ program, pids: survivors })))
      }
      yield* control.unlessDisturbed(Effect.sleep(vigil))
    }
  })

/** A program that ended by itself in the very moment in which it was condemned was not killed by its supervisor. */
const attemptOf = (
  program: string,
  ended: Result.Result<ProcessResult.ProcessResult<string>, ProcessError.ProcessError>,
  uptime: Duration.Duration,
  verdict: Verdict | undefined
): Attempt.Attempt => {
  if (Result.isFailure(ended)) return Attempt.failed(program, ended.failure, uptime)
  const result = ended.success
  const killed = verdict !== undefined && result.stop !== undefined && result.outcome._tag === "Signaled"
  if (!killed) return Attempt.completed(result)
  return verdict.error === undefined ? Attempt.unhealthy(result) : Attempt.failed(program, verdict.error, uptime)
}
