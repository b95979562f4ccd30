import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { reasonOf, settle, tagOf } from "./scripted.ts"
import { backend, mapContainer, unkillable } from "./scriptedPrograms.ts"

type Service = ReturnType<typeof backend>["service"]

const on = (service: Service) => Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))

describe("a run whose program outlives SIGKILL", () => {
  it.effect("fails with TeardownIncomplete when its deadline passes, and does not hang", () =>
    Effect.gen(function*() {
      const command = Command.make("waits", { timeout: "1 second" })
      const fiber = yield* Effect.forkChild(
        reasonOf(Command.outputString(command)).pipe(on(unkillable(backend().service)))
      )
      yield* TestClock.adjust("1 second")
      yield* settle()
      const reason = fiber.pollUnsafe() === undefined ? undefined : yield* Fiber.join(fiber)
      assert.strictEqual(reason?._tag, "TeardownIncomplete")
      assert.strictEqual(reason?._tag === "TeardownIncomplete" && reason.pids.length, 1)
    }))

  it.effect("lets its scope close although its input is still being fed", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const command = Command.make("waits", { stdin: Stream.never })
      yield* Effect.scoped(Effect.andThen(Command.start(command), settle())).pipe(
        on(unkillable(backend().service)),
        Effect.andThen(Deferred.succeed(closed, undefined)),
        Effect.forkChild
      )
      yield* settle(50)
      assert.isTrue(yield* Deferred.isDone(closed))
    }))

  it.effect("answers whoever waits for it when its group closes", () =>
    Effect.gen(function*() {
      const running = yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        return yield* group.start(Command.make("waits"))
      })).pipe(on(unkillable(backend().service)))
      const fiber = yield* Effect.forkChild(tagOf(running.outcome))
      yield* settle()
      assert.strictEqual(fiber.pollUnsafe() === undefined ? "waiting" : yield* Fiber.join(fiber), "TeardownIncomplete")
    }))
})

describe("a run whose program is over when it is handed over", () => {
  it.effect("does not begin to feed it", () =>
    Effect.gen(function*() {
      let fed = false
      const late = mapContainer(backend().service, ({ spawn }) => ({
        spawn: (request) => Effect.tap(spawn(request), () => settle())
      }))
      const source = Stream.suspend(() => {
        fed = true
        return Stream.never
      })
      const fiber = yield* Effect.forkChild(
        Command.runUnit(Command.make("holdsPipeOpen", { stdin: source })).pipe(on(late))
      )
      yield* settle(50)
      yield* TestClock.adjust("1 second")
      yield* settle()
      assert.deepStrictEqual([fed, fiber.pollUnsafe()], [false, Exit.void])
    }))
})

describe("a start that dies of a defect", () => {
  it.effect("gives back its container and its source of input", () =>
    Effect.gen(function*() {
      let released = 0
      const broken = mapContainer(backend().service, () => ({
        spawn: () => Effect.die("broken"),
        release: Effect.sync(() => void released++)
      }))
      const exit = yield* Effect.exit(Command.run(Command.make("waits")).pipe(on(broken)))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(released, 1)
    }))
})
