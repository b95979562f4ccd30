import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { intBetween } from "./arbitraries.ts"
import * as Model from "./restartModel.ts"
import { Backend, prints, scripted } from "./scripted.ts"
import { pick } from "./supervised.ts"

/** What a test sees of a supervision. */
interface Seen {
  readonly starts: Array<number>
  /** How many processes were alive when each life began; its own one among them. */
  readonly company: Array<number>
}

/** Plays a script of lives, and writes down when each began by the monotonic clock, and who else was there. */
const plays = (script: ReadonlyArray<Model.Life>, seen: Seen, alive: () => number): Program => ({
  main: (io) =>
    Effect.gen(function*() {
      const life = script[seen.starts.length] ?? { kind: "clean", uptime: 0 }
      seen.starts.push(Number(yield* Clock.monotonicTimeNanos) / 1e6)
      seen.company.push(alive())
      // Left behind by every life, so that there is somebody to meet.
      yield* io.fork({ main: () => Effect.never, holdsPipes: false })
      yield* life.kind === "liveness" ? Effect.never : Effect.sleep(life.uptime)
      return Outcome.exited(life.kind === "clean" ? 0 : 1)
    })
})

/** A health check that fails when the script says so. */
const healthOf = (script: ReadonlyArray<Model.Life>, seen: Seen): Supervisor.HealthCheck => ({
  every: 5000,
  failures: 1,
  check: Effect.sync(() => script[seen.starts.length - 1]?.kind !== "liveness")
})

const policies = { always: RestartPolicy.always, onCrash: RestartPolicy.onCrash, never: RestartPolicy.never }

const optionsOf = (config: Model.Config, jitter: boolean): Supervisor.Options => ({
  restart: policies[config.restart],
  maxRestarts: config.maxRestarts,
  backoff: Backoff.exponential({
    base: config.base,
    factor: config.factor,
    max: config.max,
    healthyAfter: config.healthyAfter,
    jitter
  }),
  ...(config.storm === undefined ? {} : { stormGuard: StormGuard.pause({ ...config.storm, jitter }) })
})

/** Supervises a script to its end, and tells what was seen and how it ended. */
const observe = (config: Model.Config, script: ReadonlyArray<Model.Life>, jitter = false) =>
  Effect.gen(function*() {
    const seen: Seen = { starts: [], company: [] }
    const ran = Effect.gen(function*() {
      const backend = yield* Backend
      programs["job"] = plays(script, seen, () => backend.alive().length)
      const options = { ...optionsOf(config, jitter), healthCheck: healthOf(script, seen) }
      const began = Number(yield* Clock.monotonicTimeNanos) / 1e6
      const fiber = yield* Effect.forkChild(Supervisor.run(Command.make("job"), options))
      yield* TestClock.adjust("1 hour")
      const { livenessKills, reason, restarts, stormPauses } = yield* Fiber.join(fiber)
      const starts = seen.starts.map((start) => Math.round((start - began) * 1000) / 1000)
      return { starts, restarts, stormPauses, livenessKills, reason, company: seen.company }
    })
    const programs: Record<string, Program> = {}
    return yield* Effect.provide(ran, scripted(programs))
  })

const life: Arbitrary.Arbitrary<Model.Life> = Arbitrary.map(
  Arbitrary.all([pick(["clean", "crash", "crash", "liveness"] as never), intBetween(1, 4999)]),
  // A check kills five seconds after the start.
  ([kind, uptime]): Model.Life => ({ kind, uptime: kind === "liveness" ? 5000 : uptime })
)

const config: Arbitrary.Arbitrary<Model.Config> = Arbitrary.map(
  Arbitrary.all([pick(["always", "onCrash", "never"]), intBetween(0, 12), intBetween(0, 3), intBetween(1, 6000)]),
  ([restart, maxRestarts, factor, healthyAfter]) => ({
    restart,
    maxRestarts,
    base: 16,
    factor: factor < 1 ? 1 : factor,
    max: 4096,
    healthyAfter,
    storm: healthyAfter % 2 === 0 ? undefined : { halfLife: 8192, threshold: 2.5, pause: 10_000 }
  })
)

const script = Arbitrary.array(life, { minLength: 14, maxLength: 14 })

/** One observation with jitter, by a seed. */
const once = (config: Model.Config, script: ReadonlyArray<Model.Life>, seed: number) =>
  Random.withSeed(observe(config, script, true), seed)

/** Whether times are the same but for what numbers lose: the clock of a test goes on from one observation to the next. */
const areNear = (some: ReadonlyArray<number>, others: ReadonlyArray<number>): boolean =>
  some.length === others.length && some.every((time, i) => Math.abs(time - (others[i] ?? 0)) < 0.01)

/** A clock whose time of day is another one. */
const withWall = (clock: Clock.Clock, wall: () => number): Clock.Clock => ({
  ...clock,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  sleep: (duration) => clock.sleep(duration),
  currentTimeMillisUnsafe: wall,
  currentTimeMillis: Effect.sync(wall),
  currentTimeNanosUnsafe: () => BigInt(wall()) * 1_000_000n,
  currentTimeNanos: Effect.sync(() => BigInt(wall()) * 1_000_000n)
})

describe("the times of starts", () => {
  // P19, P16
  it.effect.prop(
    "are those of the reference model for any script of exits, and no life meets another",
    [config, script],
    ([config, script]) =>
      Effect.gen(function*() {
        const { company, starts, ...counts } = yield* observe(config, script)
        const { starts: expected, ...others } = Model.run(config, [...script, { kind: "clean", uptime: 0 }])
        assert.deepStrictEqual(starts, expected)
        assert.deepStrictEqual(counts, { ...counts, ...others, reason: others.reason ?? counts.reason })
        assert.deepStrictEqual(company, starts.map(() => 1))
      })
  )

  // P14
  it.effect.prop(
    "are the same for the same seed and the same exits, and differ with the seed",
    [config, script, Schema.Int],
    ([config, script, seed]) =>
      Effect.gen(function*() {
        const { starts, ...first } = yield* once(config, script, seed)
        const { starts: again, ...second } = yield* once(config, script, seed)
        assert.deepStrictEqual(second, first)
        assert.isTrue(areNear(again, starts))
        // Two waits alone may be alike by chance.
        if (starts.length > 3) assert.isFalse(areNear((yield* once(config, script, seed + 1)).starts, starts))
      })
  )

  // P18
  it.effect.prop(
    "do not change when the time of day does",
    [config, script],
    ([config, script]) =>
      Effect.gen(function*() {
        const clock = yield* Clock.Clock
        let hours = 0
        const wall = () => clock.currentTimeMillisUnsafe() + (hours++ % 3 - 1) * Duration.toMillis("1 hour")
        const steady = yield* observe(config, script)
        const jumped = yield* Effect.provideService(observe(config, script), Clock.Clock, withWall(clock, wall))
        assert.deepStrictEqual(jumped, steady)
      })
  )

  // P18, for schedules of Effect that measure time by what they are told
  it.effect("do not change with the time of day either where a schedule of Effect bounds them", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      for (const jump of [-7_200_000, 7_200_000]) {
        let late = 0
        const restart = RestartPolicy.always.pipe(Schedule.upTo({ duration: "1 hour" }))
        const counted = Effect.gen(function*() {
          const backend = yield* Backend
          const session = yield* Supervisor.make(Command.make("job"), {
            restart,
            backoff: Schedule.spaced("10 minutes")
          })
          yield* TestClock.adjust("30 minutes")
          late = jump
          yield* TestClock.adjust("3 hours")
          assert.deepInclude(yield* session.await, { reason: "PolicySatisfied" })
          return backend.spawned.length
        }).pipe(
          Effect.provide(scripted({ job: prints("") })),
          Effect.provideService(Clock.Clock, withWall(clock, () => clock.currentTimeMillisUnsafe() + late))
        )
        assert.strictEqual(yield* Effect.scoped(counted), 8, `${jump}`)
      }
    }))
})
