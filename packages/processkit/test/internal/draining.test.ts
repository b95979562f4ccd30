import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { drain, drainAtOnce, drainWindow } from "../../src/internal/draining.ts"
import type { Pump } from "../../src/internal/pump.ts"

/** A pump that counts, and the sleep of a loop that delivers what `deliver` says in each turn. */
const world = (
  deliver: (turn: number, pump: { paused: boolean }) => number,
  comesAt = 0,
  paused = false,
  wait = drain
) => {
  const pump = {
    bytesSeen: 0,
    paused,
    held: false,
    isComing: comesAt > 0,
    closed: false,
    close: () => void (pump.closed = true),
    abandonTee: () => {}
  }
  let slept = 0
  let turns = 0
  const sleep = (duration: Duration.Duration) =>
    Effect.sync(() => {
      slept += Duration.toMillis(duration)
      // The timer of the window fires before anything is read: that is what a loop that was held up does.
      if (Duration.toMillis(duration) >= 10 || pump.closed) return
      pump.isComing = ++turns < comesAt
      if (!pump.isComing) pump.bytesSeen += deliver(turns, pump)
    })
  const run = wait([pump as unknown as Pump], sleep, () => pump.closed)
  return Effect.map(run, () => ({ bytes: pump.bytesSeen, slept }))
}

describe("the end of output", () => {
  it.effect("is not waited for longer than the window where nothing comes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* world(() => 0), { bytes: 0, slept: Duration.toMillis(drainWindow) })
    }))

  // Whoever stood still for a whole window must not take for the end what was not read yet.
  it.effect("comes after what was in the pipe when a window was slept through", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* world((turn) => turn === 1 ? 5 : 0)).bytes, 5)
      assert.strictEqual((yield* world((turn) => turn <= 16 ? 65_536 : 0)).bytes, 1_048_576)
    }))

  // A busy owner got a pipe later than a window after the exit, and whatever was in it was lost.
  it.effect("comes after what is in a pipe that is still on its way when the window is over", () =>
    Effect.gen(function*() {
      const { bytes, slept } = yield* world((turn) => turn === 2000 ? 5 : 0, 2000)
      assert.strictEqual(bytes, 5)
      assert.isAtMost(slept, Duration.toMillis(drainWindow) + 2010)
    }))

  it.effect("comes at once after what is read in a hurry", () =>
    Effect.gen(function*() {
      const hurried = world((turn) => turn <= 3 ? 5 : 0, 0, false, drainAtOnce)
      assert.deepStrictEqual(yield* hurried, { bytes: 15, slept: 4 })
    }))

  // A consumer that woke up in the turn in which a window ended found its pipe closed, with the rest of the output inside.
  it.effect("comes after what a consumer has left in the pipe that goes on right before a window is over", () =>
    Effect.gen(function*() {
      const goesOn = world(
        (turn, pump) => {
          if (turn === 2) pump.paused = false
          return turn === 3 ? 5 : 0
        },
        0,
        true
      )
      assert.strictEqual((yield* goesOn).bytes, 5)
    }))

  it.effect("is not put off by somebody who writes on and on", () =>
    Effect.gen(function*() {
      const { bytes, slept } = yield* world(() => 65_536)
      assert.isAtMost(bytes, 1_048_576 + 4 * 65_536)
      assert.isBelow(slept, 600)
    }))
})
