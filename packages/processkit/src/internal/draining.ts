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

/** A pump, and how many bytes it had brought at the exit. */
interface Mark {
  readonly pump: Pump
  readonly from: number
}

const markOf = (pump: Pump): Mark => ({ pump, from: pump.bytesSeen })

/** How much of what may have been in the pipe at the exit has come: a descendant that writes on is not waited for. */
const seenSince = ({ from, pump }: Mark): number => Math.min(pump.bytesSeen - from, pipeCapacity)

/** Whether a consumer or a tee of ours keeps what the program wrote in the pipe. */
const isBehind = (mark: Mark): boolean => (mark.pump.paused || mark.pump.held) && seenSince(mark) < pipeCapacity

/**
 * Sleeps through a window, and for as long after it as reading brings something, or goes on that was held up, or a pipe is
 * still on its way to us.
 *
 * Whoever stood still for longer than the window, or had a busy event loop, finds it over before they have read what was
 * there all the time.
 */
const windowOf = (sleep: Sleep, marks: ReadonlyArray<Mark>, patience: Duration.Duration): Effect.Effect<unknown> => {
  const seen = () => marks.reduce((sum, mark) => sum + seenSince(mark), 0)
  const isReadOut = Effect.suspend(() => {
    const before = seen()
    const wasComing = marks.some(({ pump }) => pump.isComing)
    const wereBehind = marks.filter(isBehind)
    return Effect.map(
      Effect.andThen(sleep(turn), sleep(turn)),
      () => !wasComing && seen() === before && wereBehind.every(isBehind)
    )
  })
  return Effect.andThen(sleep(patience), Effect.repeat(isReadOut, { until: (isOver) => isOver }))
}

/**
 * Reads once what is left in pipes whose writers are gone. What a consumer holds up stays where it is, and nothing is waited
 * for longer than a window. Whoever asks may do so in the middle of hearing of the end: the rest of that comes first.
 */
export const readOut = (pumps: ReadonlyArray<Pump>, sleep: Sleep): Effect.Effect<void> =>
  Effect.andThen(
    Effect.yieldNow,
    Effect.suspend(() => {
      const marks = pumps.filter((pump) => !pump.ended).map(markOf).filter((mark) => !isBehind(mark))
      return marks.length === 0
        ? Effect.void
        : Effect.raceFirst(Effect.asVoid(windowOf(sleep, marks, Duration.zero)), sleep(drainWindow))
    })
  )

/** Looks after every window who is still due, until nobody is; the first window is as long as it is told to be. */
const windows = (
  pumps: ReadonlyArray<Pump>,
  sleep: Sleep,
  isOver: () => boolean,
  first: Duration.Duration
): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const marks = pumps.map(markOf)
    let count = 0
    const look = (): void => {
      count++
      for (const mark of marks) {
        if (!isBehind(mark)) mark.pump.close()
        if (count >= teeWindows) mark.pump.abandonTee(true)
      }
    }
    const window = Effect.suspend(() => windowOf(sleep, marks, count === 0 ? first : quiet))
    return Effect.repeat(Effect.andThen(window, Effect.sync(look)), { until: isOver })
  })

/**
 * Waits until nobody is due any more.
 *
 * A pipe is closed that a descendant keeps open. One that is held up by its consumer is not: what the program wrote is
 * still inside.
 */
export const drain = (pumps: ReadonlyArray<Pump>, sleep: Sleep, isOver: () => boolean): Effect.Effect<unknown> =>
  windows(pumps, sleep, isOver, quiet)

/** The same in a hurry: the first window has nothing but its reading, and no tee is waited for. */
export const drainAtOnce = (pumps: ReadonlyArray<Pump>, sleep: Sleep, isOver: () => boolean): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    for (const pump of pumps) pump.abandonTee(false)
    return windows(pumps, sleep, isOver, Duration.zero)
  })
