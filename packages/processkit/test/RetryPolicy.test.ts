import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"
import * as RetryPolicy from "processkit/RetryPolicy"
import * as Stdin from "processkit/Stdin"
import { Reply, ScriptedRunner } from "processkit/testing"
import { alive, Backend, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

const error = (reason: ProcessError.Reason) => ProcessError.make(reason)

const exited = (code: number, stderr = "", stdout = "") =>
  error(new ProcessError.NonZeroExit({ program: "p", code, stderr, stdout }))

const always = () => true

/** The waits of a policy in milliseconds, until it ends. */
const waits = (policy: RetryPolicy.RetryPolicy, most = 20) =>
  Effect.gen(function*() {
    const step = yield* Schedule.toStep(policy.schedule)
    const found: Array<number> = []
    while (found.length < most) {
      const exit = yield* Effect.exit(step(0, exited(1)))
      if (exit._tag === "Failure") break
      found.push(Duration.toMillis(exit.value[1]))
    }
    return found
  })

const attempts = Effect.map(Backend, ({ spawned }) => spawned.length)

const flaky = (retry: RetryPolicy.RetryPolicy) => Command.make("exitsWith", ["1"], { retry })

describe("an exponential policy", () => {
  it.effect("tries four times by default, within 100, 200 and 400 milliseconds", () =>
    Effect.gen(function*() {
      const plain = yield* waits(RetryPolicy.exponential({ jitter: false }))
      assert.deepStrictEqual(plain, [100, 200, 400])
      const jittered = yield* waits(RetryPolicy.exponential())
      assert.strictEqual(jittered.length, 3)
      jittered.forEach((wait, i) => assert.isTrue(wait >= 0 && wait <= (plain[i] ?? 0)))
    }))

  it.effect("stops growing at its longest wait", () =>
    Effect.gen(function*() {
      const policy = RetryPolicy.exponential({ attempts: 6, base: 10, factor: 10, max: "1 second", jitter: false })
      assert.deepStrictEqual(yield* waits(policy), [10, 100, 1000, 1000, 1000])
    }))

  it.effect("runs once for 0 and for 1 attempt, and without end for infinitely many", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* waits(RetryPolicy.exponential({ attempts: 0 })), [])
      assert.deepStrictEqual(yield* waits(RetryPolicy.exponential({ attempts: 1 })), [])
      assert.strictEqual((yield* waits(RetryPolicy.exponential({ attempts: Infinity }), 3000)).length, 3000)
    }))

  it.effect("keeps its wait where the factor is no growth", () =>
    Effect.gen(function*() {
      for (const factor of [1, 0.5, 0, -3, Number.NaN, Infinity]) {
        const policy = RetryPolicy.exponential({ attempts: 4, base: 7, factor, jitter: false })
        assert.deepStrictEqual(yield* waits(policy), [7, 7, 7])
      }
    }))

  it.effect.prop(
    "waits between nothing and its cap, whatever the numbers, and never when the base is zero",
    {
      base: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })),
      max: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })),
      factor: Schema.Number
    },
    ({ base, factor, max }) =>
      Effect.gen(function*() {
        for (const wait of yield* waits(RetryPolicy.exponential({ attempts: 2000, base, factor, max }), 2000)) {
          assert.isTrue(wait >= 0 && wait <= max && (base > 0 || wait === 0), String(wait))
        }
      }),
    { arbitrary: { runs: 20 } }
  )

  it.effect("spreads its jitter over all of the wait", () =>
    Effect.gen(function*() {
      const policy = RetryPolicy.exponential({ attempts: 1001, base: 1000, factor: 1 })
      const found = yield* Random.withSeed(waits(policy, 1000), "jitter")
      const quarters = [0, 0, 0, 0]
      for (const wait of found) quarters[Math.min(3, Math.floor(wait / 250))]! += 1
      for (const count of quarters) assert.isTrue(count > 180 && count < 320, String(quarters))
    }))
})

describe("a fixed policy", () => {
  it.effect("counts attempts altogether and waits the same each time", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* waits(RetryPolicy.fixed({ attempts: 4, delay: 30 })), [30, 30, 30])
      assert.deepStrictEqual(yield* waits(RetryPolicy.fixed({ attempts: 1, delay: 30 })), [])
      assert.deepStrictEqual(yield* waits(RetryPolicy.never), [])
    }))
})

describe("a policy on a command", () => {
  it.effect("repeats failures that it takes for worth it, at its pace", () =>
    Effect.gen(function*() {
      const retry = RetryPolicy.fixed({ attempts: 3, delay: "1 second", while: always })
      const fiber = yield* Effect.forkChild(tagOf(Command.run(flaky(retry))))
      yield* settle()
      assert.deepStrictEqual([yield* attempts, yield* alive], [1, []])
      yield* TestClock.adjust("1 second")
      yield* settle()
      assert.strictEqual(yield* attempts, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "NonZeroExit")
      assert.strictEqual(yield* attempts, 3)
    }).pipe(Effect.provide(scripted())))

  it.effect("repeats transient failures only, unless it is told otherwise", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.run(flaky(RetryPolicy.exponential()))), "NonZeroExit")
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("is not followed for input that can be fed once", () =>
    Effect.gen(function*() {
      const retry = RetryPolicy.fixed({ attempts: 3, delay: 0, while: always })
      yield* tagOf(Command.run(Command.setStdin(flaky(retry), Stdin.once(Stream.make("a")))))
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("whose options cannot be followed fails the command before anything is started", () =>
    Effect.gen(function*() {
      const wrong = [
        RetryPolicy.exponential({ attempts: Number.NaN }),
        RetryPolicy.exponential({ attempts: 2.5 }),
        RetryPolicy.exponential({ attempts: -1 }),
        RetryPolicy.exponential({ base: Number.NaN }),
        RetryPolicy.exponential({ base: "Infinity" }),
        RetryPolicy.exponential({ max: -1 }),
        RetryPolicy.exponential({ factor: "2" as never }),
        RetryPolicy.exponential({ jitter: 1 as never }),
        RetryPolicy.exponential({ while: 1 as never }),
        RetryPolicy.exponential(null as never),
        RetryPolicy.fixed({ attempts: 2, delay: Number.NaN }),
        RetryPolicy.fixed({ attempts: 2 } as never)
      ]
      for (const retry of wrong) {
        const reason = yield* reasonOf(Command.run(flaky(retry)))
        assert.strictEqual(reason._tag, "InvalidInput")
        assert.strictEqual(yield* tagOf(Command.outputString(flaky(retry))), "InvalidInput")
      }
      assert.strictEqual(yield* attempts, 0)
    }).pipe(Effect.provide(scripted())))
})

describe("a classifier", () => {
  it("knows transient failures, reasons, codes and words", () => {
    const exhausted = error(new ProcessError.ResourceExhausted({ program: "p", errno: "EMFILE" }))
    assert.deepStrictEqual([RetryPolicy.isTransient(exhausted), RetryPolicy.isTransient(exited(1))], [true, false])
    const reasons = RetryPolicy.hasReason("NonZeroExit", "TimedOut")
    assert.deepStrictEqual([reasons(exited(1)), reasons(exhausted)], [true, false])
    const codes = RetryPolicy.hasCode(75, 111)
    assert.deepStrictEqual([codes(exited(75)), codes(exited(1)), codes(exhausted)], [true, false, false])
    const words = RetryPolicy.says("Could not resolve")
    assert.deepStrictEqual(
      [words(exited(1, "fatal: could NOT resolve host")), words(exited(1, "", "could not resolve")), words(exhausted)],
      [true, true, false]
    )
  })

  it.effect("combines with others", () =>
    Effect.gen(function*() {
      const flaky = Predicate.or(RetryPolicy.hasCode(75), RetryPolicy.says("try again"))
      const retry = RetryPolicy.fixed({ attempts: 9, delay: 0, while: flaky })
      const tag = yield* tagOf(Command.run(Command.make("mail", { retry })))
      assert.strictEqual(tag, "NonZeroExit")
    }).pipe(Effect.provide(ScriptedRunner.layer(
      ScriptedRunner.on(["mail"], Reply.fail(75), Reply.fail(1, "Try again"), Reply.fail(2, "no such user"))
    ))))
})
