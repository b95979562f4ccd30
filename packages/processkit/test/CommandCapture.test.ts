import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import { prints, reasonOf, scripted } from "./scripted.ts"

const hide = (line: string): string => line.replaceAll("hunter2", "***")

const chatty = {
  main: (io: Parameters<ReturnType<typeof prints>["main"]>[0]) =>
    io.write("stdout", "key: hun").pipe(
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(io.write("stdout", "ter2\nfine\nlast hunter2")),
      Effect.andThen(io.write("stderr", "warning: hunter2\r\n")),
      Effect.as(Outcome.exited(0))
    )
}

const programs = {
  chatty,
  colourful: prints("\x1b[31mred\x1b[0m 1%\r2%\n\x1b]0;title\n"),
  split: prints("hun\x1b[1mter2\n"),
  failing: prints("hunter2 out\n", 3, "hunter2 is wrong\n"),
  long: prints(`${"x".repeat(50)}hunter2\nshort\n`),
  many: prints("hunter2\n".repeat(10))
}

const onlyFine = (line: string): string => {
  if (line !== "fine") throw new Error(`cannot redact ${line}`)
  return line
}

const redacted = (program: string, options: Command.Options = {}) => Command.make(program, { redact: hide, ...options })

describe("a command that redacts", () => {
  it.effect("keeps of both streams what the function makes of each line, wherever the chunks were cut", () =>
    Effect.gen(function*() {
      const result = yield* redacted("chatty")
      assert.strictEqual(result.stdout, "key: ***\nfine\nlast ***")
      assert.strictEqual(result.stderr, "warning: ***\n")
      assert.isFalse(result.truncated)
      assert.strictEqual(yield* Command.run(redacted("chatty")), "key: ***\nfine\nlast ***")
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("asks once for each line, in order, however often the result is asked for", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const redact = (line: string, stream: string) => {
        asked.push(`${stream} ${line}`)
        return line
      }
      const running = yield* Command.start(Command.make("chatty", { redact }))
      yield* running.result
      yield* running.result
      assert.deepStrictEqual(asked.filter((line) => line.startsWith("stdout")), [
        "stdout key: hunter2",
        "stdout fine",
        "stdout last hunter2"
      ])
      assert.deepStrictEqual(asked.filter((line) => line.startsWith("stderr")), ["stderr warning: hunter2"])
    }).pipe(Effect.scoped, Effect.provide(scripted(programs))))

  it.effect("gives redacted lines to streams and predicates", () =>
    Effect.gen(function*() {
      const lines = ["key: ***", "fine", "last ***"]
      assert.deepStrictEqual(yield* Stream.runCollect(Command.stdoutLines(redacted("chatty"))), lines)
      const first = yield* Command.firstLine(redacted("chatty"), (line) => line.includes("***"))
      assert.deepStrictEqual(first, Option.some("key: ***"))
      // A stream that is taken late gets what was kept, then what comes.
      const running = yield* Command.start(redacted("chatty"))
      yield* running.outcome
      assert.deepStrictEqual(yield* Stream.runCollect(running.stdoutLines), lines)
      assert.deepStrictEqual(yield* Stream.runCollect(running.stderrLines), ["warning: ***"])
    }).pipe(Effect.scoped, Effect.provide(scripted(programs))))

  it.effect("shows redacted lines to whoever waits for one, and in what it says when none came", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(redacted("chatty"))
      assert.strictEqual(yield* running.waitForLine((line) => line.startsWith("key")), "key: ***")
      const reason = yield* reasonOf(running.waitForLine(() => false))
      assert.strictEqual(reason._tag, "NotReady")
      assert.notInclude([inspect(reason), reason.message, JSON.stringify(reason)].join(), "hunter2")
    }).pipe(Effect.scoped, Effect.provide(scripted(programs))))

  it.effect("gives bytes that are redacted too, as UTF-8", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputBytes(redacted("chatty"))
      assert.strictEqual(new TextDecoder().decode(result.stdout), "key: ***\nfine\nlast ***")
      assert.strictEqual(new TextDecoder().decode(result.stderrBytes), "warning: ***\n")
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("gives streams of bytes what the program wrote, and nothing of it to the failure at their end", () =>
    Effect.gen(function*() {
      const chunks = yield* Stream.runCollect(Command.stdoutChunks(redacted("chatty")))
      assert.strictEqual(
        chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
        "key: hunter2\nfine\nlast hunter2"
      )
      const reason = yield* reasonOf(Stream.runDrain(Command.stderrChunks(redacted("failing"))))
      assert.deepInclude(reason, { _tag: "NonZeroExit", stdout: "*** out\n", stderr: "" })
      // What a live process has kept of its output was redacted as it came.
      const running = yield* Command.start(redacted("chatty"))
      assert.strictEqual((yield* reasonOf(Stream.runDrain(running.stdoutChunks)))._tag, "InvalidInput")
    }).pipe(Effect.scoped, Effect.provide(scripted(programs))))

  it.effect("shows observers what the program wrote", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      yield* redacted("chatty", { onStdoutLine: (line) => void seen.push(line) })
      assert.deepStrictEqual(seen, ["key: hunter2", "fine", "last hunter2"])
    }).pipe(Effect.provide(scripted(programs))))

  // A program that prints the secret it was given must not carry it into our error.
  it.effect("leaves nothing of the secret in an error", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(Command.run(redacted("failing")))
      assert.deepInclude(reason, { _tag: "NonZeroExit", stdout: "*** out\n", stderr: "*** is wrong\n" })
      assert.include(reason.message, "*** is wrong")
      assert.notInclude([inspect(reason), reason.stack, JSON.stringify(reason)].join(), "hunter2")
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("does not let a bound cut a secret so that half of it is kept", () =>
    Effect.gen(function*() {
      for (let bytes = 0; bytes < 100; bytes++) {
        for (const buffer of [OutputBuffer.tail, OutputBuffer.head, OutputBuffer.headTail]) {
          const result = yield* Command.outputString(redacted("many", { buffer: buffer({ bytes }) }))
          assert.notMatch(result.stdout, /[hunter2]/)
          assert.isAtMost(result.stdout.replaceAll("\n", "").length, bytes)
          assert.strictEqual(result.truncated, bytes < 30)
        }
      }
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("withholds a line that is longer than lines may be, and says that something is missing", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputString(redacted("long", { maxLineBytes: 53 }))
      assert.strictEqual(result.stdout, "…\nshort\n")
      assert.isTrue(result.truncated)
      const lines = Command.stdoutLines(redacted("long", { maxLineBytes: 53 }))
      assert.deepStrictEqual(yield* Stream.runCollect(lines), ["…", "short"])
    }).pipe(Effect.provide(scripted(programs))))

  // It was said that 64 bytes were more than the 64 MiB that the buffer keeps, and that a larger buffer would help.
  it.effect("says that a line was too long, and not that the buffer was too small", () =>
    Effect.gen(function*() {
      const buffers = [undefined, OutputBuffer.tail({ lines: 9 }), OutputBuffer.failAbove({ lines: 2, bytes: 64 })]
      for (const buffer of buffers) {
        const reason = yield* reasonOf(Command.run(redacted("long", { maxLineBytes: 53, buffer })))
        assert.deepInclude(reason, {
          _tag: "OutputTooLarge",
          maxLineBytes: 53,
          maxLines: undefined,
          maxBytes: undefined
        })
        assert.match(reason.message, /a line of more than 53 bytes .* raise maxLineBytes/)
      }
      for (const buffer of [OutputBuffer.tail({ lines: 1 }), OutputBuffer.failAbove({ lines: 1 })]) {
        const reason = yield* reasonOf(Command.run(redacted("long", { maxLineBytes: 53, buffer })))
        assert(reason._tag === "OutputTooLarge")
        assert.deepStrictEqual([reason.maxLineBytes, reason.maxLines], [undefined, 1])
      }
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("fails at the same number of bytes as one that does not", () =>
    Effect.gen(function*() {
      const written = 10 * "hunter2\n".length
      const command = (bytes: number) => redacted("many", { buffer: OutputBuffer.failAbove({ bytes }) })
      assert.strictEqual(yield* Command.run(command(written)), Array(10).fill("***").join("\n"))
      const reason = yield* reasonOf(Command.run(command(written - 1)))
      assert.deepInclude(reason, { _tag: "OutputTooLarge", maxBytes: written - 1, maxLines: undefined })
      const unbounded = redacted("many", { buffer: OutputBuffer.unbounded })
      assert.lengthOf((yield* Command.outputString(unbounded)).stdout, 40)
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("blanks what cannot be redacted, warns once without quoting it, and goes on", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ cause, message }) => void logged.push(inspect([message, cause], { depth: 9 })))
    return Effect.gen(function*() {
      const result = yield* Command.make("chatty", { redact: onlyFine })
      assert.deepInclude(result, { stdout: "\nfine\n", stderr: "\n" })
      assert.lengthOf(logged.filter((line) => line.includes("redact gave no text")), 2)
      assert.notInclude(logged.join(), "hunter2")
    }).pipe(Effect.provide(scripted(programs)), Effect.provide(Logger.layer([logger])))
  })
})

describe("a command that sanitizes", () => {
  it.effect("captures text without what acts on a terminal, and keeps the lines apart", () =>
    Effect.gen(function*() {
      const command = Command.make("colourful", { sanitizeTerminal: true })
      assert.strictEqual((yield* command).stdout, "red 1%2%\n\n")
      assert.deepStrictEqual(yield* Stream.runCollect(Command.stdoutLines(command)), ["red 1%2%", ""])
      assert.strictEqual(
        (yield* Command.setSanitizeTerminal(command, false)).stdout,
        "\x1b[31mred\x1b[0m 1%\r2%\n\x1b]0;title\n"
      )
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("redacts what is left, so that an escape hides no secret", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(redacted("split", { sanitizeTerminal: true })), "***")
    }).pipe(Effect.provide(scripted(programs))))
})
