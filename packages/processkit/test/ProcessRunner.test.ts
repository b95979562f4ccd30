import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { Reply, ScriptedRunner } from "processkit/testing"
import { tagOf } from "./scripted.ts"

const runner = () => ScriptedRunner.make(ScriptedRunner.fallback(Reply.ok("fine")))

const recording = (started: Array<string>) =>
  ProcessRunner.mapStart(runner(), (start, command) =>
    Effect.suspend(() => {
      started.push(command.program)
      return start
    }))

describe("mapStart", () => {
  it.effect("sees every start: of verbs, in groups, of verbs in groups, and in groups of groups", () => {
    const started: Array<string> = []
    return Effect.gen(function*() {
      yield* Command.run(Command.make("verb"))
      yield* Command.start(Command.make("start"))
      const group = yield* ProcessGroup.make
      yield* group.start(Command.make("group"))
      yield* ProcessGroup.provide(Command.run(Command.make("verb in group")), group)
      const inner = yield* ProcessGroup.provide(ProcessGroup.make, group)
      yield* inner.start(Command.make("inner group"))
      yield* ProcessGroup.provide(Command.run(Command.make("verb in inner group")), inner)
      assert.deepStrictEqual(started, [
        "verb",
        "start",
        "group",
        "verb in group",
        "inner group",
        "verb in inner group"
      ])
    }).pipe(Effect.provideService(ProcessRunner.ProcessRunner, recording(started)))
  })

  it.effect("can refuse a start, which a verb then fails with", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(Command.make("git"))), "Unsupported")
    }).pipe(Effect.provideService(
      ProcessRunner.ProcessRunner,
      ProcessRunner.mapStart(runner(), () =>
        Effect.fail(ProcessError.make(
          new ProcessError.Unsupported({ feature: "starting", mechanism: undefined, detail: "dry run" })
        )))
    )))

  it.effect("is applied again for every retry", () => {
    const started: Array<string> = []
    const failing = ScriptedRunner.make(ScriptedRunner.on(["flaky"], Reply.fail(1), Reply.ok("fine")))
    const decorated = ProcessRunner.mapStart(failing, (start, command) =>
      Effect.suspend(() => {
        started.push(command.program)
        return start
      }))
    return Effect.gen(function*() {
      yield* Command.run(Command.make("flaky", { retry: { schedule: Schedule.recurs(2), while: () => true } }))
      assert.strictEqual(started.length, 2)
    }).pipe(Effect.provideService(ProcessRunner.ProcessRunner, decorated))
  })
})
