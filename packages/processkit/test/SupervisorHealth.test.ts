import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Readiness from "processkit/Readiness"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { intBetween } from "./arbitraries.ts"
import { alive, prints, scripted, settle, tagOf } from "./scripted.ts"
import { byTurns, exitsAfter, pick, runsOn } from "./supervised.ts"

const job = Command.make("job")

const atOnce = { backoff: Schedule.spaced(0) }

const wedged = Effect.provide(scripted({ job: runsOn }))

/** A check with a script of answers, the last of which repeats, that counts how often it was asked. */
const answers = (...script: ReadonlyArray<Effect.Effect<unknown, unknown>>) => {
  const seen = { asked: 0 }
  const check = Effect.suspend(() => script[Math.min(seen.asked++, script.length - 1)] ?? Effect.void)
  return { seen, check }
}

const no = Effect.succeed(false)

const yes = Effect.succeed(true)

describe("a health check", () => {
  // V12
  it.effect("kills after so many failures in a row, which is a crash", () =>
    Effect.gen(function*() {
      const healthCheck = { check: no, every: "5 seconds", failures: 3 } as const
      const session = yield* Supervisor.make(job, { healthCheck, backoff: Schedule.spaced("1 hour") })
      yield* TestClock.adjust("14 seconds")
      assert.deepInclude(yield* session.status, { phase: "running", livenessKills: 0 })
      yield* TestClock.adjust("1 second")
      // 110: gone at once, during the wait, and no longer told about.
      assert.deepInclude(yield* session.status, {
        phase: "waiting",
        livenessKills: 1,
        startedAt: undefined,
        isReady: false,
        lastOutcome: Outcome.signaled("SIGKILL", 9, false)
      })
      assert.deepStrictEqual(yield* alive, [])
      assert.deepInclude(yield* session.stop(), { reason: "Stopped", livenessKills: 1 })
    }).pipe(wedged))

  it.effect("fails by saying no, by failing, by dying and by taking too long", () =>
    Effect.gen(function*() {
      for (const check of [no, Effect.fail("closed"), Effect.die("broken"), Effect.never]) {
        const healthCheck = { check, every: "1 second", timeout: "2 seconds", failures: 2 } as const
        const fiber = yield* Effect.forkChild(Supervisor.run(job, { healthCheck, maxRestarts: 0 }))
        yield* TestClock.adjust("6 seconds")
        const outcome = yield* Fiber.join(fiber)
        assert.deepInclude(outcome, { reason: "RestartsExhausted", livenessKills: 1 })
        assert.deepInclude(outcome.lastResult?.stop, { signal: "SIGKILL", forced: true })
      }
    }).pipe(wedged))

  it.effect("forgets failures when it succeeds once", () =>
    Effect.gen(function*() {
      const { check, seen } = answers(no, no, yes, no, no, Effect.void, no, no, no)
      const session = yield* Supervisor.make(job, { healthCheck: { check, every: "1 second" } })
      yield* TestClock.adjust("8 seconds")
      assert.deepInclude(yield* session.status, { incarnation: 1, livenessKills: 0 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([(yield* session.status).livenessKills, seen.asked], [1, 9])
      yield* session.stop()
    }).pipe(wedged))

  it.effect("ends supervision as unhealthy where the policy wants no other life", () =>
    Effect.gen(function*() {
      const healthCheck = { check: no, every: "1 second", failures: 0 }
      const never: Supervisor.Options = {
        healthCheck: { ...healthCheck, every: "1 second" },
        restart: RestartPolicy.never
      }
      const fiber = yield* Effect.forkChild(Supervisor.run(job, { ...never, stopWhen: () => true }))
      yield* TestClock.adjust("1 second")
      const outcome = yield* Fiber.join(fiber)
      assert.deepInclude(outcome, { reason: "Unhealthy", livenessKills: 1, restarts: 0 })
      assert.strictEqual(Duration.toMillis(outcome.lastResult?.duration ?? 0), 1000)
    }).pipe(wedged))

  it.effect("asks a readiness once, as an orchestrator does", () =>
    Effect.gen(function*() {
      let asked = 0
      const wedgedSince = Readiness.effect(Effect.sync(() => {
        asked++
        return false
      }))
      const healthCheck = { check: Readiness.any([wedgedSince]), every: "5 seconds", failures: 2 } as const
      const fiber = yield* Effect.forkChild(Supervisor.run(job, { healthCheck, maxRestarts: 0 }))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { reason: "RestartsExhausted", livenessKills: 1 })
      assert.strictEqual(asked, 2)
    }).pipe(wedged))

  it.effect("never overlaps itself, and one that is slow puts off the next", () =>
    Effect.gen(function*() {
      let [under, most, ended] = [0, 0, 0]
      const slow = Effect.acquireUseRelease(
        Effect.sync(() => {
          most = Math.max(most, ++under)
        }),
        () => Effect.sleep("3 seconds"),
        () =>
          Effect.sync(() => {
            under--
            ended++
          })
      )
      const healthCheck = { check: slow, every: "1 second", timeout: "10 seconds" } as const
      const session = yield* Supervisor.make(job, { healthCheck })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([most, ended], [1, 5])
      yield* session.stop()
    }).pipe(wedged))

  // V12: whether it ends by itself, is too slow, is slow to let go, or meets the end of the program or a stop
  it.effect.prop(
    "is never evaluated twice at once, whatever it does and however lives end",
    [
      pick(["effect", "function", "readiness"]),
      Arbitrary.array(Arbitrary.all([intBetween(0, 3000), intBetween(0, 2000), intBetween(0, 2)]), { minLength: 1 }),
      Arbitrary.all([intBetween(0, 2000), intBetween(0, 2000), intBetween(1, 3)]),
      Arbitrary.array(intBetween(0, 9000), { minLength: 1, maxLength: 5 })
    ],
    ([form, script, [every, timeout, failures], uptimes]) => {
      let [asked, under, most] = [0, 0, 0]
      const check = Effect.suspend(() => {
        const [takes = 0, lettingGo = 0, answer] = script[asked++ % script.length] ?? []
        const held = Effect.acquireRelease(
          Effect.sync(() => void (most = Math.max(most, ++under))),
          () => Effect.andThen(Effect.sleep(lettingGo), Effect.sync(() => void under--))
        )
        const said = answer === 0 ? Effect.fail("no") : Effect.succeed(answer === 1)
        return Effect.scoped(Effect.andThen(held, Effect.andThen(Effect.sleep(takes), said)))
      })
      const forms = { effect: check, function: () => check, readiness: Readiness.effect(check) }
      const lives = uptimes.map((uptime) => exitsAfter(uptime, 1))
      return Effect.gen(function*() {
        const healthCheck = { check: forms[form], every, timeout, failures }
        const session = yield* Supervisor.make(job, { healthCheck, backoff: Schedule.spaced(10) })
        for (let i = 0; i < 60; i++) yield* TestClock.adjust("500 millis")
        const stopping = yield* Effect.forkChild(session.stop())
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(stopping)
        assert.deepStrictEqual({ most, under }, { most: Math.min(1, asked), under: 0 })
      }).pipe(Effect.provide(scripted({ job: byTurns(...lives as [Program], runsOn) })))
    }
  )

  it.effect("does not wait with its verdict for a check that cannot be interrupted", () =>
    Effect.gen(function*() {
      const stuck = Deferred.makeUnsafe<void>()
      const check = Effect.uninterruptible(Deferred.await(stuck))
      const session = yield* Supervisor.make(job, { healthCheck: { check, every: "1 second", failures: 1 } })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* alive, [])
      yield* Deferred.succeed(stuck, undefined)
      yield* session.stop()
    }).pipe(wedged))

  it.effect("that cannot be interrupted keeps nobody from ending the program", () =>
    Effect.gen(function*() {
      const stuck = Deferred.makeUnsafe<void>()
      const check = Effect.uninterruptible(Deferred.await(stuck))
      const supervised = Supervisor.run(job, { healthCheck: { check, every: "1 second", timeout: "1 hour" } })
      const fiber = yield* Effect.forkChild(supervised, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* alive).length, 1)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* settle()
      assert.deepStrictEqual(yield* alive, [])
      yield* Deferred.succeed(stuck, undefined)
      yield* Fiber.join(interrupting)
    }).pipe(wedged))

  it.effect("leaves at least ten milliseconds between two checks", () =>
    Effect.gen(function*() {
      const { check, seen } = answers(yes)
      const session = yield* Supervisor.make(job, { healthCheck: { check, every: 0 } })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(seen.asked, 100)
      yield* session.stop()
    }).pipe(wedged))

  it.effect("does not condemn what has ended by itself, also while its output is still awaited", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job, {
        healthCheck: { check: no, every: "1 second", failures: 1 },
        maxRestarts: 0
      })
      yield* TestClock.adjust("2 seconds")
      const outcome = yield* session.await
      assert.deepInclude(outcome, { reason: "RestartsExhausted", livenessKills: 0 })
      assert.deepStrictEqual(outcome.lastResult?.outcome, Outcome.exited(7))
      const events = yield* Stream.runCollect(session.events)
      assert.notInclude(events.map(({ _tag }) => _tag), "Unhealthy")
    }).pipe(Effect.provide(scripted({
      // Its daemon keeps the pipes open for half a second more, and the check comes within that.
      job: { main: (io) => Effect.andThen(io.fork(runsOn), exitsAfter(900, 7).main(io)) }
    }))))

  it.effect("ends with the life that it watches", () =>
    Effect.gen(function*() {
      const { check, seen } = answers(yes)
      const options = { healthCheck: { check, every: "1 second" }, backoff: Schedule.spaced("1 hour") } as const
      const session = yield* Supervisor.make(job, options)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(seen.asked, 4)
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ job: exitsAfter(4500, 1) }))))

  it.effect("may be a command, or be made of the program that is up", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const checks: ReadonlyArray<Supervisor.HealthCheck<never>["check"]> = [
        (running) => Effect.map(running.isRunning, (isRunning) => asked.push([running.program, isRunning]))
      ]
      for (const check of checks) {
        const session = yield* Supervisor.make(job, { healthCheck: { check, every: "1 second" } })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(asked, [["job", true]])
        yield* session.stop()
      }
      const healthCheck = { check: Command.make("exitsWith", ["1"]), every: "1 second", failures: 1 } as const
      const session = yield* Supervisor.make(job, { healthCheck })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* session.status).livenessKills, 1)
      yield* session.stop()
    }).pipe(wedged))

  // V13: all timers of an owner that stood still are due at once when it goes on
  it.effect("does not take the time for which its owner stood still for silence", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let [late, away] = [0n, false]
      const now = () => clock.monotonicTimeNanosUnsafe() + late
      const standing = {
        ...clock,
        monotonicTimeNanosUnsafe: now,
        monotonicTimeNanos: Effect.sync(now),
        // Ten seconds pass in every sleep, and only then is it due.
        sleep: (duration: Duration.Duration) =>
          Effect.tap(clock.sleep(duration), () =>
            Effect.sync(() => {
              if (away) late += 10_000_000_000n
            }))
      }
      const healthCheck = { check: Effect.never, every: "1 second", timeout: "1 second", failures: 2 } as const
      const session = yield* Supervisor.make(job, { healthCheck }).pipe(Effect.provideService(Clock.Clock, standing))
      away = true
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* session.status, { phase: "running", livenessKills: 0 })
      away = false
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* session.status).livenessKills, 1)
      yield* session.stop()
    }).pipe(wedged))
})

const saysReady: Supervisor.Probe = (running) =>
  Stream.runHead(Stream.filter(running.stdoutLines, (line) => line === "ready"))

const untilItEnds: Supervisor.Probe = (running) => Effect.andThen(running.outcome, Effect.fail("ended"))

describe("readiness", () => {
  it.effect("comes with the start where nothing is asked", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job)
      yield* session.ready
      assert.isTrue((yield* session.status).isReady)
      yield* session.stop()
    }).pipe(wedged))

  it.effect("is waited for, and health is not watched before", () =>
    Effect.gen(function*() {
      const { check, seen } = answers(yes)
      const ready = Effect.sleep("10 seconds")
      const session = yield* Supervisor.make(job, { ready, healthCheck: { check, every: "1 second" } })
      const waiting = yield* Effect.forkChild(session.ready, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual([seen.asked, (yield* session.status).isReady], [0, true])
      yield* Fiber.join(waiting)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(seen.asked, 3)
      yield* session.stop()
    }).pipe(wedged))

  it.effect("can be told by the program itself", () =>
    Effect.gen(function*() {
      for (const ready of [Readiness.line(/^ready$/), saysReady]) {
        const session = yield* Supervisor.make(Command.make("waits"), { ready })
        yield* session.ready
        assert.isTrue((yield* session.status).isReady)
        yield* session.stop()
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("that can never be looked for ends supervision with the reason", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Supervisor.run(job, { ready: Readiness.line(5 as never) })), "InvalidInput")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(wedged))

  it.effect("is asked of every life anew", () =>
    Effect.gen(function*() {
      const ready = Effect.sleep("2 seconds")
      const session = yield* Supervisor.make(job, { ready, backoff: Schedule.spaced("5 seconds") })
      yield* TestClock.adjust("2 seconds")
      yield* session.ready
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* session.status, { phase: "waiting", isReady: false })
      const next = yield* Effect.forkChild(session.ready, { startImmediately: true })
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(next.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(next)
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ job: byTurns(exitsAfter(5000, 1), runsOn) }))))

  it.effect("that does not come kills, which is a crash", () =>
    Effect.gen(function*() {
      for (const ready of [Readiness.line("listening"), no, Effect.never, () => Effect.never]) {
        const options = { ...atOnce, ready, readyWithin: "5 seconds", maxRestarts: 1 } as const
        const fiber = yield* Effect.forkChild(Supervisor.run(job, options))
        yield* TestClock.adjust("9 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* Fiber.join(fiber), { reason: "RestartsExhausted", livenessKills: 2 })
      }
    }).pipe(wedged))

  it.effect("does not come where a function says no, as a check does", () =>
    Effect.gen(function*() {
      const options = { ...atOnce, ready: () => Effect.succeed(false), maxRestarts: 0 } as const
      const outcome = yield* Supervisor.run(job, options)
      assert.deepInclude(outcome, { reason: "RestartsExhausted", livenessKills: 1 })
    }).pipe(wedged))

  it.effect("whose question is interrupted from elsewhere does not come either", () =>
    Effect.gen(function*() {
      for (const ready of [Effect.interrupt, () => Effect.interrupt]) {
        const fiber = yield* Effect.forkChild(Supervisor.run(job, { ready, maxRestarts: 0 }))
        yield* TestClock.adjust("30 seconds")
        assert.deepInclude(fiber.pollUnsafe()?.pipe(Exit.getSuccess, Option.getOrUndefined), { livenessKills: 1 })
        yield* Fiber.interrupt(fiber)
      }
    }).pipe(wedged))

  it.effect("that cannot come any more since the program has ended is no reason to kill it", () =>
    Effect.gen(function*() {
      const outcome = yield* Supervisor.run(job, { ready: untilItEnds, maxRestarts: 0 })
      assert.deepInclude(outcome, { reason: "RestartsExhausted", livenessKills: 0 })
    }).pipe(Effect.provide(scripted({ job: prints("", 1) }))))

  it.effect("fails for whoever waits for it when supervision ends", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(job, { ready: Effect.never })
      const waiting = yield* Effect.forkChild(tagOf(session.ready), { startImmediately: true })
      yield* settle()
      yield* session.stop()
      assert.strictEqual(yield* Fiber.join(waiting), "NotReady")
      assert.strictEqual(yield* tagOf(session.ready), "NotReady")
    }).pipe(wedged))
})
