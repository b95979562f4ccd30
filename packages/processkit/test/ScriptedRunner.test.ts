import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { Reply, ScriptedRunner } from "processkit/testing"
import { reasonOf, tagOf } from "./scripted.ts"

const { fallback, layer, make, on } = ScriptedRunner

const run = (program: string, ...args: ReadonlyArray<string>) => Command.run(Command.make(program, args))

/** The warnings that an effect logs. */
const warningsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") warnings.push(String(message))
  })
  return Effect.as(Effect.provide(effect, Logger.layer([logger])), warnings)
}

describe("ScriptedRunner", () => {
  it.effect("answers by program and first arguments, element by element", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* run("git", "log", "-n", "5"), "log")
      assert.strictEqual(yield* run("git", "push"), "git")
      assert.strictEqual(yield* run("git"), "git")
      for (const other of [run("gi"), run("gitk"), run("git log"), run("GIT")]) {
        assert.strictEqual(yield* tagOf(other), "Unscripted")
      }
    }).pipe(Effect.provide(layer(on(["git", "log"], Reply.ok("log")), on(["git"], Reply.ok("git"))))))

  it.effect("takes the first rule that fits, and a fallback last wherever it stands", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([yield* run("a", "b"), yield* run("a"), yield* run("b")], ["first", "first", "other"])
    }).pipe(
      Effect.provide(
        layer(fallback(Reply.ok("other")), on(["a"], Reply.ok("first")), on(["a", "b"], Reply.ok("second")))
      )
    ))

  it.effect("gives one reply for each matching start, and the last from then on", () =>
    Effect.gen(function*() {
      const said = [yield* run("a"), yield* run("b"), yield* run("a"), yield* run("a", "x"), yield* run("a")]
      assert.deepStrictEqual(said, ["1", "b", "2", "3", "3"])
    }).pipe(Effect.provide(layer(on(["a"], Reply.ok("1"), Reply.ok("2"), Reply.ok("3")), on(["b"], Reply.ok("b"))))))

  it.effect("counts anew for each runner", () =>
    Effect.gen(function*() {
      const rules = layer(on(["a"], Reply.ok("1"), Reply.ok("2")))
      const twice = Effect.all([run("a"), run("a")])
      assert.deepStrictEqual(yield* Effect.provide(twice, rules), ["1", "2"])
      assert.deepStrictEqual(yield* Effect.provide(twice, rules, { local: true }), ["1", "2"])
    }))

  it.effect("fails with the program and the number of arguments where no rule fits", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(run("tool", "secret-1", "secret-2"))
      assert.deepInclude(reason, { _tag: "Unscripted", program: "tool", argumentCount: 2 })
      assert.notInclude(reason.message, "secret")
      assert.strictEqual(yield* tagOf(Command.resolve(Command.make("tool"))), "Unscripted")
    }).pipe(Effect.provide(layer())))

  it.effect("warns once of each rule that can never answer, without naming arguments", () =>
    Effect.gen(function*() {
      const hidden = [
        on(["git"], Reply.ok()),
        on(["git", "push"], Reply.ok()),
        fallback(Reply.ok()),
        fallback(Reply.ok())
      ]
      const expected = [
        "rule 2 of a scripted runner can never answer: rule 1 covers it and comes first",
        "rule 4 of a scripted runner can never answer: rule 3 covers it and comes first"
      ]
      assert.deepStrictEqual(yield* warningsOf(Effect.provide(Effect.void, layer(...hidden))), expected)
      assert.deepStrictEqual(
        yield* warningsOf(Effect.provide(Effect.andThen(run("git"), run("git")), layer(...hidden))),
        expected
      )
      const runner = make(...hidden)
      const runs = Effect.andThen(run("git"), run("git")).pipe(
        Effect.provideService(ProcessRunner.ProcessRunner, runner)
      )
      assert.deepStrictEqual(yield* warningsOf(runs), expected)
      assert.deepStrictEqual(yield* warningsOf(runs), [])
    }))

  it.effect("starts nothing real: no pid, and ids in groups that no system gives out", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const running = yield* group.start(Command.make("server"))
      assert.isUndefined(running.pid)
      for (const id of yield* group.members) {
        assert.isAbove(id, 2 ** 31 - 1)
        assert.throws(() => process.kill(id, 0), TypeError)
      }
      assert.strictEqual(group.mechanism, "scripted")
    }).pipe(Effect.provide(layer(fallback(Reply.pending)))))

  it.effect("closes a scope at once under a clock that nobody moves", () =>
    Effect.gen(function*() {
      const running = yield* Effect.scoped(Command.start(Command.make("server")))
      assert.deepStrictEqual(yield* running.outcome, Outcome.signaled("SIGTERM", 15, false))
    }).pipe(Effect.provide(layer(fallback(Reply.pending)))))

  it.effect("feeds a program that is given input to its end before it ends", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const stdin = Stream.make("a", "b").pipe(
        Stream.mapEffect((text) => Effect.as(Effect.sleep("1 second"), text)),
        Stream.tap((text) => Effect.sync(() => seen.push(text)))
      )
      const fiber = yield* Effect.forkChild(Command.run(Command.make("psql", { stdin })))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.deepStrictEqual(seen, ["a", "b"])
    }).pipe(Effect.provide(layer(fallback(Reply.ok("done"))))))

  it.effect("does not wait for a writer that never ends", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("repl", { stdin: "pipe" }))
      yield* running.stdin.writeLine("quit")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
      const group = yield* ProcessGroup.make
      const member = yield* group.start(Command.make("repl", { stdin: "pipe" }))
      assert.deepStrictEqual(yield* member.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(layer(fallback(Reply.ok())))))

  it.effect("resolves a program to its name without using up a reply", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.resolve(Command.make("a")), "a")
      assert.strictEqual(yield* run("a"), "1")
      assert.strictEqual(yield* tagOf(Command.resolve(Command.make("b"))), "NotFound")
    }).pipe(Effect.provide(layer(on(["a"], Reply.ok("1"), Reply.ok("2")), on(["b"], Reply.notFound)))))

  it.effect("matches a redacted argument by its value", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(Command.make("login", [Redacted.make("token")])), "in")
    }).pipe(Effect.provide(layer(on(["login", "token"], Reply.ok("in"))))))

  it.effect("matches a whole line exactly, and anything about a command by predicate", () =>
    Effect.gen(function*() {
      const here = Command.make("git", ["status"], { cwd: "/repo" })
      assert.strictEqual(yield* Command.run(here), "in the repository")
      assert.strictEqual(yield* run("git", "status"), "status")
      assert.strictEqual(yield* tagOf(run("git", "status", "-s")), "Unscripted")
    }).pipe(Effect.provide(layer(
      ScriptedRunner.when(({ options }) => options.cwd === "/repo", Reply.ok("in the repository")),
      ScriptedRunner.onExactly(["git", "status"], Reply.ok("status"))
    ))))

  it.effect("shows a predicate the command that was run, also inside a group", () =>
    Effect.gen(function*() {
      const seen: Array<Command.Command> = []
      const rule = ScriptedRunner.when((command) => seen.push(command) > 0, Reply.ok())
      const command = Command.make("git", [Redacted.make("token")], { env: { A: "1" } })
      yield* Effect.provide(Command.run(command), layer(rule))
      const inGroup = Effect.flatMap(ProcessGroup.make, (group) => ProcessGroup.provide(Command.run(command), group))
      yield* Effect.provide(Effect.scoped(inGroup), layer(rule))
      assert.deepStrictEqual(seen.map((shown) => shown === command), [true, true])
    }))

  it.effect("provides the backend below it too, so that it can be decorated there", () =>
    Effect.gen(function*() {
      const below = yield* ProcessBackend.ProcessBackend
      const runner = ProcessRunner.fromBackend(below)
      const said = Effect.provideService(run("a"), ProcessRunner.ProcessRunner, runner)
      assert.deepStrictEqual([yield* said, yield* run("a")], ["1", "2"])
    }).pipe(Effect.provide(layer(on(["a"], Reply.ok("1"), Reply.ok("2"))))))

  it.effect("runs a thousand commands one after the other", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 1000; i++) yield* run("a")
      assert.strictEqual(yield* run("a"), "x")
    }).pipe(Effect.provide(layer(fallback(Reply.ok("x"))))))
})
