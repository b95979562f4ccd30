import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { alive, Backend, countedAbort, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend, patient } from "./scriptedPrograms.ts"

describe("cancelOn", () => {
  it.effect("starts nothing where it has fired before", () =>
    Effect.gen(function*() {
      const { abort, listeners, signal } = countedAbort()
      abort()
      const reason = yield* reasonOf(Command.run(Command.make("waits", { cancelOn: signal })))
      assert.deepInclude(reason, { _tag: "Cancelled", stop: undefined })
      assert.deepStrictEqual((yield* Backend).spawned, [])
      assert.strictEqual(listeners(), 0)
    }).pipe(Effect.provide(scripted())))

  it.effect("stops a running program and fails every verb with Cancelled", () =>
    Effect.gen(function*() {
      for (const verb of [Command.runUnit, Command.outputString, Command.exitCode, Command.probe]) {
        const { abort, listeners, signal } = countedAbort()
        const fiber = yield* Effect.forkChild(
          reasonOf<unknown, ProcessRunner.ProcessRunner>(verb(Command.make("waits", { cancelOn: signal })))
        )
        yield* settle()
        assert.strictEqual(listeners(), 1)
        abort()
        const reason = yield* Fiber.join(fiber)
        assert.deepInclude(reason, { _tag: "Cancelled", stop: { signal: "SIGTERM", forced: false } })
        assert.deepStrictEqual([yield* alive, listeners()], [[], 0])
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("kills a program that ignores the signal, and says so", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const fiber = yield* Effect.forkChild(reasonOf(Command.run(Command.make("ignoresTerm", { cancelOn: signal }))))
      yield* settle()
      abort()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Cancelled", stop: { signal: "SIGTERM", forced: true } })
    }).pipe(Effect.provide(scripted())))

  it.effect("does not rewrite a run that has ended", () =>
    Effect.gen(function*() {
      const { abort, listeners, signal } = countedAbort()
      const running = yield* Command.start(Command.make("exitsWith", ["3"], { cancelOn: signal }))
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(3))
      abort()
      yield* settle()
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(3))
      assert.deepStrictEqual((yield* running.result).outcome, Outcome.exited(3))
      assert.strictEqual(listeners(), 0)
    }).pipe(Effect.provide(scripted())))

  it.effect("does not rewrite a run whose program has exited while its output is still due", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const fiber = yield* Effect.forkChild(Command.outputString(Command.make("holdsPipeOpen", { cancelOn: signal })))
      yield* settle()
      abort()
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.outcome, Outcome.exited(0))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("beats a deadline that passes in the same moment", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const command = Command.make("ignoresTerm", { cancelOn: signal, timeout: "1 second" })
      const fiber = yield* Effect.forkChild(tagOf(Command.run(command)))
      yield* settle()
      abort()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
    }).pipe(Effect.provide(scripted())))

  it.effect("beats a deadline whose stop is under way", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      // The grace never passes by itself here: a second request for the end is what ends it.
      const runner = Layer.sync(
        ProcessRunner.ProcessRunner,
        () => ProcessRunner.fromBackend(patient(backend().service))
      )
      const command = Command.make("ignoresTerm", { cancelOn: signal, timeout: "1 second" })
      const fiber = yield* Effect.forkChild(reasonOf(Command.run(command)).pipe(Effect.provide(runner)))
      yield* settle()
      yield* TestClock.adjust("1 second")
      assert.isUndefined(fiber.pollUnsafe())
      abort()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Cancelled", stop: { signal: "SIGTERM", forced: true } })
    }))

  it.effect("is noticed when it fires while the start is under way", () =>
    Effect.gen(function*() {
      const { abort, listeners, signal } = countedAbort()
      const below = backend().service
      const slow = Layer.succeed(
        ProcessRunner.ProcessRunner,
        ProcessRunner.fromBackend({
          ...below,
          open: Effect.map(below.open, (container) => ({
            ...container,
            spawn: (request) => Effect.andThen(Effect.sleep("1 second"), container.spawn(request))
          }))
        })
      )
      const fiber = yield* Effect.forkChild(
        tagOf(Command.run(Command.make("waits", { cancelOn: signal }))).pipe(Effect.provide(slow))
      )
      yield* settle()
      abort()
      yield* TestClock.adjust("1 second")
      yield* settle()
      assert.strictEqual(fiber.pollUnsafe() === undefined ? "running" : yield* Fiber.join(fiber), "Cancelled")
      assert.strictEqual(listeners(), 0)
    }))

  it.effect("leaves no listener behind when a verb in a group is interrupted while its output is still due", () =>
    Effect.gen(function*() {
      const { listeners, signal } = countedAbort()
      const group = yield* ProcessGroup.make
      const command = Command.make("holdsPipeOpen", { cancelOn: signal })
      const fiber = yield* Effect.forkChild(ProcessGroup.provide(Command.run(command), group))
      yield* settle()
      assert.strictEqual(listeners(), 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(listeners(), 0)
    }).pipe(Effect.provide(scripted())))
})
