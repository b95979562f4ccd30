import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as RunningProcess from "processkit/RunningProcess"
import { isAlive } from "./oracle.ts"
import { reasonOf, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

layer(NodeProcessRunner.layer, { excludeTestServices: true })("waiting for several programs", (it) => {
  it.effect("the first to end is given, and the others run on and can be waited for and killed", () =>
    Effect.gen(function*() {
      const [slow, quick] = [yield* Command.start(sh("exec sleep 60")), yield* Command.start(sh("sleep 0.1; exit 3"))]
      const [winner, elapsed] = yield* timed(RunningProcess.waitAny([slow, quick]))
      assert.deepEqual(winner, [1, Outcome.exited(3)])
      assert.isBelow(elapsed, allowance(2000))
      assert.isTrue(isAlive(slow.pid ?? 0))
      const [kill, killing] = yield* timed(slow.kill)
      assert.isUndefined(kill)
      assert.isBelow(killing, allowance(1000))
      const both = [Outcome.signaled("SIGKILL", 9, false), Outcome.exited(3)]
      assert.deepEqual(yield* RunningProcess.waitAll([slow, quick]), both)
      assert.deepEqual(yield* RunningProcess.waitAny([slow, quick]), [0, both[0]])
    }))

  it.effect("a program that waits for input is not given the end of it by a race", () =>
    Effect.gen(function*() {
      const cat = yield* Command.start(Command.make("cat", [], { stdin: "pipe" }))
      const quick = yield* Command.start(sh("exit 0"))
      assert.deepEqual(yield* RunningProcess.waitAny([cat, quick]), [1, Outcome.exited(0)])
      yield* cat.stdin.writeLine("still here")
      assert.strictEqual(yield* cat.waitForLine("still"), "still here")
      yield* cat.stdin.end
      assert.deepEqual(yield* RunningProcess.waitAll([cat, quick]), [Outcome.exited(0), Outcome.exited(0)])
    }))

  it.effect("a program that was cancelled fails the wait for all, and the others are still there", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const cancelled = yield* Command.start(Command.make("sleep", ["60"], { cancelOn: controller.signal }))
      const other = yield* Command.start(sh("sleep 0.3; exit 4"))
      yield* Effect.forkChild(Effect.andThen(Effect.sleep("50 millis"), Effect.sync(() => controller.abort())))
      assert.strictEqual((yield* reasonOf(RunningProcess.waitAll([other, cancelled])))._tag, "Cancelled")
      assert.deepEqual(yield* RunningProcess.waitAll([other]), [Outcome.exited(4)])
    }))

  it.effect("twenty programs that are killed at the same time have all ended soon", () =>
    Effect.gen(function*() {
      const all = yield* Effect.forEach(Array.from({ length: 20 }), () => Command.start(sh("exec sleep 60")), {
        concurrency: 5
      })
      const [outcomes, elapsed] = yield* timed(Effect.andThen(
        Effect.forEach(all, ({ kill }) => kill, { concurrency: "unbounded" }),
        RunningProcess.waitAll(all)
      ))
      assert.deepEqual(new Set(outcomes.map((outcome) => outcome._tag)), new Set(["Signaled"]))
      assert.strictEqual(outcomes.length, 20)
      assert.isBelow(elapsed, allowance(15_000))
    }))
})
