import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Batch from "processkit/Batch"
import * as Command from "processkit/Command"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import { Invocation, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
import { tagOf } from "./scripted.ts"

const over = (...rules: ReadonlyArray<ScriptedRunner.Rule>) =>
  RecordingRunner.layer.pipe(Layer.provide(ScriptedRunner.layer(...rules)))

const quiet = over(ScriptedRunner.fallback(Reply.ok()))

const lines = Effect.map(RecordingRunner.calls, (calls) => calls.map(Invocation.line))

describe("RecordingRunner", () => {
  it.effect("remembers every start in order, whichever verb made it", () =>
    Effect.gen(function*() {
      yield* Command.run(Command.make`a 1`)
      yield* Command.exitCode(Command.make`b 2`)
      yield* Effect.scoped(Command.start(Command.make`c 3`))
      assert.deepStrictEqual(yield* lines, [["a", "1"], ["b", "2"], ["c", "3"]])
      yield* RecordingRunner.clear
      assert.deepStrictEqual(yield* lines, [])
    }).pipe(Effect.provide(quiet)))

  it.effect("sees what is started in a group, by the group and by verbs inside it", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(Command.make`server`)
      yield* ProcessGroup.provide(Command.run(Command.make`client`), group)
      assert.deepStrictEqual(yield* lines, [["server"], ["client"]])
    }).pipe(Effect.provide(quiet)))

  it.effect("sees each attempt of a retry, and starts that fail", () =>
    Effect.gen(function*() {
      const again = { schedule: Schedule.recurs(2), while: () => true }
      yield* Effect.exit(Command.run(Command.make("a", [], { retry: again })))
      assert.strictEqual(yield* tagOf(Command.run(Command.make`b`)), "Unscripted")
      assert.deepStrictEqual(yield* lines, [["a"], ["a"], ["a"], ["b"]])
    }).pipe(Effect.provide(over(ScriptedRunner.on(["a"], Reply.fail(1))))))

  it.effect("sees the stages of a pipeline, the commands of a batch and the lives of a supervisor", () =>
    Effect.gen(function*() {
      yield* Pipeline.runUnit(Command.pipeTo(Command.make`a 1`, Command.make`a 2`))
      yield* Batch.outputAll([Command.make`b 1`, Command.make`b 2`], { concurrency: 1 })
      yield* Supervisor.run(Command.make`c`, { restart: RestartPolicy.onCrash })
      assert.deepStrictEqual(yield* lines, [["a", "1"], ["a", "2"], ["b", "1"], ["b", "2"], ["c"]])
    }).pipe(Effect.provide(quiet)))

  it.effect("gives the only call, and fails with what there was where it is not the only one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(RecordingRunner.onlyCall)).difference, "- exactly one call")
      yield* Command.run(Command.make("a", ["b c"], { cwd: "/d" }))
      assert.deepInclude(yield* RecordingRunner.onlyCall, { program: "a", args: ["b c"], cwd: "/d" })
      yield* Command.run(Command.make`e`)
      assert.include((yield* Effect.flip(RecordingRunner.onlyCall)).message, "+ a 'b c'\n+ e")
    }).pipe(Effect.provide(quiet)))

  it.effect("compares what was run with what was expected, and shows the difference without secrets", () =>
    Effect.gen(function*() {
      const login = Command.make("login", [Redacted.make("hunter2")])
      yield* Effect.forEach([Command.make`a`, login, Command.make("b", ["x y"])], Command.runUnit)
      yield* RecordingRunner.expectCalls([["a"], login, ["b", "x y"]])
      yield* RecordingRunner.expectCalls([["a"], ["login", "<redacted>"], ["b", "x y"]])
      const failure = yield* Effect.flip(RecordingRunner.expectCalls([["login", "hunter2"], ["b", "x", "y"]]))
      assert.strictEqual(failure._tag, "CallsDiffer")
      assert.deepStrictEqual(failure.actual, ["a", "login '<redacted>'", "b 'x y'"])
      assert.strictEqual(
        (yield* Effect.flip(RecordingRunner.expectCalls([["a"]]))).difference,
        [
          "  a",
          "+ login '<redacted>'",
          "+ b 'x y'"
        ].join("\n")
      )
    }).pipe(Effect.provide(quiet)))

  it.effect("starts with an empty memory each time its layer is built", () =>
    Effect.gen(function*() {
      const once = Effect.andThen(Command.run(Command.make`a`), lines)
      assert.deepStrictEqual(yield* Effect.provide(once, quiet), [["a"]])
      assert.deepStrictEqual(yield* Effect.provide(once, quiet, { local: true }), [["a"]])
    }))
})
