import { afterAll, assert, beforeAll, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Stdin from "processkit/Stdin"
import { eventually, openDescriptors, survivors, throughout } from "./oracle.ts"
import { reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

let directory = ""
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "processkit-stdin-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

const megabyte = new Uint8Array(1024 * 1024).fill(120)

/** A source that says whether its finalizer ran, and how much was pulled from it. */
const watched = (source: Stream.Stream<string | Uint8Array, unknown>) => {
  const seen = { pulled: 0, finalized: false }
  const stream = source.pipe(
    Stream.tap(() =>
      Effect.sync(() => {
        seen.pulled++
      })
    ),
    Stream.ensuring(
      Effect.sync(() => {
        seen.finalized = true
      })
    )
  )
  return { seen, stream }
}

const endless = Stream.forever(Stream.make<Array<string | Uint8Array>>(megabyte))

layer(NodeProcessRunner.layer, { excludeTestServices: true })("what a child is fed", (it) => {
  it.effect("text, bytes, lines, a stream and a file reach the child and end", () =>
    Effect.gen(function*() {
      const file = path.join(directory, "input")
      fs.writeFileSync(file, "from a file")
      const sources: ReadonlyArray<readonly [stdin: Command.Options["stdin"], expected: string]> = [
        ["text", "text"],
        ["", ""],
        [Stdin.text("null"), "null"],
        [new TextEncoder().encode("bytes \u0000 ü"), "bytes \u0000 ü"],
        [Stdin.lines(["a", "b"]), "a\nb\n"],
        [Stream.make("a", new TextEncoder().encode("b"), "c"), "abc"],
        [Stream.empty, ""],
        [Stdin.file(file), "from a file"]
      ]
      for (const [stdin, expected] of sources) {
        assert.strictEqual((yield* Command.outputString(Command.make("cat", { stdin }))).stdout, expected)
      }
    }))

  // the file is opened again for every run
  it.effect("a file is read anew by every run, relative to the owner's directory, and a missing one is IoFailed", () =>
    Effect.gen(function*() {
      const file = path.join(directory, "again")
      const command = Command.make("cat", { stdin: Stdin.file(path.relative(process.cwd(), file)), cwd: "/" })
      const missing = yield* reasonOf(Command.run(command))
      assert.deepInclude(missing, { _tag: "IoFailed", errno: "ENOENT" })
      fs.writeFileSync(file, "one")
      assert.strictEqual(yield* Command.run(command), "one")
      fs.writeFileSync(file, "two")
      assert.strictEqual(yield* Command.run(command), "two")
    }))

  // N1
  it.effect("a child that exits without reading 1 MiB of input decides by its exit code alone", () =>
    Effect.gen(function*() {
      for (const stdin of [megabyte, Stream.make(megabyte), endless]) {
        yield* Command.run(Command.make("true", { stdin }))
        const half = yield* Command.outputString(
          run("reads-half-then-exits.sh", ["7"], { stdin: Stdin.lines(manyLines()) })
        )
        assert.deepInclude(half, { stdout: "read line 0\n", stderr: "" })
        assert.deepEqual(half.outcome, { _tag: "Exited", code: 7 })
      }
    }))

  // N1, N5
  it.effect("a source that never ends is interrupted and finalized when the child exits", () =>
    Effect.gen(function*() {
      const line = Stream.concat(Stream.make("one line\n"), Stream.never)
      const cases = [
        [Command.make("sleep", ["0.2"]), endless],
        [Command.make("sleep", ["0.2"]), Stream.never],
        [run("reads-half-then-exits.sh"), line]
      ] as const
      for (const [command, source] of cases) {
        const { seen, stream } = watched(source)
        const [, elapsed] = yield* timed(Command.run(Command.setStdin(command, stream)))
        assert.isBelow(elapsed, allowance(5000))
        assert.isTrue(seen.finalized)
      }
    }))

  // N2
  it.effect("a child that closes its input and lives ends the feed quietly and is not disturbed", () =>
    Effect.gen(function*() {
      const { seen, stream } = watched(endless)
      const group = yield* ProcessGroup.make
      const running = yield* group.start(run("never-reads-stdin.sh", ["close"], { stdin: stream }))
      yield* eventually("the feed ends", () => seen.finalized)
      assert.isTrue(yield* running.isRunning)
      yield* running.signal("SIGTERM")
      assert.deepEqual(yield* running.outcome, { _tag: "Exited", code: 0 })
      assert.strictEqual((yield* running.result).stdout, "ready\n")
    }))

  // N3, N7
  it.effect("a child that never reads suspends the source, which costs a bounded amount, and an interrupt ends both", () =>
    Effect.gen(function*() {
      const { seen, stream } = watched(endless)
      const fiber = yield* Effect.forkChild(Command.run(run("never-reads-stdin.sh", [], { stdin: stream })))
      yield* eventually("the source is asked", () => seen.pulled > 0)
      yield* throughout("the source waits", () => seen.pulled < 8)
      const [, elapsed] = yield* timed(Fiber.interrupt(fiber))
      // A shell that is just forking may lose the signal; then its grace of 2 seconds is used up.
      assert.isBelow(elapsed, allowance(2000 + 2000))
      assert.isTrue(seen.finalized)
      assert.deepEqual(survivors(), [])
    }))

  // N3
  it.effect("a child that never reads 5 MB of bytes is ended by its deadline", () =>
    Effect.gen(function*() {
      const stdin = new Uint8Array(5_000_000)
      const command = run("never-reads-stdin.sh", [], { stdin, timeout: "100 millis" })
      const result = yield* Command.outputString(command)
      assert.strictEqual(result.outcome._tag, "TimedOut")
    }))

  // N4
  it.effect("a source that fails or dies gives the child end of file and the run StdinFailed with the cause", () =>
    Effect.gen(function*() {
      const failures: ReadonlyArray<readonly [Stream.Stream<string, unknown>, unknown]> = [
        [Stream.fail("broken"), "broken"],
        [Stream.fail(undefined), undefined],
        [Stream.die("bug"), "bug"],
        [
          Stream.suspend(() => {
            throw new RangeError("thrown")
          }),
          RangeError
        ]
      ]
      for (const [failing, expected] of failures) {
        const { seen, stream } = watched(Stream.concat(Stream.make("half"), failing))
        const reason = yield* reasonOf(Command.run(Command.make("cat", { stdin: stream, timeout: "10 seconds" })))
        assert(reason._tag === "StdinFailed", reason._tag)
        if (typeof expected === "function") assert.instanceOf(reason.cause, RangeError)
        else assert.strictEqual(reason.cause, expected)
        assert.isTrue(seen.finalized)
      }
    }))

  it.effect("a non-zero exit, a signal and a deadline outrank a failing source", () =>
    Effect.gen(function*() {
      const stdin = Stream.concat(Stream.make("half"), Stream.fail("broken"))
      const code = yield* reasonOf(Command.run(sh("cat; exit 4", [], { stdin })))
      assert.deepInclude(code, { _tag: "NonZeroExit", code: 4, stdout: "half" })
      const signal = yield* reasonOf(Command.run(sh("cat; kill -KILL $$", [], { stdin })))
      assert.strictEqual(signal._tag, "Signaled")
      const deadline = yield* reasonOf(Command.run(sh("cat; sleep 60", [], { stdin, timeout: "50 millis" })))
      assert.strictEqual(deadline._tag, "TimedOut")
    }))

  // N6
  it.effect("a program that writes 5 MB before it reads 5 MB does not deadlock", () =>
    Effect.gen(function*() {
      for (
        const stdin of [
          new Uint8Array(5_000_000),
          Stream.fromIterable(Array.from({ length: 50 }, () => new Uint8Array(100_000)))
        ]
      ) {
        const result = yield* Command.outputString(
          run("writes-before-reading.mjs", [], { stdin, timeout: "20 seconds" })
        )
        assert.strictEqual(result.stdout.length, 5 * 1024 * 1024 + "read 5000000".length)
        assert.isTrue(result.stdout.endsWith("xread 5000000"))
      }
    }))

  // N6: both pipes are full most of the time
  it.effect("64 MiB go through cat and come back, captured or streamed, fed from bytes or a stream", () =>
    Effect.gen(function*() {
      const length = 64 * 1024 * 1024
      const part = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => i % 251)
      const whole = Buffer.concat(Array.from({ length: 64 }, () => part))
      const stream = Stream.fromIterable(Array.from({ length: 64 }, () => part))
      for (const stdin of [whole, stream, Stdin.once(stream)]) {
        const { stdout } = yield* Command.outputBytes(Command.make("cat", { stdin, timeout: "60 seconds" }))
        assert.isTrue(whole.equals(stdout))
      }
      const lines = Stream.fromIterable(Array.from({ length: 64 }, () => `${"x".repeat(1023)}\n`.repeat(1024)))
      const command = Command.make("cat", { stdin: lines, timeout: "60 seconds" })
      assert.strictEqual(yield* Stream.runCount(Command.stdoutLines(command)), length / 1024)
    }))

  // N6: a writer and a reader of the same live process
  it.effect("an interactive filter is written to and read from at once, without a deadlock", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("cat", { stdin: "pipe" }))
      const line = "x".repeat(1023)
      const write = Effect.repeat(running.stdin.write(`${line}\n`.repeat(1024)), { times: 15 })
      const [count] = yield* Effect.all([
        Stream.runCount(running.stdoutLines),
        Effect.andThen(write, running.stdin.end)
      ], { concurrency: 2 })
      assert.strictEqual(count, 16 * 1024)
    }))

  it.effect("256 lines of 1 KiB go through cat and come back", () =>
    Effect.gen(function*() {
      const lines = Array.from({ length: 256 }, (_, i) => `${i} ${"x".repeat(1020)}`)
      const result = yield* Command.outputString(Command.make("cat", { stdin: Stdin.lines(lines) }))
      assert.deepEqual(result.stdout.trimEnd().split("\n"), lines)
    }))

  // N8
  it.effect("a command whose input can be read once is not tried again, and the first failure is the answer", () =>
    Effect.gen(function*() {
      const retry = { schedule: Schedule.recurs(5), while: () => true }
      const once = sh("cat; exit 9", [], { stdin: Stdin.once(Stream.make("x")), retry })
      assert.deepInclude(yield* reasonOf(Command.run(once)), { _tag: "NonZeroExit", code: 9, stdout: "x" })
      // A plain stream is run anew by every attempt.
      const { seen, stream } = watched(Stream.make("x"))
      assert.deepInclude(yield* reasonOf(Command.run(sh("cat; exit 9", [], { stdin: stream, retry }))), { stdout: "x" })
      assert.strictEqual(seen.pulled, 6)
    }))

  // N9
  it.effect("a verb closes an interactive input that nobody can write to, so that a filter ends", () =>
    Effect.gen(function*() {
      const command = Command.make("sort", { stdin: "pipe", timeout: "10 seconds" })
      assert.strictEqual(yield* Command.run(command), "")
      assert.strictEqual(yield* Command.exitCode(command), 0)
      assert.isTrue(Option.isNone(yield* Command.firstLine(command, () => true)))
      assert.deepEqual(yield* Stream.runCollect(Command.stdoutLines(command)), [])
    }))

  // N9: the documented hang, ended by the scope
  it.effect("an interactive input that is never ended keeps a filter waiting until its scope closes", () =>
    Effect.gen(function*() {
      const [ended] = yield* timed(Effect.scoped(Effect.gen(function*() {
        const running = yield* Command.start(Command.make("cat", { stdin: "pipe" }))
        return yield* Effect.timeoutOption(running.outcome, "100 millis")
      })))
      assert.isTrue(Option.isNone(ended))
      assert.deepEqual(survivors(), [])
    }))

  it.effect("an interactive input goes to sort line by line and comes back sorted after its end", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("sort", { stdin: "pipe" }))
      for (const line of ["c", "a", "b"]) yield* running.stdin.writeLine(line)
      yield* running.stdin.flush
      yield* running.stdin.end
      yield* running.stdin.end
      assert.strictEqual((yield* running.result).stdout, "a\nb\nc\n")
      // After the end and after the exit a write is dropped, as the program's exit has said what it made of the input.
      yield* running.stdin.write("late")
    }))

  // a dialogue
  it.effect("an interactive program is answered while it runs", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(
        sh("echo name; read n; echo \"hello $n\"; read m; echo \"$m too\"", [], { stdin: "pipe" })
      )
      const answers = yield* Stream.runCollect(Stream.tap(running.stdoutLines, (line) =>
        line === "name"
          ? running.stdin.writeLine("Ada")
          : line.startsWith("hello")
          ? running.stdin.writeLine("you")
          : Effect.void))
      assert.deepEqual(answers, ["name", "hello Ada", "you too"])
    }))

  // N3: back-pressure of the writer, and its interruption
  it.effect("a write to a child that does not read waits, can be interrupted, and ends when the child does", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const running = yield* group.start(run("never-reads-stdin.sh", [], { stdin: "pipe" }))
      const write = Effect.forever(running.stdin.write(megabyte))
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(write, "50 millis")))
      const last = yield* Effect.forkChild(running.stdin.write(megabyte))
      yield* running.kill
      yield* Fiber.join(last)
    }))

  // N9
  it.effect("writing to a program that was not started for it is Unsupported", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("cat", { stdin: "fed" }))
      assert.strictEqual((yield* reasonOf(running.stdin.write("x")))._tag, "Unsupported")
      assert.strictEqual((yield* running.result).stdout, "fed")
    }))

  // Half of an input passed for all of it.
  it.effect("ending an input that is fed from elsewhere ends nothing", () =>
    Effect.gen(function*() {
      const late = Stream.concat(Stream.make("first "), Stream.fromEffect(Effect.as(Effect.sleep("50 millis"), "last")))
      const running = yield* Command.start(Command.make("cat", { stdin: late }))
      yield* running.stdin.end
      assert.strictEqual((yield* running.result).stdout, "first last")
    }))

  // N1, L6: an EPIPE that nobody waits for
  it.effect("many children that leave while they are fed disturb nobody and leave no descriptor", () =>
    Effect.gen(function*() {
      yield* Command.run(Command.make("true", { stdin: megabyte }))
      const before = openDescriptors()
      const errors: Array<unknown> = []
      const note = (error: unknown) => void errors.push(error)
      process.on("uncaughtException", note)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("uncaughtException", note)))
      yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i % 2 === 0 ? megabyte : Stream.make(megabyte, megabyte)),
        (stdin) => Command.run(Command.make("true", { stdin })),
        { concurrency: 8 }
      )
      assert.deepEqual(errors, [])
      yield* eventually("all pipes are closed", () => openDescriptors() <= before)
    }))

  // N5: the finalizer of a source is part of the run
  it.effect("a result is given when the source's finalizer has ended", () =>
    Effect.gen(function*() {
      const finalized = yield* Deferred.make<void>()
      const stream = Stream.ensuring(
        Stream.concat(Stream.make("x"), Stream.never),
        // It takes its time, so that whoever does not wait for it is early.
        Effect.andThen(Effect.sleep("50 millis"), Deferred.succeed(finalized, undefined))
      )
      // It ends once it has read, so that the source has certainly begun.
      yield* Command.run(Command.make("head", ["-c", "1"], { stdin: stream }))
      assert.isTrue(yield* Deferred.isDone(finalized))
    }))
})

function* manyLines(): Generator<string> {
  for (let i = 0; i < 100_000; i++) yield `line ${i}`
}
