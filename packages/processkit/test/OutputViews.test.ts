import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessEvent from "processkit/ProcessEvent"
import * as ProcessRunner from "processkit/ProcessRunner"
import type * as RunningProcess from "processkit/RunningProcess"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend } from "./scriptedPrograms.ts"

/** Writes in turns: a line on one stream, then one on the other. */
const alternates: Program = {
  main: (io) =>
    Effect.forEach(["1", "2", "3"], (n) =>
      Effect.andThen(
        Effect.andThen(io.write("stdout", `out ${n}\n`), Effect.yieldNow),
        Effect.andThen(io.write("stderr", `err ${n}\n`), Effect.yieldNow)
      )).pipe(Effect.as(Outcome.exited(3)))
}

const floodsOne: Program = {
  main: (io) =>
    Effect.andThen(
      io.write("stderr", "first\n"),
      Effect.andThen(io.write("stdout", `${"x".repeat(99)}\n`.repeat(20_000)), Effect.succeed(Outcome.exited(0)))
    )
}

/** Writes a little in every turn. */
const talksOn: Program = {
  main: (io) =>
    Effect.forEach(Array.from({ length: 200 }), () => Effect.andThen(io.write("stdout", "\n\n"), Effect.yieldNow))
      .pipe(Effect.as(Outcome.exited(0)))
}

const layer = () =>
  scripted({ alternates, floodsOne, talksOn, bytes: prints("a\r\nb"), three: prints("1\n2\n3\n", 0, "e\n") })

type Flow = Stream.Stream<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

type View = "stdoutLines" | "stderrLines" | "stdoutChunks" | "stderrChunks" | "events" | "all"

const views: ReadonlyArray<View> = ["stdoutLines", "stderrLines", "stdoutChunks", "stderrChunks", "events", "all"]

const streamsOf = (view: View): ReadonlyArray<"stdout" | "stderr"> =>
  view.startsWith("stdout") ? ["stdout"] : view.startsWith("stderr") ? ["stderr"] : ["stdout", "stderr"]

const drain = (running: RunningProcess.RunningProcess, view: View) =>
  Stream.runDrain<unknown, unknown, never>(running[view])

describe("the views of output", () => {
  // A consumer may be made to yield between any two steps. Bytes that came while it was about to follow were dropped.
  it.effect("lose nothing that comes while somebody is about to take it", () =>
    Effect.gen(function*() {
      for (const view of ["stdoutLines", "stdoutChunks"] as const) {
        for (const operations of [3, 4, 5]) {
          const running = yield* Command.start(Command.make("talksOn"))
          const pieces = yield* Stream.runCollect<string | Uint8Array, unknown, never>(running[view]).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)
          )
          const bytes = pieces.map((piece) => typeof piece === "string" ? piece.length + 1 : piece.length)
          assert.strictEqual(bytes.reduce((sum, length) => sum + length, 0), 400)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(layer())))

  describe("a second take of a stream is AlreadyConsumed, whichever views were asked", () => {
    for (const first of views) {
      for (const second of views) {
        const shared = streamsOf(first).filter((stream) => streamsOf(second).includes(stream))
        it.effect(`${first}, then ${second}: ${shared[0] ?? "both are given"}`, () =>
          Effect.gen(function*() {
            const running = yield* Command.start(Command.make("three"))
            yield* drain(running, first)
            const exit = yield* Effect.exit(drain(running, second))
            if (shared.length === 0) return assert.isTrue(Exit.isSuccess(exit))
            const reason = yield* reasonOf(Stream.runDrain<unknown, never, never>(running[second] as never))
            assert.deepInclude(reason, { _tag: "AlreadyConsumed", stream: shared[0] })
          }).pipe(Effect.provide(layer())))
      }
    }

    it.effect("and a view of both that was refused has taken neither", () =>
      Effect.gen(function*() {
        const running = yield* Command.start(Command.make("three"))
        yield* Stream.runDrain(running.stdoutLines)
        assert.strictEqual(yield* tagOf(Stream.runDrain(running.all)), "AlreadyConsumed")
        assert.deepStrictEqual(yield* Stream.runCollect(running.stderrLines), ["e"])
      }).pipe(Effect.provide(layer())))
  })

  it.effect("events are the start, the lines in the order of their arrival, and the end", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("alternates"))
      assert.deepStrictEqual(yield* Stream.runCollect(running.events), [
        ProcessEvent.started(undefined),
        ...["1", "2", "3"].flatMap((n) => [ProcessEvent.stdout(`out ${n}`), ProcessEvent.stderr(`err ${n}`)]),
        ProcessEvent.exited(Outcome.exited(3))
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("all is the lines of both in the order of their arrival", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("alternates"))
      assert.deepStrictEqual(yield* Stream.runCollect(running.all), [
        "out 1",
        "err 1",
        "out 2",
        "err 2",
        "out 3",
        "err 3"
      ])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(3))
    }).pipe(Effect.provide(layer())))

  it.effect("what came before anybody looked is there, each stream in its order", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("alternates"))
      yield* running.outcome
      const events = yield* Stream.runCollect(running.events)
      assert.deepStrictEqual(events.filter(ProcessEvent.isStdout).map(({ line }) => line), ["out 1", "out 2", "out 3"])
      assert.deepStrictEqual(events.filter(ProcessEvent.isStderr).map(({ line }) => line), ["err 1", "err 2", "err 3"])
      assert.isTrue(ProcessEvent.isStarted(events[0] as ProcessEvent.ProcessEvent))
      assert.isTrue(ProcessEvent.isExited(events.at(-1) as ProcessEvent.ProcessEvent))
    }).pipe(Effect.provide(layer())))

  it.effect("chunks are the bytes, unchanged, from the first one on, however late they are asked for", () =>
    Effect.gen(function*() {
      for (const late of [false, true]) {
        const running = yield* Command.start(Command.make("bytes"))
        if (late) yield* running.outcome
        const chunks = yield* Stream.runCollect(running.stdoutChunks)
        assert.strictEqual(
          new TextDecoder().decode(Uint8Array.from(chunks.flatMap((chunk) => Array.from(chunk)))),
          "a\r\nb"
        )
      }
    }).pipe(Effect.provide(layer())))

  it.effect("chunks are refused where the buffer of a live process keeps lines, and the verb gives them all the same", () =>
    Effect.gen(function*() {
      const command = Command.make("bytes", { buffer: OutputBuffer.tail({ lines: 1 }) })
      const running = yield* Command.start(command)
      assert.deepInclude(yield* reasonOf(Stream.runDrain(running.stdoutChunks)), {
        _tag: "InvalidInput",
        field: "the buffer"
      })
      assert.deepStrictEqual(yield* Stream.runCollect(running.stdoutLines), ["a", "b"])
      const [chunk] = yield* Stream.runCollect(Command.stdoutChunks(command))
      assert.strictEqual(new TextDecoder().decode(chunk), "a\r\nb")
    }).pipe(Effect.provide(layer())))

  it.effect("a stream that is no pipe cannot be taken, and events go on without standard error", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("three", { stderr: "null" }))
      assert.deepInclude(yield* reasonOf(Stream.runDrain(running.stderrLines)), {
        _tag: "InvalidInput",
        field: "stderr"
      })
      assert.deepStrictEqual(yield* Stream.runCollect(running.all), ["1", "2", "3"])
      const other = yield* Command.start(Command.make("three", { stdout: "null" }))
      for (const view of ["stdoutChunks", "events", "all"] as const) {
        assert.deepInclude(yield* reasonOf(Stream.runDrain<unknown, never, never>(other[view] as never)), {
          field: "stdout"
        })
      }
    }).pipe(Effect.provide(layer())))

  it.effect("a slow consumer of both holds up the stream that floods and no other", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("floodsOne"))
      const fiber = yield* Effect.forkChild(
        Stream.runCollect(Stream.tap(running.all, () => Effect.yieldNow))
      )
      const lines = yield* Fiber.join(fiber)
      assert.strictEqual(lines.length, 20_001)
      assert.include(lines, "first")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(layer())))

  it.effect("a consumer of both that leaves lets both be read and dropped", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("floodsOne"))
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(running.events, 1)), [
        ProcessEvent.started(undefined)
      ])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
      assert.strictEqual((yield* running.counters).stdout.bytes, 2_000_000)
    }).pipe(Effect.provide(layer())))

  it.effect("events of a cancelled run fail with Cancelled after what it printed", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const running = yield* Command.start(Command.make("waits", { cancelOn: controller.signal }))
      const seen: Array<string> = []
      const fiber = yield* Effect.forkChild(
        reasonOf(Stream.runForEach(running.events, ({ _tag }) => Effect.sync(() => seen.push(_tag))))
      )
      yield* settle()
      controller.abort()
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Cancelled")
      assert.deepStrictEqual(seen, ["Started", "Stdout"])
    }).pipe(Effect.provide(scripted())))
})

describe("counters", () => {
  it.effect("count bytes and lines of both streams while the program runs", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("waits"))
      yield* settle()
      assert.deepStrictEqual(yield* running.counters, {
        stdout: { bytes: 6, lines: 1, dropped: 0 },
        stderr: { bytes: 0, lines: 0, dropped: 0 }
      })
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.provide(scripted())))

  it.effect("say what the buffer dropped, and not what a consumer took", () =>
    Effect.gen(function*() {
      const tail = yield* Command.start(Command.make("three", { buffer: OutputBuffer.tail({ lines: 1 }) }))
      yield* tail.outcome
      assert.deepStrictEqual((yield* tail.counters).stdout, { bytes: 6, lines: 3, dropped: 2 })
      const bytes = yield* Command.start(Command.make("three", { buffer: OutputBuffer.head({ bytes: 4 }) }))
      yield* bytes.outcome
      assert.deepStrictEqual((yield* bytes.counters).stdout, { bytes: 6, lines: 3, dropped: 2 })
      const taken = yield* Command.start(Command.make("three"))
      yield* Stream.runDrain(taken.stdoutLines)
      assert.deepStrictEqual((yield* taken.counters).stdout, { bytes: 6, lines: 3, dropped: 0 })
    }).pipe(Effect.provide(layer())))

  it.effect("are zero for a stream that is no pipe", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("three", { stdout: "null" }))
      yield* running.outcome
      assert.deepStrictEqual((yield* running.counters).stdout, { bytes: 0, lines: 0, dropped: 0 })
    }).pipe(Effect.provide(layer())))
})

describe("verbs that stream", () => {
  it.effect("give the stream they name, and start anew each time", () =>
    Effect.gen(function*() {
      const command = Command.make("three")
      for (let i = 0; i < 2; i++) {
        assert.deepStrictEqual(yield* Stream.runCollect(Command.stderrLines(command)), ["e"])
        const [chunk] = yield* Stream.runCollect(Command.stderrChunks(command))
        assert.strictEqual(new TextDecoder().decode(chunk), "e\n")
        const tags = (yield* Stream.runCollect(Command.events(command))).map(({ _tag }) => _tag)
        assert.deepStrictEqual([tags[0], tags.length, tags.at(-1)], ["Started", 6, "Exited"])
      }
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(layer())))

  it.effect("fail like checked at the end, after everything that was printed", () =>
    Effect.gen(function*() {
      const command = Command.make("alternates")
      const flows: ReadonlyArray<Flow> = [
        Command.stderrLines(command),
        Command.stdoutChunks(command),
        Command.stderrChunks(command),
        Command.events(command)
      ]
      for (const flow of flows) {
        let seen = 0
        const reason = yield* reasonOf(Stream.runForEach(flow, () => Effect.sync(() => seen++)))
        assert.deepInclude(reason, { _tag: "NonZeroExit", code: 3 })
        assert.isAbove(seen, 0)
      }
      const failure = yield* reasonOf(Stream.runDrain(Command.stderrLines(command)))
      assert.deepInclude(failure, { stdout: "out 1\nout 2\nout 3\n", stderr: "" })
    }).pipe(Effect.provide(layer())))

  // It had failed after the last line, and advised to stream the output, because of the stream that nobody asked for.
  it.effect("ask nothing of how much is kept of the stream that they do not give", () =>
    Effect.gen(function*() {
      const command = Command.make("three", { buffer: OutputBuffer.failAbove({ bytes: 1 }) })
      assert.deepStrictEqual(yield* Stream.runCollect(Command.stderrLines(command)), ["e"])
      assert.strictEqual((yield* Stream.runCollect(Command.stderrChunks(command))).length, 1)
      assert.deepStrictEqual(yield* Stream.runCollect(Command.stdoutLines(command)), ["1", "2", "3"])
    }).pipe(Effect.provide(layer())))

  it.effect("end the whole tree when the consumer stops early", () =>
    Effect.gen(function*() {
      const tree = Command.make("spawnsTree")
      yield* Stream.runHead(Command.stdoutChunks(tree))
      assert.deepStrictEqual(yield* alive, [])
      yield* Stream.runHead(Command.events(tree))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("start nothing where the stream they name is no pipe", () =>
    Effect.gen(function*() {
      const unpiped = Command.make("missing", { stdout: "null", stderr: "inherit" })
      assert.deepInclude(yield* reasonOf(Stream.runDrain(Command.stderrLines(unpiped))), { field: "stderr" })
      assert.deepInclude(yield* reasonOf(Stream.runDrain(Command.stderrChunks(unpiped))), { field: "stderr" })
      assert.deepInclude(yield* reasonOf(Stream.runDrain(Command.stdoutChunks(unpiped))), { field: "stdout" })
      assert.deepInclude(yield* reasonOf(Stream.runDrain(Command.events(unpiped))), { field: "stdout" })
    }).pipe(Effect.provide(layer())))
})

// A decorator sees the process of a verb that wants text only; what it asks for besides is answered, or refused.
describe("a process of which only text is wanted", () => {
  it.effect("gives its lines and counts them, and refuses chunks", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const runner = ProcessRunner.mapStart(
        ProcessRunner.fromBackend(backend({ three: prints("1\n2\n3") }).service),
        (start) =>
          Effect.tap(start, (running) =>
            Effect.gen(function*() {
              yield* running.outcome
              seen.push((yield* running.counters).stdout)
              seen.push(yield* tagOf(Stream.runDrain(running.stdoutChunks)))
              seen.push(yield* Stream.runCollect(running.stdoutLines))
            }).pipe(Effect.orDie))
      )
      const text = yield* Effect.provide(
        Command.run(Command.make("three")),
        Layer.succeed(ProcessRunner.ProcessRunner, runner)
      )
      assert.deepStrictEqual([text, ...seen], ["", { bytes: 5, lines: 3, dropped: 0 }, "InvalidInput", ["1", "2", "3"]])
    }))
})
