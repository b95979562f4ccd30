/** Each double of `processkit/testing` once: what it is for, in ten lines. No test here starts a process. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { fileURLToPath } from "node:url"
import { Cassette, DryRunRunner, FaultyBackend, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
import { release } from "./release.ts"

const { fallback, on } = ScriptedRunner

const npm = on(["npm", "pkg", "get", "version"], Reply.ok("\"1.2.3\"\n"))
const unknown = on(["git", "ls-remote"], Reply.fail(2))

describe("a release", () => {
  it.effect("is made once: scripted programs answer", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* release, "v1.2.3 is out already")
    }).pipe(Effect.provide(ScriptedRunner.layer(npm, on(["git", "ls-remote"], Reply.ok("abc refs/tags/v1.2.3\n"))))))

  it.effect("tags and pushes in this order: a recording runner remembers", () =>
    Effect.gen(function*() {
      yield* release
      const ref = "refs/tags/v1.2.3"
      yield* RecordingRunner.expectCalls([
        ["npm", "pkg", "get", "version"],
        ["git", "ls-remote", "--exit-code", "origin", ref],
        ["git", "tag", "v1.2.3"],
        ["git", "push", "origin", "v1.2.3"]
      ])
    }).pipe(Effect.provide(RecordingRunner.layer.pipe(
      Layer.provide(ScriptedRunner.layer(npm, unknown, fallback(Reply.ok())))
    ))))

  it.effect("gives up on a server that hangs: the clock is moved, not waited for", () =>
    Effect.gen(function*() {
      const passing = Effect.forever(TestClock.adjust("10 seconds"))
      const error = yield* Effect.raceFirst(Effect.flip(release), passing)
      assert.strictEqual(error.reason._tag, "TimedOut")
    }).pipe(
      Effect.provide(ScriptedRunner.layer(npm, unknown, on(["git", "tag"], Reply.ok()), fallback(Reply.pending)))
    ))

  it.effect("can be tried without doing anything: a dry run lists the programs", () =>
    Effect.gen(function*() {
      yield* release
      assert.strictEqual((yield* DryRunRunner.commands)[0], "npm pkg get version")
    }).pipe(Effect.provide(DryRunRunner.layer())))

  it.effect("fails with a typed error whichever start fails: a faulty backend tries each", () =>
    Effect.gen(function*() {
      const ends = yield* FaultyBackend.sweep(release, (at) => FaultyBackend.spawnFails({ at }))
      assert.deepStrictEqual(ends.map(Exit.isSuccess), [false, false, false, false, true])
    }).pipe(Effect.provide(ScriptedRunner.layer(npm, unknown, fallback(Reply.ok())))))

  it.effect("does what it did when it was recorded: a cassette replays real programs", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* release, "v1.2.3 is out")
      assert.deepStrictEqual(yield* Cassette.unplayed, [])
    }).pipe(Effect.provide(
      Cassette.layerReplay("release.json", { directory: fileURLToPath(new URL(".", import.meta.url)), strict: true })
        .pipe(Layer.provide(NodeFileSystem.layer))
    )))
})
