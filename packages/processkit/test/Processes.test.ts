import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Command from "processkit/Command"
import * as ProcessBackend from "processkit/ProcessBackend"
import * as Processes from "processkit/Processes"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { reasonOf, scripted, tagOf } from "./scripted.ts"
import { backend } from "./scriptedPrograms.ts"

type Service = ProcessBackend.ProcessBackend["Service"]

/** A runner over the scripted backend with other answers, and the backend itself. */
const over = (change: (below: Service) => Partial<Service>) =>
  Layer.suspend(() => {
    const below = backend().service
    const service = { ...below, ...change(below) }
    return Layer.merge(
      Layer.succeed(ProcessBackend.ProcessBackend, service),
      Layer.succeed(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))
    )
  })

const known = (pid: number): Processes.ProcessInfo => ({ pid, parentPid: 1, name: "known", startTime: `t${pid}` })

const inspecting = over(() => ({ inspect: (pid) => Effect.succeed(pid === 4711 ? known(pid) : undefined) }))

describe("Processes", () => {
  it.effect("tells who is there, who is not, and whether it is still the same one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Processes.info(4711), Option.some(known(4711)))
      assert.deepStrictEqual(yield* Processes.info(4712), Option.none())
      assert.isTrue(yield* Processes.isAlive(4711, "t4711"))
      assert.isFalse(yield* Processes.isAlive(4711, "t1"))
      assert.isFalse(yield* Processes.isAlive(4712, "t4711"))
    }).pipe(Effect.provide(inspecting)))

  it.effect("refuses what is no pid before anybody is asked", () =>
    Effect.gen(function*() {
      for (const pid of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 31]) {
        assert.strictEqual(yield* tagOf(Processes.info(pid)), "InvalidInput", `${pid}`)
        assert.strictEqual(yield* tagOf(Processes.isAlive(pid, "")), "InvalidInput", `${pid}`)
      }
    }).pipe(Effect.provide(inspecting)))

  it.effect("is not supported where there are none", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Processes.info(4711)), "Unsupported")
    }).pipe(Effect.provide(over(() => ({})))))
})

describe("membersInfo", () => {
  it.effect("leaves out who is gone before it was looked at, and whose number was given away meanwhile", () => {
    const lists = [[2, 3, 4], [3, 4]]
    const changed = over((below) => ({
      open: Effect.map(below.open, (container) => ({
        ...container,
        members: Effect.suspend(() => Effect.succeed(lists.shift() ?? []))
      })),
      inspect: (pid) => Effect.succeed(pid === 3 ? undefined : known(pid))
    }))
    return Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      assert.deepStrictEqual(yield* group.membersInfo, [known(4)])
    }).pipe(Effect.scoped, Effect.provide(changed))
  })
})

describe("adopt", () => {
  it.effect("is not supported by a mechanism that cannot, refuses what is no pid, and fails in a closed group", () =>
    Effect.gen(function*() {
      const group = yield* Effect.scoped(Effect.tap(ProcessGroup.make, (group) =>
        Effect.gen(function*() {
          const reason = yield* reasonOf(group.adopt(4711))
          assert.strictEqual(reason._tag, "Unsupported")
          assert.include(reason.message, "scripted")
          for (const pid of [0, -1, Number.NaN]) assert.strictEqual(yield* tagOf(group.adopt(pid)), "InvalidInput")
        })))
      assert.strictEqual(yield* tagOf(group.adopt(4711)), "GroupClosed")
      assert.strictEqual(yield* tagOf(group.membersInfo), "GroupClosed")
    }).pipe(Effect.provide(scripted())))

  it.effect("takes back that a group spares its members", () => {
    const adopted: Array<number> = []
    const adopting = over((below) => ({
      open: Effect.map(below.open, (container) => ({
        ...container,
        adopt: (pid: number) => Effect.sync(() => void adopted.push(pid))
      }))
    }))
    return Effect.gen(function*() {
      const running = yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
        const running = yield* group.start(Command.make("ignoresTerm"))
        yield* group.shutdown({ escalate: false, grace: 0 })
        yield* group.adopt(4711)
        return running
      }))
      assert.deepStrictEqual(adopted, [4711])
      assert.isFalse(yield* running.isRunning)
    }).pipe(Effect.provide(adopting))
  })
})
