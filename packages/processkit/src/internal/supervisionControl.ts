/**
 * What is asked of a supervision from outside: to stop for good, or to hold still for a while.
 *
 * A request wakes whatever the supervision waits for. It looks here again before every step, so that a request that
 * comes between two waits is not lost: the wait that follows ends at once.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as StopPolicy from "../StopPolicy.ts"

const nobody = () => {}

const atOnce = { signal: "SIGKILL", grace: 0 } as const

/** Kills a program that is being ended, where it is still there after a time. */
const endedWithin = (running: RunningProcess.RunningProcess, grace: Duration.Input): Effect.Effect<void> =>
  Effect.raceFirst(Effect.sleep(grace), Effect.exit(running.outcome)).pipe(
    Effect.andThen(Effect.ignore(running.stop(atOnce)))
  )

export class Control {
  isStopping = false
  /** How the program that is up is to be ended. */
  policy: StopPolicy.StopPolicy | undefined
  /** Which program is up, so that a second request to stop reaches it while the first one's grace lasts. */
  running: RunningProcess.RunningProcess | undefined
  #hold: { readonly parked: Deferred.Deferred<void>; readonly over: Deferred.Deferred<void> } | undefined
  #disturbed = Deferred.makeUnsafe<void>()
  #wake: () => void = nobody
  #isOver = false

  /** Wakes somebody at the next request, or now where there is one; only the last who asked is woken. */
  onRequest(wake: () => void): void {
    this.#wake = wake
    if (this.isAsked) wake()
  }

  /** Nothing is up any more. */
  leave(): void {
    this.running = undefined
    this.#wake = nobody
  }

  #ask(): void {
    Deferred.doneUnsafe(this.#disturbed, Exit.void)
    this.#wake()
  }

  /** Whether there is a request that has not been followed yet. */
  get isAsked(): boolean {
    return Deferred.isDoneUnsafe(this.#disturbed)
  }

  get #request(): Effect.Effect<undefined> {
    return Effect.as(Deferred.await(this.#disturbed), undefined)
  }

  /** Waits for something, unless a request comes first. */
  unlessDisturbed<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, E, R> {
    return Effect.suspend(() => Effect.raceFirst(effect, this.#request))
  }

  /**
   * Stops for good. The first request says how, also where a hold is ending the program already; a later one cuts the
   * grace of the first short, also where that has not begun.
   */
  stop(policy: StopPolicy.StopPolicy | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { isAsked: isEnding, isStopping: isSecond, running } = this
      this.isStopping = true
      this.policy = isSecond ? atOnce : policy
      this.#ask()
      if (running === undefined || !isEnding) return Effect.void
      if (isSecond) return Effect.ignore(running.stop(atOnce))
      return policy?.grace === undefined ? Effect.void : endedWithin(running, policy.grace)
    })
  }

  /** Lets nothing start before {@link release}, where nothing is up; what is waited for is waited for to its end. */
  bar(): void {
    if (this.#hold === undefined) this.#hold = { parked: Deferred.makeUnsafe(), over: Deferred.makeUnsafe() }
  }

  /** Whether nothing may start. */
  get isHeld(): boolean {
    return this.#hold !== undefined
  }

  /** Ends what is up, and waits until nothing is; nothing starts again before {@link release}. */
  hold(policy: StopPolicy.StopPolicy | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#isOver) return Effect.void
      if (this.#hold === undefined) {
        this.#hold = { parked: Deferred.makeUnsafe(), over: Deferred.makeUnsafe() }
        if (!this.isStopping) this.policy = policy
        this.#ask()
      }
      return Deferred.await(this.#hold.parked)
    })
  }

  release(): void {
    const hold = this.#hold
    this.#hold = undefined
    if (hold === undefined) return
    Deferred.doneUnsafe(hold.parked, Exit.void)
    Deferred.doneUnsafe(hold.over, Exit.void)
  }

  /** Waits for as long as it is held, where nothing is up: the request to hold has been followed and is forgotten. */
  park(onHeld: () => void = nobody): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isStopping) return Effect.void
      if (Deferred.isDoneUnsafe(this.#disturbed)) this.#disturbed = Deferred.makeUnsafe()
      const hold = this.#hold
      if (hold === undefined) return Effect.void
      onHeld()
      // Whoever waits for this goes on in this tick, and may have released us when it returns.
      Deferred.doneUnsafe(hold.parked, Exit.void)
      return Effect.andThen(this.unlessDisturbed(Deferred.await(hold.over)), this.park(onHeld))
    })
  }

  /** Supervision is over: whoever waits for it to hold still need not wait any longer. */
  end(): void {
    this.isStopping = true
    this.#isOver = true
    if (this.#hold !== undefined) Deferred.doneUnsafe(this.#hold.parked, Exit.void)
  }
}
