import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import { Backend, reasonOf, scripted } from "./scripted.ts"

const shared = { terminal: "shared" } as const

const streamsOfStarts = Effect.map(
  Backend,
  ({ spawned }) => spawned.map(({ request }): ReadonlyArray<unknown> => [request.stdin, request.stdout, request.stderr])
)

const editor = Command.make("waits", shared)

describe("a command with the terminal", () => {
  it.effect("has all three standard streams on it unless they are said to be elsewhere", () =>
    Effect.gen(function*() {
      yield* Command.make("exitsWith", ["0"], shared)
      yield* Command.make("exitsWith", ["0"], { ...shared, stdin: "null", stdout: "pipe", stderr: Stdio.file("log") })
      yield* Command.make("exitsWith", ["0"], { ...shared, stdin: undefined, stdout: undefined, stderr: undefined })
      const streams = yield* streamsOfStarts
      assert.deepStrictEqual(streams, [
        ["inherit", "inherit", "inherit"],
        ["null", "pipe", { _tag: "File", path: "log", append: false }],
        ["inherit", "inherit", "inherit"]
      ])
    }).pipe(Effect.provide(scripted())))

  it.effect("has nothing to give to a verb that captures, unless its output is a pipe", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(Command.run(editor)), { _tag: "InvalidInput", field: "stdout" })
      assert.deepInclude(yield* reasonOf(Command.outputString(editor)), { _tag: "InvalidInput", field: "stdout" })
      const pipeline = Pipeline.make(Command.make("printsTwoStreams"), editor)
      assert.deepInclude(yield* reasonOf(Pipeline.run(pipeline)), { _tag: "InvalidInput", field: "stdout" })
      assert.deepStrictEqual((yield* Backend).spawned, [])
      const chooser = Command.make("echoesStdin", { ...shared, stdin: Stdin.text("a\nb\n"), stdout: "pipe" })
      assert.strictEqual(yield* Command.run(chooser), "a\nb")
    }).pipe(Effect.provide(scripted())))

  it.effect("is refused before the start where somebody would wait for output in vain", () =>
    Effect.gen(function*() {
      const contradictions: ReadonlyArray<readonly [string, Command.Options]> = [
        ["inactivityTimeout", { inactivityTimeout: "1 second" }],
        ["onStdoutLine", { onStdoutLine: () => {} }],
        ["onStderrLine", { onStderrLine: () => {}, stdout: "pipe" }]
      ]
      for (const [field, options] of contradictions) {
        const reason = yield* reasonOf(Command.runUnit(Command.make("exitsWith", ["0"], { ...shared, ...options })))
        assert.deepInclude(reason, { _tag: "InvalidInput", field })
      }
      assert.deepStrictEqual((yield* Backend).spawned, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("is stopped, timed out and ended with its scope like any other", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.scoped(Effect.flatMap(Command.start(editor), (e) => e.outcome)))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      const timed = yield* Effect.scoped(
        Effect.flatMap(Command.start(Command.setTimeout(editor, 0)), (running) => running.outcome)
      )
      assert.isTrue(Outcome.isTimedOut(timed))
      assert.deepStrictEqual((yield* Backend).alive(), [])
    }).pipe(Effect.provide(scripted())))

  it.effect("waits for another that has it, and gets it afterwards", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Command.start(editor)
        const reason = yield* reasonOf(Command.exitCode(Command.make("exitsWith", ["3"], shared)))
        assert.deepInclude(reason, { _tag: "Unsupported", feature: "sharing the terminal" })
        assert.strictEqual(yield* Command.exitCode(Command.make("exitsWith", ["4"])), 4)
      }))
      assert.strictEqual(yield* Command.exitCode(Command.make("exitsWith", ["3"], shared)), 3)
    }).pipe(Effect.provide(scripted())))

  it.effect("may be a stage of a pipeline, whose pipes come first", () =>
    Effect.gen(function*() {
      const pager = Command.make("exitsWith", ["0"], shared)
      yield* Pipeline.runUnit(Pipeline.make(Command.make("printsTwoStreams"), pager))
      const streams = yield* streamsOfStarts
      assert.deepStrictEqual(streams, [["null", "pipe", "pipe"], ["pipe", "inherit", "inherit"]])
    }).pipe(Effect.provide(scripted())))
})
