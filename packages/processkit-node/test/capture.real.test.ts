import { assert, layer } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessResult from "processkit/ProcessResult"
import { eventually, isAlive, openDescriptors, survivors } from "./oracle.ts"
import { quickest, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

const five = "for i in 1 2 3 4 5; do echo line $i; done"

layer(NodeProcessRunner.layer, { excludeTestServices: true })("what a program printed", (it) => {
  it.effect("the result holds every line of both streams, as they were printed", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputString(sh("echo one; echo two; echo err >&2; printf 'no end'"))
      assert.deepInclude(result, { stdout: "one\ntwo\nno end", stderr: "err\n", program: "/bin/sh" })
      assert.deepInclude(result, { truncated: false, incomplete: false, leftovers: 0, outcome: Outcome.exited(0) })
      assert.strictEqual(ProcessResult.combined(result), "one\ntwo\nno end\nerr\n")
      assert.strictEqual(ProcessResult.diagnostic(result), "err")
    }))

  it.effect("a verb that would have nothing to give is refused before anything starts, and the others run", () =>
    Effect.gen(function*() {
      for (const stdout of ["null", "inherit"] as const) {
        const command = Command.make("true", { stdout })
        const capturing = [
          Command.run(command),
          Effect.asVoid(Command.outputString(command)),
          Effect.asVoid(Command.outputBytes(command)),
          Effect.asVoid(Command.firstLine(command, () => true)),
          Effect.asVoid(Command.parse(command, String))
        ]
        for (const verb of capturing) {
          assert.deepInclude(yield* reasonOf(Effect.asVoid(verb)), { _tag: "InvalidInput", field: "stdout" })
        }
        assert.strictEqual(yield* Command.exitCode(command), 0)
        yield* Command.runUnit(command)
        assert.isTrue(yield* Command.probe(command))
        assert.deepEqual((yield* Command.checked(command)).outcome, Outcome.exited(0))
      }
    }))

  it.effect("run trims white space at the end and nowhere else, and wants success", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(sh("printf '  text \\t\\r\\n\\n '")), "  text")
      const reason = yield* reasonOf(Command.run(sh("echo out; echo why >&2; exit 3")))
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 3, stdout: "out\n", stderr: "why\n" })
      assert.include(reason.message, "why")
    }))

  it.effect("outputBytes gives what was printed, byte for byte, on both streams", () =>
    Effect.gen(function*() {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const plain = yield* Command.outputBytes(Command.make("cat", { stdin: bytes }))
      assert.deepEqual(new Uint8Array(plain.stdout), bytes)
      const swapped = yield* Command.outputBytes(sh("cat >&2", [], { stdin: bytes }))
      assert.deepEqual(new Uint8Array(swapped.stderrBytes ?? []), bytes)
    }))

  // verbs of values
  it.effect("a value is parsed from the whole output, and what cannot be parsed is ParseFailed", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.parse(sh("echo 41"), (text) => Number(text) + 1), 42)
      const refused = Command.tryParse(sh("echo x"), () => Result.fail("no number"))
      assert.deepInclude(yield* reasonOf(refused), { _tag: "ParseFailed", cause: "no number" })
      const json = Command.json(sh(`echo '{"port":80}'`), Schema.Struct({ port: Schema.Number }))
      assert.deepEqual(yield* json, { port: 80 })
      const text = Command.json(sh(`echo '{"port":"http"}'`), Schema.Struct({ port: Schema.Number }))
      assert.strictEqual((yield* reasonOf(text))._tag, "ParseFailed")
    }))

  it.effect("a buffer that fails above two lines lets two through, and says how much three were", () =>
    Effect.gen(function*() {
      const buffer = OutputBuffer.failAbove({ lines: 2 })
      assert.strictEqual(yield* Command.run(sh("echo 1; echo 2", [], { buffer })), "1\n2")
      const reason = yield* reasonOf(Command.outputString(sh(five, [], { buffer })))
      assert(reason._tag === "OutputTooLarge")
      assert.deepInclude(reason, { stream: "stdout", maxLines: 2 })
      assert.isAtLeast(reason.totalLines ?? 0, 3)
    }))

  // O6: the default, without a timeout
  it.effect("a program that floods is ended when its buffer is full, in bounded time", () =>
    Effect.gen(function*() {
      const buffer = OutputBuffer.failAbove({ bytes: "1 MiB" })
      const [reason, elapsed] = yield* timed(reasonOf(Command.run(run("floods.sh", [], { buffer }))))
      assert.strictEqual(reason._tag, "OutputTooLarge")
      assert.isBelow(elapsed, allowance(3000))
      assert.deepEqual(survivors(), [])
    }))

  it.effect("a buffer that drops keeps the newest two and flags the result, and run refuses what is left", () =>
    Effect.gen(function*() {
      const command = sh(five, [], { buffer: OutputBuffer.tail({ lines: 2 }) })
      const result = yield* Command.outputString(command)
      assert.deepInclude(result, { stdout: "line 4\nline 5\n", truncated: true })
      assert.isTrue((yield* Command.checked(command)).truncated)
      assert.strictEqual((yield* reasonOf(Command.run(command)))._tag, "OutputTooLarge")
      assert.strictEqual((yield* reasonOf(Command.parse(command, String)))._tag, "OutputTooLarge")
      yield* Command.runUnit(command)
      const head = yield* Command.outputString(sh(five, [], { buffer: OutputBuffer.head({ lines: 2 }) }))
      assert.deepInclude(head, { stdout: "line 1\nline 2\n", truncated: true })
    }))

  it.effect("firstLine gives the first line that fits, and nothing where the output ends without one", () =>
    Effect.gen(function*() {
      const found = yield* Command.firstLine(sh(`${five}; exit 9`), (line) => line.endsWith("3"))
      assert.deepEqual(found, Option.some("line 3"))
      assert.isTrue(Option.isNone(yield* Command.firstLine(sh(`${five}; exit 9`), (line) => line.endsWith("6"))))
      assert.isTrue(Option.isNone(yield* Command.firstLine(sh("exit 1"), () => true)))
    }))

  it.effect("a line handler has seen every line when the verb returns, the unfinished last one too", () =>
    Effect.gen(function*() {
      const out: Array<string> = []
      const err: Array<string> = []
      yield* Command.run(sh(`${five}; printf last; echo err >&2`, [], {
        onStdoutLine: (line) => void out.push(line),
        onStderrLine: (line) => void err.push(line)
      }))
      assert.deepEqual(out, ["line 1", "line 2", "line 3", "line 4", "line 5", "last"])
      assert.deepEqual(err, ["err"])
    }))

  // R8
  it.effect("a line handler that throws is not called again, and run and capture go on", () =>
    Effect.gen(function*() {
      let calls = 0
      const stdout = yield* Command.run(sh(five, [], {
        onStdoutLine: () => {
          calls++
          if (calls === 2) throw new Error("handler")
        }
      })).pipe(Effect.provide(Logger.layer([])))
      assert.strictEqual(calls, 2)
      assert.strictEqual(stdout.split("\n").length, 5)
    }))

  // R8
  it.effect("a predicate or a parser that throws is the defect of its verb, after the tree has ended", () =>
    Effect.gen(function*() {
      const thrown = new Error("predicate")
      const boom = (): never => {
        throw thrown
      }
      const predicate = Command.firstLine(sh("echo x; sleep 60 & sleep 60"), boom)
      assert.strictEqual(yield* Effect.flip(Effect.sandbox(predicate)).pipe(Effect.map(defectOf)), thrown)
      assert.deepEqual(survivors(), [])
      const parser = Command.parse(sh("echo x"), boom)
      assert.strictEqual(yield* Effect.flip(Effect.sandbox(parser)).pipe(Effect.map(defectOf)), thrown)
    }))

  // V1: each attempt's tree is gone before the next one starts
  it.effect("a repeated command leaves nothing of one attempt to the next", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const worth = () => {
        seen.push(...survivors(), "attempt")
        return true
      }
      const command = sh("sleep 60 & exit 5", [], { retry: { schedule: Schedule.recurs(3), while: worth } })
      assert.deepInclude(yield* reasonOf(Command.runUnit(command)), { _tag: "NonZeroExit", code: 5 })
      assert.deepEqual(new Set(seen), new Set(["attempt"]))
      assert.isAtLeast(seen.length, 3)
    }))

  // O1
  it.effect("a process that holds the pipe delays a run by the drain window and no more, is counted, and is dead", () =>
    Effect.gen(function*() {
      const commands = [
        run("holds-pipe-open.sh", ["3"]),
        sh("nohup sleep 60 2>/dev/null & echo started; exit 3"),
        sh("(trap '' TERM HUP; exec sleep 60) & echo started; exit 3")
      ]
      for (const command of commands) {
        const most = allowance(1500)
        const [result, elapsed] = yield* quickest(most, timed(Command.outputString(command)))
        assert.deepInclude(result, { stdout: "started\n", incomplete: true, outcome: Outcome.exited(3) })
        assert.isAtLeast(result.leftovers, 1)
        assert.isAtLeast(elapsed, 490)
        assert.isBelow(elapsed, most)
        assert.deepEqual(survivors(), [])
      }
    }))

  // a left-over that holds nothing costs no time
  it.effect("a process that is left over and holds no pipe delays nothing, is counted, and is dead", () =>
    Effect.gen(function*() {
      const [result, elapsed] = yield* quickest(
        450,
        timed(Command.outputString(sh("sleep 60 >/dev/null 2>&1 & echo started")))
      )
      assert.deepInclude(result, { stdout: "started\n", incomplete: false, leftovers: 1 })
      assert.isBelow(elapsed, 450)
      assert.deepEqual(survivors(), [])
    }))

  // O2
  it.effect("in a shared group a process that holds the pipe ends the output after the drain window, and lives", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const running = yield* group.start(run("holds-pipe-open.sh"))
      const [result, elapsed] = yield* timed(running.result)
      assert.deepInclude(result, { stdout: "started\n", incomplete: true })
      assert.isBelow(elapsed, allowance(1500))
      const [left] = yield* group.members
      assert.isTrue(isAlive(left ?? 0))
    }))

  // O3
  it.effect("a program that closes its output and lives on is waited for", () =>
    Effect.gen(function*() {
      const [result, elapsed] = yield* timed(Command.outputString(sh("echo x; exec >&- 2>&-; sleep 0.2; exit 4")))
      assert.deepInclude(result, { stdout: "x\n", incomplete: false, outcome: Outcome.exited(4) })
      assert.isAtLeast(elapsed, 190)
    }))

  // O4: the exit is not the end of output
  it.effect("no byte is lost of a program that writes a lot and exits at once", () =>
    Effect.gen(function*() {
      const results = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Command.outputBytes(Command.make("head", ["-c", "300000", "/dev/zero"])),
        { concurrency: 5 }
      )
      for (const { incomplete, stdout } of results) {
        assert.strictEqual(stdout.length, 300_000)
        assert.isFalse(incomplete)
      }
    }))

  // O10
  it.effect("the exit of a program that prints more than a pipe holds is seen though nobody reads", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("head", ["-c", "3000000", "/dev/zero"]))
      assert.deepEqual(yield* running.outcome, Outcome.exited(0))
    }))

  // L1
  it.effect("50 children whose output nobody reads leave no descriptor", () =>
    Effect.gen(function*() {
      yield* Command.runUnit(Command.make("true"))
      const before = openDescriptors()
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        yield* Effect.forEach(Array.from({ length: 25 }), () => group.start(run("floods.sh")))
        yield* Effect.forEach(Array.from({ length: 25 }), () => group.start(sh("echo unread; sleep 60")))
        // The pipes of what little is written may stay with the native host.
        yield* eventually("the pipes are open", () => openDescriptors() >= before + 25)
      }))
      yield* eventually("every pipe is closed", () => openDescriptors() <= before)
      assert.deepEqual(survivors(), [])
    }))

  // L1
  it.effect("100 runs leave no descriptor, no process and no listener", () =>
    Effect.gen(function*() {
      yield* Command.run(Command.make("true"))
      const before = openDescriptors()
      const listeners = process.eventNames().map((name) => process.listenerCount(name))
      yield* Effect.forEach(Array.from({ length: 100 }), () => Command.run(sh("echo x", [], { stdin: "input" })), {
        concurrency: 4
      })
      yield* eventually("every pipe is closed", () => openDescriptors() <= before)
      assert.deepEqual(process.eventNames().map((name) => process.listenerCount(name)), listeners)
      assert.deepEqual(survivors(), [])
    }))
})

/** The defect that a verb died of. */
function defectOf(cause: Cause.Cause<unknown>): unknown {
  return cause.reasons.map((reason) => reason._tag === "Die" ? reason.defect : reason)[0]
}
