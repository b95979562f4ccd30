import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as RunningProcess from "processkit/RunningProcess"
import { allMechanisms } from "./hostedWorld.ts"
import { eventually, openDescriptors, survivors } from "./oracle.ts"
import { sh } from "./programs.ts"

const many = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>): Effect.Effect<Array<A>, E, R> =>
  Effect.all(Array.from({ length: count }, () => effect), { concurrency: "unbounded" })

const sleeper = Command.make("sleep", ["90"])

for (const { name, runner } of allMechanisms) {
  describe(`many programs at once in ${name}`, () => {
    it.live("fifty, then a hundred, start in one group, are members and end with it, and the next one runs", () =>
      Effect.gen(function*() {
        yield* Command.run(Command.make("true"))
        const before = openDescriptors()
        for (const count of [50, 100]) {
          yield* Effect.scoped(Effect.gen(function*() {
            const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
            const all = yield* many(count, group.start(sleeper))
            assert.strictEqual(new Set(all.map(({ pid }) => pid)).size, count)
            assert.lengthOf(yield* group.members, count)
            assert.strictEqual(
              yield* ProcessGroup.provide(Command.run(Command.make("echo", ["one more"])), group),
              "one more"
            )
            yield* group.kill
            const outcomes = yield* RunningProcess.waitAll(all)
            for (const outcome of outcomes) assert.deepInclude(outcome, { _tag: "Signaled", signal: "SIGKILL" })
            assert.strictEqual(yield* ProcessGroup.provide(Command.exitCode(sh("exit 3")), group), 3)
          }))
          assert.deepEqual(survivors(), [])
        }
        yield* eventually("every descriptor is closed", () => openDescriptors() <= before)
      }).pipe(Effect.provide(runner)))

    it.live("a hundred, each in a group of its own, give each its own output", () =>
      Effect.gen(function*() {
        const numbers = Array.from({ length: 100 }, (_, i) => String(i))
        const said = yield* Effect.forEach(numbers, (number) => Command.run(sh("echo $1", [number])), {
          concurrency: "unbounded"
        })
        assert.deepEqual(said, numbers)
        assert.deepEqual(survivors(), [])
      }).pipe(Effect.provide(runner)))

    it.live("fifty with a child each are gone after a shutdown, and after the close of their scope", () =>
      Effect.gen(function*() {
        for (const byShutdown of [true, false]) {
          const scope = yield* Scope.make()
          const group = yield* Scope.provide(ProcessGroup.make, scope)
          yield* many(50, group.start(sh("sleep 90 & echo up; exec sleep 90")))
          yield* eventually("all hundred are there", () => survivors().length === 100)
          if (byShutdown) {
            assert.deepInclude(yield* group.shutdown(), { survivors: [] })
            assert.deepEqual(survivors(), [])
          }
          yield* Scope.close(scope, Exit.void)
          assert.deepEqual(survivors(), [])
        }
      }).pipe(Effect.provide(runner)))
  })
}

describe("a flood of a hundred thousand lines", () => {
  it.live("runs to its end under a buffer of a thousand, which keeps the newest and counts the rest", () =>
    Effect.gen(function*() {
      const script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo $i; done"
      const buffer = OutputBuffer.tail({ lines: 1000 })
      const result = yield* Command.outputString(sh(script, [], { buffer }))
      assert.deepEqual(result.outcome, Outcome.exited(0))
      assert.isTrue(result.truncated)
      const lines = result.stdout.split("\n").filter((line) => line !== "")
      assert.deepEqual(lines, Array.from({ length: 1000 }, (_, i) => String(99_001 + i)))
    }).pipe(Effect.provide(NodeProcessRunner.layer)))
})
