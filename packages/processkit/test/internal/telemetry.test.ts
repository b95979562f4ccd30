import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Tracer from "effect/Tracer"
import * as Command from "processkit/Command"
import * as ProcessResult from "processkit/ProcessResult"
import { alive, scripted, settle, tagOf } from "../scripted.ts"

/** A tracer that keeps the spans of runs, made by whoever the test wants. */
const tracing = (make: (options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) => Tracer.NativeSpan) => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span(options) {
      const span = make(options)
      if (options.name === "processkit.run") spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

/** Throws whenever something is written on it after its start, or it ends. */
class Broken extends Tracer.NativeSpan {
  override attribute(key: string, value: unknown): void {
    if (key !== "process.executable.name") throw new Error("no attributes today")
    super.attribute(key, value)
  }
  override end(): void {
    throw new Error("no ends today")
  }
}

describe("the span of a run", () => {
  // It had stayed open, and what is open no exporter ever sees.
  it.effect("ends with the failure where the program could not be started", () => {
    const { spans, tracer } = tracing((options) => new Tracer.NativeSpan(options))
    return Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(Command.make("missing"))), "NotFound")
      const [status] = spans.map(({ status }) => status)
      assert.isTrue(status?._tag === "Ended" && Exit.isFailure(status.exit))
    }).pipe(Effect.withTracer(tracer), Effect.provide(scripted()))
  })

  // The child had been left without an owner, and its end had been an uncaught exception.
  it.effect("may be one that throws: the run is as without it, and the log says so", () => {
    const { spans, tracer } = tracing((options) => new Broken(options))
    const logged: Array<string> = []
    return Effect.gen(function*() {
      const result = yield* Command.outputString(Command.make("exitsWith", ["3"]))
      assert.strictEqual(ProcessResult.code(result), 3)
      const waiting = yield* Effect.forkChild(Command.run(Command.make("waits")))
      yield* settle()
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(yield* alive, [])
      assert.strictEqual(spans.length, 2)
      assert.include(logged.join("\n"), "threw")
    }).pipe(
      Effect.withTracer(tracer),
      Effect.provide(scripted()),
      Effect.provide(Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))]))
    )
  })
})
