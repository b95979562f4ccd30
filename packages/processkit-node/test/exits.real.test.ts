import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as os from "node:os"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessResult from "processkit/ProcessResult"
import { survivors } from "./oracle.ts"
import { aroundTheEndOf, reasonOf, run, sh } from "./programs.ts"
import { beBusy } from "./world.ts"

const withCodes = (script: string) => sh(`echo out; ${script}`, [], { okCodes: [0, 3] })

const runners = [
  ["process-group", NodeProcessRunner.layerProcessGroup()],
  ["the best mechanism", NodeProcessRunner.layer]
] as const

layer(NodeProcessRunner.layer, { excludeTestServices: true })("how a process ended", (it) => {
  // E1
  it.effect("an exit code is a code, also where a shell would mean a signal by it", () =>
    Effect.gen(function*() {
      for (const code of [0, 1, 2, 125, 126, 127, 128, 137, 143, 255]) {
        const command = sh(`exit ${code}`)
        assert.deepEqual((yield* Command.outputString(command)).outcome, Outcome.exited(code))
        assert.strictEqual(yield* Command.exitCode(command), code)
        if (code !== 0) assert.deepInclude(yield* reasonOf(Command.run(command)), { _tag: "NonZeroExit", code })
      }
    }))

  // E2
  it.effect("a death by signal names it with its number, and has no code", () =>
    Effect.gen(function*() {
      for (const name of ["HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "USR2", "PIPE", "ALRM", "TERM"] as const) {
        const command = run("dies-by-signal.sh", [name])
        const result = yield* Command.outputString(command)
        const signal = `SIG${name}` as const
        assert.deepInclude(result.outcome, { _tag: "Signaled", signal, number: os.constants.signals[signal] })
        assert.strictEqual(ProcessResult.code(result), undefined)
        assert.isFalse(ProcessResult.isSuccess(result))
        // What we did not stop, we did not stop.
        assert.strictEqual(result.stop, undefined)
        assert.deepInclude(yield* reasonOf(Command.run(command)), { _tag: "Signaled", signal })
        assert.strictEqual((yield* reasonOf(Command.exitCode(command)))._tag, "Signaled")
      }
    }))

  // E3: Node reports this death as exit code 0, and nothing in JavaScript can tell. The containment says which.
  for (const [mechanism, runner] of runners) {
    it.effect(`a death by a real-time signal is known by its number where the containment says so (${mechanism})`, () =>
      Effect.gen(function*() {
        if (process.platform !== "linux") return
        const group = yield* ProcessGroup.make
        const running = yield* group.start(Command.make("sleep", ["60"]))
        yield* running.signal("SIGRTMIN+3")
        const expected = group.containment.realTimeSignals
          ? Outcome.signaled("SIGRTMIN+3", 37, false)
          : Outcome.exited(0)
        assert.deepEqual(yield* running.outcome, expected)
        if (mechanism === "process-group") assert.isFalse(group.containment.realTimeSignals)
      }).pipe(Effect.scoped, Effect.provide(runner)))
  }

  // E4
  it.effect("a crash is a death by its signal", () =>
    Effect.gen(function*() {
      for (const name of ["SEGV", "BUS", "FPE", "ILL"] as const) {
        const { outcome } = yield* Command.outputString(run("dies-by-signal.sh", [name]))
        assert.deepInclude(outcome, { _tag: "Signaled", signal: `SIG${name}` as const })
      }
    }))

  // E7
  it.effect("a process that somebody else killed is Signaled, and nothing of ours is to blame", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo started; exec sleep 60"))
      yield* Effect.sync(() => process.kill(running.pid ?? 0, "SIGKILL"))
      const result = yield* running.result
      assert.deepInclude(result.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      assert.strictEqual(result.stop, undefined)
    }))

  // E8
  it.effect("the outcome is the same for everybody who asks, at any time", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo out; exit 7"))
      const asked = yield* Effect.all(Array.from({ length: 50 }, () => running.outcome), { concurrency: "unbounded" })
      assert.isFalse(yield* running.isRunning)
      yield* running.kill
      const late = yield* running.stop()
      assert.strictEqual(late.members, 0)
      asked.push(yield* running.outcome, (yield* running.result).outcome, (yield* running.resultBytes).outcome)
      for (const outcome of asked) assert.deepEqual(outcome, Outcome.exited(7))
      const first = yield* running.result
      const second = yield* running.result
      assert.deepEqual({ ...second }, { ...first })
      assert.strictEqual(first.stop, undefined)
    }))

  // E10
  it.effect("probe: 0 is true, 1 is false, any other code, a signal and a deadline fail", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* Command.probe(sh("exit 0")))
      assert.isFalse(yield* Command.probe(sh("exit 1")))
      assert.deepInclude(yield* reasonOf(Command.probe(sh("exit 2"))), { _tag: "NonZeroExit", code: 2 })
      assert.strictEqual((yield* reasonOf(Command.probe(run("dies-by-signal.sh", ["KILL"]))))._tag, "Signaled")
      const late = Command.probe(Command.make("sleep", ["60"], { timeout: "30 millis" }))
      assert.strictEqual((yield* reasonOf(late))._tag, "TimedOut")
      // A strict question: other codes that count as success elsewhere do not answer it.
      const widened = Command.probe(sh("exit 3", [], { okCodes: [0, 3] }))
      assert.strictEqual((yield* reasonOf(widened))._tag, "NonZeroExit")
    }))

  // E11
  it.effect("okCodes widens success to the codes it lists and to no other, and never to a signal", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(withCodes("exit 3")), "out")
      assert.isTrue(ProcessResult.isSuccess(yield* Command.outputString(withCodes("exit 3"))))
      assert.isTrue(ProcessResult.isSuccess(yield* Command.outputBytes(withCodes("exit 0"))))
      assert.isFalse(ProcessResult.isSuccess(yield* Command.outputString(withCodes("exit 4"))))
      assert.deepInclude(yield* reasonOf(Command.runUnit(withCodes("exit 4"))), { _tag: "NonZeroExit", code: 4 })
      assert.strictEqual((yield* reasonOf(Command.checked(withCodes("kill -KILL $$"))))._tag, "Signaled")
      assert.strictEqual(yield* Command.exitCode(withCodes("exit 3")), 3)
    }))

  // E6: our kill and its own end in the same moment
  it.effect("a process that ends by itself while it is killed has one outcome, and the result says who ended it", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      const moments = yield* aroundTheEndOf(Command.exitCode(sh("exit 5")), 60)
      yield* Effect.forEach(moments, (moment) =>
        Effect.scoped(Effect.gen(function*() {
          const running = yield* Command.start(sh("exit 5"))
          yield* Effect.sleep(moment)
          const report = yield* running.stop({ grace: 0 })
          const outcome = yield* running.outcome
          const result = yield* running.result
          assert.deepEqual(yield* running.outcome, outcome)
          assert.deepEqual(result.outcome, outcome)
          seen.add(outcome._tag)
          if (outcome._tag === "Signaled") assert.deepEqual(result.stop, { signal: "SIGKILL", forced: true })
          if (report.members === 0) assert.deepEqual(outcome, Outcome.exited(5))
          assert.deepEqual(report.survivors, [])
        })), { concurrency: 3 })
      assert.include([...seen], "Exited")
      assert.deepEqual(survivors(), [])
    }))

  it.effect("a stop without grace says that SIGKILL came first, and one that is not to escalate still asks", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const start = Effect.tap(group.start(run("exits-zero-on-sigterm.sh")), (it) => Stream.runHead(it.stdoutLines))
      const first = yield* start
      assert.deepInclude(yield* group.shutdown({ grace: 0 }), { signal: "SIGKILL", forced: true })
      assert.deepInclude(yield* first.outcome, { signal: "SIGKILL" })
      const second = yield* start
      assert.deepInclude(yield* group.shutdown({ grace: 0, escalate: false }), { signal: "SIGTERM", forced: false })
      assert.deepEqual(yield* second.outcome, Outcome.exited(0))
      const third = yield* start
      const killed = yield* group.shutdown({ signal: "SIGKILL", escalate: false })
      assert.deepInclude(killed, { signal: "SIGKILL", forced: true, survivors: [] })
      assert.deepInclude(yield* third.outcome, { signal: "SIGKILL" })
    }))

  // the contract of awaitEmpty: the end of a tree includes that the exit was told
  it.effect("a process that was stopped is not running any more when the stop has been answered", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const kills = [
        Effect.flatMap(group.start(Command.make("sleep", ["60"])), (it) => Effect.as(it.kill, it)),
        Effect.flatMap(group.start(Command.make("sleep", ["60"])), (it) => Effect.as(it.stop(), it)),
        Effect.flatMap(group.start(Command.make("sleep", ["60"])), (it) => Effect.as(group.kill, it)),
        Effect.scoped(Effect.tap(Command.start(Command.make("sleep", ["60"])), (it) => Effect.sync(() => it.pid)))
      ]
      for (let i = 0; i < 10; i++) {
        for (const kill of kills) assert.isFalse(yield* Effect.flatMap(kill, (it) => it.isRunning))
      }
    }))

  // At the end of the grace nobody was left, and that was answered before the exit had been read.
  for (const [mechanism, runner] of [...runners, ["subreaper", NodeProcessRunner.layerSubreaper] as const]) {
    it.effect(`a program that ended while its owner stood still for longer than the grace has ended when its stop is answered (${mechanism})`, () =>
      Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const script = "trap 'sleep 0.2; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
        for (const stopped of ["alone", "with its group"] as const) {
          const running = yield* group.start(sh(script))
          yield* Stream.runHead(running.stdoutLines)
          const stop = stopped === "alone" ? running.stop : group.shutdown
          const stopping = yield* Effect.forkChild(stop({ grace: "300 millis" }), { startImmediately: true })
          yield* Effect.sleep("100 millis")
          beBusy(500)
          const report = yield* Fiber.join(stopping)
          assert.deepInclude(report, { forced: false, survivors: [] })
          assert.isFalse(yield* running.isRunning)
          assert.deepEqual(yield* running.outcome, Outcome.exited(0))
        }
      }).pipe(Effect.scoped, Effect.provide(runner)))
  }

  // E2: a stop that we asked for is data in a group
  it.effect("a child that was stopped says with which signal, and whether it had to be forced", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const meek = yield* group.start(run("exits-zero-on-sigterm.sh"))
      const deaf = yield* group.start(run("ignores-sigterm.sh"))
      for (const running of [meek, deaf]) yield* Stream.runHead(running.stdoutLines)
      yield* meek.stop({ grace: "5 seconds" })
      yield* deaf.stop({ signal: "SIGHUP", grace: "5 seconds" })
      assert.deepInclude(yield* meek.result, { outcome: Outcome.exited(0), stop: { signal: "SIGTERM", forced: false } })
      assert.deepInclude(yield* deaf.result, { stop: { signal: "SIGHUP", forced: false } })
    }))
})
