import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as CliClient from "processkit/CliClient"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as RetryPolicy from "processkit/RetryPolicy"
import { Reply, ScriptedRunner } from "processkit/testing"
import { Backend, reasonOf, scripted, tagOf } from "./scripted.ts"

/** The options of a command that a client with these defaults makes. */
const optionsOf = (defaults: CliClient.Defaults, options: Command.Options = {}) =>
  Effect.map(CliClient.make("git", defaults), (git) => git.command(["log"], options).options)

const requests = Effect.map(Backend, ({ spawned }) => spawned.map(({ request }) => request))

describe("a client", () => {
  it.effect("has every verb, with its program", () =>
    Effect.gen(function*() {
      const git = yield* CliClient.make("git")
      assert.strictEqual(yield* git.run(["name"]), "main")
      assert.isUndefined(yield* git.runUnit(["name"]))
      assert.strictEqual((yield* git.checked(["name"])).stdout, "main\n")
      assert.strictEqual((yield* git.outputString(["broken"])).stderr, "fatal\n")
      assert.strictEqual((yield* git.outputBytes(["name"])).stdout.length, 5)
      assert.strictEqual(yield* git.exitCode(["broken"]), 1)
      assert.isFalse(yield* git.probe(["broken"]))
      assert.strictEqual(yield* git.parse(["name"], (text) => text.length), 5)
      assert.strictEqual(yield* git.tryParse(["name"], (text) => Result.succeed(text.trim())), "main")
      assert.deepStrictEqual(yield* git.json(["json"], Schema.Struct({ a: Schema.Number })), { a: 1 })
      assert.deepStrictEqual(yield* git.firstLine(["name"], () => true), Option.some("main"))
      assert.deepStrictEqual(yield* Stream.runCollect(git.stdoutLines(["name"])), ["main"])
      const running = yield* git.start(["name"])
      assert.strictEqual((yield* running.result).stdout, "main\n")
      assert.strictEqual(yield* git.resolve, "git")
    }).pipe(
      Effect.provide(ScriptedRunner.layer(
        ScriptedRunner.on(["git", "name"], Reply.ok("main\n")),
        ScriptedRunner.on(["git", "json"], Reply.ok("{\"a\":1}")),
        ScriptedRunner.on(["git", "broken"], Reply.fail(1, "fatal\n")),
        ScriptedRunner.fallback(Reply.ok())
      ))
    ))

  it.effect("needs no runner from the context of its verbs, and keeps the one it was made with", () =>
    Effect.gen(function*() {
      const one = ScriptedRunner.make(ScriptedRunner.fallback(Reply.ok("one")))
      const other = ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok("other")))
      const git = CliClient.fromRunner("git", one)
      const without: Effect.Effect<string, unknown> = git.run([])
      assert.strictEqual(yield* Effect.provide(without, other), "one")
    }))

  it.effect("starts in a group through the group's runner", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const client = CliClient.withRunner(yield* CliClient.make("waits"), group.runner)
      yield* client.start([])
      assert.strictEqual((yield* group.members).length, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("runs a ready command with its defaults, also one of another program", () =>
    Effect.gen(function*() {
      const git = yield* CliClient.make("git", { timeout: "1 second", env: { A: "1" } })
      const other = git.command(Command.make("waits", ["x"], { env: { B: "2" } }))
      assert.deepStrictEqual([other.program, other.args, { ...other.options.env }, other.options.timeout], [
        "waits",
        ["x"],
        { A: "1", B: "2" },
        "1 second"
      ])
      const fiber = yield* Effect.forkChild(tagOf(git.run(Command.make("waits"))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "TimedOut")
    }).pipe(Effect.provide(scripted())))

  it.effect("shows its program and which defaults it has, and no value of theirs", () =>
    Effect.gen(function*() {
      const git = yield* CliClient.make("git", { env: { TOKEN: "s3cret" }, timeout: 1 })
      assert.isTrue(CliClient.isCliClient(git))
      assert.isFalse(CliClient.isCliClient({}))
      assert.deepStrictEqual(JSON.parse(JSON.stringify(git)), {
        _id: "CliClient",
        program: "git",
        defaults: ["env", "timeout"]
      })
    }).pipe(Effect.provide(scripted())))

  it.effect("refuses what no command can be made of when a verb runs", () =>
    Effect.gen(function*() {
      const git = yield* CliClient.make("", {})
      assert.deepInclude(yield* reasonOf(git.run([])), { _tag: "InvalidInput", field: "the program" })
      const nan = yield* CliClient.make("git", { timeout: Number.NaN })
      assert.deepInclude(yield* reasonOf(nan.run([])), { _tag: "InvalidInput", field: "timeout" })
      const list = yield* CliClient.make("git", { env: ["A=1"] as never })
      assert.deepInclude(yield* reasonOf(list.run([])), { _tag: "InvalidInput", field: "the environment" })
      assert.strictEqual(yield* tagOf(git.run("status" as never)), "InvalidInput")
      const none = yield* CliClient.make("git", null as never)
      assert.deepInclude(yield* reasonOf(none.run([])), { _tag: "InvalidInput", field: "the options" })
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(scripted())))
})

describe("a default", () => {
  it.effect("fills a gap, and gives way to what the command says", () =>
    Effect.gen(function*() {
      const retry = RetryPolicy.fixed({ attempts: 2, delay: 1 })
      const defaults = { cwd: "/repo", timeout: "5 seconds", retry, okCodes: [0, 1], stdin: "in" } as const
      assert.deepInclude(yield* optionsOf(defaults), defaults)
      const own = { cwd: "/else", timeout: "Infinity", retry: RetryPolicy.never, okCodes: [0], stdin: "null" } as const
      assert.deepInclude(yield* optionsOf(defaults, own), own)
      assert.deepInclude(yield* optionsOf(defaults, { cwd: undefined }), { cwd: "/repo" })
    }).pipe(Effect.provide(scripted())))

  it.effect("of stop fills the half that the command leaves open", () =>
    Effect.gen(function*() {
      const { stop } = yield* optionsOf({ stop: { signal: "SIGINT", grace: 100 } }, { stop: { grace: 5 } })
      assert.deepStrictEqual(stop, { signal: "SIGINT", grace: 5 })
    }).pipe(Effect.provide(scripted())))

  it.effect("for a variable gives way to the command's own value, and to its wish to have none", () =>
    Effect.gen(function*() {
      const { env } = yield* optionsOf({ env: { A: "1", B: "2", C: "3" } }, {
        env: { A: "mine", B: undefined, D: "4" }
      })
      assert.deepStrictEqual({ ...env }, { A: "mine", B: undefined, C: "3", D: "4" })
    }).pipe(Effect.provide(scripted())))

  it.effect("for variables is not for a command that starts from nothing", () =>
    Effect.gen(function*() {
      const defaults = { env: { A: "1" }, envFrom: { B: () => "2" } }
      assert.deepStrictEqual((yield* optionsOf(defaults, { envClear: true })).env, undefined)
      assert.deepStrictEqual((yield* optionsOf(defaults, { envClear: true, env: { X: "1" } })).env, { X: "1" })
      assert.deepStrictEqual({ ...(yield* optionsOf({ ...defaults, envClear: true })).env }, { A: "1", B: "2" })
    }).pipe(Effect.provide(scripted())))

  it.effect("for a variable is not for a command that inherits it by name", () =>
    Effect.gen(function*() {
      const { env } = yield* optionsOf({ env: { A: "1", B: "2" }, envFrom: { C: () => "3" } }, {
        inheritEnv: ["A", "C"]
      })
      assert.deepStrictEqual({ ...env }, { B: "2" })
    }).pipe(Effect.provide(scripted())))

  it.effect("that is computed is computed once for a command, and only where nothing else gives the variable", () =>
    Effect.gen(function*() {
      let calls = 0
      const envFrom = { TOKEN: () => Redacted.make(`token ${++calls}`), A: () => assert.fail("not asked for") }
      const retry = RetryPolicy.fixed({ attempts: 3, delay: 0, while: () => true })
      const client = yield* CliClient.make("exitsWith", { env: { A: "1" }, envFrom, retry })
      assert.strictEqual(yield* tagOf(client.run(["1"])), "NonZeroExit")
      yield* client.run(["0"])
      yield* client.run(["0"], { env: { TOKEN: "mine" } })
      const tokens = (yield* requests).map(({ env }) => env.set.find(([name]) => name === "TOKEN")?.[1])
      assert.deepStrictEqual(tokens, ["token 1", "token 1", "token 1", "token 2", "mine"])
    }).pipe(Effect.provide(scripted())))

  it.effect("filled in twice is the same as once", () =>
    Effect.gen(function*() {
      let calls = 0
      const git = yield* CliClient.make("git", {
        env: { A: "1" },
        envFrom: { B: () => String(++calls) },
        timeout: 5,
        stop: { grace: 1 },
        envClear: true
      })
      const once = git.command(["log"])
      const twice = git.command(git.command(once))
      assert.deepStrictEqual({ ...twice.options, env: { ...twice.options.env } }, {
        ...once.options,
        env: { ...once.options.env }
      })
      assert.strictEqual(calls, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("is followed by later ones, which win", () =>
    Effect.gen(function*() {
      const git = CliClient.withDefaults(
        yield* CliClient.make("git", { timeout: 1, cwd: "/a", env: { A: "1", B: "2" } }),
        {
          timeout: 2,
          env: { B: "3" }
        }
      )
      const { cwd, env, timeout } = git.command([]).options
      assert.deepStrictEqual([cwd, { ...env }, timeout], ["/a", { A: "1", B: "3" }, 2])
      assert.strictEqual(git.commandIn("/b", []).options.cwd, "/b")
    }).pipe(Effect.provide(scripted())))

  it.effect("that cancels cancels every run of the client", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const client = yield* CliClient.make("waits", { cancelOn: controller.signal })
      controller.abort()
      assert.strictEqual(yield* tagOf(client.run([])), "Cancelled")
      assert.strictEqual(yield* tagOf(client.run([])), "Cancelled")
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(scripted())))
})

describe("operands", () => {
  it.effect("reach the program behind --, whatever they begin with, and the program is never one of them", () =>
    Effect.gen(function*() {
      const git = yield* CliClient.make("printsArguments")
      const hostile = ["--upload-pack=touch /tmp/x", "-rf", "; rm -rf /", "$(id)"]
      assert.deepStrictEqual(
        (yield* git.run(["add", ...CliClient.operands(...hostile)])).split("\0").slice(0, -1),
        ["add", "--", ...hostile]
      )
      assert.deepStrictEqual((yield* requests).map(({ program }) => program), ["printsArguments"])
    }).pipe(Effect.provide(scripted())))
})
