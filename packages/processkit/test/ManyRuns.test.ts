import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import { timed } from "./processorTime.ts"
import { alive, countedAbort, scripted, tagOf } from "./scripted.ts"
import { runsOn } from "./supervised.ts"

const programs = { job: runsOn }

/** Starts so many runs, ends them all at the same time, and gives the processor time that their end takes. */
const cancelled = Effect.fnUntraced(function*(count: number) {
  const abort = countedAbort()
  const tags = new Set<string>()
  const run = tagOf(Command.run(Command.make("job", { cancelOn: abort.signal })))
  const fibers = yield* Effect.forEach(
    Array.from({ length: count }),
    () => Effect.forkChild(run, { startImmediately: true })
  )
  while ((yield* alive).length < count) yield* Effect.yieldNow
  const joining = Effect.forEach(fibers, (fiber) => Effect.map(Fiber.join(fiber), (tag) => tags.add(tag)))
  const used = yield* timed(Effect.andThen(Effect.sync(abort.abort), joining))
  assert.deepStrictEqual(tags, new Set(["Cancelled"]))
  assert.deepStrictEqual([yield* alive, abort.listeners()], [[], 0])
  return used
})

describe("a thousand runs", () => {
  // R12
  it.effect("that are cancelled at once all end, in time that is in proportion to their number", () =>
    Effect.gen(function*() {
      yield* cancelled(250)
      const ratio = Effect.zipWith(cancelled(250), cancelled(1000), (few, many) => many / few)
      // Four times as many; quadratic work takes sixteen times as long. The collector of garbage may come in between.
      assert.isBelow(yield* Effect.repeat(ratio, { times: 4, until: (ratio) => ratio < 9 }), 9)
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("that are interrupted at once all end, and leave the other members of their group alone", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const other = yield* group.start(Command.make("job"))
      const fibers = yield* Effect.forEach(
        Array.from({ length: 1000 }),
        () =>
          Effect.forkChild(ProcessGroup.provide(Command.run(Command.make("job")), group), { startImmediately: true })
      )
      while ((yield* alive).length < 1001) yield* Effect.yieldNow
      yield* Fiber.interruptAll(fibers)
      for (const fiber of fibers) assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.lengthOf(yield* alive, 1)
      assert.isTrue(yield* other.isRunning)
    }).pipe(Effect.scoped, Effect.provide(scripted(programs))))
})
