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
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import type { Stop } from "./inputRules.ts"
import * as Telemetry from "./telemetry.ts"

/** How long the operating system may take to confirm the end after `SIGKILL`. */
export const killBudget = Duration.seconds(5)

export interface Request extends Stop {
  /** Whether members that outlive the grace are killed. */
  readonly escalate: boolean
}

/** The ladder of one tree. Only one climb is under way at a time, and a second request shortens it. */
export class StopLadder {
  readonly #tree: ProcessBackend.Tree
  #climb: Deferred.Deferred<StopPolicy.ShutdownReport> | undefined
  #hurried = false
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
        // The climber waits for an empty tree; killing it is what ends that wait.
        this.#hurried = true
        return Effect.andThen(Effect.ignore(this.#tree.kill), Deferred.await(climb))
      }
      const mine = Deferred.makeUnsafe<StopPolicy.ShutdownReport>()
      this.#climb = mine
      this.#hurried = false
      return Effect.tap(this.#ascend(request), (report) => {
        this.#climb = undefined
        if (report.members > 0) this.first ??= report
        return Deferred.succeed(mine, report)
      })
    }).pipe(Effect.uninterruptible)
  }

  readonly #ascend = Effect.fnUntraced(
    function*(this: StopLadder, request: Request): Effect.fn.Return<StopPolicy.ShutdownReport> {
      const began = yield* Clock.monotonicTimeNanos
      const members = yield* Effect.orElseSucceed(this.#tree.members, () => [])
      const asked = members.length > 0 && request.signal !== "SIGKILL" && !Duration.isZero(request.grace)
      const left = asked ? yield* this.#ask(request) : members
      const kill = left.length > 0 && request.escalate
      const survivors = kill ? yield* this.#force(left) : left
      const elapsed = Duration.nanos((yield* Clock.monotonicTimeNanos) - began)
      const forced = kill || this.#hurried || (members.length > 0 && request.signal === "SIGKILL")
      const report = { signal: request.signal, forced, members: members.length, survivors, elapsed }
      yield* Telemetry.teardown(report)
      return report
    }.bind(this)
  )

  /** A stopped process acts on a signal only once it continues, so CONT follows whatever was sent. */
  #ask(request: Request): Effect.Effect<ReadonlyArray<number>> {
    return Effect.ignore(this.#tree.signal(request.signal)).pipe(
      Effect.andThen(Effect.ignore(this.#tree.signal("SIGCONT"))),
      Effect.andThen(this.#tree.awaitEmpty(request.grace))
    )
  }

  #force(left: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<number>> {
    return Effect.ignore(Effect.tapError(this.#tree.kill, (error) => Effect.logDebug("kill failed", error))).pipe(
      Effect.andThen(Effect.logDebug(`killing ${left.length} processes that outlived the grace`)),
      Effect.andThen(this.#tree.awaitEmpty(killBudget))
    )
  }
}
