/** One life of a supervised program, from its start until nothing of its tree is left. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Attempt from "../Attempt.ts"
import type * as Command from "../Command.ts"
import type * as OutputBuffer from "../OutputBuffer.ts"
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
  /** What is kept of output where the command does not say. */
  readonly capture: OutputBuffer.OutputBuffer
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
  Effect.suspend(() => {
    const life = new Life(keeper)
    return Effect.onExit(begin(life, plan), (exit) => life.leave(exit))
  })

/** A life, and what ends it: itself, a verdict about it, or a request. The first decides, and the others come too late. */
class Life<E> {
  readonly scope = Scope.makeUnsafe()
  readonly control: Control
  readonly ledger: Ledger<E>
  #isTurned = false
  #verdict: Verdict | undefined
  /** Done once the program was ended, where it did not end by itself; says whether it was a request that ended it. */
  #ending: Deferred.Deferred<boolean> | undefined

  constructor({ control, ledger }: Keeper<E>) {
    this.control = control
    this.ledger = ledger
  }

  /** Whether the program is over or is being ended: what it says of itself from now on is no news. */
  get isTurned(): boolean {
    return this.#isTurned
  }

  /** Ends the program in a fiber of its own: neither the check that condemns nor the caller that asks is held up. */
  turn(running: Running, context: Context.Context<never>, verdict?: Verdict): void {
    if (this.#isTurned) return
    this.#isTurned = true
    this.#verdict = verdict
    this.ledger.ending()
    // Before the fiber: it may run, and the program be over, within the call that begins it.
    const ending = this.#ending = Deferred.makeUnsafe<boolean>()
    const ended = Effect.onExit(endedByUs(this, running, verdict), (exit) => Deferred.done(ending, exit))
    Effect.runForkWith(context)(ended)
  }

  /** The program has ended; answers the verdict and the request that it came to meet, if they came first. */
  get over(): Effect.Effect<{ readonly isOurs: boolean; readonly verdict: Verdict | undefined }> {
    return Effect.suspend(() => {
      if (!this.#isTurned) this.ledger.ending()
      this.#isTurned = true
      const verdict = this.#verdict
      return this.#ending === undefined
        ? Effect.succeed({ isOurs: false, verdict })
        : Effect.map(Deferred.await(this.#ending), (isOurs) => ({ isOurs, verdict }))
    })
  }

  /** Where a life is broken off the program goes first: who looks after it may take its time to end. */
  leave(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.andThen(
      Exit.hasInterrupts(exit) ? this.#brokenOff : Effect.void,
      Effect.suspend(() => {
        this.#isTurned = true
        this.control.leave()
        return Scope.close(this.scope, exit)
      })
    )
  }

  /** To break off what was asked to stop is a second request, which cuts the grace of the first short. */
  get #brokenOff(): Effect.Effect<unknown> {
    const { isStopping, policy, running } = this.control
    if (running === undefined) return Effect.void
    if (this.#ending === undefined) return Effect.ignore(running.stop(policy))
    const ended = Deferred.await(this.#ending)
    return isStopping ? Effect.andThen(Effect.ignore(running.stop(atOnce)), ended) : ended
  }
}

/** Starts a program, and stays with it until it has ended and nothing of it is left. */
const begin = Effect.fnUntraced(function*<E, R>(
  life: Life<E>,
  plan: Plan<R>
): Effect.fn.Return<
  Attempt.Attempt | undefined,
  ProcessError.ProcessError,
  Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner
> {
  const { control, ledger } = life
  ledger.starting()
  const runner = yield* ProcessRunner.ProcessRunner
  const started = yield* Effect.result(
    Scope.provide(runner.start(plan.command, { overflow: "ignore", buffer: plan.capture }), life.scope)
  )
  if (Result.isFailure(started)) {
    ledger.startFailed(started.failure)
    return Attempt.failed(ledger.program, started.failure)
  }
  const running = control.running = started.success
  ledger.started(running)
  const began = yield* Clock.monotonicTimeNanos
  yield* accompany(life, plan, running)
  yield* Effect.exit(running.outcome)
  const { isOurs, verdict } = yield* life.over
  const ended = yield* Effect.result(running.result)
  const uptime = Duration.nanos((yield* Clock.monotonicTimeNanos) - began)
  yield* bury(life, running)
  const attempt = attemptOf(ledger.program, ended, uptime, verdict)
  ledger.exited(isOurs ? undefined : attempt.kind, attempt.result, attempt.uptime)
  if (attempt.kind === "liveness") yield* Telemetry.livenessKill
  return isOurs ? undefined : attempt
})

/** Listens to requests, and looks after the program as it is planned. */
const accompany = <E, R>(
  life: Life<E>,
  plan: Plan<R>,
  running: Running
): Effect.Effect<void, never, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((context: Context.Context<Exclude<R, Scope.Scope>>) => {
    const take = (verdict?: Verdict) => life.turn(running, context, verdict)
    life.control.onRequest(take)
    const isWatched = plan.ready !== undefined || plan.health !== undefined
    if (!isWatched && !life.isTurned) life.ledger.becameReady()
    const watched = isWatched
      // Put off, since a scope keeps what was forked in it, and a wait for readiness is large.
      ? Effect.suspend(() => observe(life, plan, running, take)).pipe(
        Effect.forkIn(life.scope, { startImmediately: true }),
        Scope.provide(life.scope)
      )
      : Effect.void
    return plan.command.options.stdin === "pipe" ? Effect.andThen(running.stdin.end, watched) : watched
  })

/** Ends a program that is condemned, or that is to be stopped; answers whether it was the latter that ended it. */
const endedByUs = Effect.fnUntraced(function*<E>(
  { control, ledger }: Keeper<E>,
  running: Running,
  verdict: Verdict | undefined
): Effect.fn.Return<boolean> {
  // What has ended by itself meanwhile is not condemned any more.
  if (!(yield* running.isRunning)) return false
  if (verdict !== undefined) {
    ledger.unhealthy(verdict)
    yield* Effect.ignore(running.stop(atOnce))
    return false
  }
  yield* Effect.ignore(running.stop(control.policy))
  return true
})

/**
 * Tells when the program is ready, then watches its health.
 *
 * No generator, whose frame would stay for as long as the watch does.
 */
const observe = <E, R>(
  life: Life<E>,
  plan: Plan<R>,
  running: Running,
  condemn: (verdict: Verdict) => void
): Effect.Effect<void, never, R> =>
  Effect.flatMap(Effect.exit(plan.ready === undefined ? Effect.void : plan.ready(running)), (ready) => {
    if (Exit.isFailure(ready)) {
      condemn(notReady(ready.cause))
      return Effect.void
    }
    return Effect.flatMap(running.isRunning, (isRunning) => {
      if (!isRunning || life.isTurned) return Effect.void
      life.ledger.becameReady()
      if (plan.health === undefined) return Effect.void
      return HealthWatch.watch(plan.health(running), (verdict) => condemn({ probe: "health", ...verdict }))
    })
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
