import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Control } from "../../src/internal/supervisionControl.ts"
import { settle } from "../scripted.ts"

const ignore = () => {}

describe("a control", () => {
  // Whoever waits for the standstill goes on in the tick in which it is reported, and may end it at once.
  it.effect("lets go who is released in the moment in which it stands still", () =>
    Effect.gen(function*() {
      const control = new Control()
      const holding = yield* Effect.forkChild(
        Effect.andThen(control.hold(undefined), Effect.sync(() => control.release())),
        {
          startImmediately: true
        }
      )
      yield* settle()
      const parked = yield* Effect.forkChild(control.park(ignore), { startImmediately: true })
      yield* Fiber.join(holding)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(parked)))
      assert.isFalse(control.isAsked)
    }))

  it.effect("forgets a request to hold that was taken back before it was followed", () =>
    Effect.gen(function*() {
      const control = new Control()
      const holding = yield* Effect.forkChild(control.hold(undefined), { startImmediately: true })
      assert.isTrue(control.isAsked)
      control.release()
      yield* Fiber.join(holding)
      yield* control.park(ignore)
      assert.isFalse(control.isAsked || control.isHeld)
    }))

  it.effect("keeps who is barred from starting without disturbing what it waits for", () =>
    Effect.gen(function*() {
      const control = new Control()
      control.bar()
      assert.isFalse(control.isAsked)
      const parked = yield* Effect.forkChild(control.park(ignore), { startImmediately: true })
      yield* settle()
      assert.isUndefined(parked.pollUnsafe())
      control.release()
      yield* Fiber.join(parked)
    }))

  it.effect("stops who stands still", () =>
    Effect.gen(function*() {
      const control = new Control()
      yield* Effect.forkChild(control.hold(undefined), { startImmediately: true })
      const parked = yield* Effect.forkChild(control.park(ignore), { startImmediately: true })
      yield* settle()
      yield* control.stop(undefined)
      yield* Fiber.join(parked)
      assert.isTrue(control.isStopping)
    }))

  it.effect("lets nobody wait for the standstill of what is over", () =>
    Effect.gen(function*() {
      const control = new Control()
      const waiting = yield* Effect.forkChild(control.hold(undefined), { startImmediately: true })
      control.end()
      yield* Fiber.join(waiting)
      yield* control.hold(undefined)
    }))

  it.effect("wakes for a request that came before anybody listened", () =>
    Effect.gen(function*() {
      const control = new Control()
      yield* control.stop(undefined)
      const woken = Deferred.makeUnsafe<void>()
      control.onRequest(() => Deferred.doneUnsafe(woken, Exit.void))
      yield* Deferred.await(woken)
      assert.isUndefined(yield* control.unlessDisturbed(Effect.never))
    }))
})
