import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import type * as Stats from "processkit/Stats"
import { untilNextTick } from "../src/internal/sampler.ts"
import * as StatsModel from "../src/internal/stats.ts"
import { reasonOf, scripted, settle } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"

const full: Stats.ProcessGroupStats = {
  processes: 2,
  cpuTime: Duration.seconds(1),
  memoryBytes: 100,
  peakMemoryBytes: 300,
  peakTasks: 5,
  ioReadBytes: 10,
  ioWriteBytes: 20
}

const waits = Command.make("waits")

const nanos = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 53 - 1 }))

/** A runner whose groups answer questions for statistics with an effect of the test's. */
const answering = (stats: Effect.Effect<Stats.ProcessGroupStats, ProcessError.ProcessError>) =>
  Effect.provideService(
    ProcessRunner.ProcessRunner,
    ProcessRunner.fromBackend(mapContainer(backend().service, () => ({ stats })))
  )

const failed = ProcessError.make(
  new ProcessError.IoFailed({ program: undefined, operation: "reading statistics", errno: "EIO" })
)

describe("Stats", () => {
  it("of nothing but a number of processes leave everything else unknown, and never zero", () => {
    const { processes, ...rest } = StatsModel.counted(3)
    assert.strictEqual(processes, 3)
    assert.deepStrictEqual([...new Set(Object.values(rest))], [undefined])
  })

  it("add up, and what is unknown of one is unknown of all", () => {
    const both = StatsModel.sum([full, full])
    assert.deepStrictEqual(both, {
      processes: 4,
      cpuTime: Duration.seconds(2),
      memoryBytes: 200,
      peakMemoryBytes: 300,
      peakTasks: undefined,
      ioReadBytes: 20,
      ioWriteBytes: 40
    })
    assert.deepStrictEqual(StatsModel.sum([full, StatsModel.counted(1)]), StatsModel.counted(3))
    assert.deepStrictEqual(StatsModel.sum([]), StatsModel.counted(0))
  })

  it("keep the larger of what was seen and what was reported at the exit", () => {
    const usage = { userTime: Duration.seconds(2), systemTime: Duration.seconds(1), peakMemoryBytes: 200 }
    const ended = StatsModel.withUsage(full, usage)
    assert.deepStrictEqual(ended.cpuTime, Duration.seconds(3))
    assert.strictEqual(ended.peakMemoryBytes, 300)
    assert.strictEqual(StatsModel.withUsage(StatsModel.counted(0), usage).peakMemoryBytes, 200)
    assert.strictEqual(StatsModel.withUsage(full, undefined), full)
  })

  it("make an average of the time used by the time passed, unless one of them is unknown or nothing", () => {
    assert.strictEqual(StatsModel.averageCores(Duration.seconds(1), Duration.seconds(2)), 0.5)
    assert.strictEqual(StatsModel.averageCores(Duration.zero, Duration.seconds(2)), 0)
    assert.isUndefined(StatsModel.averageCores(undefined, Duration.seconds(1)))
    assert.isUndefined(StatsModel.averageCores(Duration.seconds(1), Duration.zero))
  })
})

describe("the next tick", () => {
  it.prop("is the first multiple of the interval after now", [nanos, nanos], ([elapsed, every]) => {
    const interval = BigInt(every) + 1n
    const wait = untilNextTick(BigInt(elapsed), interval)
    assert.strictEqual((BigInt(elapsed) + wait) % interval, 0n)
    assert.isTrue(wait > 0n && wait <= interval)
  })
})

describe("sampleStats", () => {
  it.effect("looks at once and then at every multiple of the interval", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(waits)
      const seen: Array<number> = []
      const sampling = yield* Effect.forkChild(
        Stream.runForEach(group.sampleStats("1 second"), ({ processes }) => Effect.sync(() => seen.push(processes)))
      )
      yield* settle()
      assert.deepStrictEqual(seen, [1])
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(seen, [1])
      yield* group.start(waits)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen, [1, 2])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(seen, [1, 2, 2, 2, 2])
      yield* Fiber.interrupt(sampling)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("leaves out the ticks that a slow look has missed", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      let looks = 0
      const sampling = yield* Effect.forkChild(
        Stream.runForEach(Stream.take(group.sampleStats("1 second"), 3), () => Effect.sync(() => looks++))
      )
      // Looks take 2.5 seconds: at 0, then at 3 and at 6, and not at 2.5 nor all of those missed.
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(looks, 1)
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual(looks, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(looks, 2)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(looks, 3)
      yield* Fiber.join(sampling)
    }).pipe(Effect.scoped, answering(Effect.delay(Effect.succeed(full), "2500 millis"))))

  // behaviour 125
  it.effect("takes an interval of zero for a millisecond", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      let looks = 0
      const sampling = yield* Effect.forkChild(
        Stream.runForEach(group.sampleStats(0), () => Effect.sync(() => looks++))
      )
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(looks, 11)
      yield* Fiber.interrupt(sampling)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("refuses an interval that is none, by name", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      for (const every of [Number.NaN, -1]) {
        const reason = yield* reasonOf(Stream.runDrain(group.sampleStats(every)))
        assert.strictEqual(reason._tag, "InvalidInput")
        assert.include(reason.message, "sampling interval")
      }
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  // P12
  it.effect("ends as soon as the group closes, however long the interval, and is empty afterwards", () =>
    Effect.gen(function*() {
      for (const every of ["1 hour", Duration.infinity] as const) {
        const scope = yield* Scope.make()
        const group = yield* Scope.provide(ProcessGroup.make, scope)
        const sampling = yield* Effect.forkChild(Stream.runCollect(group.sampleStats(every)))
        yield* settle()
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Fiber.join(sampling)).length, 1)
        assert.deepStrictEqual(yield* Stream.runCollect(group.sampleStats(every)), [])
        assert.strictEqual((yield* reasonOf(group.stats))._tag, "GroupClosed")
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("ends with the first look that fails", () => {
    let looks = 0
    const twice = Effect.suspend(() => looks++ < 2 ? Effect.succeed(full) : Effect.fail(failed))
    return Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sampling = yield* Effect.forkChild(Stream.runCollect(group.sampleStats("1 second")))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(sampling), [full, full])
      assert.strictEqual(looks, 3)
    }).pipe(Effect.scoped, answering(twice))
  })
})

describe("profile", () => {
  it.effect("waits for the run and sums up what was seen of it", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("works"))
      const profile = yield* Effect.forkChild(running.profile("100 millis"))
      yield* TestClock.adjust("1 second")
      const { samples, ...rest } = yield* Fiber.join(profile)
      assert.deepStrictEqual(rest, {
        outcome: Outcome.exited(3),
        duration: Duration.nanos(1_000_000_000n),
        cpuTime: Duration.millis(250),
        peakMemoryBytes: 4096,
        averageCores: 0.25
      })
      assert.isAtLeast(samples, 10)
      // The same once more, of a run that is over.
      assert.deepStrictEqual((yield* running.profile("100 millis")).cpuTime, Duration.millis(250))
    }).pipe(
      Effect.scoped,
      Effect.provide(scripted({
        works: {
          main: () =>
            Effect.delay(
              Effect.succeed({
                exit: Outcome.exited(3),
                usage: { userTime: Duration.millis(200), systemTime: Duration.millis(50), peakMemoryBytes: 4096 }
              }),
              "1 second"
            )
        }
      }))
    ))

  it.effect("leaves unknown what nobody said", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("exitsWith", ["0"]))
      const profile = yield* running.profile("1 second")
      assert.isUndefined(profile.cpuTime)
      assert.isUndefined(profile.peakMemoryBytes)
      assert.isUndefined(profile.averageCores)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("refuses an interval that is none, and then waits for nothing", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(waits)
      assert.strictEqual((yield* reasonOf(running.profile(-1)))._tag, "InvalidInput")
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("of a pipeline counts every stage", () =>
    Effect.gen(function*() {
      const running = yield* Pipeline.start(Pipeline.make(waits, waits))
      assert.strictEqual((yield* running.stats).processes, 2)
      yield* running.kill
      assert.strictEqual((yield* running.stats).processes, 0)
      assert.strictEqual((yield* running.profile("1 second")).samples, 0)
    }).pipe(Effect.scoped, Effect.provide(scripted())))
})
