import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as RunningProcess from "processkit/RunningProcess"
import { alive, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend, patient } from "./scriptedPrograms.ts"

const start = (program: string, options: Command.Options = {}) => Command.start(Command.make(program, options))

describe("RunningProcess", () => {
  it.effect("has no pid where there is no process, and shows nothing but names and numbers", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("waits", ["secret"]))
      assert.isTrue(RunningProcess.isRunningProcess(running))
      assert.isUndefined(running.pid)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(running)), {
        _id: "RunningProcess",
        program: "waits",
        startedAt: 0
      })
    }).pipe(Effect.provide(scripted())))

  it.effect("is ended by its scope", () =>
    Effect.gen(function*() {
      const running = yield* Effect.scoped(Effect.tap(start("spawnsTree"), () => settle()))
      assert.deepStrictEqual(yield* running.outcome, Outcome.signaled("SIGTERM", 15, false))
      assert.deepStrictEqual(yield* alive, [])
      assert.isFalse(yield* running.isRunning)
    }).pipe(Effect.provide(scripted())))

  it.effect("gives the same outcome and result however often it is asked", () =>
    Effect.gen(function*() {
      const running = yield* start("printsTwoStreams")
      assert.deepStrictEqual([yield* running.outcome, yield* running.outcome], [Outcome.exited(0), Outcome.exited(0)])
      const [first, second] = [yield* running.result, yield* running.result]
      assert.deepStrictEqual([first.stdout, first.stderr, first.duration], [
        second.stdout,
        second.stderr,
        second.duration
      ])
    }).pipe(Effect.provide(scripted())))

  it.effect("keeps the outcome that was first: a stop after the exit changes nothing", () =>
    Effect.gen(function*() {
      const running = yield* start("printsTwoStreams")
      yield* running.outcome
      assert.deepInclude(yield* running.stop(), { members: 0, forced: false, survivors: [] })
      yield* running.kill
      yield* running.signal("SIGKILL")
      const result = yield* running.result
      assert.deepStrictEqual([result.outcome, result.stop], [Outcome.exited(0), undefined])
    }).pipe(Effect.provide(scripted())))

  // It was said of a program that runs that it was not started.
  it.effect("refuses what cannot be meant, and says nothing untrue of a program that runs", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const refused = [running.signal("SIGNONE" as never), running.stop({ grace: -1 }), running.waitForPort(0)]
      for (const effect of refused) {
        const reason = yield* reasonOf(Effect.asVoid(effect))
        assert.strictEqual(reason._tag, "InvalidInput")
        assert.match(reason.message, /^invalid input for waits: the /)
      }
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("stop climbs the ladder and reports, and the result says what was done", () =>
    Effect.gen(function*() {
      const calm = yield* start("trapsTerm")
      yield* settle()
      assert.deepInclude(yield* calm.stop(), { signal: "SIGTERM", forced: false, members: 1, survivors: [] })
      const first = yield* calm.result
      assert.deepStrictEqual([first.outcome, first.stop], [Outcome.exited(143), { signal: "SIGTERM", forced: false }])

      const stubborn = yield* start("ignoresTerm")
      yield* settle()
      assert.deepInclude(yield* stubborn.stop(), { signal: "SIGTERM", forced: true, members: 1, survivors: [] })
      const second = yield* stubborn.result
      assert.deepStrictEqual(second.outcome, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(second.stop, { signal: "SIGTERM", forced: true })
    }).pipe(Effect.provide(scripted())))

  it.effect("kill ends the whole tree at once", () =>
    Effect.gen(function*() {
      const running = yield* start("spawnsTree")
      yield* settle()
      yield* running.kill
      assert.deepStrictEqual(yield* alive, [])
      const result = yield* running.result
      assert.deepStrictEqual(result.outcome, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(result.stop, { signal: "SIGKILL", forced: true })
    }).pipe(Effect.provide(scripted())))

  it.effect("signal reaches the program and not its descendants, and its effect is no stop of ours", () =>
    Effect.gen(function*() {
      const running = yield* start("spawnsTree")
      yield* settle()
      yield* running.signal("SIGINT")
      const fiber = yield* Effect.forkChild(running.result)
      yield* settle()
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual([result.outcome, result.stop], [Outcome.signaled("SIGINT", 2, false), undefined])
      assert.strictEqual(result.leftovers, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("a second request to stop during the grace goes to SIGKILL at once", () =>
    Effect.gen(function*() {
      const running = yield* start("ignoresTerm", { stop: { grace: "1 hour" } })
      yield* settle()
      const first = yield* Effect.forkChild(running.stop())
      yield* settle()
      assert.isTrue(yield* running.isRunning)
      const second = yield* running.stop()
      assert.deepInclude(second, { forced: true, members: 1, survivors: [] })
      assert.deepStrictEqual(yield* Fiber.join(first), second)
      assert.deepStrictEqual(yield* running.outcome, Outcome.signaled("SIGKILL", 9, false))
    }).pipe(Effect.provide(Layer.sync(
      ProcessRunner.ProcessRunner,
      () => ProcessRunner.fromBackend(patient(backend().service))
    ))))

  it.effect("kill during the grace of a deadline leaves the deadline as the reason", () =>
    Effect.gen(function*() {
      const running = yield* start("ignoresTerm", { timeout: "1 second", stop: { grace: "1 hour" } })
      yield* settle()
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* running.isRunning)
      yield* running.kill
      assert.isTrue(Outcome.isTimedOut(yield* running.outcome))
    }).pipe(Effect.provide(Layer.sync(
      ProcessRunner.ProcessRunner,
      () => ProcessRunner.fromBackend(patient(backend().service))
    ))))

  it.effect("gives its lines once", () =>
    Effect.gen(function*() {
      const running = yield* start("printsTwoStreams")
      assert.deepStrictEqual(yield* Stream.runCollect(running.stdoutLines), ["out"])
      assert.deepStrictEqual(yield* Stream.runCollect(running.stderrLines), ["err"])
      const again = yield* reasonOf(Stream.runCollect(running.stdoutLines))
      assert.deepInclude(again, { _tag: "AlreadyConsumed", stream: "stdout" })
      assert.deepInclude(yield* reasonOf(Stream.runCollect(running.stderrLines)), { stream: "stderr" })
      const result = yield* running.result
      assert.deepStrictEqual([result.stdout, result.stderr], ["", ""])
    }).pipe(Effect.provide(scripted())))

  it.effect("gives its lines from the first one on, however late they are asked for", () =>
    Effect.gen(function*() {
      const running = yield* start("chatty")
      yield* running.outcome
      assert.deepStrictEqual(yield* Stream.runCollect(running.stdoutLines), ["a", "b", "c"])
    }).pipe(Effect.provide(scripted({ chatty: prints("a\r\nb\nc") }))))

  it.effect("drops the rest of a stream that was left, and does not hold the program up", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("many"))
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(running.stdoutLines, 1)), ["x".repeat(99)])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(scripted({ many: prints(`${"x".repeat(99)}\n`.repeat(50_000)) }))))

  it.effect("loses no line to a consumer that is slow", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("many"))
      const fiber = yield* Effect.forkChild(
        Stream.runFold(Stream.mapEffect(running.stdoutLines, (line) => Effect.as(Effect.yieldNow, line)), () =>
          0, (n) =>
          n + 1)
      )
      assert.strictEqual(yield* Fiber.join(fiber), 20_000)
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(scripted({ many: prints(`${"x".repeat(99)}\n`.repeat(20_000)) }))))

  it.effect("writes to a program that asked for a pipe", () =>
    Effect.gen(function*() {
      const running = yield* start("echoesStdin", { stdin: "pipe" })
      yield* running.stdin.write("a")
      yield* running.stdin.writeLine("b")
      yield* running.stdin.write(new Uint8Array([99]))
      yield* running.stdin.flush
      yield* running.stdin.end
      assert.strictEqual((yield* running.result).stdout, "ab\nc")
      yield* running.stdin.write("late")
    }).pipe(Effect.provide(scripted())))

  it.effect("answers a writer whose program dies meanwhile", () =>
    Effect.gen(function*() {
      const running = yield* start("waits", { stdin: "pipe" })
      const fiber = yield* Effect.forkChild(running.stdin.write("x".repeat(1_000_000)))
      yield* settle()
      assert.isUndefined(fiber.pollUnsafe())
      yield* running.kill
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(scripted())))

  it.effect("has no writer where the command did not ask for one", () =>
    Effect.gen(function*() {
      for (const stdin of ["null", "inherit", "text"]) {
        const running = yield* start("waits", { stdin })
        assert.strictEqual(yield* tagOf(running.stdin.write("x")), "Unsupported")
        assert.strictEqual(yield* tagOf(running.stdin.flush), "Unsupported")
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("fails its result and spares the program when its buffer overflows", () =>
    Effect.gen(function*() {
      const running = yield* start("long", { buffer: { _tag: "FailAbove", bytes: 3 } })
      const reason = yield* reasonOf(running.result)
      assert.deepInclude(reason, { _tag: "OutputTooLarge", stream: "stdout", maxBytes: 3, totalBytes: 10 })
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(scripted({ long: prints("0123456789") }))))
})
