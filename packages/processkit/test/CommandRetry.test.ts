import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Stdin from "processkit/Stdin"
import { Reply, ScriptedRunner } from "processkit/testing"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, Backend, countedAbort, prints, scripted, settle, tagOf } from "./scripted.ts"

const thrice = Schedule.recurs(3)
const always = { schedule: thrice, while: () => true }

const attempts = Effect.map(Backend, ({ spawned }) => spawned.length)

/** Fails the first times with the codes, then works. */
const failing = (...codes: ReadonlyArray<number>): Record<string, Program> => {
  let run = 0
  return { flaky: { main: (io) => prints("fine\n", codes[run++] ?? 0).main(io) } }
}

const flaky = (retry: Command.Retry) => Command.make("flaky", { retry })

/** What the two counters of retries say, by reason, in a registry of their own. */
const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    yield* Effect.exit(effect)
    const found: Record<string, unknown> = {}
    for (const { attributes, id, state } of yield* Metric.snapshot) {
      const [, name] = /^processkit_retries_(?:(exhausted)_)?total$/.exec(id) ?? []
      if (id.startsWith("processkit_retries")) {
        found[`${name ?? "again"} ${JSON.stringify(attributes)}`] = "count" in state ? state.count : undefined
      }
    }
    return found
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

describe("the counters of retries", () => {
  it.effect("count each attempt after the first by the tag of the reason before, and nothing else of it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* counted(Command.run(flaky(always))), { "again {\"reason\":\"NonZeroExit\"}": 2 })
    }).pipe(Effect.provide(scripted(failing(1, 2)))))

  it.effect("count a verb that failed in the end by its last reason", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* counted(Command.run(flaky(always))), {
        "again {\"reason\":\"NonZeroExit\"}": 3,
        "exhausted {\"reason\":\"NonZeroExit\"}": 1
      })
    }).pipe(Effect.provide(scripted(failing(1, 2, 3, 4, 5)))))

  it.effect("say nothing of a verb that worked, or that was not worth another attempt", () =>
    Effect.gen(function*() {
      const never = { schedule: thrice, while: () => false }
      assert.deepStrictEqual(yield* counted(Command.run(flaky(never))), {})
      assert.deepStrictEqual(yield* counted(Command.run(flaky(always))), {})
    }).pipe(Effect.provide(scripted(failing(1)))))

  it.effect("do not count an attempt that was only waited for", () =>
    Effect.gen(function*() {
      const slow = flaky({ schedule: Schedule.spaced("1 hour"), while: () => true })
      const interrupted = Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Command.run(slow))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.interrupt(fiber)
      })
      assert.deepStrictEqual(yield* counted(interrupted), {})
    }).pipe(Effect.provide(scripted(failing(1)))))
})

describe("retry", () => {
  it.effect("repeats a verb that checks until it works", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.run(flaky(always)), "fine")
      assert.strictEqual(yield* attempts, 3)
    }).pipe(Effect.provide(scripted(failing(1, 2)))))

  it.effect("gives up with the last failure when the schedule ends", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Command.run(flaky(always)))
      assert.deepInclude(error.reason, { _tag: "NonZeroExit", code: 4 })
      assert.strictEqual(yield* attempts, 4)
    }).pipe(Effect.provide(scripted(failing(1, 2, 3, 4, 5)))))

  it.effect("is for verbs that check, not for those whose failure is data", () =>
    Effect.gen(function*() {
      const verbs = {
        run: Command.run,
        runUnit: Command.runUnit,
        checked: Command.checked,
        probe: Command.probe,
        parse: Command.parse(() => 1),
        tryParse: Command.tryParse(() => Result.succeed(1)),
        outputString: Command.outputString,
        outputBytes: Command.outputBytes,
        exitCode: Command.exitCode,
        firstLine: Command.firstLine(() => false),
        stdoutLines: (command: Command.Command) => Stream.runDrain(Command.stdoutLines(command))
      }
      const counts: Record<string, number> = {}
      for (const [name, verb] of Object.entries(verbs)) {
        counts[name] = yield* Effect.andThen(Effect.ignore(verb(flaky(always))), attempts).pipe(
          Effect.provide(scripted(failing(2, 2)))
        )
      }
      assert.deepStrictEqual(counts, {
        run: 3,
        runUnit: 3,
        checked: 3,
        probe: 3,
        parse: 3,
        tryParse: 3,
        outputString: 1,
        outputBytes: 1,
        exitCode: 1,
        firstLine: 1,
        stdoutLines: 1
      })
    }))

  it.effect("of exitCode repeats what is no code", () =>
    Effect.gen(function*() {
      const command = Command.make("diesBySignal", ["SIGSEGV"], { retry: always })
      assert.strictEqual(yield* tagOf(Command.exitCode(command)), "Signaled")
      assert.strictEqual(yield* attempts, 4)
    }).pipe(Effect.provide(scripted())))

  it.effect("shows the typed error to the classifier, and stops where it says no", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const retry: Command.Retry = {
        schedule: thrice,
        while: ({ reason }) => {
          if (reason._tag === "NonZeroExit") seen.push(reason.code)
          return reason._tag === "NonZeroExit" && reason.code !== 2
        }
      }
      assert.strictEqual(yield* tagOf(Command.run(flaky(retry))), "NonZeroExit")
      assert.deepStrictEqual(seen, [1, 2])
    }).pipe(Effect.provide(scripted(failing(1, 2, 3)))))

  it.effect("without a classifier repeats transient failures only", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(flaky({ schedule: thrice }))), "NonZeroExit")
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(scripted(failing(1, 2)))))

  it.effect("without a classifier repeats a start for which the system had no resources", () =>
    Effect.gen(function*() {
      let starts = 0
      const below = yield* Backend
      const exhausted = ProcessError.make(new ProcessError.ResourceExhausted({ program: "flaky", errno: "EAGAIN" }))
      const error = yield* Effect.flip(
        Command.run(flaky({ schedule: thrice })).pipe(
          Effect.provideService(
            ProcessRunner.ProcessRunner,
            ProcessRunner.fromBackend({
              ...below.service,
              open: Effect.suspend(() => {
                starts++
                return Effect.fail(exhausted)
              })
            })
          )
        )
      )
      assert.deepStrictEqual([error.reason._tag, starts], ["ResourceExhausted", 4])
    }).pipe(Effect.provide(scripted())))

  it.effect("never repeats a cancelled run", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const fiber = yield* Effect.forkChild(
        tagOf(Command.run(Command.make("waits", { cancelOn: signal, retry: always })))
      )
      yield* settle()
      abort()
      assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("is not for input that can be fed once", () =>
    Effect.gen(function*() {
      const once = Command.setStdin(flaky(always), Stdin.once(Stream.make("a")))
      assert.strictEqual(yield* tagOf(Command.run(once)), "NonZeroExit")
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(scripted(failing(1, 1)))))

  it.effect("is for a start that failed, also where its input can be fed once", () =>
    Effect.gen(function*() {
      const stdin = Stdin.once(Stream.make("a"))
      const command = Command.make("tool", { stdin, retry: { schedule: Schedule.recurs(3), while: () => true } })
      assert.strictEqual(yield* Command.run(command), "done")
      // By then the input is used up.
      assert.strictEqual(yield* tagOf(Command.run(command)), "AlreadyConsumed")
    }).pipe(
      Effect.provide(
        ScriptedRunner.layer(ScriptedRunner.on(["tool"], Reply.notFound, Reply.notFound, Reply.ok("done")))
      )
    ))

  it.effect("feeds input that can be fed again to every attempt", () =>
    Effect.gen(function*() {
      let run = 0
      const reads: Program = { main: (io) => Effect.andThen(drain(io.read), prints("", run++ === 0 ? 1 : 0).main(io)) }
      const below = yield* Effect.gen(function*() {
        yield* Command.make("reads", { stdin: Stdin.lines(["a", "b"]), retry: always })
        return yield* Backend
      }).pipe(Effect.provide(scripted({ reads })))
      const fed = below.spawned.map(({ input }) => input.map((bytes) => new TextDecoder().decode(bytes)).join(""))
      assert.deepStrictEqual(fed, ["a\nb\n", "a\nb\n"])
    }))

  it.effect("waits on the virtual clock, with nothing running meanwhile", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Command.run(flaky({ schedule: Schedule.exponential("1 second"), while: () => true }))
      )
      yield* settle()
      assert.deepStrictEqual([yield* attempts, yield* alive], [1, []])
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* attempts, 1)
      yield* TestClock.adjust("1 millis")
      yield* settle()
      assert.strictEqual(yield* attempts, 2)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "fine")
    }).pipe(Effect.provide(scripted(failing(1, 1)))))

  it.effect("gives every attempt a deadline of its own", () =>
    Effect.gen(function*() {
      const command = Command.make("waits", {
        timeout: "1 second",
        retry: { schedule: Schedule.recurs(1), while: () => true }
      })
      const fiber = yield* Effect.forkChild(tagOf(Command.run(command)))
      yield* TestClock.adjust("1500 millis")
      assert.deepStrictEqual([fiber.pollUnsafe(), yield* attempts], [undefined, 2])
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "TimedOut")
    }).pipe(Effect.provide(scripted())))
})

const drain = (read: Effect.Effect<Uint8Array | undefined>): Effect.Effect<void> =>
  Effect.flatMap(read, (bytes) => bytes === undefined ? Effect.void : drain(read))
