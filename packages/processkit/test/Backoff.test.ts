import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Attempt from "processkit/Attempt"
import * as Backoff from "processkit/Backoff"
import * as Model from "../src/internal/backoffModel.ts"
import { intBetween } from "./arbitraries.ts"
import { anyFactor, anyNumber, anyWait, clean, crash, draw, drive, exhausted, waits } from "./supervised.ts"

const config = (base: number, factor: number, max: number): Model.Config => ({
  base,
  factor: Model.growth(factor),
  max,
  jitter: true,
  healthyAfter: max
})

const times = (count: number, attempt = crash()) => Array.from({ length: count }, () => [0, attempt] as const)

const exact = (options: Backoff.Options) => Backoff.exponential({ jitter: false, ...options })

describe("the delay of a level", () => {
  // P1
  it.prop(
    "is a number that can be waited for, whatever the base, cap, level and draw",
    [anyWait, anyNumber, anyWait, intBetween(0, 2000), draw],
    ([base, factor, max, level, draw]) => {
      const delay = Model.spread(Model.rawDelay(config(base, factor, max), level), true, draw)
      assert.isTrue(Number.isFinite(delay) && delay >= 0 && delay <= 1.5 * max, `${delay}`)
    }
  )

  // P2, V3
  it.prop(
    "never falls as the level rises, and never exceeds the cap",
    [anyWait, anyFactor, anyWait, intBetween(0, 2_000_000)],
    ([base, factor, max, level]) => {
      const [delay, next] = [level, level + 1].map((at) => Model.rawDelay(config(base, factor, max), at))
      assert.isTrue(delay! <= next! && next! <= max, `${delay}, then ${next}`)
    }
  )

  // P3
  it.prop(
    "is the base times the factor to the power of the level, below the cap",
    [intBetween(1, 1000), intBetween(1, 4), intBetween(0, 8)],
    ([base, factor, level]) =>
      assert.strictEqual(Model.rawDelay(config(base, factor, 1e9), level), base * factor ** level)
  )

  it("is the cap at level 1e6, also for the largest factor there is", () => {
    for (const factor of [1.0001, 2, 1e308]) {
      assert.strictEqual(Model.rawDelay(config(200, factor, 30_000), 1e6), 30_000)
    }
  })

  it("does not grow by what is no growth", () => {
    for (const factor of [0, 0.5, -2, NaN, Infinity, -Infinity]) {
      assert.strictEqual(Model.rawDelay(config(200, factor, 30_000), 50), 200)
    }
  })

  it("counts levels up to the largest exact number and stays there", () => {
    assert.strictEqual(Model.nextLevel(7), 8)
    assert.strictEqual(Model.nextLevel(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
  })
})

describe("Backoff.exponential", () => {
  it.effect("doubles from 200 milliseconds to 30 seconds unless it is told otherwise", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        waits(yield* drive(exact({}), times(10))),
        [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
      )
    }))

  // V5
  it.effect("counts clean ends like crashes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(waits(yield* drive(exact({ base: 1 }), times(4, clean()))), [1, 2, 4, 8])
    }))

  // P6
  it.effect.prop(
    "starts again after a healthy life, from any state and whatever the end",
    [intBetween(0, 60), intBetween(0, 1), anyFactor],
    ([lives, code, factor]) =>
      Effect.gen(function*() {
        const healthy = code === 0 ? clean(5000) : crash(5000)
        const said = yield* drive(exact({ base: 3, factor, healthyAfter: 5000 }), [...times(lives), [0, healthy]])
        assert.strictEqual(waits(said).at(-1), 3)
      })
  )

  it.effect("is healthy after its longest wait unless it is told otherwise", () =>
    Effect.gen(function*() {
      const said = yield* drive(exact({ base: 1, max: 100 }), [...times(3), [0, crash(99)], [0, crash(100)]])
      assert.deepStrictEqual(waits(said), [1, 2, 4, 8, 1])
    }))

  it.effect("does not take a start that failed for a healthy life, even where health takes no time", () =>
    Effect.gen(function*() {
      const said = yield* drive(exact({ base: 1, healthyAfter: 0 }), times(3, exhausted))
      assert.deepStrictEqual(waits(said), [1, 2, 4])
    }))

  it.effect("takes a life of which only the end is not known for as healthy as it was long", () =>
    Effect.gen(function*() {
      const { error } = exhausted
      const lost = Attempt.failed("job", error ?? assert.fail("it failed"), Duration.hours(3))
      const said = yield* drive(exact({ base: 1, healthyAfter: "1 hour" }), [...times(3, exhausted), [0, lost]])
      assert.deepStrictEqual(waits(said), [1, 2, 4, 1])
    }))

  it.effect("never waits where the base is 0", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(waits(yield* drive(Backoff.exponential({ base: 0 }), times(5))), [0, 0, 0, 0, 0])
    }))

  // P4
  it.effect("spreads its waits evenly between half and one and a half of their length", () =>
    Effect.gen(function*() {
      const backoff = Backoff.exponential({ base: 1000, factor: 1 })
      const spread = waits(yield* drive(backoff, times(10_000))).map((wait) => wait / 1000).toSorted((a, b) => a - b)
      const mean = spread.reduce((sum, wait) => sum + wait, 0) / spread.length
      assert.isTrue(spread[0]! >= 0.5 && spread.at(-1)! < 1.5)
      assert.isTrue(Math.abs(mean - 1) < 0.02, `mean ${mean}`)
      // Kolmogorov and Smirnov: the largest distance between what was drawn and the even distribution, at level 0.001.
      const distance = Math.max(...spread.map((wait, i) => Math.abs((i + 1) / spread.length - (wait - 0.5))))
      assert.isBelow(distance, 1.95 / Math.sqrt(spread.length))
    }).pipe(Random.withSeed("waits")))

  it.effect("has a memory of its own for each driver", () =>
    Effect.gen(function*() {
      const backoff = exact({ base: 1 })
      assert.deepStrictEqual(waits(yield* drive(backoff, times(3))), [1, 2, 4])
      assert.deepStrictEqual(waits(yield* drive(backoff, times(3))), [1, 2, 4])
    }))

  it.effect("composes with the combinators of Schedule", () =>
    Effect.gen(function*() {
      const slow = Schedule.max([exact({ base: 1, max: 100 }), Schedule.spaced("3 millis")])
      const said = yield* drive(slow.pipe(Schedule.upTo({ times: 4 })), times(6))
      assert.deepStrictEqual(waits(said), [3, 3, 4, 8])
      assert.property(said.at(-1), "done")
    }))

  it.effect("fails with what it refuses, and names no value", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<Backoff.Options> = [
        { base: NaN },
        { base: -1 },
        { max: "soon" as never },
        { healthyAfter: { seconds: NaN } },
        { factor: "2" as never },
        { jitter: 1 as never },
        "fast" as never
      ]
      for (const options of wrong) {
        assert.deepStrictEqual(yield* drive(Backoff.exponential(options), times(1)), [{ failed: "InvalidInput" }])
      }
    }))

  it.effect("cuts what is longer than ten years", () =>
    Effect.gen(function*() {
      const years = 315_619_200_000
      for (const base of ["Infinity", Number.MAX_VALUE, 2 ** 53] as const) {
        assert.deepStrictEqual(waits(yield* drive(exact({ base, max: "Infinity" }), times(2))), [years, years])
      }
    }))
})
