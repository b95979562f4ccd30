import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { hold } from "../../src/internal/heldOutput.ts"
import { settle } from "../scripted.ts"

const block = 65_536

/** A source that counts the blocks that were taken from it. */
const counted = (blocks: number) => {
  const state = { taken: 0 }
  const source = Stream.rechunk(
    Stream.tap(
      Stream.fromIterable(Array.from({ length: blocks }, () => new Uint8Array(block))),
      () =>
        Effect.sync(() => {
          state.taken++
        })
    ),
    1
  )
  return { state, source }
}

const total = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Stream.runFold(stream, () => 0, (sum, chunk) => sum + chunk.length)

describe("held output", () => {
  it.effect("is read before anybody consumes it, up to a bound", () =>
    Effect.gen(function*() {
      const { source, state } = counted(100)
      const { stream } = yield* hold(source)
      yield* settle(500)
      assert.isTrue(state.taken > 10 && state.taken <= 18, String(state.taken))
      assert.strictEqual(yield* total(stream), 100 * block)
    }))

  it.effect("is held without a bound once its end is near", () =>
    Effect.gen(function*() {
      const { source, state } = counted(100)
      const { holdAll, stream } = yield* hold(source)
      yield* settle(100)
      yield* holdAll
      yield* settle(1000)
      assert.strictEqual(state.taken, 100)
      assert.strictEqual(yield* total(stream), 100 * block)
    }))

  it.effect("stays readable after its scope has closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { stream } = yield* Scope.provide(hold(Stream.concat(Stream.make(new Uint8Array(3)), Stream.never)), scope)
      yield* settle()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* total(stream), 3)
    }))

  it.effect("drops the rest when its consumer leaves, and gives a second one nothing", () =>
    Effect.gen(function*() {
      const { source, state } = counted(100)
      const { stream } = yield* hold(source)
      yield* Stream.runHead(stream)
      yield* settle(1000)
      assert.strictEqual(state.taken, 100)
      assert.strictEqual(yield* total(stream), 0)
    }))

  it.effect("wakes a consumer that waits", () =>
    Effect.gen(function*() {
      const late = Stream.fromEffect(Effect.as(settle(50), new Uint8Array(7)))
      const { stream } = yield* hold(late)
      const fiber = yield* Effect.forkChild(total(stream), { startImmediately: true })
      assert.strictEqual(yield* Fiber.join(fiber), 7)
    }))

  it.effect("fails as its source does, after what came before", () =>
    Effect.gen(function*() {
      const { stream } = yield* hold(Stream.concat(Stream.make(new Uint8Array(2)), Stream.fail("broken")))
      let seen = 0
      const failed = yield* Effect.flip(Stream.runForEach(stream, (chunk) =>
        Effect.sync(() => {
          seen += chunk.length
        })))
      assert.deepStrictEqual([failed, seen], ["broken", 2])
    }))
})
