import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessRunner from "processkit/ProcessRunner"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, reasonOf, scripted, settle } from "./scripted.ts"
import { backend, patient } from "./scriptedPrograms.ts"

const run = (program: string, options: Command.Options) => Command.outputString(Command.make(program, options))

const start = (program: string, options: Command.Options) => Command.start(Command.make(program, options))

/** Prints a piece after each pause, and stays silent from then on, or exits. */
const pauses = (
  seconds: ReadonlyArray<number>,
  stream: (i: number) => "stdout" | "stderr",
  exit?: number
): Program => ({
  main: (io) =>
    Effect.forEach(
      seconds,
      (pause, i) => Effect.andThen(Effect.sleep(Duration.seconds(pause)), io.write(stream(i), `${i}`))
    ).pipe(
      Effect.andThen(exit === undefined ? Effect.never : Effect.void),
      Effect.as(Outcome.exited(exit ?? 0))
    )
})

const silent = { inactivityTimeout: "2 seconds" } as const

const timedOut = (kind: "deadline" | "inactivity", seconds: number, exit: Outcome.Exit) =>
  Outcome.timedOut({ after: Duration.seconds(seconds), kind, exit })

const terminated = Outcome.signaled("SIGTERM", 15, false)

/** Which of two limits ends a program that runs for ever. */
const firstOf = (timeout: number, inactivityTimeout: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(run("waits", { timeout, inactivityTimeout }))
    yield* TestClock.adjust("5 seconds")
    const { outcome } = yield* Fiber.join(fiber)
    return Outcome.isTimedOut(outcome) ? outcome.kind : outcome._tag
  })

describe("a program that prints nothing for too long", () => {
  it.effect("is stopped then and not before, counted anew from each byte on either stream", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(run("pauses", silent))
      // Bytes at 1.5, 3 and 4.5 seconds.
      yield* TestClock.adjust("6499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual((yield* alive).length, 1)
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.outcome, timedOut("inactivity", 2, terminated))
      assert.deepStrictEqual(result.stop, { signal: "SIGTERM", forced: false })
      assert.deepStrictEqual([result.stdout, result.stderr], ["02", "1"])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted({
      pauses: pauses([1.5, 1.5, 1.5], (i) => i === 1 ? "stderr" : "stdout")
    }))))

  it.effect("is counted from its start", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(run("silent", silent))
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).outcome, timedOut("inactivity", 2, terminated))
    }).pipe(Effect.provide(scripted({ silent: pauses([], () => "stdout") }))))

  it.effect("fails a verb that checks, with what it had printed", () =>
    Effect.gen(function*() {
      const command = Command.setInactivityTimeout(Command.make("pauses"), "2 seconds")
      const fiber = yield* Effect.forkChild(reasonOf(Command.run(command)))
      yield* TestClock.adjust("3 seconds")
      const reason = yield* Fiber.join(fiber)
      assert.deepInclude(reason, { _tag: "TimedOut", kind: "inactivity", after: Duration.seconds(2), stdout: "0" })
      assert.strictEqual(reason.message, "pauses printed nothing for 2s and was stopped: 0")
      const lines = yield* Effect.forkChild(reasonOf(Stream.runDrain(Command.stdoutLines(command))))
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(lines), { _tag: "TimedOut", kind: "inactivity" })
    }).pipe(Effect.provide(scripted({ pauses: pauses([1], () => "stdout") }))))

  it.effect("is stopped as the policy says, and may say its last words", () =>
    Effect.gen(function*() {
      const command = { ...silent, stop: { signal: "SIGINT" } } as const
      const fiber = yield* Effect.forkChild(run("traps", command))
      yield* TestClock.adjust("2 seconds")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.outcome, timedOut("inactivity", 2, Outcome.exited(7)))
      assert.deepStrictEqual([result.stdout, result.stop], ["bye\n", { signal: "SIGINT", forced: false }])
      const killed = yield* Effect.forkChild(run("ignoresTerm", silent))
      yield* TestClock.adjust("2 seconds")
      const { outcome, stop } = yield* Fiber.join(killed)
      assert.deepStrictEqual(outcome, timedOut("inactivity", 2, Outcome.signaled("SIGKILL", 9, false)))
      assert.deepStrictEqual(stop, { signal: "SIGTERM", forced: true })
    }).pipe(Effect.provide(scripted({
      traps: { main: () => Effect.never, signals: { SIGINT: { stdout: "bye\n", exit: Outcome.exited(7) } } }
    }))))

  it.effect("is left alone where it ends in time, and afterwards nothing waits", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(run("ends", silent))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).outcome, Outcome.exited(3))
      const running = yield* start("ends", silent)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(3))
    }).pipe(Effect.provide(scripted({ ends: pauses([1], () => "stdout", 3) }))))

  it.effect("may be silent for ever where that is asked, and not at all where 0 is", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(run("waits", { inactivityTimeout: Infinity }))
      yield* TestClock.adjust("400 days")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      const none = yield* run("waits", { inactivityTimeout: 0 })
      assert.isTrue(Outcome.isTimedOut(none.outcome) && none.outcome.kind === "inactivity")
    }).pipe(Effect.provide(scripted())))

  it.effect("has to write to a pipe, or nobody would hear it", () =>
    Effect.gen(function*() {
      const deaf = Command.runUnit(Command.make("waits", { ...silent, stdout: "null", stderr: "inherit" }))
      assert.deepInclude(yield* reasonOf(deaf), { _tag: "InvalidInput", field: "inactivityTimeout" })
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("is heard on the stream that is a pipe", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.checked(
        Command.make("pauses", { ...silent, stdout: "null" })
      ))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).stderr, "01")
    }).pipe(Effect.provide(scripted({ pauses: pauses([1.5, 1.5], () => "stderr", 0) }))))

  it.effect("is not silent while a consumer holds its output up", () =>
    Effect.gen(function*() {
      const running = yield* start("chatty", silent)
      const pull = yield* Stream.toPull(running.stdoutLines)
      let lines = (yield* pull).length
      yield* TestClock.adjust("1 hour")
      assert.isTrue(yield* running.isRunning)
      const rest = Effect.forever(Effect.map(pull, (more) => {
        lines += more.length
      }))
      yield* Effect.forkChild(Effect.exit(rest))
      yield* settle(2000)
      assert.strictEqual(lines, 20_000)
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* running.isRunning)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* running.outcome, timedOut("inactivity", 2, terminated))
    }).pipe(Effect.provide(scripted({
      chatty: { main: (io) => Effect.andThen(io.write("stdout", `${"x".repeat(99)}\n`.repeat(20_000)), Effect.never) }
    }))))

  it.effect("and for too long altogether has the outcome of what came first", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* firstOf(3000, 2000), "inactivity")
      assert.strictEqual(yield* firstOf(2000, 3000), "deadline")
    }).pipe(Effect.provide(scripted())))
})

describe("a deadline during the grace of another stop", () => {
  const patiently = Layer.sync(ProcessRunner.ProcessRunner, () => ProcessRunner.fromBackend(patient(backend().service)))

  it.effect("shortens no grace and changes no reason", () =>
    Effect.gen(function*() {
      const cases = [
        [{ timeout: "1 second", inactivityTimeout: "3 seconds" }, "deadline"],
        [{ timeout: "3 seconds", inactivityTimeout: "1 second" }, "inactivity"]
      ] as const
      for (const [limits, kind] of cases) {
        const running = yield* start("ignoresTerm", { ...limits, stop: { grace: "1 hour" } })
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(yield* running.isRunning)
        yield* running.kill
        assert.deepStrictEqual(
          yield* running.outcome,
          timedOut(kind, 1, Outcome.signaled("SIGKILL", 9, false))
        )
      }
    }).pipe(Effect.provide(patiently)))

  it.effect("leaves a stop that somebody asked for its grace, and is not the outcome", () =>
    Effect.gen(function*() {
      const running = yield* start("ignoresTerm", { timeout: "1 second", ...silent, stop: { grace: "1 hour" } })
      const stop = yield* Effect.forkChild(running.stop())
      yield* settle()
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(stop.pollUnsafe())
      yield* running.kill
      assert.isTrue((yield* Fiber.join(stop)).forced)
      assert.deepStrictEqual(yield* running.outcome, Outcome.signaled("SIGKILL", 9, false))
    }).pipe(Effect.provide(patiently)))

  it.effect("gives way to a cancellation that comes at the same time, whichever of them is first", () =>
    Effect.gen(function*() {
      for (const isFirst of [true, false]) {
        const controller = new AbortController()
        const running = yield* start("ignoresTerm", {
          timeout: "1 second",
          cancelOn: controller.signal,
          stop: { grace: "1 hour" }
        })
        if (isFirst) controller.abort()
        yield* TestClock.adjust("1 second")
        if (!isFirst) controller.abort()
        yield* settle()
        if (isFirst) yield* running.kill
        assert.deepInclude(yield* reasonOf(running.outcome), { _tag: "Cancelled" })
        assert.deepInclude(yield* reasonOf(running.result), { _tag: "Cancelled" })
      }
    }).pipe(Effect.provide(patiently)))
})
