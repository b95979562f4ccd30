import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { type Request, StopLadder } from "../../src/internal/stopLadder.ts"
import type * as ProcessBackend from "../../src/ProcessBackend.ts"
import { FakeTree } from "./fakes.ts"

const request = (fields: Partial<Request> = {}): Request => ({
  signal: "SIGTERM",
  grace: Duration.seconds(2),
  escalate: true,
  ...fields
})

const endsOn = (fatal: string) => (asked: string, alive: ReadonlyArray<number>): ReadonlyArray<number> =>
  asked === fatal ? [] : alive

/** A tree whose waits last until somebody kills it, if that is to help, or for as long as the wait is told. */
const waiting = (tree: FakeTree, reached: Deferred.Deferred<void>): ProcessBackend.Tree => ({
  ...tree,
  awaitEmpty: (within) =>
    Duration.equals(within, grace)
      ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
      : tree.awaitEmpty(within)
})
const grace = Duration.hours(1)

/** A ladder whose first request has come to its grace. */
const inGrace = Effect.fnUntraced(function*(tree: FakeTree, escalate = true) {
  const reached = yield* Deferred.make<void>()
  const ladder = new StopLadder(waiting(tree, reached))
  const first = yield* Effect.forkChild(ladder.stop(request({ grace, escalate })))
  yield* Deferred.await(reached)
  return { ladder, first }
})

describe("stopLadder", () => {
  it.effect("signals, continues, waits for the grace, kills, and waits for the end", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([7, 8], endsOn("kill"))
      const report = yield* new StopLadder(tree).stop(request())
      assert.deepStrictEqual(tree.log, ["SIGTERM", "SIGCONT", "wait 2000", "kill", "wait 5000"])
      assert.deepInclude(report, { signal: "SIGTERM", forced: true, members: 2, survivors: [] })
    }))

  it.effect("kills nobody where the signal was enough", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([7], endsOn("SIGINT"))
      const report = yield* new StopLadder(tree).stop(request({ signal: "SIGINT" }))
      assert.deepStrictEqual(tree.log, ["SIGINT", "SIGCONT", "wait 2000"])
      assert.deepInclude(report, { signal: "SIGINT", forced: false, members: 1, survivors: [] })
    }))

  it.effect("does nothing where nobody is there, and says so", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([])
      const report = yield* new StopLadder(tree).stop(request())
      assert.deepStrictEqual(tree.log, [])
      assert.deepInclude(report, { forced: false, members: 0, survivors: [] })
    }))

  it.effect("goes straight to SIGKILL without a grace, and where SIGKILL is the signal", () =>
    Effect.gen(function*() {
      const atOnce = [request({ grace: Duration.zero }), request({ signal: "SIGKILL" })]
      for (const one of [...atOnce, request({ signal: "SIGKILL", escalate: false })]) {
        const tree = new FakeTree([7], endsOn("kill"))
        const report = yield* new StopLadder(tree).stop(one)
        assert.deepStrictEqual(tree.log, ["kill", "wait 5000"])
        assert.deepInclude(report, { signal: "SIGKILL", forced: true, survivors: [] })
      }
    }))

  it.effect("spares who outlives the grace where it is not to escalate, but asks, also without a grace", () =>
    Effect.gen(function*() {
      for (const grace of [Duration.seconds(2), Duration.zero]) {
        const tree = new FakeTree([7, 8])
        const report = yield* new StopLadder(tree).stop(request({ grace, escalate: false }))
        assert.deepStrictEqual(tree.log.slice(0, 2), ["SIGTERM", "SIGCONT"])
        assert.notInclude(tree.log, "kill")
        assert.deepInclude(report, { signal: "SIGTERM", forced: false, survivors: [7, 8] })
      }
    }))

  it.effect("reports who survives SIGKILL, within a bounded wait", () =>
    Effect.gen(function*() {
      const report = yield* new StopLadder(new FakeTree([7, 8])).stop(request())
      assert.deepInclude(report, { forced: true, members: 2, survivors: [7, 8] })
    }))

  // Members that could not be listed were taken for no members: everything was left running and reported as gone.
  it.effect("takes members that cannot be listed for members", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([7], endsOn("kill"))
      tree.unreadable = true
      const ladder = new StopLadder(tree)
      const report = yield* ladder.stop(request())
      assert.deepStrictEqual(tree.log, ["SIGTERM", "SIGCONT", "wait 2000", "kill", "wait 5000"])
      assert.deepInclude(report, { forced: true, survivors: [] })
      assert.strictEqual(ladder.first, report)
    }))

  it.effect("goes on where a signal cannot be sent or a kill is refused", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([7])
      const refusing = { ...tree, signal: () => tree.members, kill: Effect.asVoid(tree.members) }
      tree.unreadable = true
      const report = yield* new StopLadder(refusing as never).stop(request())
      assert.deepStrictEqual(tree.log, ["wait 2000", "wait 5000"])
      assert.deepStrictEqual(report.survivors, [7])
    }))

  it.effect("remembers the first climb that found somebody", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([], endsOn("SIGTERM"))
      const ladder = new StopLadder(tree)
      yield* ladder.stop(request())
      assert.isUndefined(ladder.first)
      tree.alive = [7]
      const report = yield* ladder.stop(request())
      tree.alive = [8]
      yield* ladder.stop(request({ signal: "SIGKILL" }))
      assert.strictEqual(ladder.first, report)
    }))

  describe("a second request", () => {
    it.effect("goes to SIGKILL at once and gets the same report", () =>
      Effect.gen(function*() {
        const tree = new FakeTree([7], endsOn("kill"))
        const { first, ladder } = yield* inGrace(tree)
        assert.isDefined(ladder.underWay)
        const second = yield* ladder.stop(request())
        assert.strictEqual(yield* Fiber.join(first), second)
        assert.deepStrictEqual(tree.log, ["SIGTERM", "SIGCONT", "kill", "wait 5000"])
        assert.deepInclude(second, { signal: "SIGTERM", forced: true, survivors: [] })
        assert.isUndefined(ladder.underWay)
      }))

    // The first one waited for the rest of its grace, however long, for members that even SIGKILL did not end.
    it.effect("waits no longer than for a kill, also where that ends nobody", () =>
      Effect.gen(function*() {
        const tree = new FakeTree([7])
        const { first, ladder } = yield* inGrace(tree, false)
        const report = yield* ladder.stop(request())
        assert.deepStrictEqual(report.survivors, [7])
        assert.strictEqual(yield* Fiber.join(first), report)
      }))

    it.effect("that is not to escalate only waits for the report", () =>
      Effect.gen(function*() {
        const tree = new FakeTree([7], endsOn("kill"))
        const { ladder } = yield* inGrace(tree)
        const patient = yield* Effect.forkChild(ladder.stop(request({ escalate: false })))
        yield* Effect.yieldNow
        assert.notInclude(tree.log, "kill")
        yield* ladder.stop(request())
        assert.deepStrictEqual((yield* Fiber.join(patient)).survivors, [])
      }))

    it.effect("is not kept from its end by an interruption", () =>
      Effect.gen(function*() {
        const tree = new FakeTree([7], endsOn("kill"))
        const { first, ladder } = yield* inGrace(tree)
        first.interruptUnsafe()
        yield* ladder.stop(request())
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(first)))
        assert.deepStrictEqual(tree.alive, [])
      }))
  })

  it.effect("is free again after a defect of the tree, for those who wait and for later stops", () =>
    Effect.gen(function*() {
      const tree = new FakeTree([7], endsOn("kill"))
      let isBroken = true
      const ladder = new StopLadder({
        ...tree,
        awaitEmpty: (within) => isBroken ? Effect.die("broken") : tree.awaitEmpty(within)
      })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(ladder.stop(request()))))
      assert.isUndefined(ladder.underWay)
      isBroken = false
      assert.deepStrictEqual((yield* ladder.stop(request())).survivors, [])
    }))
})
