import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Batch from "processkit/Batch"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessResult from "processkit/ProcessResult"
import { eventually, hasProc, openDescriptors, survivors, throughout } from "./oracle.ts"
import { has, reasonOf, run, sh, timed } from "./programs.ts"

const canCount = has("/proc, to count processes", hasProc)

/** Counts the processes alive while an effect runs, as often as it can, and gives the most it saw. */
const most = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    let seen = 0
    const timer = setInterval(() => {
      seen = Math.max(seen, survivors().length)
    }, 3)
    return Effect.ensuring(
      Effect.map(effect, (value) => [value, seen] as const),
      Effect.sync(() => clearInterval(timer))
    )
  })

/** A named pipe that programs wait at, each for a line of its own. */
const freshFifo = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "batch-"))
    const file = path.join(directory, "gate")
    execFileSync("mkfifo", [file])
    const descriptor = fs.openSync(file, fs.constants.O_RDWR)
    return { path: file, directory, descriptor, write: (text: string) => void fs.writeSync(descriptor, text) }
  }),
  ({ descriptor, directory }) =>
    Effect.sync(() => {
      fs.closeSync(descriptor)
      fs.rmSync(directory, { recursive: true })
    })
)

layer(NodeProcessRunner.layer, { excludeTestServices: true })("a batch of real programs", (it) => {
  it.effect("gives exit codes, signals and failures to start, each in its place", () =>
    Effect.gen(function*() {
      const commands = [
        sh("echo one"),
        sh("exit 3"),
        Command.make("no-such-program"),
        sh("kill -9 $$"),
        sh("echo five")
      ]
      const results = yield* Batch.outputAll(commands, { concurrency: 2 })
      const said = results.map(Result.match({
        onSuccess: ({ outcome, stdout }) =>
          outcome._tag === "Exited" ? `${stdout.trim()} ${outcome.code}` : outcome._tag,
        onFailure: ({ reason }) => reason._tag
      }))
      assert.deepStrictEqual(said, ["one 0", " 3", "NotFound", "Signaled", "five 0"])
    }))

  it.effect.runIf(canCount)("keeps as many processes alive as it may, and never more", () =>
    Effect.gen(function*() {
      const gate = yield* freshFifo
      // Each of them ends by one byte of the gate.
      const commands = Array.from({ length: 24 }, () => sh("read -r line < \"$1\"", [gate.path]))
      const opening = eventually("four are there", () => survivors().length === 4).pipe(
        Effect.andThen(Effect.sync(() => gate.write("\n".repeat(24))))
      )
      const batch = Effect.all([Batch.outputAll(commands, { concurrency: 4 }), opening], { concurrency: 2 })
      const [[results], seen] = yield* most(batch)
      assert.isTrue(results.every((result) => ProcessResult.isSuccess(Result.getOrThrow(result))))
      assert.strictEqual(seen, 4)
    }))

  it.effect.runIf(canCount)(
    "of six hundred commands leaves no process and no descriptor, however they end",
    () =>
      Effect.gen(function*() {
        const ends = [
          sh("exit 0"),
          sh("exit 1"),
          Command.make("no-such-program"),
          sh("kill -TERM $$"),
          sh("sleep 60 & exit 0")
        ]
        const commands = Array.from({ length: 600 }, (_, i) => ends[i % ends.length] ?? sh("exit 0"))
        yield* Batch.outputAll(commands.slice(0, 20), { concurrency: 8 })
        const before = openDescriptors()
        let last: Batch.Progress | undefined
        const results = yield* Batch.outputAll(commands, {
          concurrency: 8,
          onProgress: (progress) => {
            last = progress
          }
        })
        assert.strictEqual(results.length, 600)
        assert.deepStrictEqual(last, { total: 600, started: 600, completed: 600, failed: 360 })
        assert.deepStrictEqual(survivors(), [])
        yield* eventually("every descriptor is closed", () => openDescriptors() <= before + 1)
      })
  )

  it.effect.runIf(canCount)(
    "that is interrupted takes every tree in flight along, and starts nothing afterwards",
    () =>
      Effect.gen(function*() {
        const commands = Array.from({ length: 40 }, () => run("new-session.sh"))
        const fiber = yield* Effect.forkChild(Batch.outputAll(commands, { concurrency: 5 }), { startImmediately: true })
        yield* eventually("five trees of four run", () => survivors().length === 20)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(survivors(), [])
        yield* throughout("nothing is started", () => survivors().length === 0)
      })
  )

  it.effect("that is interrupted waits for one grace, not for one after the other", () =>
    Effect.gen(function*() {
      const stubborn = run("ignores-sigterm.sh", [], { stop: { grace: "1 second" } })
      const stream = Batch.outputStream(Array.from({ length: 8 }, () => stubborn), { concurrency: 8 })
      for (
        const batch of [
          Batch.outputAll(Array.from({ length: 8 }, () => stubborn), { concurrency: 8 }),
          Stream.runDrain(stream)
        ]
      ) {
        const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
        yield* eventually("all of them run", () => survivors().length >= 8)
        const [, elapsed] = yield* timed(Fiber.interrupt(fiber))
        assert.isBelow(elapsed, 7000)
        assert.deepStrictEqual(survivors(), [])
      }
    }))

  it.effect("ends with its first failure where that is asked for, and leaves nothing", () =>
    Effect.gen(function*() {
      const commands = [sh("sleep 60"), sh("sleep 0.1; echo broken >&2; exit 9"), sh("sleep 60"), sh("sleep 60")]
      const [reason, elapsed] = yield* timed(
        reasonOf(Batch.outputAll(commands, { concurrency: 3, onFailure: "stop" }))
      )
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 9, stderr: "broken\n" })
      assert.isBelow(elapsed, 20_000)
      assert.deepStrictEqual(survivors(), [])
    }))

  it.effect("streams results as they come, and ends what is in flight when its consumer leaves", () =>
    Effect.gen(function*() {
      const gate = yield* freshFifo
      const commands = [sh("sleep 60"), sh("read -r line < \"$1\"", [gate.path]), sh("echo c"), sh("sleep 60")]
      const stream = Stream.tap(
        Batch.outputStream(commands, { concurrency: 3 }),
        () => Effect.sync(() => gate.write("\n"))
      )
      const [first, second] = yield* Stream.runCollect(Stream.take(stream, 2))
      assert.deepStrictEqual([first?.[0], second?.[0]], [2, 1])
      assert.deepStrictEqual(survivors(), [])
    }))

  it.effect("inside a group leaves its other members alone", () =>
    Effect.scoped(Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(Command.make("sleep", ["60"]))
      const batch = Batch.outputAll([sh("echo in"), Command.make("sleep", ["60"])], { concurrency: 2 })
      assert.isTrue((yield* Effect.timeoutOption(ProcessGroup.provide(batch, group), "400 millis"))._tag === "None")
      assert.isTrue(yield* sibling.isRunning)
      assert.deepStrictEqual<ReadonlyArray<number | undefined>>(yield* group.members, [sibling.pid])
    })))
})
