import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import { Reply, ScriptedRunner } from "processkit/testing"

describe("ScriptedRunner", () => {
  it.effect("answers a command with the reply of the rule that fits", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(Command.make("git", ["branch"])), "main")
    }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.on(["git"], Reply.ok("main\n"))))))

  it.effect("ends a pending program when its deadline passes", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(Command.run(Command.make("sleep", { timeout: "1 minute" }))))
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "TimedOut")
    }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.pending)))))
})
