/**
 * Looks again and again: at once, then at every multiple of the interval.
 *
 * A look that takes longer than the interval delays nobody: the ticks that it missed are left out, since the same state
 * told twice would be no sample.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as ProcessError from "../ProcessError.ts"
import type * as Stats from "../Stats.ts"
import * as Amounts from "./amounts.ts"
import * as Refusal from "./refusal.ts"
import * as StatsModel from "./stats.ts"

type Look = Effect.Effect<Stats.ProcessGroupStats, ProcessError.ProcessError>

const shortest = Duration.millis(1)

/** What is waited from now on for the next tick, when so much time has passed since the first. */
export const untilNextTick = (elapsed: bigint, every: bigint): bigint => every - elapsed % every

const intervalOf = (every: Duration.Input) =>
  Effect.suspend(() =>
    Effect.fromResult(
      Refusal.checked(undefined, () => Duration.max(shortest, Amounts.duration("the sampling interval", every)))
    )
  )

/** Waits for the next tick; not at all where the interval has no end. */
const nextTick = (started: bigint, every: Duration.Duration): Effect.Effect<void> =>
  Duration.isFinite(every)
    ? Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
      const nanos = Option.getOrElse(Duration.toNanos(every), () => 1n)
      return Effect.sleep(Duration.nanos(untilNextTick(now - started, nanos)))
    })
    : Effect.never

/**
 * A stream of looks, that ends with the first one that fails. `over` succeeds when no tick need be waited for any more,
 * because the next look will fail.
 */
export const sample = (
  look: Look,
  every: Duration.Input,
  over: Effect.Effect<void>
): Stream.Stream<Stats.ProcessGroupStats, ProcessError.ProcessError> =>
  Stream.unwrap(
    Effect.map(intervalOf(every), (interval) =>
      Stream.unfold<bigint | undefined, Stats.ProcessGroupStats, never, never>(undefined, (started) =>
        Effect.gen(function*() {
          const first = started ?? (yield* Clock.monotonicTimeNanos)
          if (started !== undefined) {
            yield* Effect.raceFirst(nextTick(started, interval), over)
          }
          const seen = yield* Effect.option(look)
          return Option.isSome(seen) ? [seen.value, first] as const : undefined
        })))
  )

/** What is summarised: a program that can be looked at while it runs, and once more when it is over. */
export interface Profiled {
  readonly stats: Look
  readonly outcome: Effect.Effect<Stats.RunProfile["outcome"], ProcessError.ProcessError>
  readonly duration: Effect.Effect<Duration.Duration, ProcessError.ProcessError>
}

/** What was seen of a run so far. */
interface Seen {
  readonly cpuTime: Duration.Duration | undefined
  readonly peakMemoryBytes: number | undefined
  readonly samples: number
}

const nothing: Seen = { cpuTime: undefined, peakMemoryBytes: undefined, samples: 0 }

const seeing = (before: Seen, stats: Stats.ProcessGroupStats): Seen => ({
  cpuTime: StatsModel.longer(before.cpuTime, stats.cpuTime),
  peakMemoryBytes: StatsModel.peakOf(before.peakMemoryBytes, stats),
  samples: before.samples + 1
})

/** Samples until a run is over, and sums up. A look that fails is a sample that found nothing. */
export const profile = Effect.fnUntraced(function*({ duration, outcome, stats }: Profiled, every: Duration.Input) {
  const interval = yield* intervalOf(every)
  const looks = Effect.orElseSucceed(stats, () => StatsModel.counted(0))
  let seen = nothing
  const sampling = Stream.runForEach(
    sample(looks, interval, Effect.never),
    (sampled) => Effect.sync(() => void (seen = seeing(seen, sampled)))
  )
  const ended = yield* Effect.raceFirst(outcome, Effect.andThen(sampling, Effect.never))
  const { cpuTime, peakMemoryBytes } = seeing(seen, yield* looks)
  const lasted = yield* duration
  const profile: Stats.RunProfile = {
    outcome: ended,
    duration: lasted,
    cpuTime,
    peakMemoryBytes,
    samples: seen.samples,
    averageCores: StatsModel.averageCores(cpuTime, lasted)
  }
  return profile
})
