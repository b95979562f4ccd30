import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import { alive, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

const waits = Command.make("waits")

describe("the deadline of a command", () => {
  it.effect("ends the program when it passes and not before", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.outputString(Command.setTimeout(waits, "2 seconds")))
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* alive).length, 1)
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        result.outcome,
        Outcome.timedOut({ after: Duration.seconds(2), kind: "deadline", exit: Outcome.signaled("SIGTERM", 15, false) })
      )
      assert.deepStrictEqual(result.stop, { signal: "SIGTERM", forced: false })
      assert.strictEqual(result.stdout, "ready\n")
    }).pipe(Effect.provide(scripted())))

  it.effect("outranks the code that the dying program returns", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        reasonOf(Command.make("trapsTerm", { timeout: "1 second", okCodes: [143] }))
      )
      yield* TestClock.adjust("1 second")
      const reason = yield* Fiber.join(fiber)
      assert.deepInclude(reason, { _tag: "TimedOut", exit: Outcome.exited(143), stdout: "ready\nbye\n" })
    }).pipe(Effect.provide(scripted())))

  it.effect("kills a program that ignores the signal", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.outputString(Command.make("ignoresTerm", { timeout: "1 second" })))
      yield* TestClock.adjust("1 second")
      const { outcome, stop } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(Outcome.isTimedOut(outcome) && outcome.exit, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(stop, { signal: "SIGTERM", forced: true })
    }).pipe(Effect.provide(scripted())))

  it.effect("sends the signal of the stop policy", () =>
    Effect.gen(function*() {
      const command = Command.make("waits", { timeout: "1 second", stop: { signal: "SIGINT" } })
      const fiber = yield* Effect.forkChild(Command.outputString(command))
      yield* TestClock.adjust("1 second")
      const { outcome, stop } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(Outcome.isTimedOut(outcome) && outcome.exit, Outcome.signaled("SIGINT", 2, false))
      assert.deepStrictEqual(stop, { signal: "SIGINT", forced: false })
    }).pipe(Effect.provide(scripted())))

  it.effect("goes straight to SIGKILL with a grace of 0", () =>
    Effect.gen(function*() {
      const command = Command.make("trapsTerm", { timeout: "1 second", stop: { grace: 0 } })
      const fiber = yield* Effect.forkChild(Command.outputString(command))
      yield* TestClock.adjust("1 second")
      const { outcome, stop } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(Outcome.isTimedOut(outcome) && outcome.exit, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(stop, { signal: "SIGKILL", forced: true })
    }).pipe(Effect.provide(scripted())))

  it.effect("of 0 stops the program as soon as it has started", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(Command.setTimeout(waits, 0))), "TimedOut")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("of infinity is none", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.run(Command.setTimeout(waits, Infinity)))
      yield* TestClock.adjust("400 days")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(scripted())))

  it.effect("that is NaN, negative or no duration is refused before anything is started", () =>
    Effect.gen(function*() {
      const bad: ReadonlyArray<unknown> = [NaN, -1, "-1 seconds", "soon", "NaN millis", { seconds: NaN }, null, true, [
        1
      ], [NaN, 0]]
      for (const timeout of bad) {
        const command = Object.assign(Object.create(Object.getPrototypeOf(waits)), waits, { options: { timeout } })
        const reason = yield* reasonOf(Command.run(command))
        assert.deepInclude(reason, { _tag: "InvalidInput", field: "timeout" }, String(timeout))
      }
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("that passes while output is still due cuts the wait short and is not the outcome", () =>
    Effect.gen(function*() {
      const command = Command.make("holdsPipeOpen", { timeout: "100 millis" })
      const fiber = yield* Effect.forkChild(Command.outputString(command))
      yield* TestClock.adjust("99 millis")
      assert.isUndefined(fiber.pollUnsafe())
      // Then it takes the two turns in which what is in a pipe is read.
      yield* TestClock.adjust("1 millis")
      yield* TestClock.adjust("2 millis")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.outcome, Outcome.exited(0))
      assert.isTrue(result.incomplete)
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("that has not passed leaves nothing to wait for", () =>
    Effect.gen(function*() {
      yield* Command.make("exitsWith", ["0"], { timeout: "1 hour" })
      yield* settle()
      assert.deepStrictEqual(yield* alive, [])
      yield* TestClock.adjust("2 hours")
    }).pipe(Effect.provide(scripted())))
})
