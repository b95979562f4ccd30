import { assert, describe, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as Stats from "processkit/Stats"
import { survivors } from "./oracle.ts"
import { has, sh } from "./programs.ts"
import { allowance } from "./slowness.ts"

/** Asks again until an answer fits; a test that waits for ever says what it last saw. */
const eventually = <E, R>(
  look: Effect.Effect<Stats.ProcessGroupStats, E, R>,
  fits: (stats: Stats.ProcessGroupStats) => boolean
) =>
  Effect.repeat(look, { until: fits, schedule: Schedule.spaced("20 millis") }).pipe(
    Effect.timeoutOrElse({
      duration: allowance(20_000),
      orElse: () => Effect.flatMap(look, (last) => Effect.sync(() => assert.fail(JSON.stringify(last))))
    })
  )

const millis = ({ cpuTime }: Stats.ProcessGroupStats): number => cpuTime === undefined ? -1 : Duration.toMillis(cpuTime)

const spins = "while :; do :; done"

/** Holds 64 MiB that it has written to. */
const holds = "const b = Buffer.alloc(64 * 2 ** 20, 1); console.log(b.length); setInterval(() => b, 1e6)"

const mechanisms: Record<string, Layer.Layer<NodeProcessRunner.Provided>> = {
  "the best mechanism": NodeProcessRunner.layer,
  subreaper: NodeProcessRunner.layerSubreaper,
  "process-group": NodeProcessRunner.layerProcessGroup()
}

for (const [name, runner] of Object.entries(mechanisms)) {
  describe(`statistics under ${name}`, () => {
    layer(runner, { excludeTestServices: true })((it) => {
      it.effect("count the living, and see them go", () =>
        Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          const empty = yield* group.stats
          assert.strictEqual(empty.processes, 0)
          assert.strictEqual(empty.memoryBytes, 0)
          const tree = yield* group.start(sh("sleep 600 & sleep 600 & wait"))
          const single = yield* group.start(Command.make("sleep", ["600"]))
          yield* eventually(group.stats, ({ processes }) => processes === 4)
          assert.strictEqual((yield* tree.stats).processes, 3)
          assert.strictEqual((yield* single.stats).processes, 1)
          yield* single.kill
          yield* eventually(group.stats, ({ processes }) => processes === 3)
          yield* group.kill
          assert.strictEqual((yield* group.stats).processes, 0)
        }).pipe(Effect.scoped))

      it.effect("show the time of a spinner, and no more than there was", () =>
        Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          const started = performance.now()
          const running = yield* group.start(sh(`(${spins}) & wait`))
          const seen = yield* eventually(running.stats, (stats) => millis(stats) >= 300)
          // One busy process cannot have used more than one core, give or take a tick.
          assert.isAtMost(millis(seen), performance.now() - started + 100)
          assert.isAtLeast(millis(yield* group.stats), 300)
        }).pipe(Effect.scoped))

      it.effect("show memory that is held, and the peak of it", () =>
        Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          const running = yield* group.start(Command.make(process.execPath, ["-e", holds]))
          yield* Stream.runHead(running.stdoutLines)
          for (const { memoryBytes, peakMemoryBytes } of [yield* running.stats, yield* group.stats]) {
            assert.isAbove(memoryBytes ?? 0, 64 * 2 ** 20)
            assert.isBelow(memoryBytes ?? 0, 2 ** 30)
            assert.isAtLeast(peakMemoryBytes ?? 0, memoryBytes ?? 0)
          }
        }).pipe(Effect.scoped))

      // behaviour 124
      it.effect("make a live series that ends with the group", () =>
        Effect.gen(function*() {
          const series = yield* Effect.scoped(Effect.gen(function*() {
            const group = yield* ProcessGroup.make
            yield* group.start(sh(spins))
            const taken = yield* Stream.runCollect(Stream.take(group.sampleStats("30 millis"), 8))
            // On a busy machine a spinner may have got nothing by then.
            const grows = (stats: Stats.ProcessGroupStats) =>
              millis(stats) > (taken[0] === undefined ? 0 : millis(taken[0]))
            yield* Effect.repeat(group.stats, { until: grows })
            return [taken, group] as const
          }))
          const [samples, group] = series
          assert.deepEqual(samples.map(({ processes }) => processes), Array.from({ length: 8 }, () => 1))
          const times = samples.map(millis)
          assert.deepEqual(times, times.toSorted((a, b) => a - b))
          assert.deepEqual(yield* Stream.runCollect(group.sampleStats("30 millis")), [])
          assert.deepEqual(survivors(), [])
        }))

      // P12
      it.effect("of members that vanish all the time are an answer and no error", () =>
        Effect.gen(function*() {
          const group = yield* ProcessGroup.make
          yield* group.start(sh("while :; do /bin/true & /bin/true; done"))
          // Each of them has looked at processes that were gone a moment later.
          const samples = yield* Stream.runCollect(Stream.take(group.sampleStats("1 millis"), 12))
          assert.strictEqual(samples.length, 12)
          for (const stats of samples) {
            assert.isAtLeast(stats.processes, 0)
            assert.isAtLeast(stats.memoryBytes ?? 0, 0)
          }
        }).pipe(Effect.scoped))

      it.effect("profile a run: outcome, duration, time, peak and samples", () =>
        Effect.gen(function*() {
          const least = Math.ceil(allowance(600))
          const script = `const b = Buffer.alloc(64 * 2 ** 20, 1); const end = Date.now() + ${least};` +
            " while (Date.now() < end) b[0]++; process.exitCode = 7"
          const running = yield* Command.start(Command.make(process.execPath, ["-e", script]))
          const profile = yield* running.profile("20 millis")
          assert.deepEqual(profile.outcome, Outcome.exited(7))
          const duration = Duration.toMillis(profile.duration)
          assert.isAtLeast(duration, least)
          assert.isAbove(profile.peakMemoryBytes ?? 0, 64 * 2 ** 20)
          assert.isAtLeast(profile.samples, 3)
          const cpu = profile.cpuTime === undefined ? -1 : Duration.toMillis(profile.cpuTime)
          assert.isAtLeast(cpu, 30)
          assert.closeTo(profile.averageCores ?? -1, cpu / duration, 1e-9)
        }).pipe(Effect.scoped))
    })
  })
}

layer(NodeProcessRunner.layer, { excludeTestServices: true })("statistics of what has ended", (it) => {
  it.effect("are what the system reported at the exit, also of a run too short to be sampled", () =>
    Effect.gen(function*() {
      const { ownerDeath } = yield* NodeProcessRunner.containment
      if (!has("a mechanism that reports usage", ownerDeath === "whole")) return
      const running = yield* Command.start(Command.make("true"))
      const profile = yield* running.profile("1 hour")
      assert.isAbove(profile.peakMemoryBytes ?? 0, 0)
      assert.isDefined(profile.cpuTime)
      assert.strictEqual((yield* running.stats).processes, 0)
      assert.isAbove((yield* running.stats).peakMemoryBytes ?? 0, 0)
    }).pipe(Effect.scoped))

  it.effect("of a cgroup never shrink, though those are gone who used the time", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      if (!has("cgroup-v2", group.mechanism === "cgroup-v2")) return
      const running = yield* group.start(sh(spins))
      const used = millis(yield* eventually(group.stats, (stats) => millis(stats) >= 200))
      yield* running.kill
      assert.isAtLeast(millis(yield* group.stats), used)
      yield* group.start(Command.make("sleep", ["600"]))
      assert.isAtLeast(millis(yield* group.stats), used)
    }).pipe(Effect.scoped))

  it.effect("of a pipeline are those of all its stages", () =>
    Effect.gen(function*() {
      const running = yield* Pipeline.start(Pipeline.make(Command.make("sleep", ["600"]), Command.make("cat")))
      const { memoryBytes } = yield* eventually(running.stats, ({ processes }) => processes === 2)
      assert.isAbove(memoryBytes ?? 0, 0)
    }).pipe(Effect.scoped))
})
