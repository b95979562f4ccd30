import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessResult from "processkit/ProcessResult"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as Stdin from "processkit/Stdin"
import { Reply, ScriptedRunner } from "processkit/testing"
import { alive, prints, reasonOf, scripted, tagOf } from "./scripted.ts"

const replying = (...replies: readonly [Reply.Reply, ...Array<Reply.Reply>]) =>
  Effect.provide(ScriptedRunner.layer(ScriptedRunner.on([], ...replies)))

const command = Command.make("tool", ["arg"])

const bounded = Command.setBuffer(command, OutputBuffer.tail({ bytes: 4 }))
const failing = Command.setBuffer(command, OutputBuffer.failAbove({ bytes: 4 }))
const limited = Command.setTimeout(command, "1 second")

type Verb = Effect.Effect<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

const verbs = {
  run: Command.run,
  runUnit: Command.runUnit,
  checked: Command.checked,
  "yield*": (command: Command.Command) =>
    Effect.gen(function*() {
      return yield* command
    }),
  outputString: Command.outputString,
  outputBytes: Command.outputBytes,
  exitCode: Command.exitCode,
  probe: Command.probe,
  parse: Command.parse((text) => text.length),
  tryParse: Command.tryParse((text) => Result.succeed(text.length)),
  json: Command.json(Schema.Unknown),
  firstLine: Command.firstLine((line) => line === "never"),
  stdoutLines: (command: Command.Command) => Stream.runCollect(Command.stdoutLines(command))
} satisfies Record<string, (command: Command.Command) => Verb>

type Name = keyof typeof verbs

/** What a verb makes of a run: `"data"`, or the tag of its failure. */
const made = (name: Name, command: Command.Command) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.match(verbs[name](command), {
      onSuccess: () => "data",
      onFailure: (error) => error.reason._tag
    }))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const table: ReadonlyArray<readonly [Name, string, string, string, string, string]> = [
  // verb            exit 2         signal      deadline    tail drops        fail above
  ["run", "NonZeroExit", "Signaled", "TimedOut", "OutputTooLarge", "OutputTooLarge"],
  ["runUnit", "NonZeroExit", "Signaled", "TimedOut", "data", "data"],
  ["checked", "NonZeroExit", "Signaled", "TimedOut", "data", "OutputTooLarge"],
  ["yield*", "NonZeroExit", "Signaled", "TimedOut", "data", "OutputTooLarge"],
  ["outputString", "data", "data", "data", "data", "OutputTooLarge"],
  ["outputBytes", "data", "data", "data", "data", "OutputTooLarge"],
  ["exitCode", "data", "Signaled", "TimedOut", "data", "data"],
  ["probe", "NonZeroExit", "Signaled", "TimedOut", "data", "data"],
  ["parse", "NonZeroExit", "Signaled", "TimedOut", "OutputTooLarge", "OutputTooLarge"],
  ["tryParse", "NonZeroExit", "Signaled", "TimedOut", "OutputTooLarge", "OutputTooLarge"],
  ["json", "NonZeroExit", "Signaled", "TimedOut", "OutputTooLarge", "OutputTooLarge"],
  ["firstLine", "data", "data", "TimedOut", "data", "data"],
  ["stdoutLines", "NonZeroExit", "Signaled", "TimedOut", "data", "data"]
]

describe("every verb", () => {
  for (const [name, exit, signal, deadline, tail, failAbove] of table) {
    it.effect(`${name}: exit 2 is ${exit}, a signal ${signal}, a deadline ${deadline}, a full buffer ${tail} or ${failAbove}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* made(name, command).pipe(replying(Reply.fail(2, "why"))), exit)
        assert.strictEqual(yield* made(name, command).pipe(replying(Reply.signaled("SIGSEGV"))), signal)
        assert.strictEqual(yield* made(name, limited).pipe(replying(Reply.pending)), deadline)
        assert.strictEqual(yield* made(name, bounded).pipe(replying(Reply.ok("0123456789"))), tail)
        assert.strictEqual(yield* made(name, failing).pipe(replying(Reply.ok("0123456789"))), failAbove)
      }))

    it.effect(`${name} fails with NotFound for a program that is not there`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* made(name, command), "NotFound")
      }).pipe(replying(Reply.notFound)))

    it.effect(`${name} leaves nothing behind`, () =>
      Effect.gen(function*() {
        for (
          const program of [
            "printsTwoStreams",
            "exitsWith",
            "waits",
            "ignoresTerm",
            "spawnsTree",
            "holdsPipeOpen",
            "floods"
          ]
        ) {
          yield* made(name, Command.make(program, ["7"], { timeout: "1 second" }))
          assert.deepStrictEqual(yield* alive, [], program)
        }
      }).pipe(Effect.provide(scripted())))
  }
})

describe("Command", () => {
  it.effect("run trims white space at the end and nowhere else", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(command), "  a\n\n b")
    }).pipe(replying(Reply.ok("  a\n\n b \r\n\t\n"))))

  it.effect("outputString gives the text as it was written", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputString(command)
      assert.deepStrictEqual([result.stdout, result.stderr], ["a\r\nb\n", "warned"])
      assert.deepStrictEqual(result.outcome, Outcome.exited(3))
      assert.isFalse(ProcessResult.isSuccess(result))
    }).pipe(replying(Reply.fail(3, "warned").pipe(Reply.withStdout("a\r\nb\n")))))

  it.effect("outputBytes gives both streams as bytes", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputBytes(command)
      assert.deepStrictEqual(result.stdout, new TextEncoder().encode("ü"))
      assert.deepStrictEqual(result.stderrBytes, new TextEncoder().encode("é"))
    }).pipe(replying(Reply.withStderr(Reply.ok("ü"), "é"))))

  it.effect("exitCode gives the code whatever okCodes says", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.exitCode(Command.setOkCodes(command, [1])), 7)
    }).pipe(replying(Reply.fail(7))))

  it.effect("probe is true for 0, false for 1, and ignores okCodes", () =>
    Effect.gen(function*() {
      const asked = Command.probe(Command.setOkCodes(command, [2]))
      assert.deepStrictEqual([yield* asked, yield* asked], [true, false])
      assert.strictEqual(yield* tagOf(asked), "NonZeroExit")
    }).pipe(replying(Reply.ok(), Reply.fail(1), Reply.fail(2))))

  it.effect("okCodes makes other codes a success, and 0 none", () =>
    Effect.gen(function*() {
      const accepting = Command.setOkCodes(command, [1, 3])
      yield* accepting
      yield* accepting
      assert.strictEqual(yield* tagOf(accepting), "NonZeroExit")
    }).pipe(replying(Reply.fail(1), Reply.fail(3), Reply.ok())))

  it.effect("an empty list of okCodes changes nothing", () =>
    Effect.gen(function*() {
      yield* Command.setOkCodes(Command.setOkCodes(command, [4]), [])
      assert.strictEqual((yield* Command.make("tool", { okCodes: [] })).stdout, "fine")
    }).pipe(replying(Reply.fail(4), Reply.ok("fine"))))

  it.effect("a template is a command", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(Command.make`git log -n ${5} -- ${["a b", "$c"]}`), "yes")
    }).pipe(Effect.provide(ScriptedRunner.layer(
      ScriptedRunner.on(["git", "log", "-n", "5", "--", "a b", "$c"], Reply.ok("yes"))
    ))))

  it.effect("a template that only a shell could run fails before anything is started", () =>
    Effect.gen(function*() {
      for (const bad of [Command.make`ls | wc`, Command.make`ls > file`, Command.make`echo $HOME`, Command.make``]) {
        assert.strictEqual(yield* tagOf(Command.run(bad)), "InvalidInput")
      }
    }).pipe(replying(Reply.ok())))

  it.effect("parse gets the text untrimmed", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.parse(command, (text) => text), "1\n")
    }).pipe(replying(Reply.ok("1\n"))))

  it.effect("tryParse fails with ParseFailed for an error that is returned or thrown, and keeps it as the cause", () =>
    Effect.gen(function*() {
      const returned = yield* reasonOf(Command.tryParse(command, () => Result.fail("returned")))
      const thrown = yield* reasonOf(Command.tryParse(command, (): Result.Result<never, never> => {
        throw new RangeError("thrown")
      }))
      assert.deepInclude(returned, { _tag: "ParseFailed", cause: "returned" })
      assert.strictEqual(thrown._tag === "ParseFailed" && thrown.cause instanceof RangeError, true)
    }).pipe(replying(Reply.ok("secret"))))

  it.effect("json decodes through a schema", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ a: Schema.Number })
      assert.deepStrictEqual(yield* Command.json(command, schema), { a: 1 })
      assert.strictEqual(yield* tagOf(Command.json(command, schema)), "ParseFailed")
      const error = yield* Effect.flip(Command.json(command, schema))
      assert.strictEqual(error.reason._tag, "ParseFailed")
      assert.notInclude(error.message, "secret")
    }).pipe(replying(Reply.ok("{\"a\": 1}"), Reply.ok("{\"a\": \"1\"}"), Reply.ok("secret"))))

  it.effect("firstLine gives the line and stops the program", () =>
    Effect.gen(function*() {
      const line = yield* Command.firstLine(Command.make("waits"), (line) => line === "ready")
      assert.deepStrictEqual(line, Option.some("ready"))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("firstLine gives nothing where no line fits", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Command.firstLine(command, () => false), Option.none())
    }).pipe(replying(Reply.withStdout(Reply.fail(9), "a\nb"))))

  it.effect("stdoutLines gives every line and then fails like checked", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const reason = yield* reasonOf(
        Stream.runForEach(Command.stdoutLines(command), (line) => Effect.sync(() => seen.push(line)))
      )
      assert.deepStrictEqual(seen, ["a", "b"])
      assert.strictEqual(reason._tag, "NonZeroExit")
    }).pipe(replying(Reply.withStdout(Reply.fail(1), "a\nb"))))

  it.effect("stdoutLines ends the program when its consumer stops", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(Command.stdoutLines(Command.make("waits")), 1)), [
        "ready"
      ])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("stdoutLines starts nothing before it is pulled", () =>
    Effect.gen(function*() {
      Command.stdoutLines(Command.make("waits"))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("a verb that captures refuses output that is no pipe", () =>
    Effect.gen(function*() {
      const silent = Command.setStdout(command, "null")
      for (const verb of [Command.run, Command.outputString, Command.outputBytes, Command.parse(() => 1)]) {
        assert.strictEqual(yield* tagOf<unknown, ProcessRunner.ProcessRunner>(verb(silent)), "InvalidInput")
      }
      yield* Command.runUnit(silent)
      assert.strictEqual(yield* Command.exitCode(silent), 0)
    }).pipe(replying(Reply.ok("x"))))

  it.effect("a non-zero exit keeps both streams in full and shows the last line of stderr", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Command.run(command))
      assert.strictEqual(error.message, "tool exited with code 2: last words")
      assert.deepInclude(error.reason, { stdout: "out", stderr: "first\nlast words\n", code: 2 })
    }).pipe(replying(Reply.withStdout(Reply.fail(2, "first\nlast words\n"), "out"))))

  it.effect("the line callbacks get every line before the verb returns", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      yield* command.pipe(
        Command.setOnStdoutLine((line) => void seen.push(`out ${line}`)),
        Command.setOnStderrLine((line) => void seen.push(`err ${line}`)),
        Command.runUnit
      )
      assert.deepStrictEqual(seen, ["out a", "out b", "err c"])
    }).pipe(replying(Reply.withStderr(Reply.ok("a\nb"), "c"))))

  it.effect("a line callback that throws is not called again and does not hurt the run", () =>
    Effect.gen(function*() {
      let calls = 0
      const result = yield* Command.setOnStdoutLine(command, () => {
        calls++
        throw new Error("no")
      })
      assert.deepStrictEqual([result.stdout, calls], ["a\nb\n", 1])
    }).pipe(replying(Reply.lines(["a", "b"]))))

  it.effect("text, bytes, lines and streams reach the program's standard input", () =>
    Effect.gen(function*() {
      const cat = Command.make("echoesStdin")
      const fed = (stdin: Stdin.Stdin) => Command.outputString(Command.setStdin(cat, stdin))
      assert.strictEqual((yield* fed("text ü\n")).stdout, "text ü\n")
      assert.strictEqual((yield* fed(new Uint8Array([104, 105]))).stdout, "hi")
      assert.strictEqual((yield* fed(Stdin.lines(["a", "b"]))).stdout, "a\nb\n")
      assert.strictEqual((yield* fed(Stdin.text("null"))).stdout, "null")
      assert.strictEqual((yield* fed(Stream.make("a", new Uint8Array([98]), "c"))).stdout, "abc")
      assert.strictEqual((yield* fed("null")).stdout, "")
      assert.strictEqual((yield* fed("pipe")).stdout, "")
      assert.strictEqual((yield* fed("x".repeat(1_000_000))).stdout.length, 1_000_000)
    }).pipe(Effect.provide(scripted())))

  it.effect("a source of input that fails makes a run fail that would have succeeded", () =>
    Effect.gen(function*() {
      const fed = Command.setStdin(command, Stream.concat(Stream.make("a"), Stream.fail("broken")))
      assert.deepInclude(yield* reasonOf(Command.checked(fed)), { _tag: "StdinFailed", cause: "broken" })
      assert.strictEqual(yield* tagOf(Command.checked(fed)), "NonZeroExit")
    }).pipe(replying(Reply.ok(), Reply.fail(1))))

  it.effect("a program that does not read its input is no failure", () =>
    Effect.gen(function*() {
      const fed = Command.make("exitsWith", ["0"], { stdin: "x".repeat(1_000_000) })
      assert.strictEqual(yield* Command.exitCode(fed), 0)
      assert.strictEqual(yield* Command.exitCode(Command.setStdin(fed, Stream.never)), 0)
    }).pipe(Effect.provide(scripted())))

  it.effect("a source that can be fed once is refused the second time, before anything is started", () =>
    Effect.gen(function*() {
      const once = Command.setStdin(Command.make("echoesStdin"), Stdin.once(Stream.make("a")))
      assert.strictEqual(yield* Command.run(once), "a")
      const reason = yield* reasonOf(Command.run(Command.setCwd(once, "/")))
      assert.deepInclude(reason, { _tag: "AlreadyConsumed", stream: "stdin" })
    }).pipe(Effect.provide(scripted())))

  it.effect("a start that failed has not used up a source that can be fed once", () =>
    Effect.gen(function*() {
      const once = Command.setStdin(command, Stdin.once(Stream.make("a")))
      assert.strictEqual(yield* tagOf(Command.run(once)), "NotFound")
      yield* Command.run(once)
    }).pipe(replying(Reply.notFound, Reply.ok())))

  it.effect("a descendant that holds the pipe delays a verb by the drain window, and is counted and killed", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.checked(Command.make("holdsPipeOpen")))
      yield* TestClock.adjust("499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(fiber)
      assert.deepInclude(result, { stdout: "ready\n", incomplete: true, leftovers: 1 })
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("a descendant that holds no pipe delays nobody, and is counted and killed", () =>
    Effect.gen(function*() {
      const daemon = { main: () => Effect.never, holdsPipes: false }
      const result = yield* Command.checked(Command.make("daemonizes")).pipe(Effect.provide(scripted({
        daemonizes: { main: (io) => Effect.andThen(io.fork(daemon), prints("up").main(io)) }
      })))
      assert.deepInclude(result, { stdout: "up", incomplete: false, leftovers: 1 })
    }))

  it.effect("the duration is the time from the start to the end of output", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.outputString(Command.setTimeout(command, "3 seconds")))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(Duration.toMillis((yield* Fiber.join(fiber)).duration), 3000)
    }).pipe(replying(Reply.pending)))

  it.effect("resolve gives the program, or fails as a start would", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.resolve(command), "tool")
      assert.strictEqual(yield* Command.resolve(command), "tool")
      yield* command
      assert.strictEqual(yield* tagOf(Command.resolve(command)), "NotFound")
      assert.strictEqual(yield* tagOf(Command.resolve(Command.make(""))), "InvalidInput")
    }).pipe(replying(Reply.ok(), Reply.notFound)))

  it.effect("a line callback may cancel the run it belongs to", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const command = Command.make("waits", { cancelOn: controller.signal, onStdoutLine: () => controller.abort() })
      assert.strictEqual(yield* tagOf(Command.run(command)), "Cancelled")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("a predicate that throws ends the program", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Command.firstLine(Command.make("waits"), () => {
        throw new Error("no")
      }))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("of two starts at once that share a source that can be fed once, one is refused", () =>
    Effect.gen(function*() {
      const once = Command.setStdin(Command.make("echoesStdin"), Stdin.once(Stream.make("a")))
      const both = yield* Effect.all([Effect.result(Command.run(once)), Effect.result(Command.run(once))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(both.map((one) => Result.isSuccess(one) ? one.success : one.failure.reason._tag), [
        "a",
        "AlreadyConsumed"
      ])
    }).pipe(Effect.provide(scripted())))

  it.effect("a verb that gives the output counts what it did not get of it", () =>
    Effect.gen(function*() {
      const expected = { _tag: "OutputTooLarge", stream: "stdout", maxBytes: 4, totalBytes: 10 } as const
      assert.deepInclude(yield* reasonOf(Command.run(bounded)), expected)
      assert.deepInclude(yield* reasonOf(Command.run(failing)), expected)
      const lines = Command.setBuffer(command, OutputBuffer.tail({ lines: 1 }))
      assert.deepInclude(yield* reasonOf(Command.run(lines)), { maxLines: 1, totalLines: 2, totalBytes: 10 })
    }).pipe(replying(Reply.ok("0123456789"), Reply.ok("0123456789"), Reply.ok("01234\n6789"))))

  it.effect("a failure comes before output that was cut short", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(bounded)), "NonZeroExit")
    }).pipe(replying(Reply.fail(1).pipe(Reply.withStdout("0123456789")))))

  it.effect("a run whose standard error alone was cut short still gives its whole output", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(bounded), "ok")
    }).pipe(replying(Reply.withStderr(Reply.ok("ok"), "a lot of noise"))))
})
