import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import { alive, Backend, scripted, settle } from "./scripted.ts"

describe("x", () => {
  it.effect("restarts", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Supervisor.run(Command.make("exitsWith", ["1"]), {maxRestarts: 2, backoff: Backoff.exponential({ jitter: false})}))
      yield* TestClock.adjust("1 minute")
      const o = yield* Fiber.join(fiber)
      console.log(o)
    }).pipe(Effect.provide(scripted())))
  it.effect("stops", () =>
    Effect.gen(function*() {
      const session = yield* Supervisor.make(Command.make("waits"), {})
      yield* settle()
      console.log(yield* session.status)
      yield* session.ready
      console.log(yield* session.stop())
      console.log(yield* session.status)
    }).pipe(Effect.provide(scripted())))
})
