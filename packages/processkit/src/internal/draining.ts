/**
 * Waits for the end of output after the exit of a program, with a bound for everybody who delays it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type { Pump } from "./pump.ts"

/** How long a pipe that somebody else still holds may delay the end of a run. */
export const drainWindow = Duration.millis(500)

/** How many of these windows a tee has after the exit to take what is left. */
const teeWindows = 10

/** What may still be in a pipe when its writer ends: the largest capacity a user may ask for (pipe(7), pipe-max-size). */
const pipeCapacity = 1_048_576

/**
 * Looks after every window who is still due, until nobody is.
 *
 * A pipe is closed that a descendant keeps open. One that is held up by its consumer is not: what the program wrote is
 * still inside.
 */
export const drain = (
  pumps: ReadonlyArray<Pump>,
  sleep: ProcessBackend.ProcessBackend["Service"]["sleep"],
  isOver: () => boolean
): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const marks = pumps.map((pump) => ({ pump, from: pump.bytesSeen }))
    let windows = 0
    const look = (): void => {
      windows++
      for (const { from, pump } of marks) {
        const isBehind = (pump.paused || pump.held) && pump.bytesSeen - from < pipeCapacity
        if (!isBehind) pump.close()
        if (windows >= teeWindows) pump.abandonTee(true)
      }
    }
    return Effect.repeat(Effect.andThen(sleep(drainWindow), Effect.sync(look)), { until: isOver })
  })
