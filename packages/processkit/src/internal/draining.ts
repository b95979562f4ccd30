/**
 * Waits for the end of output after the exit of a program, with a bound for everybody who delays it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type { Pump } from "./pump.ts"

/** How long a pipe that somebody else still holds may delay the end of a run. */
export const drainWindow = Duration.millis(500)

/** A turn of reading. Two of them end a window, and in each of them everything that had arrived is read for once. */
const turn = Duration.millis(1)
const quiet = Duration.subtract(drainWindow, Duration.times(turn, 2))

/** How many of these windows a tee has after the exit to take what is left. */
const teeWindows = 10

/** What may still be in a pipe when its writer ends: the largest capacity a user may ask for (pipe(7), pipe-max-size). */
const pipeCapacity = 1_048_576

type Sleep = ProcessBackend.ProcessBackend["Service"]["sleep"]

/**
 * Sleeps through a window, and for as long after it as reading brings something or a pipe is still on its way to us.
 *
 * Whoever stood still for longer than the window, or had a busy event loop, finds it over before they have read what was
 * there all the time.
 */
const windowOf = (sleep: Sleep, seen: () => number, isComing: () => boolean): Effect.Effect<unknown> => {
  const isReadOut = Effect.suspend(() => {
    const before = seen()
    const wasComing = isComing()
    return Effect.map(Effect.andThen(sleep(turn), sleep(turn)), () => !wasComing && seen() === before)
  })
  return Effect.andThen(sleep(quiet), Effect.repeat(isReadOut, { until: (isOver) => isOver }))
}

/**
 * Looks after every window who is still due, until nobody is.
 *
 * A pipe is closed that a descendant keeps open. One that is held up by its consumer is not: what the program wrote is
 * still inside.
 */
export const drain = (
  pumps: ReadonlyArray<Pump>,
  sleep: Sleep,
  isOver: () => boolean
): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const marks = pumps.map((pump) => ({ pump, from: pump.bytesSeen }))
    // No more than what the pipes can hold: a descendant that writes on is not waited for.
    const seen = () => marks.reduce((sum, { from, pump }) => sum + Math.min(pump.bytesSeen - from, pipeCapacity), 0)
    const isComing = () => pumps.some((pump) => pump.isComing)
    let windows = 0
    const look = (): void => {
      windows++
      for (const { from, pump } of marks) {
        const isBehind = (pump.paused || pump.held) && pump.bytesSeen - from < pipeCapacity
        if (!isBehind) pump.close()
        if (windows >= teeWindows) pump.abandonTee(true)
      }
    }
    return Effect.repeat(Effect.andThen(windowOf(sleep, seen, isComing), Effect.sync(look)), { until: isOver })
  })
