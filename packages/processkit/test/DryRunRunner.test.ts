import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import { DryRunRunner, Reply } from "processkit/testing"
import { tagOf } from "./scripted.ts"

describe("DryRunRunner", () => {
  it.effect("succeeds with nothing, and lists what would have been run without secrets", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(Command.make("rm", ["-rf", "my dir"])), "")
      yield* Command.runUnit(Command.make("login", [Redacted.make("hunter2")]))
      const group = yield* ProcessGroup.make
      yield* group.start(Command.make`server`)
      assert.deepStrictEqual(yield* DryRunRunner.commands, ["rm -rf 'my dir'", "login <redacted>", "server"])
    }).pipe(Effect.provide(DryRunRunner.layer())))

  it.effect("tells each start as it happens", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const layer = DryRunRunner.layer({
        onCommand: (invocation) => told.push(String(invocation)),
        reply: Reply.fail(3)
      })
      const code = Effect.tap(Command.exitCode(Command.make`a b`), () => Effect.sync(() => told.push("after")))
      assert.strictEqual(yield* Effect.provide(code, layer), 3)
      assert.deepStrictEqual(told, ["a b", "after"])
    }))

  it.effect("refuses what a real start refuses, and does not list it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(Command.make("a", ["\0"]))), "InvalidInput")
      assert.deepStrictEqual(yield* DryRunRunner.commands, [])
    }).pipe(Effect.provide(DryRunRunner.layer())))

  it.effect("gives the only command, and fails where it is not the only one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(DryRunRunner.onlyCommand))._tag, "CallsDiffer")
      yield* Command.run(Command.make`a`)
      assert.strictEqual(yield* DryRunRunner.onlyCommand, "a")
      yield* Command.run(Command.make`b`)
      assert.strictEqual((yield* Effect.flip(DryRunRunner.onlyCommand))._tag, "CallsDiffer")
    }).pipe(Effect.provide(DryRunRunner.layer())))
})
