import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import { FaultyBackend, Reply, ScriptedRunner } from "processkit/testing"
import { reasonOf, settle, tagOf } from "./scripted.ts"

const { fallback, on } = ScriptedRunner

const over = (rules: ReadonlyArray<ScriptedRunner.Rule>, ...faults: ReadonlyArray<FaultyBackend.Fault>) =>
  FaultyBackend.layer(...faults).pipe(Layer.provide(ScriptedRunner.layer(...rules)))

const run = (program: string, options: Command.Options = {}) => Command.run(Command.make(program, options))

const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256)

describe("FaultyBackend", () => {
  it.effect("lets one start fail, and says which fault has fired", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* run("a"), "x")
      assert.deepStrictEqual(yield* FaultyBackend.fired, [])
      assert.deepInclude(yield* reasonOf(run("b")), { _tag: "SpawnFailed", program: "b", errno: "EMFILE" })
      assert.strictEqual(yield* run("c"), "x")
      assert.deepStrictEqual(yield* FaultyBackend.fired, [FaultyBackend.spawnFails({ at: 2, errno: "EMFILE" })])
    }).pipe(Effect.provide(over([fallback(Reply.ok("x"))], FaultyBackend.spawnFails({ at: 2, errno: "EMFILE" })))))

  it.effect("cuts output into single bytes, and none is lost, repeated or decoded wrongly", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* Command.outputBytes(Command.make("bytes"))).stdout, bytes)
      assert.strictEqual(yield* run("text"), "gr\u00fc\u00dfe \u{1F600}\r\nzwei")
      const lines = yield* Stream.runCollect(Command.stdoutLines(Command.make("text")))
      assert.deepStrictEqual(lines, ["gr\u00fc\u00dfe \u{1F600}", "zwei"])
    }).pipe(Effect.provide(over(
      [on(["bytes"], Reply.bytes(bytes)), on(["text"], Reply.ok("gr\u00fc\u00dfe \u{1F600}\r\nzwei\n"))],
      FaultyBackend.chunksSplit()
    ))))

  it.effect("breaks a pipe after so many bytes", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(Command.outputString(Command.make("a")))
      assert.deepInclude(reason, { _tag: "IoFailed", operation: "reading stdout", errno: "EIO" })
      const running = yield* Command.start(Command.make("b"))
      const lines: Array<string> = []
      yield* Effect.exit(Stream.runForEach(running.stdoutLines, (line) => Effect.sync(() => lines.push(line))))
      assert.deepStrictEqual(lines, ["ok"])
      assert.strictEqual(yield* run("c"), "ok")
    }).pipe(Effect.provide(over(
      [fallback(Reply.ok("ok\n"))],
      FaultyBackend.stdoutBreaks({ after: 2 }),
      FaultyBackend.stdoutBreaks({ at: 2, after: 3 }),
      FaultyBackend.stderrBreaks({ at: 9 })
    ))))

  it.effect("breaks standard input: in silence where nobody reads, else as a failure of the run", () =>
    Effect.gen(function*() {
      const feed = { stdin: "0123456789" }
      assert.strictEqual(yield* run("a", feed), "ok")
      assert.strictEqual(yield* tagOf(run("b", feed)), "StdinFailed")
      assert.strictEqual(yield* run("c", feed), "ok")
    }).pipe(Effect.provide(over(
      [fallback(Reply.ok("ok"))],
      FaultyBackend.stdinBreaks({ after: 4, errno: "closed" }),
      FaultyBackend.stdinBreaks({ at: 2 })
    ))))

  it.effect("tells exits late", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("a"))
      yield* settle()
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(yield* running.isRunning)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(over([fallback(Reply.ok())], FaultyBackend.exitDelayed("3 seconds")))))

  it.effect("loses everything at once: runs under way, and what is asked later", () =>
    Effect.gen(function*() {
      const below = yield* ProcessBackend.ProcessBackend
      const first = yield* Command.start(Command.make("first"))
      const second = yield* Effect.forkChild(reasonOf(run("second")))
      yield* settle()
      // The fifth operation: both have opened a container and started a program.
      assert.strictEqual(yield* tagOf(run("third")), "HostLost")
      assert.strictEqual(yield* tagOf(first.result), "HostLost")
      assert.strictEqual((yield* Fiber.join(second))._tag, "HostLost")
      assert.strictEqual(yield* tagOf(run("fourth")), "HostLost")
      assert.strictEqual(below.containment.mechanism, "scripted")
    }).pipe(Effect.provide(over([fallback(Reply.pending)], FaultyBackend.hostLost({ at: 5 })))))

  it.effect("is swept over every operation of a program, which ends each time, the last time undisturbed", () =>
    Effect.gen(function*() {
      const program = Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const server = yield* group.start(Command.make("server"))
        yield* group.signal("SIGWINCH")
        yield* group.suspend
        yield* group.resume
        assert.lengthOf(yield* group.members, 1)
        yield* server.stop()
        return (yield* server.outcome)._tag
      }))
      for (const fault of [FaultyBackend.operationFails, FaultyBackend.hostLost, FaultyBackend.spawnFails]) {
        const ends: ReadonlyArray<Exit.Exit<string, ProcessError.ProcessError>> = yield* FaultyBackend.sweep(
          program,
          (at) => fault({ at })
        ).pipe(Effect.provide(ScriptedRunner.layer(fallback(Reply.pending))))
        assert.deepStrictEqual(ends.at(-1), Exit.succeed("Signaled"))
        assert.isAbove(ends.length, fault === FaultyBackend.spawnFails ? 1 : 6)
        for (const end of ends) {
          if (Exit.isFailure(end)) assert.strictEqual(Exit.findErrorOption(end)._tag, "Some", "a defect")
        }
      }
    }))
})
