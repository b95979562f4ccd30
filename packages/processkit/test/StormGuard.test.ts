import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as StormGuard from "processkit/StormGuard"
import * as Model from "../src/internal/stormModel.ts"
import { intBetween } from "./arbitraries.ts"
import { clean, crash, drive, exhausted, unhealthy, waits } from "./supervised.ts"

const defaults = { halfLife: 30_000, threshold: 5 }

const pause = (options: StormGuard.PauseOptions) => StormGuard.pause({ jitter: false, ...options })

const burst = (count: number, attempt = crash()) => Array.from({ length: count }, () => [0, attempt] as const)

/** The states after failures at these distances. */
const after = (config: Model.Config, gaps: ReadonlyArray<number>) => {
  let state = Model.calm
  let at = 0
  return gaps.map((gap) => {
    const next = Model.afterFailure(config, state, at += gap)
    state = next.state
    return next
  })
}

const gaps = Arbitrary.array(intBetween(0, 60_000), { maxLength: 40 })
const threshold = Arbitrary.map(intBetween(10, 100), (tenths) => tenths / 10)

describe("the score", () => {
  // P7
  it.prop("is between 0 and the threshold after every failure", [gaps, threshold], ([gaps, threshold]) => {
    for (const { state } of after({ halfLife: 30_000, threshold }, gaps)) {
      assert.isTrue(state.score >= 0 && state.score <= threshold, `${state.score}`)
    }
  })

  // P9
  it.prop("is the sum of what each failure is still worth, while nothing trips", [gaps], ([gaps]) => {
    const states = after({ halfLife: 30_000, threshold: Infinity }, gaps)
    const times = states.map(({ state }) => state.at)
    const now = times.at(-1) ?? 0
    const sum = times.reduce((sum, time) => sum + 2 ** (-(now - time) / 30_000), 0)
    assert.approximately(states.at(-1)?.state.score ?? 0, sum, 1e-9)
  })

  // P10
  it.prop(
    "trips at regular failures if and only if they are closer than the critical gap",
    [Arbitrary.map(intBetween(15, 80), (tenths) => tenths / 10), intBetween(1, 200)],
    ([threshold, percent]) => {
      const config = { halfLife: 30_000, threshold }
      const gap = Model.criticalGap(config) * (percent === 100 ? 0.99 : percent / 100)
      const tripped = after(config, Array.from({ length: 2000 }, () => gap)).some(({ tripped }) => tripped)
      assert.strictEqual(tripped, percent <= 100)
    }
  )

  // P11
  it.prop(
    "rises by no more than 1 when the clock goes back",
    [gaps, intBetween(0, 10_000_000)],
    ([gaps, back]) => {
      const config = { halfLife: 30_000, threshold: Infinity }
      const { state } = after(config, gaps).at(-1) ?? { state: Model.calm }
      assert.isAtMost(Model.afterFailure(config, state, state.at - back).state.score, state.score + 1)
    }
  )

  it("has a critical gap of 9.66 seconds with the defaults", () => {
    assert.approximately(Model.criticalGap(defaults), 9658, 1)
  })
})

describe("what a guard remembers", () => {
  // P13
  it.prop("is two numbers, however many failures there were", [gaps, threshold], ([gaps, threshold]) => {
    for (const { state } of after({ ...defaults, threshold }, gaps)) {
      assert.deepStrictEqual(Object.keys(state), ["score", "at"])
      assert.isTrue(Object.values(state).every(Number.isFinite))
    }
  })

  // P13
  it.prop(
    "is no more than the failures that are still in its window",
    [gaps, intBetween(1, 60_000)],
    ([gaps, length]) => {
      let times: ReadonlyArray<number> = []
      let at = 0
      for (const gap of gaps) {
        times = Model.within(times, at += gap, length)
        assert.isTrue(times.every((time) => time >= at - length))
      }
    }
  )
})

describe("StormGuard.pause", () => {
  it.effect("pauses once at the sixth failure of a burst, and counts anew", () =>
    Effect.gen(function*() {
      const said = yield* drive(pause({ pause: 7 }), burst(13))
      assert.deepStrictEqual(waits(said), [0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 7, 0])
    }))

  // P8, V5
  it.effect("does not notice clean ends", () =>
    Effect.gen(function*() {
      const said = yield* drive(pause({ threshold: 1, pause: 7 }), [[0, crash()], ...burst(20, clean()), [0, crash()]])
      assert.deepStrictEqual(waits(said).filter((wait) => wait > 0), [7])
    }))

  it.effect("counts failed starts and failed health like crashes", () =>
    Effect.gen(function*() {
      const said = yield* drive(pause({ threshold: 2, pause: 7 }), [[0, exhausted], [0, unhealthy()], [0, crash()]])
      assert.deepStrictEqual(waits(said), [0, 0, 7])
    }))

  it.effect("forgets half in a half-life", () =>
    Effect.gen(function*() {
      // Scores 1, 1.5, 1.75, 1.875: never above 2. A little closer, and they are.
      const far = Array.from({ length: 60 }, () => [1000, crash()] as const)
      const near = Array.from({ length: 60 }, () => [900, crash()] as const)
      const guard = pause({ threshold: 2, halfLife: 1000, pause: 7 })
      assert.notInclude(waits(yield* drive(guard, far)), 7)
      assert.include(waits(yield* drive(guard, near)), 7)
    }))

  it.effect("forgets at once where the half-life is 0, and never where it is infinite", () =>
    Effect.gen(function*() {
      const slow = Array.from({ length: 4 }, () => [3_600_000, crash()] as const)
      assert.deepStrictEqual(
        waits(yield* drive(pause({ halfLife: 0, threshold: 1, pause: 7 }), burst(9))),
        Array(9).fill(0)
      )
      assert.deepStrictEqual(
        waits(yield* drive(pause({ halfLife: "Infinity", threshold: 3, pause: 7 }), slow)),
        [0, 0, 0, 7]
      )
    }))

  it.effect("never pauses where the threshold is infinite", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(waits(yield* drive(pause({ threshold: Infinity }), burst(50))), Array(50).fill(0))
    }))

  it.effect("spreads its pauses between half and one and a half of their length", () =>
    Effect.gen(function*() {
      const said = yield* drive(StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: 1000 }), burst(400))
      const pauses = waits(said).filter((wait) => wait > 0)
      assert.strictEqual(pauses.length, 200)
      assert.isTrue(pauses.every((pause) => pause >= 500 && pause < 1500))
      assert.isAbove(new Set(pauses).size, 150)
    }))

  it.effect("fails with what it refuses", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<StormGuard.PauseOptions> = [
        { threshold: 0.9 },
        { threshold: NaN },
        { halfLife: NaN },
        { halfLife: -1 },
        { pause: -1 },
        { jitter: "a little" as never },
        [] as never
      ]
      for (const options of wrong) {
        assert.deepStrictEqual(yield* drive(StormGuard.pause(options), burst(1)), [{ failed: "InvalidInput" }])
      }
    }))
})

const every = (gap: number) => Array.from({ length: 30 }, () => [gap, crash()] as const)

describe("StormGuard.giveUp", () => {
  const guard = StormGuard.giveUp({ restarts: 2, within: "10 seconds" })

  it.effect("fails at the first failure too many within the window", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* drive(guard, burst(3)), [
        { output: 1, wait: 0 },
        { output: 2, wait: 0 },
        { failed: "RestartStorm" }
      ])
    }))

  it.effect("slides its window, and what happened at its very edge is inside", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* drive(guard, every(5000))).at(-1), { failed: "RestartStorm" })
      assert.strictEqual((yield* drive(guard, every(5001))).length, 30)
    }))

  it.effect("lets no burst through that straddles two windows", () =>
    Effect.gen(function*() {
      const said = yield* drive(guard, [[0, crash()], [9000, crash()], [2000, crash()], [500, crash()]])
      assert.deepStrictEqual(said.at(-1), { failed: "RestartStorm" })
    }))

  it.effect("does not notice clean ends", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* drive(guard, burst(50, clean()))).length, 50)
    }))

  it.effect("allows no restart at all where it is told so", () =>
    Effect.gen(function*() {
      const said = yield* drive(StormGuard.giveUp({ restarts: 0, within: 1 }), burst(2))
      assert.deepStrictEqual(said, [{ failed: "RestartStorm" }])
    }))

  it.effect("fails with what it refuses", () =>
    Effect.gen(function*() {
      for (const wrong of [{ restarts: -1, within: 1 }, { restarts: 1.5, within: 1 }, { restarts: 1, within: NaN }]) {
        assert.deepStrictEqual(yield* drive(StormGuard.giveUp(wrong), burst(1)), [{ failed: "InvalidInput" }])
      }
    }))
})
