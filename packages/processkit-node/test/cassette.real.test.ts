import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as ChildProcessBridge from "processkit/ChildProcessBridge"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import { Cassette } from "processkit/testing"

const scratch = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "cassette-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const recorder = (tape: string) =>
  Cassette.layerRecord(tape).pipe(Layer.provide([NodeProcessRunner.layer, NodeFileSystem.layer]))

const player = (tape: string) => Cassette.layerReplay(tape).pipe(Layer.provide(NodeFileSystem.layer))

/** A program that prints what it reads, its process id, and bytes that are no text, then fails. */
const program = `#!/bin/sh
cat
printf '%s\\n' $$
printf '\\377\\000' >&2
exit 7
`

const sh = (script: string, options: Command.Options = {}) => Command.make("bash", ["-c", script], options)

describe("a cassette of real programs", () => {
  it.live("replays byte for byte what a program said that is no longer there", () =>
    Effect.gen(function*() {
      const directory = yield* scratch
      const tool = path.join(directory, "tool")
      fs.writeFileSync(tool, program, { mode: 0o755 })
      const bulk = "x".repeat(200_000)
      const session = Effect.gen(function*() {
        const fed = yield* Command.outputBytes(Command.make(tool, [], { stdin: `${bulk}\n` }))
        const streamed = yield* Stream.runCollect(Command.stdoutLines(Command.make(tool, [], { okCodes: [7] })))
        const { outcome, stderrBytes, stdout } = fed
        return { outcome, stdout: Buffer.from(stdout).toString("latin1"), stderrBytes, streamed }
      })
      const tape = path.join(directory, "tape.json")
      const recorded = yield* Effect.provide(session, recorder(tape))
      fs.rmSync(tool)
      const replayed = yield* Effect.provide(session, player(tape))
      assert.deepStrictEqual(replayed, recorded)
      assert.match(replayed.stdout, /^x{200000}\n\d+\n$/)
      assert.deepStrictEqual(replayed.stderrBytes, new Uint8Array([0xff, 0]))
      assert.deepStrictEqual(replayed.outcome, Outcome.exited(7))
    }))

  it.live("replays a pipeline, whose stages are recorded with what went through them", () =>
    Effect.gen(function*() {
      const directory = yield* scratch
      const tool = path.join(directory, "tool")
      fs.writeFileSync(tool, "#!/bin/sh\necho b; echo a; echo why >&2; exit 7\n", { mode: 0o755 })
      const session = Pipeline.outputString(Pipeline.make(Command.make(tool), Command.make("sort")))
      const tape = path.join(directory, "tape.json")
      const recorded = yield* Effect.provide(session, recorder(tape))
      fs.rmSync(tool)
      for (const result of [recorded, yield* Effect.provide(session, player(tape))]) {
        assert.deepInclude(result, { culprit: 0, stdout: "a\nb\n", stderr: "why\n", program: tool })
      }
    }))

  // What was said to any signal but the last came before there was one, what was said after a deadline never came, and a
  // program that had obeyed nothing but SIGKILL obeyed the first signal.
  it.live("replays what a program said to each of several signals, and how it ended", () =>
    Effect.gen(function*() {
      const tape = path.join(yield* scratch, "tape.json")
      const loop = "while :; do sleep 0.01; done"
      const stopped = Effect.gen(function*() {
        const running = yield* Command.start(
          sh(`trap 'echo again' HUP; trap 'echo bye; exit 5' TERM; echo up; ${loop}`)
        )
        yield* running.waitForLine("up")
        yield* running.signal("SIGHUP")
        const again = yield* running.waitForLine("again")
        yield* running.stop()
        return [again, yield* running.result]
      })
      const stubborn = `trap 'echo no' TERM; echo up; ${loop}`
      const killed = Effect.gen(function*() {
        const running = yield* Command.start(sh(stubborn))
        yield* running.waitForLine("up")
        const { forced } = yield* running.stop({ grace: "300 millis" })
        return [forced, yield* running.result]
      })
      const late = Effect.map(
        Command.outputString(sh(stubborn, { timeout: "1 second", stop: { grace: "300 millis" } })),
        ({ outcome, stdout }) => ({ outcome, stdout })
      )
      const session = Effect.map(
        Effect.scoped(Effect.all([stopped, killed, late])),
        (all) =>
          JSON.parse(JSON.stringify(all, (key, value) => key === "duration" || key === "usage" ? undefined : value))
      )
      const recorded = yield* Effect.provide(session, recorder(tape))
      for (const timing of ["immediate", "recorded"] as const) {
        const replayed = Effect.provide(
          session,
          Cassette.layerReplay(tape, { timing }).pipe(Layer.provide(NodeFileSystem.layer))
        )
        assert.deepStrictEqual(yield* replayed, recorded)
      }
      assert.deepInclude(recorded[0][1], { stdout: "bye\n", outcome: Outcome.exited(5) })
      assert.deepInclude(recorded[1][1], { stop: { signal: "SIGTERM", forced: true } })
    }))

  // The end of the feed was taken for the end of the input, which the replayed program then waited for.
  it.live("replays a program that closes its input and runs on", () =>
    Effect.gen(function*() {
      const tape = path.join(yield* scratch, "tape.json")
      const endless = Stream.forever(Stream.make("x".repeat(10_000)))
      const closes = Command.make("sh", ["-c", "exec <&-; echo closed; sleep 0.2; echo over"], { stdin: endless })
      const session = Effect.timeout(Command.run(closes), "30 seconds")
      assert.strictEqual(yield* Effect.provide(session, recorder(tape)), "closed\nover")
      assert.strictEqual(yield* Effect.provide(session, player(tape)), "closed\nover")
    }))

  // A cgroup is empty before anybody hears how the program has ended, and the scope closed in between: no entry.
  it.live("holds a run whose scope closed when its output had ended", () =>
    Effect.gen(function*() {
      const tape = path.join(yield* scratch, "tape.json")
      const session = Effect.gen(function*() {
        const running = yield* Command.start(Command.make("sh", ["-c", "echo said"]))
        return yield* Stream.runCollect(running.stdoutLines)
      })
      const often = Effect.replicateEffect(Effect.scoped(session), 10)
      yield* Effect.provide(often, recorder(tape))
      assert.lengthOf(JSON.parse(fs.readFileSync(tape, "utf8")).entries, 10)
    }))

  it.live("refuses descriptors above the standard ones, which it cannot hold", () =>
    Effect.gen(function*() {
      const tape = path.join(yield* scratch, "tape.json")
      const start = Effect.scoped(
        Effect.flatMap(
          ChildProcess.make("sh", ["-c", "echo three >&3"], { additionalFds: { fd3: { type: "output" } } }),
          (handle) => Stream.runCollect(handle.getOutputFd(3))
        )
      )
      const spawner = Layer.provide(ChildProcessBridge.layerSpawner, recorder(tape))
      const error = yield* Effect.flip(Effect.provide(start, spawner))
      assert.include(String(error.cause), "descriptor")
    }))
})
