/** Waiting on the time of the operating system, which no test clock stops. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** setTimeout takes no longer delay. */
const maxTimeout = 2 ** 31 - 1

/** Waits, and can be interrupted. */
export const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const end = performance.now() + Duration.toMillis(duration)
    let timer: NodeJS.Timeout
    const wait = () => {
      const remaining = end - performance.now()
      if (remaining <= 0) return resume(Effect.void)
      timer = setTimeout(wait, Math.min(remaining, maxTimeout))
    }
    wait()
    return Effect.sync(() => clearTimeout(timer))
  })
