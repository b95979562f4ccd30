import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { alive, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend, mapContainer, unkillable } from "./scriptedPrograms.ts"

const waits = Command.make("waits")

describe("ProcessGroup", () => {
  // A group that somebody else had frozen held its starts, and the close waited for them for ever.
  it.effect("that closes kills a start that stands still, after giving it a second", () =>
    Effect.gen(function*() {
      const below = backend()
      const killed = yield* Deferred.make<void>()
      const service = mapContainer(below.service, ({ kill, spawn }) => ({
        spawn: (request) => Effect.andThen(Deferred.await(killed), spawn(request)),
        kill: Effect.andThen(Deferred.succeed(killed, undefined), kill)
      }))
      const scope = yield* Scope.make()
      const group = yield* Scope.provide(ProcessGroup.make, scope).pipe(
        Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))
      )
      const start = yield* Effect.forkChild(group.start(waits))
      const close = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(close.pollUnsafe())
      assert.isFalse(yield* Deferred.isDone(killed))
      yield* TestClock.adjust("1 millis")
      // What was started all the same is ended as everything else is.
      assert.isFalse(yield* Effect.flatMap(Fiber.join(start), (running) => running.isRunning))
      yield* Fiber.join(close)
      assert.deepStrictEqual(below.alive(), [])
    }))

  it.effect("refuses every operation with GroupClosed once its scope has closed", () =>
    Effect.gen(function*() {
      const group = yield* Effect.scoped(ProcessGroup.make)
      const operations: Record<string, Effect.Effect<unknown, ProcessError.ProcessError>> = {
        start: group.start(waits),
        signal: group.signal("SIGTERM"),
        suspend: group.suspend,
        resume: group.resume,
        members: group.members,
        stats: group.stats,
        kill: group.kill,
        shutdown: group.shutdown(),
        "runner.start": Effect.scoped(group.runner.start(waits)),
        provide: ProcessGroup.provide(Command.run(waits), group)
      }
      for (const [name, operation] of Object.entries(operations)) {
        assert.strictEqual(yield* tagOf(operation), "GroupClosed", name)
      }
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("says what holds its members before anything is started", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      assert.strictEqual(group.mechanism, "scripted")
      assert.strictEqual(group.containment.mechanism, "scripted")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(group)), { _id: "ProcessGroup", mechanism: "scripted" })
    }).pipe(Effect.provide(scripted())))

  it.effect("ends everything in it when its scope closes, with descendants and whoever ignores the signal", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        for (const program of ["waits", "ignoresTerm", "spawnsTree", "holdsPipeOpen", "trapsTerm"]) {
          yield* group.start(Command.make(program))
        }
        yield* settle()
        assert.strictEqual((yield* group.members).length, 6)
        assert.strictEqual((yield* alive).length, 6)
      }))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("ends everything in it however its scope closes", () =>
    Effect.gen(function*() {
      const endings: ReadonlyArray<Effect.Effect<void, string>> = [
        Effect.void,
        Effect.fail("no"),
        Effect.die("defect"),
        Effect.interrupt
      ]
      for (const ending of endings) {
        yield* Effect.exit(Effect.scoped(Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          yield* group.start(Command.make("ignoresTerm"))
          yield* ending
        })))
        assert.deepStrictEqual(yield* alive, [])
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("keeps a child that was started in a scope that has closed", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* Effect.scoped(group.start(waits))
      assert.strictEqual((yield* group.members).length, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("kills its members and stays usable", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const first = yield* group.start(Command.make("ignoresTerm"))
      yield* group.kill
      assert.deepStrictEqual(yield* first.outcome, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(yield* group.members, [])
      yield* group.start(waits)
      assert.strictEqual((yield* group.members).length, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("reports what a shutdown did", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.makeWith({ stop: { signal: "SIGINT" } })
      const empty = { signal: "SIGINT" as const, forced: false, members: 0, survivors: [], elapsed: Duration.zero }
      assert.deepStrictEqual(yield* group.shutdown(), empty)
      yield* group.start(waits)
      yield* group.start(waits)
      assert.deepInclude(yield* group.shutdown(), { signal: "SIGINT", forced: false, members: 2, survivors: [] })
      yield* group.start(Command.make("ignoresTerm"))
      yield* settle()
      assert.deepInclude(yield* group.shutdown({ signal: "SIGTERM" }), { signal: "SIGTERM", forced: true, members: 1 })
    }).pipe(Effect.provide(scripted())))

  it.effect("spares whoever outlives a shutdown that does not escalate, also when its scope closes", () =>
    Effect.gen(function*() {
      const report = yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        yield* group.start(Command.make("ignoresTerm"))
        yield* group.start(waits)
        yield* settle()
        return yield* group.shutdown({ escalate: false })
      }))
      assert.deepStrictEqual([report.forced, report.survivors], [false, yield* alive])
      assert.strictEqual(report.survivors.length, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("takes back that it spares somebody when something is started again", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        yield* group.start(Command.make("ignoresTerm"))
        yield* settle()
        yield* group.shutdown({ escalate: false })
        yield* group.start(waits)
      }))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  // What was under way when the shutdown looked was neither signalled by it nor ended by the close.
  it.effect("takes it back for a start that was under way, and not for one that failed", () =>
    Effect.gen(function*() {
      const below = backend()
      const go = yield* Deferred.make<void>()
      const service = mapContainer(below.service, ({ spawn }) => ({
        spawn: (request) =>
          request.program === "waits" ? Effect.andThen(Deferred.await(go), spawn(request)) : spawn(request)
      }))
      const opened = ProcessGroup.make.pipe(
        Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* opened
        const start = yield* Effect.forkChild(group.start(waits))
        yield* settle()
        yield* group.shutdown({ escalate: false })
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.join(start)
      }))
      assert.deepStrictEqual(below.alive(), [])
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* opened
        yield* group.start(Command.make("ignoresTerm"))
        yield* settle()
        yield* group.shutdown({ escalate: false })
        assert.strictEqual(yield* tagOf(group.start(Command.make("no such program"))), "NotFound")
      }))
      assert.lengthOf(below.alive(), 1)
    }))

  it.effect("fails to kill with the ids of those who are left", () =>
    Effect.gen(function*() {
      const runner = ProcessRunner.fromBackend(unkillable(backend().service))
      const group = yield* ProcessGroup.make.pipe(Effect.provideService(ProcessRunner.ProcessRunner, runner))
      yield* group.start(waits)
      const reason = yield* reasonOf(group.kill)
      assert.deepStrictEqual(reason._tag === "TeardownIncomplete" && reason.pids, yield* group.members)
      assert.deepInclude(yield* group.shutdown(), { forced: true, survivors: yield* group.members })
    }))

  it.effect("signals every member, and kills with SIGKILL", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const both = [yield* group.start(waits), yield* group.start(Command.make("spawnsTree"))]
      yield* settle()
      yield* group.signal("SIGUSR1")
      for (const one of both) assert.deepStrictEqual(yield* one.outcome, Outcome.signaled("SIGUSR1", 10, false))
      const third = yield* group.start(Command.make("ignoresTerm"))
      yield* settle()
      yield* group.signal("SIGTERM")
      assert.isTrue(yield* third.isRunning)
      yield* group.signal("SIGKILL")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("stops what is suspended", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const member = yield* group.start(Command.make("trapsTerm"))
      yield* settle()
      yield* group.suspend
      yield* group.signal("SIGTERM")
      assert.isTrue(yield* member.isRunning)
      yield* group.resume
      assert.deepStrictEqual(yield* member.outcome, Outcome.exited(143))
      const other = yield* group.start(Command.make("trapsTerm"))
      yield* settle()
      yield* group.suspend
      assert.deepInclude(yield* group.shutdown(), { forced: false, members: 1, survivors: [] })
      assert.deepStrictEqual(yield* other.outcome, Outcome.exited(143))
    }).pipe(Effect.provide(scripted())))

  it.effect("provide runs every command of an effect as a member", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const fiber = yield* Effect.forkChild(ProcessGroup.provide(Command.run(waits), group))
      yield* settle()
      assert.deepStrictEqual(yield* group.members, yield* alive)
      assert.strictEqual((yield* group.members).length, 1)
      yield* group.kill
      assert.strictEqual(yield* tagOf(Fiber.join(fiber)), "Signaled")
    }).pipe(Effect.provide(scripted())))

  it.effect("layer runs every command of a program in a group that ends with the layer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(ProcessGroup.layer(), scope)
      const running = yield* Command.start(waits).pipe(Effect.provideContext(context))
      assert.strictEqual((yield* alive).length, 1)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* alive, [])
      assert.deepStrictEqual(yield* running.outcome, Outcome.signaled("SIGTERM", 15, false))
    }).pipe(Effect.provide(scripted())))

  it.effect("interrupting a verb in it stops that child with its descendants and spares the siblings", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(waits)
      const before = yield* group.members
      const fiber = yield* Effect.forkChild(ProcessGroup.provide(Command.run(Command.make("spawnsTree")), group))
      yield* settle()
      assert.strictEqual((yield* group.members).length, 3)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* group.members, before)
      assert.isTrue(yield* sibling.isRunning)
    }).pipe(Effect.provide(scripted())))

  it.effect("a verb that times out in it spares the siblings", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(waits)
      const before = yield* group.members
      const fiber = yield* Effect.forkChild(
        ProcessGroup.provide(tagOf(Command.run(Command.make("ignoresTerm", { timeout: "1 second" }))), group)
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "TimedOut")
      assert.deepStrictEqual(yield* group.members, before)
    }).pipe(Effect.provide(scripted())))

  it.effect("ends the members of a verb that still runs when the scope closes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const group = yield* ProcessGroup.make.pipe(Scope.provide(scope))
      const fiber = yield* Effect.forkChild(
        ProcessGroup.provide(Command.outputString(Command.make("trapsTerm")), group)
      )
      yield* settle()
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Fiber.join(fiber), { outcome: Outcome.exited(143), stdout: "ready\nbye\n" })
    }).pipe(Effect.provide(scripted())))

  it.effect("opens groups of its own that end by themselves", () =>
    Effect.gen(function*() {
      const outer = yield* ProcessGroup.make
      yield* Effect.scoped(Effect.gen(function*() {
        const inner = yield* ProcessGroup.provide(ProcessGroup.make, outer)
        yield* inner.start(waits)
        assert.strictEqual((yield* alive).length, 1)
      }))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("ends a start that races its close", () =>
    Effect.gen(function*() {
      const below = backend()
      const slow: typeof below.service = {
        ...below.service,
        open: Effect.map(below.service.open, (container) => ({
          ...container,
          spawn: (request) => Effect.andThen(settle(5), container.spawn(request))
        }))
      }
      for (let turns = 0; turns < 10; turns++) {
        const scope = yield* Scope.make()
        const group = yield* ProcessGroup.make.pipe(
          Scope.provide(scope),
          Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(slow))
        )
        const fiber = yield* Effect.forkChild(Effect.exit(group.start(waits)))
        yield* settle(turns)
        yield* Scope.close(scope, Exit.void)
        const exit = yield* Fiber.join(fiber)
        assert.isTrue(Exit.isSuccess(exit) || Cause.squash(exit.cause) instanceof Error)
        assert.deepStrictEqual(below.alive(), [], `after ${turns} turns`)
      }
    }))
})
