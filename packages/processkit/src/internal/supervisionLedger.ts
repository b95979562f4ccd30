/**
 * What is known about a supervision: status, counters, events, and whether the program is ready.
 *
 * Every change is one synchronous call that replaces the status as a whole and writes the event that goes with it, so
 * that no reader sees half of a change, and no reader is waited for.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Attempt from "../Attempt.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessResult from "../ProcessResult.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as SupervisionEvent from "../SupervisionEvent.ts"
import type * as SupervisionOutcome from "../SupervisionOutcome.ts"
import type * as SupervisionStatus from "../SupervisionStatus.ts"
import { whole } from "./amounts.ts"
import { EventLog } from "./eventLog.ts"

/** How many events a slow reader may be behind before it misses some. */
export const keptEvents = 128

const initial: SupervisionStatus.SupervisionStatus = {
  phase: "starting",
  incarnation: 0,
  restarts: 0,
  stormPauses: 0,
  livenessKills: 0,
  pid: undefined,
  startedAt: undefined,
  isReady: false,
  lastOutcome: undefined,
  survivors: []
}

const lagged = (skipped: number): SupervisionEvent.Lagged => ({ _tag: "Lagged", skipped })

/** What a status says while nothing runs. */
const idle = { pid: undefined, startedAt: undefined, isReady: false } as const

export class Ledger<E> {
  readonly program: string
  readonly log = new EventLog<SupervisionEvent.SupervisionEvent>(keptEvents, lagged)
  readonly conclusion = Deferred.makeUnsafe<SupervisionOutcome.SupervisionOutcome, ProcessError.ProcessError | E>()
  status = initial
  lastResult: ProcessResult.ProcessResult<string> | undefined
  /** Done while the program that is up is ready; replaced when that one ends. */
  #ready = Deferred.makeUnsafe<void, ProcessError.ProcessError | E>()

  /** Told every event, besides the log. */
  readonly #onEvent: ((event: SupervisionEvent.SupervisionEvent) => void) | undefined

  constructor(program: string, onEvent?: (event: SupervisionEvent.SupervisionEvent) => void) {
    this.program = program
    this.#onEvent = onEvent
  }

  #write(event: SupervisionEvent.SupervisionEvent): void {
    this.log.write(event)
    this.#onEvent?.(event)
  }

  /** Waits until the program that is up, or the next one to be, is ready. */
  get ready(): Effect.Effect<void, ProcessError.ProcessError | E> {
    return Effect.suspend(() => Deferred.await(this.#ready))
  }

  #set(change: Partial<SupervisionStatus.SupervisionStatus>): void {
    this.status = { ...this.status, ...change }
  }

  held(): void {
    this.#set({ phase: "held" })
  }

  starting(): void {
    this.#set({ phase: "starting", incarnation: this.status.incarnation + 1 })
  }

  started({ pid, startedAt }: RunningProcess.RunningProcess): void {
    this.#set({ phase: "running", pid, startedAt })
    this.#write({ _tag: "Started", incarnation: this.status.incarnation, pid })
  }

  startFailed(error: ProcessError.ProcessError): void {
    this.#set({ phase: "ending", ...idle })
    this.#write({ _tag: "StartFailed", incarnation: this.status.incarnation, error })
  }

  /** Whoever reads the event may end the program at once; the promise that is kept then is that of this program. */
  becameReady(): void {
    const ready = this.#ready
    this.#set({ isReady: true })
    this.#write({ _tag: "Ready", incarnation: this.status.incarnation })
    Deferred.doneUnsafe(ready, Exit.void)
  }

  unhealthy(verdict: Omit<SupervisionEvent.Unhealthy, "_tag" | "incarnation">): void {
    this.#write({ _tag: "Unhealthy", incarnation: this.status.incarnation, ...verdict })
  }

  /** The program is over, or is being ended; whoever asks for readiness from now on means the next one. */
  ending(): void {
    if (this.status.isReady) this.#ready = Deferred.makeUnsafe()
    this.#set({ phase: "ending", ...idle })
  }

  /** Tells who holds up the next life, and answers whether that is news. */
  blocked(survivors: ReadonlyArray<number>): boolean {
    if (survivors.join() === this.status.survivors.join()) return false
    this.#set({ survivors })
    this.#write({ _tag: "Blocked", incarnation: this.status.incarnation, survivors })
    return true
  }

  /** A life is over whose tree is gone. */
  exited(
    kind: Attempt.Kind | undefined,
    result: ProcessResult.ProcessResult<string> | undefined,
    uptime: Duration.Duration
  ): void {
    const { incarnation, livenessKills } = this.status
    this.lastResult = result ?? this.lastResult
    this.#set({
      survivors: [],
      lastOutcome: result?.outcome,
      livenessKills: livenessKills + (kind === "liveness" ? 1 : 0)
    })
    this.#write({ _tag: "Exited", incarnation, kind, outcome: result?.outcome, uptime })
  }

  restarting(pause: Duration.Duration, delay: Duration.Duration): void {
    if (!Duration.isZero(pause)) this.#set({ stormPauses: this.status.stormPauses + 1 })
    this.#write({ _tag: "Restarting", incarnation: this.status.incarnation, pause, delay })
  }

  waiting(phase: "pausing" | "waiting"): void {
    this.#set({ phase })
  }

  restarted(): void {
    this.#set({ restarts: this.status.restarts + 1 })
  }

  outcome(reason: SupervisionOutcome.Reason): SupervisionOutcome.SupervisionOutcome {
    const { livenessKills, restarts, stormPauses } = this.status
    return { reason, lastResult: this.lastResult, restarts, stormPauses, livenessKills }
  }

  /** Nothing follows: every question has its last answer. */
  concluded(
    exit: Exit.Exit<SupervisionOutcome.SupervisionOutcome, ProcessError.ProcessError | E>,
    elapsed: Duration.Duration
  ): void {
    this.#set({ phase: "ended", ...idle })
    if (Exit.isSuccess(exit)) this.#write({ _tag: "Ended", reason: exit.value.reason })
    else this.#write({ _tag: "Failed", error: errorOf(exit) })
    this.log.end()
    if (Deferred.isDoneUnsafe(this.#ready)) this.#ready = Deferred.makeUnsafe()
    const last = Exit.isSuccess(exit) ? `its supervision ended (${exit.value.reason})` : ""
    const never = ProcessError.make(new ProcessError.NotReady({ program: this.program, within: whole(elapsed), last }))
    Deferred.doneUnsafe(this.#ready, Exit.isSuccess(exit) ? Exit.fail(never) : Exit.asVoid(exit))
    Deferred.doneUnsafe(this.conclusion, exit)
  }
}

const errorOf = <E>({ cause }: Exit.Failure<unknown, E>): unknown =>
  Cause.hasInterruptsOnly(cause) ? undefined : Cause.squash(cause)
