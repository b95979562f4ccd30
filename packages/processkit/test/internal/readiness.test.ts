import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Pump } from "../../src/internal/pump.ts"
import * as Waiting from "../../src/internal/readiness.ts"
import * as Retention from "../../src/internal/retention.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Readiness from "../../src/Readiness.ts"
import { rules } from "../arbitraries.ts"
import { reasonOf } from "../scripted.ts"
import { FakeSource } from "./fakes.ts"

/** A program whose output and end a test holds in its hands, and how many read along with it. */
const held = () => {
  const source = new FakeSource()
  const pump = new Pump({
    source,
    stream: "stdout",
    observer: undefined,
    owner: {
      retain: () => Retention.make({ policy: "Unbounded", bytes: Infinity, lines: Infinity }, rules()),
      onChunk: () => {},
      onEnd: () => {}
    }
  })
  pump.start()
  let watchers = 0
  const watch = pump.watch.bind(pump)
  pump.watch = (watcher) => {
    watchers++
    const unwatch = watch(watcher)
    return () => {
      watchers--
      unwatch()
    }
  }
  const exit = Deferred.makeUnsafe<Outcome.Exit>()
  const outputEnded = Deferred.makeUnsafe<void>()
  let isRunning = true
  const subject: Waiting.Subject = {
    program: "held",
    cwd: undefined,
    stdout: pump,
    stderr: undefined,
    isRunning: () => isRunning,
    exit: Deferred.await(exit),
    outputEnded: Deferred.await(outputEnded),
    probes: undefined,
    sleep: () => Effect.never
  }
  return {
    source,
    subject,
    watchers: () => watchers,
    exits: (code: number) => {
      isRunning = false
      Deferred.doneUnsafe(exit, Effect.succeed(Outcome.exited(code)))
    },
    endsOutput: () => {
      source.ends()
      Deferred.doneUnsafe(outputEnded, Effect.void)
    }
  }
}

const line = (pattern: string) => ({ _tag: "Line", pattern, options: {} }) as const

const now = { startImmediately: true } as const

describe("a wait", () => {
  it.effect("leaves nobody reading along, whether it finds, fails or is interrupted", () =>
    Effect.gen(function*() {
      const { endsOutput, exits, source, subject, watchers } = held()
      const found = yield* Effect.forkChild(Waiting.waitForText(subject, line("a"), undefined), now)
      const interrupted = yield* Effect.forkChild(Waiting.waitForText(subject, line("z"), undefined), now)
      const failed = yield* Effect.forkChild(reasonOf(Waiting.waitForText(subject, line("y"), undefined)), now)
      assert.strictEqual(watchers(), 3)
      source.says("a\n")
      assert.strictEqual(yield* Fiber.join(found), "a")
      assert.strictEqual(watchers(), 2)
      yield* Fiber.interrupt(interrupted)
      assert.strictEqual(watchers(), 1)
      endsOutput()
      exits(1)
      assert.strictEqual((yield* Fiber.join(failed))._tag, "NotReady")
      assert.strictEqual(watchers(), 0)
    }))

  it.effect("lets in what the program said right before its exit, though it arrives after it", () =>
    Effect.gen(function*() {
      const { endsOutput, exits, source, subject } = held()
      const no = Readiness.effect(Effect.succeed(false))
      const fiber = yield* Effect.forkChild(reasonOf(Waiting.wait(subject, no, undefined)), now)
      exits(1)
      yield* Effect.yieldNow
      source.says("cannot bind\n")
      endsOutput()
      assert.deepInclude(yield* Fiber.join(fiber), {
        _tag: "NotReady",
        ended: Outcome.exited(1),
        said: "cannot bind"
      })
    }))

  it.effect("names the exit that comes right after the end of output", () =>
    Effect.gen(function*() {
      const { endsOutput, exits, subject } = held()
      const fiber = yield* Effect.forkChild(reasonOf(Waiting.waitForText(subject, line("x"), undefined)), now)
      endsOutput()
      yield* Effect.yieldNow
      assert.isUndefined(fiber.pollUnsafe())
      exits(3)
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "NotReady", ended: Outcome.exited(3) })
    }))
})
