import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import { isAlive, survivors, throughout } from "./oracle.ts"
import { reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

layer(NodeProcessRunner.layer, { excludeTestServices: true })("lines while they come", (it) => {
  it.effect("a line is there before the program goes on", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("for i in 1 2 3; do echo $i; read ack; done", [], { stdin: "pipe" }))
      const seen = yield* running.stdoutLines.pipe(
        Stream.tap((line) => running.stdin.writeLine(`ack ${line}`)),
        Stream.runCollect
      )
      assert.deepEqual(seen, ["1", "2", "3"])
      assert.deepEqual(yield* running.outcome, Outcome.exited(0))
    }))

  // the program starts with the first pull, and anew with each run of the stream
  it.effect("a stream of lines starts nothing before it is run, and a program of its own each time", () =>
    Effect.gen(function*() {
      const lines = Command.stdoutLines(sh("echo $$"))
      assert.deepEqual(survivors(), [])
      const [first] = yield* Stream.runCollect(lines)
      const [second] = yield* Stream.runCollect(lines)
      assert.notStrictEqual(first, second)
    }))

  it.effect("after the lines the result has the exit code and standard error", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo out; echo err >&2; exit 5"))
      assert.deepEqual(yield* Stream.runCollect(running.stdoutLines), ["out"])
      assert.deepInclude(yield* running.result, { outcome: Outcome.exited(5), stdout: "", stderr: "err\n" })
    }))

  // the verb fails at the end like checked
  it.effect("a stream of lines of a program that fails gives its lines and then its failure", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const lines = Command.stdoutLines(sh("echo one; echo two; exit 5"))
      const reason = yield* reasonOf(Stream.runForEach(lines, (line) => Effect.sync(() => void seen.push(line))))
      assert.deepEqual(seen, ["one", "two"])
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 5 })
    }))

  // Two chunks that had half of their memory each: whoever gave one to a worker took the other one with it.
  it.effect("chunks that somebody keeps share no memory, so that each can be given away", () =>
    Effect.gen(function*() {
      const writes =
        "let i = 0; setInterval(() => { fs.writeSync(1, Buffer.alloc(4096)); if (++i === 8) process.exit() }, 5)"
      const chunks = yield* Stream.runCollect(Command.stdoutChunks(Command.make(process.execPath, ["-e", writes])))
      assert.strictEqual(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length)
      const given = chunks.map((chunk) => structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] }).length)
      assert.strictEqual(given.reduce((sum, length) => sum + length, 0), 8 * 4096)
    }))

  // O9
  it.effect("a stream that was taken is AlreadyConsumed the second time, also while the first runs", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo out; sleep 60"))
      yield* Stream.runHead(running.stdoutLines)
      const reason = yield* reasonOf(Stream.runCollect(running.stdoutLines))
      assert.deepInclude(reason, { _tag: "AlreadyConsumed", stream: "stdout" })
      // The other stream is another one.
      const other = yield* Effect.timeoutOption(Stream.runCollect(running.stderrLines), "30 millis")
      assert.isTrue(Option.isNone(other))
    }))

  it.effect("a program of which nobody takes the lines is drained, and its result has them", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("head -c 500000 /dev/zero | tr '\\0' x; echo done >&2"))
      const result = yield* running.result
      assert.strictEqual(result.stdout.length, 500_000)
      assert.strictEqual(result.stderr, "done\n")
    }))

  // O7
  it.effect("a consumer that is slow holds the program up, and the other stream flows", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(run("floods.sh"))
      let pulled = 0
      const slow = Stream.runForEach(running.stdoutLines, () =>
        Effect.suspend(() => ++pulled > 3 ? Effect.never : Effect.void))
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(slow, "100 millis")))
      assert.isTrue(yield* running.isRunning)
      assert.deepEqual(yield* Stream.runCollect(Stream.take(running.stderrLines, 1)), ["flooding"])
    }))

  // O8: a handle's stream is the handle's, not the consumer's
  it.effect("after one line of a live program the rest is read and dropped, and the program lives until it is stopped", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(run("floods.sh"))
      assert.isTrue(Option.isSome(yield* Stream.runHead(running.stdoutLines)))
      yield* throughout("it lives", () => isAlive(running.pid ?? 0))
      const [, elapsed] = yield* timed(running.stop())
      assert.isBelow(elapsed, allowance(1500))
      assert.deepInclude(yield* running.outcome, { _tag: "Signaled", signal: "SIGTERM" })
    }))

  // O13, O14
  it.effect("a last line without a newline comes at the end of output", () =>
    Effect.gen(function*() {
      const lines = yield* Stream.runCollect(Command.stdoutLines(sh("printf 'one\\r\\n\\nlast'")))
      assert.deepEqual(lines, ["one", "", "last"])
    }))
})
