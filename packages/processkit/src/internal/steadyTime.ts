/**
 * The time that schedules are told: the time of day at the beginning, and from there on by the monotonic clock.
 *
 * A schedule such as `Schedule.upTo` with a duration measures by what it is told. The time of day may be set meanwhile, and would end
 * it early or never.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Milliseconds since the epoch, whatever becomes of the time of day. */
export const begin: Effect.Effect<() => number> = Effect.map(Clock.Clock, (clock) => {
  const monotonic = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const began = clock.currentTimeMillisUnsafe() - monotonic()
  return () => began + monotonic()
})
