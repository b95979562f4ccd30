import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as RunningProcess from "processkit/RunningProcess"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { killedBy } from "../src/internal/scriptedSignals.ts"
import { alive, countedAbort, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

const start = (program: string, options: Command.Options = {}) => Command.start(Command.make(program, options))

const ends = (seconds: number, code: number): Program => ({
  main: () => Effect.as(Effect.sleep(`${seconds} seconds`), Outcome.exited(code))
})

const programs = scripted({
  clean: prints(""),
  fails: prints("", 3, "boom"),
  killed: { main: () => Effect.succeed(killedBy("SIGKILL")) },
  one: ends(1, 1),
  two: ends(2, 2)
})

describe("waitAny", () => {
  it.effect("gives the position and outcome of the first to end, and leaves the others usable", () =>
    Effect.gen(function*() {
      const [two, one, waits] = [yield* start("two"), yield* start("one"), yield* start("waits")]
      const fiber = yield* Effect.forkChild(RunningProcess.waitAny([two, waits, one]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [2, Outcome.exited(1)])
      assert.isTrue(yield* waits.isRunning)
      assert.deepStrictEqual(yield* Stream.runHead(waits.stdoutLines), yield* Effect.succeedSome("ready"))
      const again = yield* Effect.forkChild(RunningProcess.waitAny([two, waits]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(again), [0, Outcome.exited(2)])
      yield* waits.kill
      assert.deepStrictEqual(yield* waits.outcome, Outcome.signaled("SIGKILL", 9, false))
    }).pipe(Effect.provide(programs)))

  it.effect("gives the first in the list where several have ended", () =>
    Effect.gen(function*() {
      const all = [yield* start("waits"), yield* start("fails"), yield* start("clean")]
      yield* RunningProcess.waitAll(all.slice(1))
      assert.deepStrictEqual(yield* RunningProcess.waitAny(all), [1, Outcome.exited(3)])
    }).pipe(Effect.provide(programs)))

  it.effect("gives the same again after a late cancellation, which never rewrites how a program ended", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const running = yield* start("clean", { cancelOn: signal })
      assert.deepStrictEqual(yield* RunningProcess.waitAny([running]), [0, Outcome.exited(0)])
      abort()
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
      assert.deepStrictEqual(yield* RunningProcess.waitAny([running]), [0, Outcome.exited(0)])
      assert.deepStrictEqual(yield* RunningProcess.waitAll([running]), [Outcome.exited(0)])
      assert.deepStrictEqual((yield* running.result).outcome, Outcome.exited(0))
    }).pipe(Effect.provide(programs)))

  it.effect("fails with Cancelled where the first to end was cancelled, also on every later wait", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const running = yield* start("waits", { cancelOn: signal })
      const other = yield* start("waits")
      const fiber = yield* Effect.forkChild(tagOf(RunningProcess.waitAny([other, running])))
      yield* settle()
      abort()
      assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
      assert.strictEqual(yield* tagOf(RunningProcess.waitAny([other, running])), "Cancelled")
      assert.strictEqual(yield* tagOf(running.outcome), "Cancelled")
      assert.isTrue(yield* other.isRunning)
    }).pipe(Effect.provide(programs)))

  it.effect("of nothing is a typed error and not a wait without end", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(RunningProcess.waitAny([])), {
        _tag: "InvalidInput",
        program: undefined,
        field: "the list of programs"
      })
      assert.strictEqual(yield* tagOf(RunningProcess.waitAny(undefined as never)), "InvalidInput")
    }).pipe(Effect.provide(programs)))

  it.effect("that is interrupted ends no program, and leaves the input of all of them alone", () =>
    Effect.gen(function*() {
      const all = [yield* start("echoesStdin", { stdin: "pipe" }), yield* start("waits")]
      const fiber = yield* Effect.forkChild(RunningProcess.waitAny(all))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* alive).length, 2)
      const [echoes] = all
      yield* echoes?.stdin.write("still here") ?? Effect.die("gone")
      yield* echoes?.stdin.end ?? Effect.die("gone")
      assert.deepStrictEqual(yield* RunningProcess.waitAny(all), [0, Outcome.exited(0)])
      assert.strictEqual((yield* echoes?.result ?? Effect.die("gone")).stdout, "still here")
    }).pipe(Effect.provide(programs)))
})

describe("waitAll", () => {
  it.effect("gives a mix of outcomes in the order of the list, as often as it is asked", () =>
    Effect.gen(function*() {
      const all = [yield* start("two"), yield* start("clean"), yield* start("fails"), yield* start("killed")]
      const fiber = yield* Effect.forkChild(RunningProcess.waitAll(all))
      yield* TestClock.adjust("2 seconds")
      const expected = [Outcome.exited(2), Outcome.exited(0), Outcome.exited(3), killedBy("SIGKILL")]
      assert.deepStrictEqual(yield* Fiber.join(fiber), expected)
      assert.deepStrictEqual(yield* RunningProcess.waitAll(all), expected)
    }).pipe(Effect.provide(programs)))

  it.effect("of nothing is nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* RunningProcess.waitAll([]), [])
    }).pipe(Effect.provide(programs)))

  it.effect("fails as soon as one was cancelled, and the others can be waited for again", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const [two, cancelled] = [yield* start("two"), yield* start("waits", { cancelOn: signal })]
      const fiber = yield* Effect.forkChild(tagOf(RunningProcess.waitAll([two, cancelled])))
      yield* settle()
      abort()
      assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
      assert.isTrue(yield* two.isRunning)
      const again = yield* Effect.forkChild(RunningProcess.waitAll([two]))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(again), [Outcome.exited(2)])
    }).pipe(Effect.provide(programs)))

  it.effect("is not held up by output above a bound, which is the result's to complain about", () =>
    Effect.gen(function*() {
      const running = yield* start("long", { buffer: { _tag: "FailAbove", lines: 2 } })
      assert.deepStrictEqual(yield* RunningProcess.waitAll([running]), [Outcome.exited(0)])
      assert.strictEqual(yield* tagOf(running.result), "OutputTooLarge")
    }).pipe(Effect.provide(scripted({ long: prints("1\n2\n3\n") }))))
})
