import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { Backend, prints, scripted, settle, tagOf } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"
import { byTurns, exitsAfter, runsOn } from "./supervised.ts"

const job = Command.make("job")

/** A runner whose processes outlive `SIGKILL` until they become mortal. */
const immortal = (program: Program) => {
  const state = { mortal: false }
  const below = backend({ job: program })
  const service = mapContainer(below.service, ({ kill, signal }) => ({
    kill: Effect.suspend(() => state.mortal ? kill : Effect.void),
    signal: (name) => state.mortal ? signal(name) : Effect.void
  }))
  const layer = Layer.succeedContext(
    Context.make(Backend, below).pipe(Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service)))
  )
  return { state, layer }
}

const leavesDaemon: Program = {
  main: (io) => Effect.as(io.fork({ ...runsOn, holdsPipes: false }), Outcome.exited(1))
}

const plain = (events: ReadonlyArray<object>) => JSON.parse(JSON.stringify(events))

describe("the events of a session", () => {
  it.effect("tell what happens, in order, to every reader and to late ones too", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: 500, jitter: false })
      const session = yield* Supervisor.make(job, { stormGuard, backoff: Schedule.spaced("1 second") })
      const early = yield* Effect.forkChild(Stream.runCollect(session.events))
      yield* TestClock.adjust("1 minute")
      yield* session.stop()
      const crash = { _tag: "Exited", kind: "crash", outcome: Outcome.exited(1), uptime: Duration.zero }
      const expected = [
        { _tag: "Started", incarnation: 1, pid: undefined },
        { _tag: "Ready", incarnation: 1 },
        { ...crash, incarnation: 1 },
        { _tag: "Restarting", incarnation: 1, pause: Duration.zero, delay: Duration.seconds(1) },
        { _tag: "Started", incarnation: 2, pid: undefined },
        { _tag: "Ready", incarnation: 2 },
        { ...crash, incarnation: 2 },
        { _tag: "Restarting", incarnation: 2, pause: Duration.millis(500), delay: Duration.seconds(1) },
        { _tag: "Started", incarnation: 3, pid: undefined },
        { _tag: "Ready", incarnation: 3 },
        {
          _tag: "Exited",
          incarnation: 3,
          kind: undefined,
          outcome: Outcome.signaled("SIGTERM", 15, false),
          uptime: Duration.nanos(57_500_000_000n)
        },
        { _tag: "Ended", reason: "Stopped" }
      ]
      assert.deepStrictEqual(plain(yield* Fiber.join(early)), plain(expected))
      assert.deepStrictEqual(plain(yield* Stream.runCollect(session.events)), plain(expected))
    }).pipe(Effect.provide(scripted({ job: byTurns(prints("", 1), prints("", 1), runsOn) }))))

  it.effect("tell why supervision failed", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(Command.make("missing"))
      const tag = yield* tagOf(session.await)
      const events = yield* Stream.runCollect(session.events)
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["StartFailed", "Failed"])
      assert.strictEqual(tag, "NotFound")
    }).pipe(Effect.provide(scripted())))

  // V16
  it.effect("of a thousand lives leave the newest, and say how many are gone", () =>
    Effect.gen(function*() {
      const policy = { restart: RestartPolicy.always, backoff: Schedule.spaced(0), maxRestarts: 1000 }
      const session = yield* Supervisor.make(job, policy)
      // A reader that took one event, and then none for a long time.
      const taken: Array<string> = []
      const slow = yield* Effect.forkChild(
        Stream.runForEachArray(session.events, (events) => {
          taken.push(...events.map((event) => event._tag === "Lagged" ? `Lagged ${event.skipped}` : event._tag))
          return Effect.sleep("1 hour")
        })
      )
      assert.deepInclude(yield* session.await, { restarts: 1000 })
      const all = yield* Stream.runCollect(session.events)
      // 1001 lives of three events, 1000 restarts, and the end.
      assert.deepInclude(all[0], { _tag: "Lagged", skipped: 4004 - 128 })
      assert.strictEqual(all.length, 129)
      yield* TestClock.adjust("1 day")
      yield* Fiber.join(slow)
      const lagged = taken.findIndex((tag) => tag.startsWith("Lagged"))
      assert.strictEqual(taken[lagged], `Lagged ${4004 - 128 - lagged}`)
      assert.strictEqual(taken.length, lagged + 129)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("leave nobody waiting who stops to read", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job)
      const readers = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.forkChild(Stream.runDrain(session.events), { startImmediately: true })
      )
      yield* settle()
      yield* Fiber.interruptAll(readers)
      assert.strictEqual(yield* Stream.runCount(Stream.take(session.events, 2)), 2)
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ job: runsOn }))))
})

describe("the status of a session", () => {
  it.effect("is of one moment, whatever the phase", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: "1 second", jitter: false })
      const options = {
        stormGuard,
        backoff: Schedule.spaced("1 second"),
        ready: Effect.sleep("1 second"),
        maxRestarts: 2
      }
      const session = yield* Supervisor.make(job, options)
      const phases: Array<string> = []
      for (let i = 0; i < 12; i++) {
        const { incarnation, isReady, phase, restarts, startedAt } = yield* session.status
        phases.push(`${incarnation}/${restarts} ${phase}${isReady ? " ready" : ""}`)
        assert.strictEqual(startedAt !== undefined, phase === "running")
        yield* TestClock.adjust("500 millis")
      }
      assert.deepStrictEqual(phases, [
        "1/0 running",
        "1/0 running",
        "1/0 running ready",
        "1/0 waiting",
        "1/0 waiting",
        "2/1 running",
        "2/1 running",
        "2/1 running ready",
        "2/1 pausing",
        "2/1 pausing",
        "2/1 waiting",
        "2/1 waiting"
      ])
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ job: exitsAfter(1500, 1) }))))
})

describe("processes that outlive SIGKILL", () => {
  // V11
  it.effect("hold up the next life, and are told about", () => {
    const { layer, state } = immortal(leavesDaemon)
    return Effect.gen(function*() {
      const { alive, spawned } = yield* Backend
      const session = yield* Supervisor.make(job, { backoff: Schedule.spaced("1 second"), maxRestarts: 1 })
      yield* TestClock.adjust("1 minute")
      const { phase, survivors } = yield* session.status
      assert.deepStrictEqual([phase, survivors, spawned.length], ["ending", alive(), 1])
      state.mortal = true
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* session.await, { reason: "RestartsExhausted", restarts: 1 })
      assert.deepStrictEqual([spawned.length, alive()], [2, []])
      const tags = (yield* Stream.runCollect(session.events)).map(({ _tag }) => _tag)
      // Told once: nothing about them changed in a minute.
      assert.deepStrictEqual(tags.slice(0, 5), ["Started", "Ready", "Blocked", "Exited", "Restarting"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("fail a stop with their ids", () => {
    const { layer } = immortal(leavesDaemon)
    return Effect.gen(function*() {
      const session = yield* Supervisor.make(job, { backoff: Schedule.spaced("1 second") })
      yield* settle()
      assert.strictEqual(yield* tagOf(session.stop()), "TeardownIncomplete")
    }).pipe(Effect.provide(layer))
  })
})

describe("what supervision tells the outside", () => {
  it.effect("is a span for the supervisor above those of its lives, and counters", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const stormGuard = StormGuard.pause({ threshold: 1, pause: 0 })
      const before = yield* Metric.snapshot
      yield* Supervisor.run(job, { maxRestarts: 2, backoff: Schedule.spaced(0), stormGuard }).pipe(
        Effect.withTracer(tracer)
      )
      const [first, ...rest] = spans
      assert.strictEqual(first?.name, "processkit.supervisor")
      assert.deepStrictEqual(
        rest.map((span) => [span.name, span.parent._tag === "Some" && span.parent.value.spanId === first?.spanId]),
        [["processkit.run", true], ["processkit.run", true], ["processkit.run", true]]
      )
      const count = (all: typeof before, id: string) => {
        const found = all.find((metric) => metric.id === id)
        return found?.type === "Counter" ? Number(found.state.count) : 0
      }
      const after = yield* Metric.snapshot
      assert.strictEqual(count(after, "processkit_restarts_total") - count(before, "processkit_restarts_total"), 2)
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("says how long in whole milliseconds, as people read it", () => {
    const said: Array<unknown> = []
    const logger = Logger.make(({ message }) => said.push(...[message].flat()))
    return Effect.gen(function*() {
      // As a drawn pause is, and as a measured time is.
      const stormGuard = Schedule.spaced(Duration.nanos(21_049_665_685n))
      const session = yield* Supervisor.make(job, { ready: Effect.never, stormGuard })
      yield* TestClock.adjust(Duration.micros(1_500_700n))
      yield* session.stop()
      said.push((yield* Effect.flip(session.ready)).message)
      assert.deepStrictEqual(said, [
        "job fails too often: its next start is put off by 21s 50ms",
        "job was not ready within 1s 501ms: its supervision ended (Stopped)"
      ])
    }).pipe(
      Effect.provide(scripted({ job: prints("", 1) })),
      Effect.provideService(Logger.CurrentLoggers, new Set([logger]))
    )
  })
})
