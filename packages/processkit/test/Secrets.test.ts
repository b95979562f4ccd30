import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import { Reply, ScriptedRunner } from "processkit/testing"
import { scripted, settle } from "./scripted.ts"

const planted = ["ARGV-s3cret", "ENV-s3cret", "STDIN-s3cret", "REDACTED-s3cret", "CWD-s3cret"]

const carrying = (program: string, args: ReadonlyArray<string> = []): Command.Command =>
  Command.make(program, [...args, "--token=ARGV-s3cret", Redacted.make("REDACTED-s3cret")], {
    env: { TOKEN: "ENV-s3cret", OTHER: Redacted.make("REDACTED-s3cret") },
    stdin: "STDIN-s3cret",
    cwd: "/CWD-s3cret",
    timeout: "1 second"
  })

const leaks = (text: string): ReadonlyArray<string> => planted.filter((secret) => text.includes(secret))

const plain = (_: string, value: unknown): unknown => typeof value === "bigint" ? String(value) : value

const everything = (u: unknown): string =>
  [inspect(u, { depth: 20, showHidden: true, getters: true }), JSON.stringify(u, plain), String(u)].join("\n")

const captured = (error: ProcessError.ProcessError): string =>
  [everything(error), error.stack, error.message, Cause.pretty(Cause.fail(error)), everything(Cause.fail(error))].join(
    "\n"
  )

describe("a secret in arguments, environment, directory or input", () => {
  it.effect("is in no error, however the run fails", () =>
    Effect.gen(function*() {
      const failures = [
        carrying("exitsWith", ["7"]),
        carrying("diesBySignal", ["SIGSEGV"]),
        carrying("waits"),
        carrying("ignoresTerm"),
        carrying("missing"),
        Command.setBuffer(carrying("floods", ["1000"]), { _tag: "FailAbove", bytes: 10 }),
        Command.setCancelOn(carrying("waits"), AbortSignal.abort("ARGV-s3cret"))
      ]
      for (const command of failures) {
        const fiber = yield* Effect.forkChild(Effect.flip(Command.run(command)))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(leaks(captured(yield* Fiber.join(fiber))), [], command.program)
      }
      const unparsed = yield* Effect.flip(Command.json(carrying("printsTwoStreams"), Schema.Number))
      assert.deepStrictEqual(leaks(captured(unparsed)), [])
    }).pipe(Effect.provide(scripted())))

  it.effect("is not in the error of a command that has no rule, which counts the arguments instead", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Command.run(carrying("tool")))
      assert.deepInclude(error.reason, { _tag: "Unscripted", program: "tool", argumentCount: 2 })
      assert.deepStrictEqual(leaks(captured(error)), [])
    }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.on(["other"], Reply.ok())))))

  it.effect("is in no span, no metric and no log", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const logged: Array<string> = []
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make(({ cause, message }) => void logged.push(everything([message, cause])))
    return Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      for (const name of ["exitsWith", "waits", "ignoresTerm", "missing", "diesBySignal"]) {
        const command = carrying(name, name === "exitsWith" ? ["1"] : ["SIGSEGV"])
        const fibers = [
          yield* Effect.forkChild(Effect.ignore(Command.run(command))),
          yield* Effect.forkChild(Effect.ignore(ProcessGroup.provide(Command.run(command), group)))
        ]
        yield* TestClock.adjust("2 seconds")
        for (const fiber of fibers) yield* Fiber.join(fiber)
      }
      yield* group.shutdown()
      yield* settle()
      const metrics = yield* Metric.snapshot
      assert.isAbove(spans.length, 8)
      assert.isAbove(metrics.length, 3)
      assert.isAbove(logged.length, 0)
      for (const span of spans) {
        assert.deepStrictEqual(
          leaks(everything([span.name, [...span.attributes], span.events, span.status])),
          [],
          span.name
        )
      }
      assert.deepStrictEqual(leaks(everything(metrics)), [])
      assert.deepStrictEqual(leaks(logged.join("\n")), [])
    }).pipe(
      Effect.scoped,
      Effect.provide(scripted()),
      Effect.provideContext(
        Context.make(Tracer.Tracer, tracer).pipe(
          Context.add(References.MinimumLogLevel, "All"),
          Context.add(Metric.MetricRegistry, new Map())
        )
      ),
      Effect.provide(Logger.layer([logger]))
    )
  })

  it.effect("reaches the program as its input, from where nothing shows it", () =>
    Effect.gen(function*() {
      for (const hidden of ["REDACTED-s3cret", new TextEncoder().encode("REDACTED-s3cret")]) {
        const command = Command.make("echoesStdin", { stdin: Redacted.make(hidden) })
        assert.strictEqual(yield* Command.run(command), "REDACTED-s3cret")
        assert.deepStrictEqual(leaks(everything(command)), [])
      }
      const wiped = Redacted.make("REDACTED-s3cret")
      Redacted.wipeUnsafe(wiped)
      for (const stdin of [wiped, Redacted.make(5) as never]) {
        const error = yield* Effect.flip(Command.run(Command.make("echoesStdin", { stdin })))
        assert.deepInclude(error.reason, { _tag: "InvalidInput", field: "stdin" })
      }
    }).pipe(Effect.provide(scripted())))

  it("is shown by a command only where display is asked for it, and never when it is redacted", () => {
    const command = carrying("tool")
    assert.deepStrictEqual(leaks(everything(command)), [])
    assert.deepStrictEqual(leaks(Command.display(command)), ["ARGV-s3cret"])
    assert.include(Command.display(command), "--token=ARGV-s3cret")
  })
})
