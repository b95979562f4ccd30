import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessResult from "processkit/ProcessResult"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Stdin from "processkit/Stdin"
import * as StormGuard from "processkit/StormGuard"
import type * as SupervisionOutcome from "processkit/SupervisionOutcome"
import * as Supervisor from "processkit/Supervisor"
import { alive, Backend, countedAbort, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { byTurns, exitsAfter, runsOn } from "./supervised.ts"

const job = Command.make("job")

const every = (delay: Duration.Input) => ({ backoff: Schedule.spaced(delay) })

const atOnce = every(0)

const starts = Effect.map(Backend, ({ spawned }) => spawned.length)

/** Runs something to its end, whatever time that takes. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust("1 day")
    return yield* Fiber.join(fiber)
  })

/** What of an outcome can be told in a line. */
const summary = Effect.map((outcome: SupervisionOutcome.SupervisionOutcome) => ({
  ...outcome,
  lastResult: outcome.lastResult === undefined ? undefined : outcome.lastResult.outcome
}))

const counts = { restarts: 0, stormPauses: 0, livenessKills: 0 }

/** The starts of a runner fail so often, for want of descriptors, before they work. */
const short = (failures: number) => {
  let left = failures
  return ProcessRunner.mapStart((start, { program }) =>
    Effect.suspend(() =>
      left-- > 0
        ? Effect.fail(ProcessError.make(new ProcessError.ResourceExhausted({ program, errno: "EMFILE" })))
        : start
    )
  )
}

const hasEnough = (result: ProcessResult.ProcessResult) => result.stdout === "enough"

describe("a life", () => {
  it.effect("that ends cleanly is the last one", () =>
    Effect.gen(function*() {
      const outcome = yield* summary(eventually(Supervisor.run(job)))
      assert.deepStrictEqual(outcome, { ...counts, reason: "PolicySatisfied", lastResult: Outcome.exited(0) })
      assert.strictEqual(yield* starts, 1)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  // 108
  it.effect("that crashes is followed by others until the restarts are used up", () =>
    Effect.gen(function*() {
      const outcome = yield* summary(eventually(Supervisor.run(job, { maxRestarts: 2 })))
      assert.deepStrictEqual(outcome, {
        ...counts,
        reason: "RestartsExhausted",
        lastResult: Outcome.exited(3),
        restarts: 2
      })
      assert.strictEqual(yield* starts, 3)
    }).pipe(Effect.provide(scripted({ job: prints("", 3) }))))

  // 107
  it.effect("that ends cleanly is followed by others where the policy says always", () =>
    Effect.gen(function*() {
      const policy = { ...atOnce, restart: RestartPolicy.always, maxRestarts: 4 }
      assert.deepInclude(yield* eventually(Supervisor.run(job, policy)), { reason: "RestartsExhausted", restarts: 4 })
      assert.strictEqual(yield* starts, 5)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  // V8
  it.effect("is the only one where there may be no restarts, or the policy says never", () =>
    Effect.gen(function*() {
      const none = yield* eventually(Supervisor.run(job, { maxRestarts: 0 }))
      assert.deepInclude(none, { reason: "RestartsExhausted", restarts: 0 })
      const never = yield* eventually(Supervisor.run(job, { restart: RestartPolicy.never }))
      assert.deepInclude(never, { reason: "PolicySatisfied", restarts: 0 })
      assert.strictEqual(yield* starts, 2)
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("crashes by a code, a signal or a deadline, and not by a code that is accepted", () =>
    Effect.gen(function*() {
      const commands = [
        Command.make("exitsWith", ["3"]),
        Command.make("diesBySignal", ["SIGSEGV"]),
        Command.make("waits", { timeout: "1 second" }),
        Command.make("exitsWith", ["3"], { okCodes: [3] })
      ]
      const restarts = yield* Effect.forEach(
        commands,
        (command) => Effect.map(eventually(Supervisor.run(command, { maxRestarts: 2 })), (outcome) => outcome.restarts)
      )
      assert.deepStrictEqual(restarts, [2, 2, 2, 0])
    }).pipe(Effect.provide(scripted())))

  it.effect("ends supervision when a predicate likes its result", () =>
    Effect.gen(function*() {
      assert.deepInclude(
        yield* eventually(Supervisor.run(job, { stopWhen: hasEnough, restart: RestartPolicy.always })),
        {
          reason: "Predicate",
          restarts: 2
        }
      )
    }).pipe(Effect.provide(scripted({ job: byTurns(prints(""), prints("more"), prints("enough")) }))))

  it.effect("keeps the last thousand lines of its output, and only the last life's are kept", () =>
    Effect.gen(function*() {
      const outcome = yield* eventually(Supervisor.run(job, { maxRestarts: 1 }))
      assert.strictEqual(outcome.lastResult?.stdout, `${lines(1000, 1999).join("\n")}\n`)
      assert.isTrue(outcome.lastResult?.truncated)
      const mine = Command.setBuffer(job, OutputBuffer.tail({ lines: 1 }))
      assert.strictEqual(
        (yield* eventually(Supervisor.run(mine, { maxRestarts: 0 }))).lastResult?.stdout,
        "line 1999\n"
      )
    }).pipe(
      Effect.provide(scripted({ job: byTurns(prints("old\n", 1), prints(`${lines(0, 1999).join("\n")}\n`, 1)) }))
    ))

  it.effect("has an end of file for standard input where nobody can write to it", () =>
    Effect.gen(function*() {
      const echo = Command.make("echoesStdin", { stdin: "pipe" })
      assert.deepInclude(yield* eventually(Supervisor.run(echo)), { reason: "PolicySatisfied" })
    }).pipe(Effect.provide(scripted())))
})

const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`)

describe("a start that fails", () => {
  // V7
  it.effect("for good fails supervision as it failed, at once", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Supervisor.run(Command.make("missing"))), "NotFound")
    }).pipe(Effect.provide(scripted())))

  // V14
  it.effect("for now is waited out, and counts as a restart and as a failure of a storm", () =>
    Effect.gen(function*() {
      const runner = short(5)(yield* ProcessRunner.ProcessRunner)
      const stormGuard = StormGuard.pause({ threshold: 2, pause: "1 hour", jitter: false })
      const fiber = yield* Effect.forkChild(
        Supervisor.run(job, { ...every("1 second"), stormGuard }).pipe(
          Effect.provideService(ProcessRunner.ProcessRunner, runner)
        )
      )
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* starts, 0)
      yield* TestClock.adjust("5 hours")
      assert.deepInclude(yield* Fiber.join(fiber), { reason: "PolicySatisfied", restarts: 5, stormPauses: 1 })
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("for now fails supervision as it failed where the policy or the restarts end", () =>
    Effect.gen(function*() {
      const runner = short(Infinity)(yield* ProcessRunner.ProcessRunner)
      const policies: ReadonlyArray<Supervisor.Options> = [
        { restart: RestartPolicy.never },
        { maxRestarts: 2 },
        { giveUpWhen: () => true },
        { backoff: Schedule.recurs(1) }
      ]
      for (const policy of policies) {
        const tag = yield* eventually(tagOf(Supervisor.run(job, { ...atOnce, ...policy }))).pipe(
          Effect.provideService(ProcessRunner.ProcessRunner, runner)
        )
        assert.strictEqual(tag, "ResourceExhausted")
      }
    }).pipe(Effect.provide(scripted({ job: prints("") }))))
})

/** Supervises a job of which every life is told to a clock, and gives the times of its starts. */
const startsOf = (options: Supervisor.Options, adjust: Duration.Input) =>
  Effect.gen(function*() {
    const { spawned } = yield* Backend
    const times: Array<number> = []
    const session = yield* Supervisor.make(job, options)
    let elapsed = 0
    const end = Duration.toMillis(Duration.fromInputUnsafe(adjust))
    while (elapsed < end) {
      while (times.length < spawned.length) times.push(elapsed)
      yield* TestClock.adjust(100)
      elapsed += 100
    }
    yield* session.stop()
    return times
  })

describe("the time between two lives", () => {
  // V2
  it.effect("is that of the backoff", () =>
    Effect.gen(function*() {
      const backoff = Backoff.exponential({ base: "1 second", max: "4 seconds", jitter: false })
      assert.deepStrictEqual(yield* startsOf({ backoff }, "13 seconds"), [0, 1000, 3000, 7000, 11_000])
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  // V4
  it.effect("is short again after a healthy life", () =>
    Effect.gen(function*() {
      const backoff = Backoff.exponential({ base: "1 second", healthyAfter: "5 seconds", jitter: false })
      assert.deepStrictEqual(yield* startsOf({ backoff }, "22 seconds"), [0, 1000, 3000, 7000, 13_000, 15_000, 19_000])
    }).pipe(Effect.provide(scripted({
      job: byTurns(prints("", 1), prints("", 1), prints("", 1), exitsAfter(5000, 1), prints("", 1))
    }))))

  // V6
  it.effect("has one pause for each storm", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 2, pause: "10 seconds", jitter: false })
      assert.deepStrictEqual(
        yield* startsOf({ ...every("1 second"), stormGuard }, "26 seconds"),
        [0, 1000, 2000, 13_000, 14_000, 15_000]
      )
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("ends supervision with RestartStorm where the guard gives up", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.giveUp({ restarts: 3, within: "1 minute" })
      const reason = yield* reasonOf(Supervisor.run(job, { ...atOnce, stormGuard }))
      assert.deepInclude(reason, { _tag: "RestartStorm", program: "job", restarts: 3, within: Duration.minutes(1) })
      assert.strictEqual(yield* starts, 4)
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  // V11
  it.effect("does not end while anything of the last life is left", () =>
    Effect.gen(function*() {
      const backend = yield* Backend
      const session = yield* Supervisor.make(job, { ...every("1 second"), maxRestarts: 3 })
      for (let life = 1; life <= 4; life++) {
        yield* settle()
        // The wait has begun, and of a life with a daemon nobody is left.
        assert.deepStrictEqual([backend.spawned.length, backend.alive()], [life, []])
        yield* TestClock.adjust("1 second")
      }
      const outcome = yield* session.await
      assert.strictEqual(outcome.lastResult?.leftovers, 1)
    }).pipe(Effect.provide(scripted({
      job: { main: (io) => Effect.as(io.fork({ ...runsOn, holdsPipes: false }), Outcome.exited(1)) }
    }))))
})

describe("stopping a session", () => {
  // 109
  it.effect("ends a live program gracefully and does not restart it", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(Command.make("trapsTerm"))
      yield* settle()
      const outcome = yield* session.stop()
      assert.deepStrictEqual(
        { ...outcome, lastResult: outcome.lastResult?.stdout },
        { ...counts, reason: "Stopped", lastResult: "ready\nbye\n" }
      )
      assert.deepStrictEqual(outcome.lastResult?.stop, { signal: "SIGTERM", forced: false })
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual([yield* starts, yield* alive], [1, []])
    }).pipe(Effect.provide(scripted())))

  it.effect("sends what the policy says, or else what the command says", () =>
    Effect.gen(function*() {
      const command = Command.make("waits", { stop: { signal: "SIGINT" } })
      const first = yield* Supervisor.make(command)
      const second = yield* Supervisor.make(command)
      yield* settle()
      assert.deepInclude(yield* summary(first.stop()), { lastResult: Outcome.signaled("SIGINT", 2, false) })
      assert.deepInclude(yield* summary(second.stop({ grace: 0 })), {
        lastResult: Outcome.signaled("SIGKILL", 9, false)
      })
    }).pipe(Effect.provide(scripted())))

  // V9
  it.effect("ends a delay and a pause at once", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: "1 hour" })
      for (const options of [every("1 hour"), { ...every("1 second"), stormGuard }]) {
        const session = yield* Supervisor.make(job, options)
        yield* TestClock.adjust("10 seconds")
        const begun = yield* starts
        assert.include(["waiting", "pausing"], (yield* session.status).phase)
        assert.deepInclude(yield* session.stop(), { reason: "Stopped" })
        yield* TestClock.adjust("1 day")
        assert.strictEqual(yield* starts, begun)
      }
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("has no last result where there never was one", () =>
    Effect.gen(function*() {
      const runner = short(Infinity)(yield* ProcessRunner.ProcessRunner)
      const session = yield* Supervisor.make(job).pipe(Effect.provideService(ProcessRunner.ProcessRunner, runner))
      yield* settle()
      assert.deepStrictEqual(yield* session.stop(), { ...counts, reason: "Stopped", lastResult: undefined })
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("during a start ends what was started", () =>
    Effect.gen(function*() {
      const gate = Deferred.makeUnsafe<void>()
      const slow = ProcessRunner.mapStart(
        yield* ProcessRunner.ProcessRunner,
        (start) => Effect.uninterruptible(Effect.andThen(Deferred.await(gate), start))
      )
      const session = yield* Supervisor.make(job).pipe(Effect.provideService(ProcessRunner.ProcessRunner, slow))
      const stopping = yield* Effect.forkChild(session.stop(), { startImmediately: true })
      yield* settle()
      yield* Deferred.succeed(gate, undefined)
      assert.deepInclude(yield* Fiber.join(stopping), { reason: "Stopped", restarts: 0 })
      assert.deepStrictEqual([yield* starts, yield* alive], [1, []])
    }).pipe(Effect.provide(scripted({ job: runsOn }))))

  it.effect("twice during a start leaves what was started no grace", () =>
    Effect.gen(function*() {
      const gate = Deferred.makeUnsafe<void>()
      const slow = ProcessRunner.mapStart(
        yield* ProcessRunner.ProcessRunner,
        (start) => Effect.uninterruptible(Effect.andThen(Deferred.await(gate), start))
      )
      const session = yield* Supervisor.make(Command.make("waits")).pipe(
        Effect.provideService(ProcessRunner.ProcessRunner, slow)
      )
      const first = yield* Effect.forkChild(session.stop(), { startImmediately: true })
      const second = yield* Effect.forkChild(session.stop(), { startImmediately: true })
      yield* settle()
      yield* Deferred.succeed(gate, undefined)
      assert.deepInclude((yield* Fiber.join(first)).lastResult?.stop, { signal: "SIGKILL", forced: true })
      yield* Fiber.join(second)
    }).pipe(Effect.provide(scripted())))

  // V10
  it.effect("twice, or while the program ends by itself, has one outcome", () =>
    Effect.gen(function*() {
      const over = Deferred.makeUnsafe<Outcome.Exit>()
      const backend = scripted({ job: { main: () => Deferred.await(over) } })
      const session = yield* Supervisor.make(job, every("1 second")).pipe(Effect.provide(backend))
      yield* settle()
      Deferred.doneUnsafe(over, Exit.succeed(Outcome.exited(1)))
      const asking = yield* Effect.forEach(
        [session.stop(), session.stop(), session.await, session.stop({ grace: 0 })],
        (ask) => Effect.forkChild(ask, { startImmediately: true })
      )
      const outcomes = yield* Effect.forEach(asking, Fiber.join)
      assert.strictEqual(new Set(outcomes).size, 1)
      assert.deepInclude(outcomes[0], { reason: "Stopped" })
      yield* TestClock.adjust("1 day")
      assert.deepInclude(outcomes[0], { ...counts, lastResult: outcomes[0]?.lastResult })
      assert.strictEqual((yield* session.status).incarnation, 1)
    }))

  // V19
  it.live("comes through where a program is restarted without any wait", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job, {
        restart: RestartPolicy.always,
        backoff: Backoff.exponential({ base: 0 })
      })
      yield* Effect.repeat(session.status, { until: ({ restarts }) => restarts >= 3, schedule: Schedule.spaced(1) })
      const outcome = yield* session.stop()
      assert.strictEqual(outcome.reason, "Stopped")
      assert.isAtLeast(outcome.restarts, 3)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("does not wait for an answer that does not come", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job, { stopWhen: () => Effect.never })
      yield* settle()
      assert.deepInclude(yield* session.stop(), { reason: "Stopped", restarts: 0 })
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("works by a field that was taken out of the session", () =>
    Effect.gen(function*() {
      const { stop } = yield* Supervisor.make(job)
      assert.deepInclude(yield* stop(), { reason: "Stopped" })
    }).pipe(Effect.provide(scripted({ job: runsOn }))))

  it.effect("after the end gives the outcome that there was", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job)
      const outcome = yield* session.await
      assert.strictEqual(outcome.reason, "PolicySatisfied")
      assert.strictEqual(yield* session.stop(), outcome)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("with a policy that is none is refused, and stops nothing", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job)
      yield* settle()
      for (const policy of [{ grace: NaN }, { grace: -1 }, { signal: "SIGNOTHING" as never }, 5 as never]) {
        assert.strictEqual(yield* tagOf(session.stop(policy)), "InvalidInput")
      }
      assert.strictEqual((yield* session.status).phase, "running")
    }).pipe(Effect.provide(scripted({ job: runsOn }))))
})

describe("interrupting", () => {
  it.effect("supervision ends the program before it returns", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Supervisor.run(Command.make("spawnsTree")), { startImmediately: true })
      yield* settle()
      assert.strictEqual((yield* alive).length, 2)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* alive, [])
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* starts, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("a wait ends it, and nothing is started later", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Supervisor.run(job, every("1 hour")), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* starts, 1)
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("the scope of a session ends the program, the events and every wait", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* Supervisor.make(job).pipe(Scope.provide(scope))
      const events = yield* Effect.forkChild(Stream.runCollect(session.events))
      const waiting = yield* Effect.forkChild(session.await)
      yield* settle()
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual((yield* Fiber.join(events)).map(({ _tag }) => _tag), ["Started", "Ready", "Failed"])
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(waiting)))
      assert.deepStrictEqual([(yield* session.status).phase, yield* alive], ["ended", []])
    }).pipe(Effect.provide(scripted({ job: runsOn }))))
})

describe("a command's own signal", () => {
  it.effect("fails supervision with Cancelled during a life, during a wait and before the first life", () =>
    Effect.gen(function*() {
      for (const program of ["waits", "exitsWith"]) {
        const abort = countedAbort()
        const command = Command.make(program, ["1"], { cancelOn: abort.signal })
        const fiber = yield* Effect.forkChild(tagOf(Supervisor.run(command, every("1 hour"))))
        yield* TestClock.adjust("1 minute")
        abort.abort()
        assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
        assert.strictEqual(abort.listeners(), 0)
        assert.strictEqual(yield* tagOf(Supervisor.run(command, every("1 hour"))), "Cancelled")
      }
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual([yield* starts, yield* alive], [2, []])
    }).pipe(Effect.provide(scripted())))

  it.effect("is no failure for anybody to count", () =>
    Effect.gen(function*() {
      const { abort, signal } = countedAbort()
      const stormGuard = StormGuard.giveUp({ restarts: 0, within: "1 hour" })
      const command = Command.make("waits", { cancelOn: signal })
      const fiber = yield* Effect.forkChild(tagOf(Supervisor.run(command, { stormGuard })))
      yield* settle()
      abort()
      assert.strictEqual(yield* Fiber.join(fiber), "Cancelled")
    }).pipe(Effect.provide(scripted())))
})

describe("standard input that can be fed once", () => {
  const once = Command.setStdin(job, Stdin.once(Stream.make(new TextEncoder().encode("text"))))

  it.effect("is refused before the first life where there may be a second", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(Supervisor.run(once)), { _tag: "InvalidInput", field: "stdin" })
      assert.strictEqual(yield* starts, 0)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))

  it.effect("is enough for one life", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* Supervisor.run(once, { maxRestarts: 0 }), { reason: "PolicySatisfied" })
    }).pipe(Effect.provide(scripted({ job: prints("") }))))
})

describe("in a group", () => {
  // 105
  it.effect("lives are members, end alone, and leave the group as it was", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(Command.make("waits"))
      const before = yield* group.members
      const outcome = yield* eventually(ProcessGroup.provide(Supervisor.run(job, { maxRestarts: 2 }), group))
      assert.deepInclude(outcome, { reason: "RestartsExhausted", restarts: 2 })
      assert.deepStrictEqual(yield* group.members, before)
      assert.strictEqual((yield* alive).length, 1)
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("that closes, supervision fails as nothing can be started there any more", () =>
    Effect.gen(function*() {
      const group = yield* Effect.scoped(ProcessGroup.make)
      assert.strictEqual(yield* tagOf(ProcessGroup.provide(Supervisor.run(job), group)), "GroupClosed")
    }).pipe(Effect.provide(scripted({ job: prints("") }))))
})

describe("an option that makes no sense", () => {
  it.effect("is refused before anything is started", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<Supervisor.Options> = [
        { maxRestarts: -1 },
        { maxRestarts: NaN },
        { backoff: Backoff.exponential({ base: -1 }) },
        { stormGuard: StormGuard.pause({ threshold: 0 }) },
        { stormGuard: StormGuard.giveUp({ restarts: 1, within: NaN }) },
        { healthCheck: {} as never },
        { healthCheck: { check: Effect.void, every: -1 } },
        { healthCheck: { check: Effect.void, failures: 1.5 } },
        { healthCheck: { check: Effect.void, timeout: NaN } },
        { ready: "soon" as never },
        { restart: "always" as never },
        { stopWhen: true as never }
      ]
      for (const options of wrong) {
        assert.strictEqual(yield* tagOf(Supervisor.run(job, options)), "InvalidInput", JSON.stringify(options))
      }
      assert.strictEqual(yield* tagOf(Supervisor.run(job, 7 as never)), "InvalidInput")
      const policies: ReadonlyArray<Supervisor.Policy> = [
        { maxRestarts: -1 },
        { backoff: Backoff.exponential({ base: -1 }) },
        { stormGuard: StormGuard.giveUp({ restarts: 1, within: NaN }) },
        { restart: "always" as never },
        { giveUpWhen: true as never },
        7 as never
      ]
      for (const policy of policies) {
        assert.strictEqual(yield* tagOf(Supervisor.supervise(Command.runUnit(job), policy)), "InvalidInput")
      }
      assert.strictEqual(yield* starts, 0)
    }).pipe(Effect.provide(scripted({ job: prints("") }))))
})

describe("the two forms", () => {
  it.effect("take the command first or last", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* job.pipe(Supervisor.run({ maxRestarts: 0 })), { reason: "RestartsExhausted" })
      assert.deepInclude(yield* job.pipe(Supervisor.run()).pipe(Effect.timeoutOption(0)), { _tag: "None" })
      const session = yield* job.pipe(Supervisor.make({ maxRestarts: 0 }))
      assert.deepInclude(yield* session.await, { reason: "RestartsExhausted" })
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))
})
