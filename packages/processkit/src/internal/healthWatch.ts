/**
 * Watches the health of a program: one check after the other, and a verdict after so many failures in a row.
 *
 * Checks never overlap. A check that takes too long has failed, and the verdict does not wait for what it still does.
 *
 * An owner that stands still (a blocked event loop, `SIGSTOP`, a suspended machine) finds all its timers due at once,
 * and would take the time it was away for the time its programs did not answer. So the patience for a check is counted
 * in small parts, of which such an absence uses up one, and what a check says that was under way meanwhile does not
 * count as a failure.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as ProcessError from "../ProcessError.ts"

/** How a program is watched; every amount has been checked. */
export interface Plan<R> {
  readonly check: Effect.Effect<unknown, unknown, R>
  readonly every: Duration.Duration
  readonly timeout: Duration.Duration
  readonly failures: number
}

/** What is told about a program that is not healthy. */
export interface Verdict {
  readonly failures: number
  readonly last: string
}

/** The parts in which the patience for a check is counted. */
const parts = 8

/** How much longer than it was meant to a part lasts, at the least, when the owner stood still. */
const standstill = 500

/** Checks for as long as it runs; tells the verdict once, at the last of too many failures in a row. */
export const watch = Effect.fnUntraced(function*<R>(
  plan: Plan<R>,
  condemn: (verdict: Verdict) => void
): Effect.fn.Return<void, never, R> {
  let failures = 0
  while (failures < plan.failures) {
    yield* Effect.sleep(plan.every)
    const watcher = new Watcher()
    const check = yield* Effect.forkChild(plan.check, { startImmediately: true })
    const exit = yield* Effect.raceFirst(Fiber.await(check), watcher.patience(plan.timeout))
    const failure = failureOf(exit, plan.timeout)
    const stoodStill = watcher.stoodStill(yield* Clock.monotonicTimeNanos)
    if (failure === undefined) failures = 0
    else if (!stoodStill) failures++
    if (failure !== undefined && failures >= plan.failures) condemn({ failures, last: failure })
    yield* Fiber.interrupt(check)
  }
})

class Watcher {
  #part = 0n
  #since: bigint | undefined
  #stoodStill = false

  /** Ends when the owner has been awake for as long as a check may take. */
  patience(timeout: Duration.Duration): Effect.Effect<undefined> {
    const part = Duration.divideUnsafe(timeout, parts)
    if (!Duration.isFinite(timeout)) return Effect.never
    this.#part = Duration.toNanosUnsafe(part)
    return Effect.gen({ self: this }, function*() {
      for (let i = 0; i < parts; i++) {
        this.#since = yield* Clock.monotonicTimeNanos
        yield* Effect.sleep(part)
        this.stoodStill(yield* Clock.monotonicTimeNanos)
      }
      return undefined
    })
  }

  /** Whether the owner stood still since the check began. */
  stoodStill(now: bigint): boolean {
    const late = this.#since === undefined ? 0 : Number(now - this.#since - this.#part) / 1e6
    if (late > standstill) this.#stoodStill = true
    return this.#stoodStill
  }
}

/** Why a check failed: it did not end in time, it failed, or it said no. */
const failureOf = (
  exit: Exit.Exit<unknown, unknown> | undefined,
  timeout: Duration.Duration
): string | undefined => {
  if (exit === undefined) return `the check took longer than ${Duration.format(timeout)}`
  if (Exit.isFailure(exit)) {
    const error = Result.getOrUndefined(Cause.findError(exit.cause))
    return ProcessError.isProcessError(error) ? error.message : "the check failed"
  }
  return exit.value === false ? "the check said no" : undefined
}
