/**
 * Ends a tree of processes: signal, continue, wait, kill, wait, report.
 *
 * One ladder for scope close, deadlines, cancellation, `stop` and `shutdown`. The waiting is the backend's, on native
 * time, so that a scope that closes under a virtual clock does not hang. Every wait has an end, and what is still alive
 * then is reported by process id.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as Signal from "../Signal.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import type { Stop } from "./inputRules.ts"
import * as Telemetry from "./telemetry.ts"

/** How long the operating system may take to confirm the end after `SIGKILL`. */
const killBudget = Duration.seconds(5)

export interface Request extends Stop {
  /** Whether members that outlive the grace are killed. */
  readonly escalate: boolean
}

/** The ladder of one tree. Only one climb is under way at a time, and a second request shortens it. */
export class StopLadder {
  readonly #tree: ProcessBackend.Tree
  #climb: Deferred.Deferred<StopPolicy.ShutdownReport> | undefined
  /** Done by a second request, which ends the grace of the climb under way. */
  #hurry = Deferred.makeUnsafe<void>()
  /** The report of the first climb that found somebody to stop. */
  first: StopPolicy.ShutdownReport | undefined

  constructor(tree: ProcessBackend.Tree) {
    this.#tree = tree
  }

  /** The climb under way, if there is one. */
  get underWay(): Effect.Effect<StopPolicy.ShutdownReport> | undefined {
    return this.#climb === undefined ? undefined : Deferred.await(this.#climb)
  }

  /**
   * Climbs the ladder, or, where somebody else is on it, skips what is left of the grace and waits for that report.
   *
   * Uninterruptible and bounded by the grace plus {@link killBudget}.
   */
  stop(request: Request): Effect.Effect<StopPolicy.ShutdownReport> {
    return Effect.suspend(() => {
      const climb = this.#climb
      if (climb !== undefined) {
        if (!request.escalate) return Deferred.await(climb)
        Deferred.doneUnsafe(this.#hurry, Exit.void)
        return Deferred.await(climb)
      }
      const mine = Deferred.makeUnsafe<StopPolicy.ShutdownReport>()
      this.#climb = mine
      this.#hurry = Deferred.makeUnsafe<void>()
      return Effect.onExit(this.#ascend(request), (exit) => {
        this.#climb = undefined
        return Deferred.done(mine, exit)
      })
    }).pipe(Effect.uninterruptible)
  }

  #ascend(request: Request): Effect.Effect<StopPolicy.ShutdownReport> {
    return Effect.gen({ self: this }, function*() {
      const began = yield* Clock.monotonicTimeNanos
      // Members that cannot be listed are not members that are not there: then everything is done as if there were some.
      const found = yield* Effect.option(this.#tree.members)
      const nobody = Option.isSome(found) && found.value.length === 0
      const first = firstSignal(request)
      const escalates = request.escalate || first === "SIGKILL"
      const calm = nobody || (first !== "SIGKILL" && (yield* this.#ask(request)))
      const kills = escalates || Deferred.isDoneUnsafe(this.#hurry)
      const survivors = calm ? [] : yield* this.#insist(kills)
      const report: StopPolicy.ShutdownReport = {
        signal: nobody ? request.signal : first,
        forced: !calm && kills,
        members: Option.isSome(found) ? found.value.length : 0,
        survivors,
        elapsed: Duration.nanos((yield* Clock.monotonicTimeNanos) - began)
      }
      if (!nobody) this.first ??= report
      yield* Telemetry.teardown(report, kills)
      return report
    })
  }

  /**
   * Asks the members to end, and answers whether all did before the grace was over or cut short.
   *
   * A stopped process acts on a signal only once it continues, so CONT follows whatever was sent.
   */
  #ask(request: Request): Effect.Effect<boolean> {
    const ended = Effect.map(this.#tree.awaitEmpty(request.grace), (left) => left.length === 0)
    return Effect.ignore(this.#tree.signal(request.signal)).pipe(
      Effect.andThen(Effect.ignore(this.#tree.signal("SIGCONT"))),
      Effect.andThen(Effect.raceFirst(Effect.interruptible(ended), Effect.as(Deferred.await(this.#hurry), false)))
    )
  }

  /** Kills whoever outlived the grace, or only counts them where they are to be spared. */
  #insist(kills: boolean): Effect.Effect<ReadonlyArray<number>> {
    if (!kills) return this.#tree.awaitEmpty(Duration.zero)
    return Effect.logDebug("killing what is left of a process tree").pipe(
      Effect.andThen(Effect.ignore(this.#tree.kill, { log: "Debug" })),
      Effect.andThen(this.#tree.awaitEmpty(killBudget))
    )
  }
}

/** Without a grace there is nothing to wait for before `SIGKILL`, unless that is not to follow. */
const firstSignal = ({ escalate, grace, signal }: Request): Signal.Signal =>
  escalate && Duration.isZero(grace) ? "SIGKILL" : signal
