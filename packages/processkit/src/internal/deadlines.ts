/**
 * Ends a run whose time is over: the time that all of it may take, or the time for which it may print nothing.
 *
 * Both count from the start, on Effect's `Clock`. Whichever is over first decides, and only where nothing else has ended
 * the program or is about to: a stop that is under way keeps its grace and its reason.
 *
 * Output that a consumer of ours holds up is no silence of the program.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Intervention } from "./conclusion.ts"
import type { Pump } from "./pump.ts"

export interface Limits {
  readonly timeout: Duration.Duration | undefined
  readonly inactivityTimeout: Duration.Duration | undefined
}

/** The run that has so much time. */
export interface Timed {
  readonly clock: Clock.Clock
  readonly startedNanos: bigint
  readonly isRunning: () => boolean
  readonly pumps: ReadonlyArray<Pump>
  /** Ends the program, unless that is under way. */
  readonly expire: (deadline: Extract<Intervention, { readonly _tag: "Deadline" }>) => Effect.Effect<void>
  /** The time is over and the program has exited; only output is still due. */
  readonly hurryOutput: () => void
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

export class Deadlines {
  readonly #run: Timed
  readonly #fibers: Array<Fiber.Fiber<void>> = []
  #heardAt: bigint

  constructor(run: Timed, { inactivityTimeout, timeout }: Limits) {
    this.#run = run
    this.#heardAt = run.startedNanos
    if (timeout !== undefined) this.#fibers.push(run.fork(this.#whole(timeout)))
    if (inactivityTimeout === undefined) return
    for (const pump of run.pumps) pump.watch({ chunk: () => this.#hear(), end: () => {} })
    this.#fibers.push(run.fork(this.#silence(inactivityTimeout)))
  }

  /** Interrupting is harmless to a deadline that has fired: it is uninterruptible from then on. */
  end(): void {
    for (const fiber of this.#fibers) fiber.interruptUnsafe()
  }

  #hear(): void {
    this.#heardAt = this.#run.clock.monotonicTimeNanosUnsafe()
  }

  #whole(after: Duration.Duration): Effect.Effect<void> {
    return Effect.andThen(
      sleepAndCatchUp(after),
      Effect.suspend(() => {
        if (this.#run.isRunning()) return this.#run.expire({ _tag: "Deadline", after, kind: "deadline" })
        this.#run.hurryOutput()
        return Effect.void
      })
    )
  }

  #silence(after: Duration.Duration): Effect.Effect<void> {
    return Effect.andThen(
      Effect.suspend(() => sleepAndCatchUp(this.#left(after))),
      Effect.suspend(() => {
        if (!this.#run.isRunning()) return Effect.void
        if (this.#run.pumps.some((pump) => pump.paused || pump.held)) this.#hear()
        return Duration.isZero(this.#left(after))
          ? this.#run.expire({ _tag: "Deadline", after, kind: "inactivity" })
          : this.#silence(after)
      })
    )
  }

  /** How long the program may go on to print nothing. */
  #left(after: Duration.Duration): Duration.Duration {
    const silent = Duration.nanos(this.#run.clock.monotonicTimeNanosUnsafe() - this.#heardAt)
    return Duration.max(Duration.subtract(after, silent), Duration.zero)
  }
}

/** An owner that was busy for long finds its timers due before the exits and output that came first: those are let in. */
export const sleepAndCatchUp = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.andThen(Effect.sleep(duration), Effect.yieldNow)

/** The limits that are any, where there is one. */
export const limited = ({ inactivityTimeout, timeout }: Limits): Limits | undefined => {
  const limits = { timeout: finite(timeout), inactivityTimeout: finite(inactivityTimeout) }
  return limits.timeout === undefined && limits.inactivityTimeout === undefined ? undefined : limits
}

const finite = (duration: Duration.Duration | undefined): Duration.Duration | undefined =>
  duration !== undefined && Duration.isFinite(duration) ? duration : undefined
