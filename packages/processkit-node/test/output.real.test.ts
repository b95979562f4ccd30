import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { inspect } from "node:util"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as ProcessEvent from "processkit/ProcessEvent"
import * as ProcessGroup from "processkit/ProcessGroup"
import { eventually, survivors, throughout } from "./oracle.ts"
import { errorOf, fixture, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance, slowness } from "./slowness.ts"

const bytesOf = (chunks: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(chunks)

const linesOf = (script: string) => Stream.runCollect(Command.stdoutLines(sh(script)))

const node = (script: string, options: Command.Options = {}): Command.Command =>
  Command.make(process.execPath, ["-e", script], options)

/** Writes the same bytes however they are cut: one part at a time, with a pause that lets each arrive by itself. */
const inParts = (parts: ReadonlyArray<ReadonlyArray<number>>, options: Command.Options = {}): Command.Command =>
  node(
    `const parts = ${JSON.stringify(parts)}
    const next = () => parts.length > 0 && process.stdout.write(Buffer.from(parts.shift()), () => setTimeout(next, 15))
    next()`,
    options
  )

layer(NodeProcessRunner.layer, { excludeTestServices: true })("output while it flows", (it) => {
  it.effect("chunks are every byte that was written, on both streams", () =>
    Effect.gen(function*() {
      const payload = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) % 256)
      const echoed = yield* Stream.runCollect(Command.stdoutChunks(Command.make("cat", { stdin: payload })))
      assert.isTrue(bytesOf(echoed).equals(payload))
      const swapped = yield* Stream.runCollect(Command.stderrChunks(sh("cat >&2", [], { stdin: payload })))
      assert.isTrue(bytesOf(swapped).equals(payload))
    }))

  it.effect("a live process gives the chunks of both streams at the same time", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("head -c 400000 /dev/zero; head -c 300000 /dev/zero >&2; exit 4"))
      const [out, err] = yield* Effect.all([
        Stream.runFold(running.stdoutChunks, () => 0, (sum, chunk) => sum + chunk.length),
        Stream.runFold(running.stderrChunks, () => 0, (sum, chunk) => sum + chunk.length)
      ], { concurrency: 2 })
      assert.deepEqual([out, err], [400_000, 300_000])
      assert.deepEqual(yield* running.outcome, Outcome.exited(4))
      assert.deepInclude((yield* running.counters).stdout, { bytes: 400_000, dropped: 0 })
    }))

  it.effect("events are the start, the lines of both streams as they came, and the end", () =>
    Effect.gen(function*() {
      // The program goes on when it is told that a line was seen: what lies in both pipes at once has no order.
      const script = "echo one; read ack; echo two >&2; read ack; printf three; exit 5"
      const running = yield* Command.start(sh(script, [], { stdin: "pipe" }))
      const acknowledged = Stream.tap(running.events, (event) =>
        ProcessEvent.isStdout(event) || ProcessEvent.isStderr(event) ? running.stdin.writeLine("ack") : Effect.void)
      assert.deepEqual(yield* Stream.runCollect(acknowledged), [
        ProcessEvent.started(running.pid),
        ProcessEvent.stdout("one"),
        ProcessEvent.stderr("two"),
        ProcessEvent.stdout("three"),
        ProcessEvent.exited(Outcome.exited(5))
      ])
      const seen: Array<string> = []
      const reason = yield* reasonOf(
        Stream.runForEach(Command.events(sh("echo one; echo two; exit 5")), ({ _tag }) =>
          Effect.sync(() =>
            void seen.push(_tag)
          ))
      )
      assert.deepEqual(seen, ["Started", "Stdout", "Stdout", "Exited"])
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 5 })
    }))

  // O15
  it.effect("the order within each stream is exact when both are merged", () =>
    Effect.gen(function*() {
      const lines = yield* Effect.flatMap(
        Command.start(sh("for i in $(seq 500); do echo out $i; echo err $i >&2; done")),
        (running) => Stream.runCollect(running.all)
      )
      for (const name of ["out", "err"]) {
        assert.deepEqual(
          lines.filter((line) => line.startsWith(name)),
          Array.from({ length: 500 }, (_, i) => `${name} ${i + 1}`)
        )
      }
    }))

  // O8
  it.effect("a verb that streams ends the whole tree when its consumer stops", () =>
    Effect.gen(function*() {
      const tree = sh("sleep 60 & sleep 60 & yes | cat")
      for (const flow of [Command.stdoutChunks(tree), Command.events(tree)]) {
        const [taken, elapsed] = yield* timed(Stream.runCollect(Stream.take<unknown, unknown, never>(flow as never, 2)))
        assert.strictEqual(taken.length, 2)
        assert.isBelow(elapsed, allowance(3000))
        assert.deepEqual(survivors(), [])
      }
    }))

  // behaviour 28
  it.effect("a stream that is taken ends at the deadline, and the result says so", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(run("floods.sh", [], { timeout: "200 millis" }))
      yield* Stream.runDrain(running.stdoutChunks)
      assert.isTrue(Outcome.isTimedOut(yield* running.outcome))
      const group = yield* ProcessGroup.make
      const shared = yield* group.start(run("floods.sh", [], { timeout: "200 millis" }))
      const tags = yield* Stream.runFold(shared.events, () => new Set<string>(), (seen, { _tag }) => seen.add(_tag))
      assert.isTrue(tags.has("Exited"))
      assert.isTrue(Outcome.isTimedOut(yield* shared.outcome))
    }))

  // behaviour 56
  it.effect("a cancelled run ends its stream, and then fails its result", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const running = yield* Command.start(run("floods.sh", [], { cancelOn: controller.signal }))
      const fiber = yield* Effect.forkChild(Stream.runDrain(running.stdoutLines))
      yield* eventually("it prints", () => Effect.runSync(running.counters).stdout.bytes > 0)
      controller.abort()
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* reasonOf(running.result))._tag, "Cancelled")
    }))

  // O19
  it.effect("output written after the stop signal is part of the stream", () =>
    Effect.gen(function*() {
      const script = "trap 'sleep 0.1; echo late; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
      const running = yield* Command.start(sh(script))
      const seen: Array<string> = []
      yield* Stream.runForEach(running.stdoutLines, (line) =>
        Effect.suspend(() => {
          seen.push(line)
          return line === "ready" ? Effect.asVoid(Effect.forkChild(running.stop({ grace: "20 seconds" }))) : Effect.void
        }))
      assert.deepEqual(seen, ["ready", "late"])
    }))

  // O3
  it.effect("a program that closes its output ends the stream, and its exit comes later", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo x; exec >&-; read -r line; exit 4", [], { stdin: "pipe" }))
      assert.strictEqual(bytesOf(yield* Stream.runCollect(running.stdoutChunks)).toString(), "x\n")
      assert.isTrue(yield* running.isRunning)
      yield* running.stdin.writeLine("go on")
      assert.deepEqual(yield* running.outcome, Outcome.exited(4))
    }))

  // O14
  it.effect("a prompt without a newline is there in the chunks before the program goes on", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("printf 'name? '; read name; echo hello $name", [], { stdin: "pipe" }))
      const chunks = yield* running.stdoutChunks.pipe(
        Stream.map((chunk) => bytesOf([chunk]).toString()),
        Stream.tap((text) => text === "name? " ? running.stdin.writeLine("Ada") : Effect.void),
        Stream.runCollect
      )
      assert.deepEqual(chunks, ["name? ", "hello Ada\n"])
    }))
})

layer(NodeProcessRunner.layer, { excludeTestServices: true })("output as text", (it) => {
  it.effect(
    "a character cut anywhere between two writes comes whole, in UTF-8, UTF-16 and Shift_JIS",
    () =>
      Effect.gen(function*() {
        const encodings = {
          "utf-8": [...Buffer.from("€😀")],
          "utf-16le": [...Buffer.from("€😀", "utf16le")],
          "shift_jis": [0x83, 0x5c, 0x95, 0x5c]
        }
        for (const [encoding, bytes] of Object.entries(encodings)) {
          const expected = new TextDecoder(encoding).decode(Uint8Array.from(bytes))
          const cuts = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)
          yield* Effect.forEach(cuts, (cut) =>
            Effect.gen(function*() {
              const command = inParts([bytes.slice(0, cut), bytes.slice(cut)], { encoding })
              assert.deepEqual(yield* Stream.runCollect(Command.stdoutLines(command)), [expected], `${encoding} ${cut}`)
              assert.strictEqual((yield* Command.outputString(command)).stdout, expected)
            }), { concurrency: 4 })
        }
      }),
    60_000 * slowness
  )

  // O11, O12
  it.effect("a dangling character is one U+FFFD, NUL stays, and a byte order mark goes once", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* linesOf("printf 'a\\342\\202'"), ["a\ufffd"])
      assert.deepEqual(yield* linesOf("printf 'a\\000b\\n'"), ["a\0b"])
      assert.deepEqual(yield* linesOf("printf '\\357\\273\\277\\357\\273\\277a\\n'"), ["\ufeffa"])
      assert.deepEqual(yield* linesOf("printf 'a\\342\\200\\250b\\013c\\014d\\n'"), ["a\u2028b\vc\fd"])
    }))

  // O13
  it.effect("carriage returns end lines where the command says so, also CRLF in two writes", () =>
    Effect.gen(function*() {
      const parts = ["10%\r", "20%\r", "\n", "done\r\n\nend"].map((part) => Array.from(Buffer.from(part)))
      const returns = inParts(parts, { lineTerminator: "carriage-return" })
      assert.deepEqual(yield* Stream.runCollect(Command.stdoutLines(returns)), ["10%", "20%", "done", "", "end"])
      assert.deepEqual(yield* Stream.runCollect(Command.stdoutLines(inParts(parts))), ["10%\r20%", "done", "", "end"])
    }))

  // O11
  it.effect("bytes that are no text in the encoding end neither the stream nor the owner", () =>
    Effect.gen(function*() {
      for (const encoding of ["gb18030", "euc-jp"]) {
        const command = inParts([[0x81], [0x30], [0x41, 0x0a], [0x42]], { encoding })
        const lines = yield* Stream.runCollect(Command.stdoutLines(command))
        assert.deepEqual([lines.length, lines.at(-1)], [2, "B"])
      }
    }))

  // O5
  it.effect("a line above its bound is cut and marked, and the next one is whole", () =>
    Effect.gen(function*() {
      const command = sh("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo next")
      const [long = "", next] = yield* Stream.runCollect(Command.stdoutLines(command))
      assert.deepEqual([long.length, long.at(-1), next], [1_048_577, "…", "next"])
    }))

  // O18
  it.effect("an error has all of standard error, and shows one line of it", () =>
    Effect.gen(function*() {
      const error = yield* errorOf(
        Command.run(sh("yes '\u001b[31mwarning' | head -n 100000 >&2; echo why >&2; exit 1"))
      )
      assert(error.reason._tag === "NonZeroExit")
      assert.strictEqual(error.reason.stderr.length, 100_000 * 13 + 4)
      assert.match(error.message, /: why$/)
      for (const shown of [error.message, inspect(error), JSON.stringify(error)]) assert.isBelow(shown.length, 8192)
    }))

  // O16
  it.effect("escapes are in the captured text and in no message", () =>
    Effect.gen(function*() {
      const error = yield* errorOf(Command.run(sh("printf 'a\\033[31m\\033]0;title\\007b\\n' >&2; exit 1")))
      assert(error.reason._tag === "NonZeroExit")
      assert.include(error.reason.stderr, "\u001b]0;title\u0007")
      assert.notInclude(error.message, "\u001b")
    }))
})

layer(NodeProcessRunner.layer, { excludeTestServices: true })("output without end", (it) => {
  // A source may read into the same memory again where nobody keeps a chunk.
  it.effect("chunks that a consumer keeps stay what they were, while others of the run are read and dropped", () =>
    Effect.gen(function*() {
      const script = "seq 300000 & yes dropped | head -c 3000000 >&2; wait"
      const running = yield* Command.start(sh(script, [], { buffer: OutputBuffer.tail({ bytes: 10 }) }))
      const chunks = yield* Stream.runCollect(running.stdoutChunks)
      yield* running.outcome
      const expected = Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join("")
      assert.isTrue(Buffer.concat(chunks).toString() === expected)
    }))

  // O7
  it.effect("a reader that sleeps holds the program up and no memory, and the other stream is read", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("(yes err | head -c 2000000 >&2) & exec yes out"))
      const reader = yield* Effect.forkChild(Stream.runForEach(running.stdoutLines, () => Effect.never))
      yield* eventually(
        "all of standard error was read",
        () => Effect.runSync(running.counters).stderr.bytes === 2_000_000
      )
      yield* eventually("the reader is behind", () => Effect.runSync(running.counters).stdout.bytes > 262_144)
      // `yes` writes more than a gigabyte a second to whoever reads.
      const seen = () => Effect.runSync(running.counters).stdout.bytes
      yield* throughout("nothing more is read", () => seen() < 1_000_000, 200)
      yield* Fiber.interrupt(reader)
    }))

  // O6
  it.effect("counters are exact about a flood of which a tail is kept", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("seq 200000", [], { buffer: OutputBuffer.tail({ lines: 10 }) }))
      const { stdout } = yield* running.result
      assert.strictEqual(stdout.split("\n").length, 11)
      assert.deepEqual((yield* running.counters).stdout, { bytes: 1_288_895, lines: 200_000, dropped: 199_990 })
      const bytes = yield* Command.start(sh("seq 200000", [], { buffer: OutputBuffer.tail({ bytes: 1000 }) }))
      yield* bytes.outcome
      assert.deepEqual((yield* bytes.counters).stdout, { bytes: 1_288_895, lines: 200_000, dropped: 1_287_895 })
    }))

  // The owner is a process of its own: its standard output is a pipe whose reader leaves.
  // O20
  it.effect("an owner whose own output is closed is told, and its program ends", () =>
    Effect.gen(function*() {
      const report = `${process.env["TMPDIR"] ?? "/tmp"}/processkit-${process.pid}-closed-output`
      yield* Command.exitCode(
        sh("\"$1\" --conditions=processkit-source \"$2\" \"$3\" | head -n 1", [
          process.execPath,
          fixture("copies-to-closed-output.ts"),
          report
        ])
      )
      yield* eventually("the owner has reported", () => fs.existsSync(report))
      const text = fs.readFileSync(report, "utf8")
      fs.rmSync(report)
      assert.match(text, /^EPIPE, child gone\n$/)
      assert.deepEqual(survivors(), [])
    }))
})
