import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Batch from "processkit/Batch"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessResult from "processkit/ProcessResult"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, Backend, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

/** Programs that take the milliseconds of their first argument and exit with the code of their second. */
const takesTime = () => {
  const counts = { now: 0, most: 0, runs: 0 }
  const takes: Program = {
    main: (io) => {
      counts.most = Math.max(counts.most, ++counts.now)
      counts.runs++
      const [millis = "0", code = "0"] = io.request.args
      return Effect.ensuring(
        Effect.sleep(Number(millis)).pipe(
          Effect.andThen(io.write("stdout", millis)),
          Effect.as(Outcome.exited(Number(code)))
        ),
        Effect.sync(() => counts.now--)
      )
    }
  }
  return { counts, programs: { takes } }
}

const takes = (millis: number, code = 0): Command.Command => Command.make("takes", [String(millis), String(code)])

const started = Effect.map(Backend, ({ spawned }) => spawned.length)

/** What a result says: its output, or the reason why there is none. */
const said = (outcome: Batch.Outcome<string>): string =>
  Result.match(outcome, { onSuccess: ({ stdout }) => stdout, onFailure: ({ reason }) => reason._tag })

/** Runs an effect to its end under the virtual clock, however many times it has to be moved for that. */
const toEnd = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* Effect.repeat(TestClock.adjust("1 second"), { until: () => fiber.pollUnsafe() !== undefined })
    return yield* Fiber.join(fiber)
  })

const indices = <A>(results: ReadonlyArray<readonly [number, A]>) => results.map(([index]) => index)

describe("a batch", () => {
  it.effect("gives results in the order of its commands, whichever ends first", () =>
    Effect.gen(function*() {
      const results = yield* toEnd(Batch.outputAll([takes(300), takes(100), takes(200)], { concurrency: 3 }))
      assert.deepStrictEqual(results.map(said), ["300", "100", "200"])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("takes a failing command and one that cannot be started for data, each in its place", () =>
    Effect.gen(function*() {
      const commands = [takes(1, 3), Command.make("missing"), Command.make("a\0b"), takes(2)]
      const results = yield* toEnd(Batch.outputAll(commands, { concurrency: 2 }))
      assert.deepStrictEqual(results.map(said), ["1", "NotFound", "InvalidInput", "2"])
      assert.deepStrictEqual(results.map(Result.isSuccess), [true, false, false, true])
      assert.strictEqual(ProcessResult.code(Result.getOrThrow(results[0]!)), 3)
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("of nothing is nothing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Batch.outputAll([], { concurrency: 4 }), [])
      assert.deepStrictEqual(yield* Stream.runCollect(Batch.outputStream([], { concurrency: 4 })), [])
    }).pipe(Effect.provide(scripted())))

  it.effect("can be piped into, and gives bytes where bytes are asked for", () =>
    Effect.gen(function*() {
      const programs = { binary: prints("\u{ff}\n") }
      const results = yield* Batch.outputAllBytes({ concurrency: 1 })([Command.make("binary")]).pipe(
        Effect.provide(scripted(programs))
      )
      assert.deepStrictEqual(results.map((result) => Result.getOrThrow(result).stdout), [
        Uint8Array.of(0xc3, 0xbf, 0x0a)
      ])
      const [first] = yield* Stream.runCollect(
        Batch.outputStreamBytes([Command.make("binary")], { concurrency: 1 })
      ).pipe(Effect.provide(scripted(programs)))
      assert.deepStrictEqual([first?.[0], Result.getOrThrow(first![1]).stdout.length], [0, 3])
    }))

  it.effect.prop(
    "runs every command once and never more at a time than it may",
    {
      millis: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 50 }))),
      concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
    },
    ({ concurrency, millis }) => {
      const { counts, programs } = takesTime()
      return Effect.gen(function*() {
        const results = yield* toEnd(Batch.outputAll(millis.map((time) => takes(time)), { concurrency }))
        assert.deepStrictEqual(results.map(said), millis.map(String))
        assert.strictEqual(counts.runs, millis.length)
        assert.isAtMost(counts.most, concurrency)
      }).pipe(Effect.provide(scripted(programs)))
    }
  )

  it.effect("keeps as many running as it may", () => {
    const { counts, programs } = takesTime()
    return Effect.gen(function*() {
      yield* toEnd(Batch.outputAll(Array.from({ length: 20 }, (_, i) => takes(i % 5)), { concurrency: 7 }))
      assert.strictEqual(counts.most, 7)
    }).pipe(Effect.provide(scripted(programs)))
  })

  it.effect("refuses a concurrency that is none, before anything is started", () =>
    Effect.gen(function*() {
      for (const concurrency of [0, -1, 1.5, Number.NaN, -Infinity, "4" as never, undefined as never]) {
        const all = yield* reasonOf(Batch.outputAll([takes(1)], { concurrency }))
        const stream = yield* reasonOf(Stream.runDrain(Batch.outputStream([takes(1)], { concurrency })))
        for (const reason of [all, stream]) {
          assert.deepInclude(reason, {
            _tag: "InvalidInput",
            field: "concurrency",
            problem: "is not a whole number of at least 1"
          })
        }
      }
      assert.strictEqual(yield* started, 0)
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("counts an infinite concurrency as the largest", () => {
    const { counts, programs } = takesTime()
    return Effect.gen(function*() {
      const commands = Array.from({ length: Batch.maxConcurrency + 10 }, () => takes(1))
      yield* toEnd(Batch.outputAll(commands, { concurrency: Infinity }))
      assert.deepStrictEqual([counts.most, counts.runs], [Batch.maxConcurrency, Batch.maxConcurrency + 10])
    }).pipe(Effect.provide(scripted(programs)))
  })

  it.effect("refuses what JavaScript callers pass, and takes what is no command for a failure in its place", () =>
    Effect.gen(function*() {
      const refused = [
        Batch.outputAll(undefined as never, { concurrency: 1 }),
        Batch.outputAll([], undefined as never),
        Batch.outputAll([], { concurrency: 1, onFailure: "explode" as never }),
        Batch.outputAll([], { concurrency: 1, onProgress: 1 as never }),
        Stream.runDrain(Batch.outputStream([], { concurrency: 1, order: "random" as never }))
      ]
      for (const effect of refused) assert.strictEqual(yield* tagOf<unknown, never>(effect as never), "InvalidInput")
      const results = yield* toEnd(Batch.outputAll([{} as never, takes(1)], { concurrency: 1 }))
      assert.deepStrictEqual(results.map(said), ["InvalidInput", "1"])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("that is interrupted ends everything in flight and starts nothing else", () =>
    Effect.gen(function*() {
      const waiting = Array.from({ length: 10 }, () => Command.make("waits"))
      const fiber = yield* Effect.forkChild(Batch.outputAll(waiting, { concurrency: 3 }))
      yield* settle(200)
      assert.strictEqual((yield* alive).length, 3)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([yield* alive, yield* started], [[], 3])
    }).pipe(Effect.provide(scripted())))

  it.effect("in a group ends with itself and leaves the other members alone", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(Command.make("waits"))
      const fiber = yield* Effect.forkChild(
        ProcessGroup.provide(Batch.outputAll([Command.make("waits"), Command.make("waits")], { concurrency: 2 }), group)
      )
      yield* settle(200)
      assert.strictEqual((yield* group.members).length, 3)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([yield* sibling.isRunning, (yield* group.members).length], [true, 1])
    }).pipe(Effect.provide(scripted())))

  it.effect("tells how far it has got, and which commands failed", () =>
    Effect.gen(function*() {
      const seen: Array<Batch.Progress> = []
      yield* toEnd(
        Batch.outputAll([takes(10), takes(20, 1), Command.make("missing")], {
          concurrency: 2,
          onProgress: (progress) => seen.push(progress)
        })
      )
      assert.deepStrictEqual(seen.map(({ completed, failed, started, total }) => [total, started, completed, failed]), [
        [3, 1, 0, 0],
        [3, 2, 0, 0],
        [3, 2, 1, 0],
        [3, 3, 1, 0],
        [3, 3, 2, 1],
        [3, 3, 3, 2]
      ])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("goes on when its progress callback throws, and says so once", () => {
    const logged: Array<unknown> = []
    let calls = 0
    return Effect.gen(function*() {
      const results = yield* toEnd(
        Batch.outputAll([takes(1), takes(2)], {
          concurrency: 1,
          onProgress: () => {
            calls++
            throw new Error("broken bar")
          }
        })
      )
      assert.deepStrictEqual(results.map(said), ["1", "2"])
      assert.deepStrictEqual([calls, logged.length], [1, 1])
    }).pipe(
      Effect.provide(scripted(takesTime().programs)),
      Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(message))]))
    )
  })

  it.effect("of two thousand commands runs each of them", () => {
    const { counts, programs } = takesTime()
    return Effect.gen(function*() {
      let failed = 0
      yield* toEnd(
        Batch.outputAll(Array.from({ length: 2000 }, (_, i) => takes(1, i % 2)), {
          concurrency: 8,
          onProgress: (progress) => {
            failed = progress.failed
          }
        })
      )
      assert.deepStrictEqual([counts.runs, counts.most, failed], [2000, 8, 1000])
    }).pipe(Effect.provide(scripted(programs)))
  })
})

describe("a batch that ends with its first failure", () => {
  it.effect("gives plain results where there is none", () =>
    Effect.gen(function*() {
      const accepted = Command.setOkCodes(takes(1, 3), [3])
      const results = yield* toEnd(Batch.outputAll([accepted, takes(2)], { concurrency: 2, onFailure: "stop" }))
      assert.deepStrictEqual(results.map(({ stdout }) => stdout), ["1", "2"])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("fails with it, once nothing is left, and starts nothing else", () =>
    Effect.gen(function*() {
      const commands = [Command.make("waits"), takes(10, 7), takes(20), takes(20)]
      const reason = yield* toEnd(reasonOf(Batch.outputAll(commands, { concurrency: 2, onFailure: "stop" })))
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 7 })
      assert.deepStrictEqual([yield* alive, yield* started], [[], 2])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("gives what was complete before it, as a stream", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const commands = [takes(10), takes(30, 2), takes(500)]
      const stream = Batch.outputStream(commands, { concurrency: 3, onFailure: "stop" })
      const tag = yield* toEnd(tagOf(Stream.runForEach(stream, ([index, { stdout }]) =>
        Effect.sync(() => {
          seen.push(`${index} ${stdout}`)
        }))))
      assert.deepStrictEqual([tag, seen, yield* alive], ["NonZeroExit", ["0 10"], []])
    }).pipe(Effect.provide(scripted(takesTime().programs))))
})

describe("a stream of results", () => {
  it.effect("gives each as soon as it is there, with the index of its command", () =>
    Effect.gen(function*() {
      const stream = Batch.outputStream([takes(30), takes(10), takes(20)], { concurrency: 3 })
      assert.deepStrictEqual(indices(yield* toEnd(Stream.runCollect(stream))), [1, 2, 0])
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("gives them in the order of the commands where that is asked for, and runs no further ahead than it may", () => {
    const { counts, programs } = takesTime()
    return Effect.gen(function*() {
      const commands = [takes(1000), ...Array.from({ length: 20 }, () => takes(1))]
      const fiber = yield* Effect.forkChild(
        Stream.runCollect(Batch.outputStream(commands, { concurrency: 4, order: "input" }))
      )
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(counts.runs, 4)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(indices(yield* Fiber.join(fiber)), commands.map((_, i) => i))
    }).pipe(Effect.provide(scripted(programs)))
  })

  it.effect("starts nothing before it is pulled, and draws commands when their turn comes", () => {
    const { programs } = takesTime()
    let drawn = 0
    const endless = function*() {
      while (true) {
        drawn++
        yield takes(1)
      }
    }
    return Effect.gen(function*() {
      const stream = Batch.outputStream(endless(), { concurrency: 3 })
      yield* settle()
      assert.strictEqual(drawn, 0)
      const results = yield* toEnd(Stream.runCollect(Stream.take(stream, 5)))
      assert.strictEqual(results.length, 5)
      assert.isAtMost(drawn, 9)
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted(programs)))
  })

  it.effect("is held up by a consumer that is behind", () => {
    const { counts, programs } = takesTime()
    return Effect.gen(function*() {
      const commands = Array.from({ length: 50 }, () => takes(1))
      const slowly = Stream.runForEach(Batch.outputStream(commands, { concurrency: 2 }), () => Effect.sleep("1 second"))
      const fiber = yield* Effect.forkChild(slowly)
      yield* TestClock.adjust("900 millis")
      assert.isAtMost(counts.runs, 5)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.strictEqual(counts.runs, 50)
    }).pipe(Effect.provide(scripted(programs)))
  })

  it.effect("whose consumer leaves ends everything in flight, starts nothing else and lets the source clean up", () =>
    Effect.gen(function*() {
      let cleaned = 0
      const source = function*() {
        try {
          yield takes(1)
          while (true) yield Command.make("waits")
        } finally {
          cleaned++
        }
      }
      const first = yield* toEnd(Stream.runHead(Batch.outputStream(source(), { concurrency: 3 })))
      assert.strictEqual(first._tag, "Some")
      assert.deepStrictEqual([yield* alive, cleaned], [[], 1])
      assert.isAtMost(yield* started, 4)
    }).pipe(Effect.provide(scripted(takesTime().programs))))

  it.effect("does not know its length where its source does not", () =>
    Effect.gen(function*() {
      const totals = new Set<number | undefined>()
      const onProgress = ({ total }: Batch.Progress) => totals.add(total)
      const stream = (commands: Iterable<Command.Command>) =>
        Stream.runDrain(Batch.outputStream(commands, { concurrency: 1, onProgress }))
      yield* toEnd(stream([takes(1)].values()))
      yield* toEnd(stream(new Set([takes(1)])))
      assert.deepStrictEqual([...totals], [undefined, 1])
    }).pipe(Effect.provide(scripted(takesTime().programs))))
})
