import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { eventually, isAlive, openDescriptors, survivors } from "./oracle.ts"
import { errorOf, quickest, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

/** What a stop may take besides its grace, and far less than any grace that it is compared with. */
const slack = 5000

/** Starts a command and waits for its first line. */
const ready = Effect.fnUntraced(function*(group: ProcessGroup.ProcessGroup, command: Command.Command) {
  const running = yield* group.start(command)
  yield* Stream.runHead(running.stdoutLines)
  return running
})

const makeClosed = Effect.scoped(ProcessGroup.make)

layer(NodeProcessRunner.layer, { excludeTestServices: true })("a group and its scope", (it) => {
  // R6
  it.effect("Effect.scoped(ProcessGroup.make) gives a group whose every operation fails with GroupClosed", () =>
    Effect.gen(function*() {
      const group = yield* makeClosed
      const command = Command.make("touch", ["/nonexistent/never"])
      const operations: Record<string, Effect.Effect<unknown, unknown>> = {
        start: group.start(command),
        signal: group.signal("SIGTERM"),
        kill: group.kill,
        killSignal: group.signal("SIGKILL"),
        badSignal: group.signal("SIGCONT"),
        suspend: group.suspend,
        resume: group.resume,
        members: group.members,
        stats: group.stats,
        shutdown: group.shutdown(),
        spare: group.shutdown({ escalate: false, grace: 0 }),
        runner: Effect.scoped(group.runner.start(command)),
        verb: ProcessGroup.provide(Command.run(command), group),
        stream: ProcessGroup.provide(Stream.runDrain(Command.stdoutLines(command)), group)
      }
      for (const [name, operation] of Object.entries(operations)) {
        assert.strictEqual((yield* reasonOf(operation))._tag, "GroupClosed", name)
      }
      // What it was is still known.
      assert.strictEqual(group.mechanism, group.containment.mechanism)
      assert.include((yield* errorOf(group.kill)).message, "scope")
      assert.deepEqual(survivors(), [])
    }))

  // T1, T3
  it.effect("a child that ignores SIGTERM or is stopped delays the close by the grace and a second at most", () =>
    Effect.gen(function*() {
      const second = allowance(1000)
      const cases: ReadonlyArray<readonly [command: Command.Command, grace: number, least: number, most: number]> = [
        [run("ignores-sigterm.sh"), 300, 290, 300 + second],
        [run("stops-itself.sh", ["deaf"]), 300, 290, 300 + second],
        // A stopped child that would end is continued, so that it can.
        [run("stops-itself.sh"), 20_000, 0, slack],
        [run("exits-zero-on-sigterm.sh"), 20_000, 0, slack]
      ]
      for (const [command, grace, least, most] of cases) {
        const closing = Effect.gen(function*() {
          const scope = yield* Scope.make()
          const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace } }), scope)
          yield* ready(group, command)
          const closed = yield* timed(Scope.close(scope, Exit.void))
          assert.isAtLeast(closed[1], least)
          assert.deepEqual(survivors(), [])
          return closed
        })
        assert.isBelow((yield* quickest(most, closing))[1], most)
      }
    }))

  // T1: the default
  it.effect("without a stop policy the grace is two seconds and SIGKILL follows", () =>
    Effect.gen(function*() {
      const closing = Effect.gen(function*() {
        const scope = yield* Scope.make()
        const group = yield* Scope.provide(ProcessGroup.make, scope)
        yield* ready(group, run("ignores-sigterm.sh"))
        const closed = yield* timed(Scope.close(scope, Exit.void))
        assert.isAtLeast(closed[1], 1990)
        assert.deepEqual(survivors(), [])
        return closed
      })
      const most = 2000 + allowance(1000)
      assert.isBelow((yield* quickest(most, closing))[1], most)
    }))

  // R4
  it.effect("closing an empty group, and one whose members have ended, takes no time", () =>
    Effect.gen(function*() {
      const closing = timed(Effect.scoped(Effect.gen(function*() {
        yield* ProcessGroup.make
        const group = yield* ProcessGroup.make
        const running = yield* group.start(Command.make("true"))
        yield* running.outcome
      })))
      const most = allowance(500)
      const [, elapsed] = yield* quickest(most, closing)
      assert.isBelow(elapsed, most)
    }))

  // R4
  it.effect("100 concurrent stops are one teardown, and every caller sees its end", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.makeWith({ stop: { grace: "1 minute" } })
      const running = yield* ready(group, run("ignores-sigterm.sh"))
      const stops = Array.from({ length: 100 }, (_, i) =>
        i % 3 === 0 ? Effect.asVoid(group.shutdown()) : i % 3 === 1 ? group.kill : Effect.asVoid(running.stop()))
      const [, elapsed] = yield* timed(Effect.all(
        stops.map((stop, i) =>
          // Each look reads the whole of /proc, so not every caller looks.
          i % 10 === 0
            ? Effect.andThen(
              stop,
              Effect.sync(() =>
                assert.deepEqual(survivors(), [])
              )
            )
            : stop
        ),
        { concurrency: "unbounded" }
      ))
      // Far less than the grace, which the first of the others cuts short.
      assert.isBelow(elapsed, 30_000)
      assert.deepEqual(yield* group.members, [])
      assert.deepInclude(yield* running.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      // Afterwards the group is as good as new.
      assert.strictEqual(yield* ProcessGroup.provide(Command.run(sh("echo again")), group), "again")
    }))

  // R4
  it.effect("100 concurrent closes of one scope end its group once, and a close after the close is nothing", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: "100 millis" } }), scope)
      yield* ready(group, run("ignores-sigterm.sh"))
      yield* Effect.all(Array.from({ length: 100 }, () => Scope.close(scope, Exit.void)), { concurrency: "unbounded" })
      assert.deepEqual(survivors(), [])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* reasonOf(group.members))._tag, "GroupClosed")
    }))

  // R3
  it.effect("a second request during the grace goes to SIGKILL at once", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const running = yield* ready(group, run("ignores-sigterm.sh"))
      const first = yield* Effect.forkChild(timed(group.shutdown({ grace: "20 seconds" })), { startImmediately: true })
      // Into the grace, wherever exactly.
      yield* Effect.sleep("50 millis")
      const [second, elapsed] = yield* timed(group.shutdown({ grace: "20 seconds" }))
      assert.isBelow(elapsed, slack)
      assert.deepInclude(second, { forced: true, survivors: [] })
      const [report] = yield* Fiber.join(first)
      assert.deepEqual(report, second)
      assert.isFalse(isAlive(running.pid ?? 0))
    }))

  // R3
  it.effect("a close that is waiting out its grace is hurried by nobody but a second request, and never aborted", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: "4 seconds" } }), scope)
      yield* ready(group, run("ignores-sigterm.sh"))
      const close = yield* Effect.forkChild(timed(Scope.close(scope, Exit.void)), { startImmediately: true })
      // Into the grace, wherever exactly.
      yield* Effect.sleep("50 millis")
      // An outer timeout, a second and a third interrupt: the finalizer runs to its bound.
      const interrupts = yield* Effect.forkChild(Fiber.interrupt(close), { startImmediately: true })
      close.interruptUnsafe()
      assert.isAbove(survivors().length, 0)
      yield* Fiber.await(close)
      yield* Fiber.join(interrupts)
      assert.deepEqual(survivors(), [])
    }))

  // R6
  it.effect("a start while the group closes is GroupClosed, and starts nothing", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: "300 millis" } }), scope)
      yield* ready(group, run("ignores-sigterm.sh"))
      const close = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.strictEqual((yield* reasonOf(group.start(Command.make("sleep", ["60"]))))._tag, "GroupClosed")
      yield* Fiber.join(close)
      assert.deepEqual(survivors(), [])
    }))

  // R10
  it.effect("a verb that is interrupted in a shared group ends its own child and what that started, and no sibling", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* ready(group, sh("sleep 60 & echo ready; exec sleep 60"))
      const before = (yield* group.members).length
      const verb = ProcessGroup.provide(Command.run(sh("sleep 60 & sleep 60")), group)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(verb, "150 millis")))
      assert.strictEqual((yield* group.members).length, before)
      assert.strictEqual(survivors().length, before)
      assert.isTrue(yield* sibling.isRunning)
    }))

  // R10: what group.start gives belongs to the group, not to the fiber
  it.effect("a child started in a group outlives the fiber that started it", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const fiber = yield* Effect.forkChild(Effect.andThen(group.start(Command.make("sleep", ["60"])), Effect.never), {
        startImmediately: true
      })
      while ((yield* group.members).length === 0) yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* group.members).length, 1)
    }))

  // R11
  it.effect("a layer that is disposed ends the groups that live in it, the last one first", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const scope = yield* Scope.make()
      const groupLayer = (name: string) =>
        Layer.effectDiscard(Effect.gen(function*() {
          yield* Effect.addFinalizer(() => Effect.sync(() => void order.push(name)))
          const group = yield* ProcessGroup.make
          yield* ready(group, sh("echo ready; sleep 60"))
        }))
      const both = Layer.provideMerge(groupLayer("second"), groupLayer("first"))
      yield* Layer.buildWithScope(Layer.provide(both, NodeProcessRunner.layer), scope)
      assert.isAbove(survivors().length, 1)
      yield* Scope.close(scope, Exit.void)
      assert.deepEqual(survivors(), [])
      assert.deepEqual(order, ["second", "first"])
    }))

  // R11
  it.effect("ProcessGroup.layer makes every command of a program a member of a group that ends with it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Layer.provide(ProcessGroup.layer({ stop: { grace: 0 } }), NodeProcessRunner.layer),
        scope
      )
      const runner = Context.get(context, ProcessRunner.ProcessRunner)
      const inner = yield* Scope.make()
      const running = yield* Scope.provide(runner.start(run("ignores-sigterm.sh")), inner)
      yield* Stream.runHead(running.stdoutLines)
      yield* Scope.close(scope, Exit.void)
      assert.deepEqual(survivors(), [])
      yield* Scope.close(inner, Exit.void)
    }))

  // nothing is downgraded silently
  it.effect("a runner provided inside another one is the one that counts, in both directions", () =>
    Effect.gen(function*() {
      const ownerDeath = Effect.scoped(Effect.map(ProcessGroup.make, (group) => group.containment.ownerDeath))
      const without = NodeProcessRunner.layerProcessGroup({ guardian: false })
      const within = NodeProcessRunner.layerProcessGroup()
      const both = Effect.all([ownerDeath, Effect.provide(ownerDeath, without)])
      assert.deepEqual(yield* Effect.provide(both, within), ["linked", "none"])
      const reversed = Effect.all([ownerDeath, Effect.provide(ownerDeath, within)])
      assert.deepEqual(yield* Effect.provide(reversed, without), ["none", "linked"])
    }))

  // R14
  it.effect("a program that has closed its groups ends at once, and had one exit listener at most, however many groups it had", () =>
    Effect.gen(function*() {
      // 100 ms for the program, and the time that Node needs to end and we to see it.
      const bound = allowance(100 + 300)
      const ending = Effect.map(Command.outputString(run("does-nothing-else.mjs")), (result) => {
        assert.deepEqual(result.outcome, Outcome.exited(0), result.stderr)
        const { after, most, now, signals } = JSON.parse(result.stdout)
        // The mechanisms with a host need none.
        assert.deepInclude({ after, signals }, { after: 0, signals: [] })
        assert.isAtMost(most, 1)
        return [result, Date.now() - now] as const
      })
      const [, elapsed] = yield* quickest(bound, ending)
      assert.isBelow(elapsed, bound)
    }))

  // R13, R14: nothing but the child keeps such a program, and nothing waits for a garbage collector
  it.effect("a program with an open group lives as long as its children do, and no longer", () =>
    Effect.gen(function*() {
      const owner = yield* Command.start(run("forgets-a-group.mjs", [], { stdin: "pipe" }))
      const seen = yield* Stream.runCollect(Stream.tap(owner.stdoutLines, (line) =>
        line === "waiting"
          // A program that ends before its child does would do so now.
          ? Effect.andThen(Effect.sleep("100 millis"), owner.stdin.writeLine("go on"))
          : Effect.void))
      assert.deepEqual(seen, ["waiting", "exited 7"])
      assert.strictEqual((yield* owner.outcome)._tag, "Exited")
      assert.deepEqual(survivors(), [])
    }))

  // T2
  it.effect("a group that ends early in its grace is not waited for any longer", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* ready(group, run("exits-zero-on-sigterm.sh"))
      const [report, elapsed] = yield* timed(group.shutdown({ grace: "20 seconds" }))
      assert.isBelow(elapsed, slack)
      assert.deepInclude(report, { signal: "SIGTERM", forced: false, survivors: [] })
    }))

  it.effect("what is started after a suspended group was killed runs", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(Command.make("sleep", ["60"]))
      yield* group.suspend
      yield* group.kill
      const code = ProcessGroup.provide(Command.exitCode(sh("exit 3", [], { timeout: "10 seconds" })), group)
      assert.strictEqual(yield* code, 3)
    }))

  // L2
  it.effect("50 groups at once close in bounded time and leave no descriptor", () =>
    Effect.gen(function*() {
      yield* Command.runUnit(Command.make("true"))
      const before = openDescriptors()
      const [, elapsed] = yield* timed(Effect.scoped(Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          yield* group.start(Command.make("sleep", ["60"]))
        }))))
      assert.isBelow(elapsed, allowance(10_000))
      assert.deepEqual(survivors(), [])
      yield* eventually("every descriptor is closed", () =>
        openDescriptors() <= before)
    }))
})
