import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Stdio from "processkit/Stdio"
import { DryRunRunner, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, Backend, countedAbort, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

const cat = Command.make("echoesStdin")
const waits = Command.make("waits")
const exits = (code: number) => Command.make("exitsWith", [String(code)])
const says = Command.make("says")
const fails = Command.make("fails")
const counts = Command.make("counts")

/** Reads all of its input, then writes how many bytes that were. */
const counting: Program = {
  main: (io) => {
    const count = (sum: number): Effect.Effect<number> =>
      Effect.flatMap(io.read, (bytes) => bytes === undefined ? Effect.succeed(sum) : count(sum + bytes.length))
    return Effect.flatMap(count(0), (sum) => prints(String(sum)).main(io))
  }
}

const world = (more: Record<string, Program> = {}) =>
  scripted({
    says: prints("out\n", 0, "said\n"),
    fails: prints("half\n", 3, "why\n"),
    counts: counting,
    diesOfPipe: { main: () => Effect.succeed(Outcome.signaled("SIGPIPE", 13, false)) },
    ...more
  })

describe("a pipeline", () => {
  it("is a value: immutable, guarded, shown with its pipes and without secrets", () => {
    const one = Pipeline.make(says, cat)
    const two = one.pipe(Pipeline.pipeTo(exits(0)))
    assert.deepStrictEqual([one.stages.length, two.stages.length], [2, 3])
    assert.strictEqual(Pipeline.display(two), "says | echoesStdin | exitsWith 0")
    assert.isTrue(Pipeline.isPipeline(two) && !Pipeline.isPipeline(says) && !Command.isCommand(two))
    assert.deepStrictEqual(
      JSON.parse(JSON.stringify(Pipeline.make(Command.make("git", ["hidden"]), cat))).stages.map((stage: object) =>
        Object.values(stage)[1]
      ),
      ["git", "echoesStdin"]
    )
    assert.deepStrictEqual(Pipeline.setTimeout(one, "1 second").options.timeout, "1 second")
    assert.isUndefined(one.options.timeout)
  })

  it("is made by piping commands one after the other, data-first and data-last", () => {
    const made = [
      Pipeline.make(says, cat, fails),
      says.pipe(Command.pipeTo(cat), Pipeline.pipeTo(fails)),
      says.pipe(Command.pipeTo(cat), Command.pipeTo(fails)),
      Command.pipeTo(Command.pipeTo(says, cat), fails)
    ]
    for (const one of made) assert.deepStrictEqual(one.stages, [says, cat, fails])
  })

  it.effect("carries the output of each stage to the next, and keeps the result of every one", () =>
    Effect.gen(function*() {
      const result = yield* Pipeline.make(says, cat, cat)
      assert.deepInclude(result, { program: "echoesStdin", stdout: "out\n", stderr: "", culprit: undefined })
      assert.deepStrictEqual(result.stages.map(({ stderr, stdout }) => [stdout, stderr]), [
        ["", "said\n"],
        ["", ""],
        ["out\n", ""]
      ])
    }).pipe(Effect.provide(world())))

  it.effect("carries more than any buffer holds, byte for byte, with one stage or several", () =>
    Effect.gen(function*() {
      const flood = Command.make("floods", ["3000000"])
      for (const further of [[cat], [cat, cat, cat]]) {
        const { stdout } = yield* Pipeline.outputBytes(Pipeline.make(flood, ...further))
        assert.strictEqual(stdout.length, 3_000_000)
        assert.strictEqual(stdout.findIndex((byte, i) => byte !== i % 251), -1)
      }
      assert.strictEqual((yield* Pipeline.outputBytes(Pipeline.make(flood))).stdout.length, 3_000_000)
    }).pipe(Effect.provide(world())))

  it.effect("feeds the first stage as its command says, and ignores the input of the others", () =>
    Effect.gen(function*() {
      for (const stdin of ["text", new TextEncoder().encode("text"), Stream.make("te", "xt")]) {
        const first = Command.setStdin(cat, stdin)
        assert.strictEqual(yield* Pipeline.run(Pipeline.make(first, Command.setStdin(cat, "other"))), "text")
      }
      assert.strictEqual(yield* Pipeline.run(Pipeline.make(Command.setStdin(cat, "pipe"), cat)), "")
    }).pipe(Effect.provide(world())))

  it.effect("ignores where the output of a stage before the last would go, and who listens to it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const hear = (command: Command.Command) => Command.setOnStdoutLine(command, (line) => seen.push(line))
      const pipeline = Pipeline.make(hear(Command.setStdout(says, "null")), hear(cat))
      assert.strictEqual(yield* Pipeline.run(pipeline), "out")
      assert.deepStrictEqual(seen, ["out"])
      yield* Pipeline.run(Pipeline.make(Command.setStdout(says, Stdio.file("never-made")), cat))
      assert.deepStrictEqual((yield* Backend).spawned.map(({ request }) => request.stdout), [
        "pipe",
        "pipe",
        "pipe",
        "pipe"
      ])
    }).pipe(Effect.provide(world())))

  it.effect("keeps what the last stage's buffer says, and fails loudly where a value would not be whole", () =>
    Effect.gen(function*() {
      const last = Command.setBuffer(cat, OutputBuffer.tail({ bytes: 2 }))
      const pipeline = Pipeline.make(says, last)
      assert.deepInclude(yield* Pipeline.outputString(pipeline), { stdout: "t\n", truncated: true })
      assert.strictEqual(yield* tagOf(Pipeline.run(pipeline)), "OutputTooLarge")
      assert.strictEqual(yield* tagOf(Pipeline.parse(pipeline, (text) => text)), "OutputTooLarge")
    }).pipe(Effect.provide(world())))

  it.effect("has every verb of a command", () =>
    Effect.gen(function*() {
      const pipeline = Pipeline.make(says, cat)
      yield* Pipeline.runUnit(pipeline)
      assert.strictEqual(yield* Pipeline.run(pipeline), "out")
      assert.strictEqual((yield* Pipeline.checked(pipeline)).stdout, "out\n")
      assert.strictEqual((yield* Pipeline.outputString(pipeline)).stdout, "out\n")
      assert.strictEqual(new TextDecoder().decode((yield* Pipeline.outputBytes(pipeline)).stdout), "out\n")
      assert.strictEqual(yield* Pipeline.exitCode(pipeline), 0)
      assert.isTrue(yield* Pipeline.probe(pipeline))
      assert.isFalse(yield* Pipeline.probe(Pipeline.make(says, exits(1))))
      assert.strictEqual(yield* Pipeline.parse(pipeline, (text) => text.length), 4)
      assert.strictEqual(yield* pipeline.pipe(Pipeline.tryParse((text) => Result.succeed(text.length))), 4)
      assert.strictEqual(
        yield* tagOf(Pipeline.tryParse(pipeline, () => Result.fail("no"))),
        "ParseFailed"
      )
      const json = Pipeline.make(Command.setStdin(cat, "{\"a\":1}"), cat)
      assert.deepStrictEqual(yield* Pipeline.json(json, Schema.Struct({ a: Schema.Number })), { a: 1 })
      assert.deepStrictEqual(
        yield* Pipeline.firstLine(Pipeline.make(waits, cat), (line) => line === "ready"),
        Option.some("ready")
      )
      assert.deepStrictEqual(yield* Stream.runCollect(Pipeline.stdoutLines(pipeline)), ["out"])
      assert.deepStrictEqual(yield* Stream.runCollect(Pipeline.stderrLines(Pipeline.make(cat, says))), ["said"])
      const chunks = [yield* Stream.runCollect(Pipeline.stdoutChunks(pipeline))].flat()
      assert.strictEqual(chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""), "out\n")
      assert.deepStrictEqual(yield* Stream.runCollect(Pipeline.stderrChunks(pipeline)), [])
      const events = yield* Stream.runCollect(Pipeline.events(pipeline))
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["Started", "Stdout", "Exited"])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(world())))

  it.effect("refuses what it cannot run before anything is started, and names it", () =>
    Effect.gen(function*() {
      const bad = Command.setEncoding(cat, "no-such-encoding")
      const refused: ReadonlyArray<readonly [Pipeline.Pipeline, string]> = [
        [Pipeline.make(says, bad), "encoding"],
        [Pipeline.setTimeout(Pipeline.make(says, cat), Number.NaN), "timeout"],
        [Pipeline.setCancelOn(Pipeline.make(says, cat), {} as AbortSignal), "cancelOn"],
        [Pipeline.setRetry(Pipeline.make(says, cat), {} as Command.Retry), "retry"],
        [Pipeline.make(says, Command.make("x", { unchecked: "yes" as never })), "unchecked"],
        [Pipeline.make(Command.setInactivityTimeout(says, "1 second"), cat), "inactivityTimeout"],
        [Pipeline.make(says, "cat" as never), "stage 2"],
        [Pipeline.make(undefined as never), "stage 1"]
      ]
      for (const [pipeline, field] of refused) {
        assert.deepInclude(yield* reasonOf(Pipeline.run(pipeline)), { _tag: "InvalidInput", field })
      }
      const nothing = Pipeline.make(says, Command.setStdout(cat, "null"))
      assert.deepInclude(yield* reasonOf(Pipeline.run(nothing)), { _tag: "InvalidInput", field: "stdout" })
      assert.deepStrictEqual((yield* Backend).spawned, [])
    }).pipe(Effect.provide(world())))

  it.effect("ends what runs when a later stage cannot be started", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Pipeline.run(Pipeline.make(waits, waits, Command.make("missing")))), "NotFound")
      assert.deepStrictEqual([(yield* Backend).spawned.length, yield* alive], [2, []])
    }).pipe(Effect.provide(world())))

  it.effect("sends standard error through the pipe where that is asked for, in the order of the writes", () =>
    Effect.gen(function*() {
      const first = Command.mergeStderr(says)
      const result = yield* Pipeline.make(first, cat)
      assert.deepStrictEqual([result.stdout, result.stages[0]?.stderr], ["out\nsaid\n", ""])
      const heard: Array<string> = []
      const hear = (line: string) => void heard.push(line)
      const elsewhere = first.pipe(Command.setStderr("null"), Command.setOnStderrLine(hear))
      assert.strictEqual(yield* Pipeline.run(Pipeline.make(elsewhere, cat)), "out\nsaid")
      assert.deepStrictEqual(heard, [])
      const blamed = yield* Pipeline.outputString(Pipeline.make(Command.mergeStderr(fails), cat))
      assert.deepInclude(blamed, { stdout: "half\nwhy\n", stderr: "", culprit: 0 })
      assert.deepInclude(yield* Command.outputString(first), { stdout: "out\n", stderr: "said\n" })
      assert.deepInclude(yield* Pipeline.make(cat, first), { stdout: "out\n", stderr: "said\n" })
    }).pipe(Effect.provide(world())))
})

describe("the culprit of a pipeline", () => {
  it.effect("answers with his program, code and standard error, and the last stage with its output", () =>
    Effect.gen(function*() {
      const pipeline = Pipeline.make(says, fails, cat)
      const result = yield* Pipeline.outputString(pipeline)
      assert.deepInclude(result, { program: "fails", stdout: "half\n", stderr: "why\n", culprit: 1 })
      assert.deepStrictEqual(result.outcome, Outcome.exited(3))
      assert.deepInclude(yield* reasonOf(Pipeline.run(pipeline)), {
        _tag: "NonZeroExit",
        program: "fails",
        code: 3,
        stdout: "half\n",
        stderr: "why\n"
      })
      assert.strictEqual(yield* Pipeline.exitCode(pipeline), 3)
      const bytes = yield* Pipeline.outputBytes(pipeline)
      assert.deepStrictEqual([bytes.culprit, new TextDecoder().decode(bytes.stderrBytes)], [1, "why\n"])
    }).pipe(Effect.provide(world())))

  it.effect("is a failure further on, and not the producer whose pipe broke", () =>
    Effect.gen(function*() {
      const broken = Command.make("diesOfPipe")
      assert.deepInclude(yield* Pipeline.outputString(Pipeline.make(broken, exits(7))), { culprit: 1 })
      const alone = yield* Pipeline.outputString(Pipeline.make(broken, exits(0)))
      assert.deepStrictEqual([alone.culprit, alone.outcome], [0, Outcome.signaled("SIGPIPE", 13, false)])
      const spared = yield* Pipeline.make(Command.unchecked(broken), exits(0))
      assert.deepStrictEqual([spared.culprit, spared.outcome], [undefined, Outcome.exited(0)])
      const late = yield* Pipeline.outputString(Pipeline.make(Command.unchecked(broken), exits(7)))
      assert.deepStrictEqual([late.culprit, late.outcome], [1, Outcome.exited(7)])
    }).pipe(Effect.provide(world())))

  it.effect("is nobody where only an unchecked last stage returned a code, which is then a good one", () =>
    Effect.gen(function*() {
      const result = yield* Pipeline.checked(Pipeline.make(says, Command.unchecked(exits(5))))
      assert.deepStrictEqual([result.outcome, result.okCodes, result.culprit], [Outcome.exited(5), [0, 5], undefined])
      assert.strictEqual(yield* Pipeline.exitCode(Pipeline.make(says, Command.unchecked(exits(5)))), 5)
    }).pipe(Effect.provide(world())))

  it.effect("is who was stopped at his own deadline", () =>
    Effect.gen(function*() {
      const middle = Command.setTimeout(waits, "2 seconds")
      const fiber = yield* Effect.forkChild(Pipeline.outputString(Pipeline.make(says, middle, cat)))
      yield* settle()
      yield* TestClock.adjust("2 seconds")
      const result = yield* Fiber.join(fiber)
      assert.strictEqual(result.culprit, 1)
      assert.deepInclude(result.outcome, { _tag: "TimedOut", after: Duration.seconds(2) })
      assert.deepInclude(result, { program: "waits", stdout: "ready\n" })
    }).pipe(Effect.provide(world())))

  it.effect("is not who is unchecked and late: the others go on without him", () =>
    Effect.gen(function*() {
      const middle = Command.unchecked(Command.setTimeout(waits, "2 seconds"))
      const fiber = yield* Effect.forkChild(Pipeline.checked(Pipeline.make(says, middle, cat)))
      yield* settle()
      yield* TestClock.adjust("2 seconds")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual([result.culprit, result.outcome, result.stdout], [
        undefined,
        Outcome.exited(0),
        "ready\n"
      ])
    }).pipe(Effect.provide(world())))

  it.effect("is not said to have printed what the last stage did", () =>
    Effect.gen(function*() {
      const silent = Effect.map(reasonOf(Pipeline.run(Pipeline.make(exits(3), counts))), (reason) => reason.message)
      assert.strictEqual(yield* silent, "exitsWith exited with code 3; counts printed: 0")
      const killed = Pipeline.make(Command.make("diesOfPipe"), counts)
      const reason = yield* reasonOf(Pipeline.run(killed))
      assert.strictEqual(reason.message, "diesOfPipe was killed by SIGPIPE; counts printed: 0")
      assert.deepInclude(reason, { program: "diesOfPipe", stdout: "0", stdoutOf: "counts" })
      const own = yield* reasonOf(Pipeline.run(Pipeline.make(says, fails)))
      assert.strictEqual(own.message, "fails exited with code 3: why")
      assert.notProperty(own, "stdoutOf")
    }).pipe(Effect.provide(world())))

  it.effect("ends those before him at once, and those after him when they have read what he wrote", () =>
    Effect.gen(function*() {
      const result = yield* Pipeline.outputString(Pipeline.make(waits, fails, cat))
      assert.deepStrictEqual(result.stages.map(({ outcome }) => outcome), [
        Outcome.signaled("SIGTERM", 15, false),
        Outcome.exited(3),
        Outcome.exited(0)
      ])
      assert.deepInclude(result, { culprit: 1, stdout: "half\n" })
    }).pipe(Effect.provide(world())))

  it.effect("leaves those after him no longer than their grace", () =>
    Effect.gen(function*() {
      const stubborn = Command.setStop(waits, { grace: "3 seconds" })
      const fiber = yield* Effect.forkChild(Pipeline.outputString(Pipeline.make(fails, stubborn)))
      yield* settle()
      yield* TestClock.adjust("2900 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      assert.deepInclude(yield* Fiber.join(fiber), { culprit: 0, stdout: "ready\n" })
    }).pipe(Effect.provide(world())))

  it.effect("is a stage whose run fails by a reason of its own, and ends the others too", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const fiber = yield* Effect.forkChild(
        reasonOf(Pipeline.run(Pipeline.make(waits, Command.setCancelOn(waits, signal))))
      )
      yield* settle()
      abort()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Cancelled", program: "waits" })
      assert.deepStrictEqual(yield* alive, [])
      const broken = Command.setStdin(cat, Stream.fail("no input"))
      assert.deepInclude(yield* reasonOf(Pipeline.run(Pipeline.make(broken, cat))), { _tag: "StdinFailed" })
    }).pipe(Effect.provide(world())))
})

describe("the whole of a pipeline", () => {
  it.effect("has a deadline of its own: all stages are stopped, and what the last one printed is kept", () =>
    Effect.gen(function*() {
      for (const set of [Pipeline.timeout, Pipeline.setTimeout]) {
        const pipeline = set(Pipeline.make(says, Command.make("slow")), "5 seconds")
        const fiber = yield* Effect.forkChild(Effect.all([
          Pipeline.outputString(pipeline),
          reasonOf(Pipeline.run(pipeline))
        ], { concurrency: 2 }))
        yield* settle()
        yield* TestClock.adjust("5 seconds")
        const [result, reason] = yield* Fiber.join(fiber)
        assert.deepInclude(result, { program: "says | slow", stdout: "one\ntail", stderr: "err\n", culprit: undefined })
        assert.deepStrictEqual(
          result.outcome,
          Outcome.timedOut({
            after: Duration.seconds(5),
            kind: "deadline",
            exit: Outcome.signaled("SIGTERM", 15, false)
          })
        )
        assert.deepStrictEqual(Duration.toMillis(result.duration), 5000)
        assert.deepInclude(reason, { _tag: "TimedOut", program: "says | slow", stdout: "one\ntail" })
        assert.deepStrictEqual(yield* alive, [])
      }
    }).pipe(Effect.provide(world({
      slow: { main: (io) => Effect.andThen(prints("one\ntail", 0, "err\n").main(io), Effect.never) }
    }))))

  it.effect("is not late when it has ended, and never forgives a deadline for an unchecked stage", () =>
    Effect.gen(function*() {
      const quick = yield* Pipeline.start(Pipeline.timeout(Pipeline.make(says, cat), "1 second"))
      const before = yield* quick.result
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([before.outcome, yield* quick.outcome], [Outcome.exited(0), Outcome.exited(0)])

      const endless = Pipeline.timeout(Pipeline.make(Command.unchecked(waits), cat), "1 second")
      const fiber = yield* Effect.forkChild(tagOf(Pipeline.run(endless)))
      yield* settle()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "TimedOut")
    }).pipe(Effect.provide(world())))

  it.effect("is cancelled from outside by one signal, before, while and between it runs", () =>
    Effect.gen(function*() {
      const { abort, listeners, signal } = countedAbort()
      const pipeline = Pipeline.setCancelOn(Pipeline.make(waits, cat), signal)
      const fiber = yield* Effect.forkChild(reasonOf(Pipeline.run(pipeline)))
      yield* settle()
      abort()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Cancelled", program: "waits | echoesStdin" })
      assert.deepStrictEqual([yield* alive, listeners()], [[], 0])
      const count = (yield* Backend).spawned.length
      assert.deepInclude(yield* reasonOf(Pipeline.run(pipeline)), {
        _tag: "Cancelled",
        program: "waits | echoesStdin",
        stop: undefined
      })
      assert.strictEqual((yield* Backend).spawned.length, count)
    }).pipe(Effect.provide(world())))

  it.effect("is repeated as a whole by verbs that check, and not by those whose failure is data", () => {
    const codes = [1, 1, 0, 1]
    const flaky: Program = { main: (io) => prints("x", codes.shift() ?? 0).main(io) }
    const retry = { schedule: Schedule.recurs(5), while: () => true }
    return Effect.gen(function*() {
      const pipeline = Pipeline.setRetry(Pipeline.make(Command.make("flaky"), cat), retry)
      assert.strictEqual(yield* Pipeline.run(pipeline), "x")
      assert.strictEqual((yield* Backend).spawned.length, 6)
      assert.strictEqual((yield* Pipeline.outputString(pipeline)).culprit, 0)
      assert.strictEqual((yield* Backend).spawned.length, 8)
    }).pipe(Effect.provide(world({ flaky })))
  })
})

describe("a running pipeline", () => {
  it.effect("writes to the first stage and reads from the last", () =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* Pipeline.start(Pipeline.make(Command.setStdin(cat, "pipe"), cat))
      assert.isTrue(yield* running.isRunning)
      assert.strictEqual(running.stages.length, 2)
      yield* running.stdin.writeLine("hello")
      const lines = yield* Effect.forkChild(Stream.runCollect(running.stdoutLines))
      yield* running.stdin.end
      assert.deepStrictEqual(yield* Fiber.join(lines), ["hello"])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
      assert.isFalse(yield* running.isRunning)
      assert.strictEqual(yield* tagOf(Stream.runDrain(running.stdoutLines)), "AlreadyConsumed")
      assert.strictEqual(running.program, "echoesStdin | echoesStdin")
    })).pipe(Effect.provide(world())))

  it.effect("ends by itself at the first failure, whether or not anybody asks", () =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* Pipeline.start(Pipeline.make(waits, exits(4), cat))
      yield* settle(60)
      assert.deepStrictEqual(yield* alive, [])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(4))
      assert.deepInclude(yield* running.result, { culprit: 1, program: "exitsWith" })
    })).pipe(Effect.provide(world())))

  it.effect("stops and is killed as a whole, and the leftmost stage answers for that", () =>
    Effect.scoped(Effect.gen(function*() {
      const stopped = yield* Pipeline.start(Pipeline.make(waits, waits))
      yield* settle()
      assert.deepInclude(yield* stopped.stop(), { signal: "SIGTERM", forced: false, members: 2, survivors: [] })
      const result = yield* stopped.result
      assert.deepInclude(result, { culprit: 0, stop: { signal: "SIGTERM", forced: false } })
      const killed = yield* Pipeline.start(Pipeline.make(Command.make("ignoresTerm"), Command.make("ignoresTerm")))
      yield* settle()
      yield* killed.kill
      assert.deepStrictEqual(yield* killed.outcome, Outcome.signaled("SIGKILL", 9, false))
      assert.deepStrictEqual(yield* alive, [])
    })).pipe(Effect.provide(world())))

  it.effect("signals every program that runs", () =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* Pipeline.start(Pipeline.make(waits, waits))
      yield* settle()
      yield* running.signal("SIGINT")
      const result = yield* running.result
      assert.deepStrictEqual(result.stages.map(({ outcome }) => outcome), [
        Outcome.signaled("SIGINT", 2, false),
        Outcome.signaled("SIGINT", 2, false)
      ])
    })).pipe(Effect.provide(world())))

  it.effect("leaves nothing when its scope closes or its consumer stops", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.andThen(
        Pipeline.start(Pipeline.make(Command.make("ignoresTerm"), Command.make("spawnsTree"))),
        settle()
      ))
      assert.deepStrictEqual(yield* alive, [])
      yield* Stream.runDrain(Stream.take(Pipeline.stdoutLines(Pipeline.make(waits, cat)), 1))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(world())))
})

describe("the runner of a pipeline", () => {
  it.effect("shows every stage's start to decorators, in order, as the command that is run", () => {
    const started: Array<string> = []
    const runner = ScriptedRunner.make(ScriptedRunner.fallback(Reply.ok("fine")))
    const note = (command: Command.Command) => started.push(`${command.program} ${String(command.options.stdin)}`)
    const mapped = ProcessRunner.mapStart(runner, (start, command) =>
      Effect.suspend(() => {
        note(command)
        return start
      }))
    const wrapped: typeof runner = {
      ...runner,
      start: (command, options) => Effect.andThen(Effect.sync(() => note(command)), runner.start(command, options))
    }
    const pipeline = Pipeline.make(Command.make("a", { stdin: "x" }), Command.make("b", { stdin: "y" }))
    return Effect.gen(function*() {
      for (const one of [mapped, wrapped]) {
        assert.strictEqual(
          yield* Effect.provideService(Pipeline.run(pipeline), ProcessRunner.ProcessRunner, one),
          "fine"
        )
      }
      const inGroup = Effect.scoped(
        Effect.flatMap(ProcessGroup.make, (group) => ProcessGroup.provide(Pipeline.run(pipeline), group))
      )
      yield* Effect.provideService(inGroup, ProcessRunner.ProcessRunner, mapped)
      const once = ["a x", "b undefined"]
      assert.deepStrictEqual(started, [...once, ...once, ...once])
    })
  })

  it.effect("records its stages, shows them in a dry run, and waits for the words of the last", () =>
    Effect.gen(function*() {
      const pipeline = Pipeline.make(Command.make("git", ["log"]), Command.make("wc", ["-l"]))
      const recorder = RecordingRunner.layer.pipe(
        Layer.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok("7"))))
      )
      const recorded = Effect.andThen(
        Pipeline.run(pipeline),
        RecordingRunner.expectCalls([["git", "log"], ["wc", "-l"]])
      )
      yield* Effect.provide(recorded, recorder)
      const dry = Effect.andThen(Pipeline.runUnit(pipeline), DryRunRunner.commands)
      assert.deepStrictEqual(yield* Effect.provide(dry, DryRunRunner.layer()), ["git log", "wc -l"])
      const running = yield* Pipeline.start(Pipeline.make(waits, cat))
      assert.strictEqual(yield* running.waitForLine(/ready/), "ready")
    }).pipe(Effect.scoped, Effect.provide(world())))

  it.effect("has a span for the whole, and below it one for each stage", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function*() {
      yield* Pipeline.run(Pipeline.make(says, cat))
      const [whole, ...stages] = spans
      assert.deepStrictEqual([whole?.name, whole?.attributes.get("processkit.stages")], ["processkit.pipeline", 2])
      assert.deepStrictEqual(
        stages.map(({ attributes, parent }) => [
          attributes.get("process.executable.name"),
          Option.getOrUndefined(parent)?.spanId
        ]),
        [["says", whole?.spanId], ["echoesStdin", whole?.spanId]]
      )
      assert.isTrue(spans.every(({ status }) => status._tag === "Ended"))
    }).pipe(Effect.provide(world()), Effect.provideService(Tracer.Tracer, tracer))
  })

  it.effect("is refused where it does not pass on what a start was asked with", () =>
    Effect.gen(function*() {
      const runner = yield* ProcessRunner.ProcessRunner
      const deaf: typeof runner = { ...runner, start: (command) => runner.start(command) }
      const tag = tagOf(Pipeline.run(Pipeline.make(waits, cat)))
      assert.strictEqual(yield* Effect.provideService(tag, ProcessRunner.ProcessRunner, deaf), "Unsupported")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(world())))

  it.effect("has to be one for all stages", () =>
    Effect.gen(function*() {
      const here = yield* ProcessRunner.ProcessRunner
      const there = ScriptedRunner.make(ScriptedRunner.fallback(Reply.ok("fine")))
      const both: typeof here = {
        ...here,
        start: (command, options) => (command.program === "there" ? there : here).start(command, options)
      }
      const tag = tagOf(Pipeline.run(Pipeline.make(waits, Command.make("there"))))
      assert.strictEqual(yield* Effect.provideService(tag, ProcessRunner.ProcessRunner, both), "Unsupported")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(world())))

  it.effect("may be a group: the stages are members, and end without their siblings", () =>
    Effect.scoped(Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(waits)
      const fiber = yield* Effect.forkChild(
        ProcessGroup.provide(Pipeline.run(Pipeline.make(waits, Command.make("ignoresTerm"))), group)
      )
      yield* settle()
      assert.lengthOf(yield* group.members, 3)
      yield* Fiber.interrupt(fiber)
      assert.lengthOf(yield* group.members, 1)
    })).pipe(Effect.provide(world())))

  it.effect("counts and ends the descendants that outlive their stage", () =>
    Effect.gen(function*() {
      const leaves = Command.make("holdsPipeOpen")
      const alone = yield* Effect.forkChild(Pipeline.checked(Pipeline.make(leaves, cat)))
      yield* settle()
      yield* TestClock.adjust("1 second")
      const result = yield* Fiber.join(alone)
      assert.deepStrictEqual([result.leftovers, result.stages.map(({ leftovers }) => leftovers)], [1, [1, 0]])
      assert.deepStrictEqual(yield* alive, [])
      // A group keeps what the last stage left, as it does for any command, and nothing that held up the pipeline.
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const fiber = yield* Effect.forkChild(ProcessGroup.provide(Pipeline.run(Pipeline.make(leaves, leaves)), group))
        yield* settle()
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(fiber), "ready")
        assert.lengthOf(yield* group.members, 1)
      }))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(world())))
})
