import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Command from "processkit/Command"
import type * as Limits from "processkit/Limits"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as LimitRules from "../src/internal/limits.ts"
import { reasonOf, scripted, tagOf } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"

const invalid: ReadonlyArray<readonly [Limits.Name, Limits.Limits]> = [
  ["memory", { memory: 0 }],
  ["memory", { memory: -1 }],
  ["memory", { memory: Number.NaN }],
  ["memory", { memory: Infinity }],
  ["memory", { memory: "much" as never }],
  ["processes", { processes: 0 }],
  ["processes", { processes: 1.5 }],
  ["processes", { processes: 2 ** 23 }],
  ["cpus", { cpus: 0 }],
  ["cpus", { cpus: -0.5 }],
  ["cpus", { cpus: Number.NaN }],
  ["cpus", { cpus: Infinity }]
]

/** A backend that enforces everything but what it is told to refuse, and remembers what it was asked for. */
const enforcing = (refuses?: Limits.Name) => {
  const log: Array<Limits.InForce | "released"> = []
  const service = mapContainer(backend().service, (container) => ({
    limits: {
      set: (limits: Limits.InForce) =>
        Effect.suspend(() => {
          log.push(limits)
          return refuses !== undefined && limits[refuses] !== undefined
            ? Effect.fail(ProcessError.make(
              new ProcessError.ResourceLimit({ limit: refuses, why: "unenforceable", detail: "a test" })
            ))
            : Effect.void
        }),
      evidence: Effect.succeed({ memory: "tripped", processes: "not-tripped", cpus: "unknown" } as const)
    },
    release: Effect.andThen(container.release, Effect.sync(() => void log.push("released")))
  }))
  const run = Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))
  return { log, run }
}

describe("limits", () => {
  it.effect("of a name that is none open no group and change none", () =>
    Effect.gen(function*() {
      const misspelt = { memroy: "1 GiB" } as never
      const group = yield* ProcessGroup.makeWith({ limits: {} })
      for (const refused of [ProcessGroup.makeWith({ limits: misspelt }), group.updateLimits(misspelt)]) {
        const reason = yield* reasonOf(Effect.scoped(refused))
        assert.deepInclude(reason, { _tag: "InvalidInput", field: "limits", problem: "name an unknown resource" })
      }
    }).pipe(Effect.provide(scripted())))

  it("that no system could enforce are invalid, each by name", () => {
    for (const [name, limits] of invalid) {
      const answer = LimitRules.read(limits)
      if (Result.isSuccess(answer)) return assert.fail(JSON.stringify(limits))
      assert.include(answer.failure.reason, { _tag: "ResourceLimit", limit: name, why: "invalid" })
    }
  })

  it("are bytes, a number, and processors, and nothing else", () => {
    assert.deepEqual(
      LimitRules.read({ memory: "64 MiB", processes: 10, cpus: 0.5 }),
      Result.succeed({
        memory: 67_108_864,
        processes: 10,
        cpus: 0.5
      })
    )
    assert.deepEqual(LimitRules.read({}), Result.succeed(LimitRules.none))
  })

  it.effect("of a mechanism that has none keep the group from being opened; lifting all is done already", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(ProcessGroup.makeWith({ limits: { processes: 5 } }))
      assert.include(reason, { _tag: "ResourceLimit", limit: "processes", why: "unsupported" })
      assert.include(reason.message, "scripted")
      const group = yield* ProcessGroup.makeWith({ limits: {} })
      yield* group.updateLimits({})
      assert.deepEqual(yield* group.limits, LimitRules.none)
      assert.deepEqual(yield* group.limitEvidence, { memory: undefined, processes: undefined, cpus: undefined })
      assert.include(yield* reasonOf(group.updateLimits({ cpus: 1 })), { _tag: "ResourceLimit", why: "unsupported" })
      // What was asked for and not had is not known of.
      assert.strictEqual((yield* group.limitEvidence).cpus, "unknown")
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("are set before anything is started, and replaced as a whole", () => {
    const { log, run } = enforcing()
    return Effect.gen(function*() {
      const group = yield* ProcessGroup.makeWith({ limits: { memory: 4096, cpus: 2 } })
      assert.deepEqual(log, [{ memory: 4096, processes: undefined, cpus: 2 }])
      assert.deepEqual(yield* group.limitEvidence, { memory: "tripped", processes: undefined, cpus: "unknown" })
      yield* group.updateLimits({ processes: 3 })
      assert.deepEqual(yield* group.limits, { memory: undefined, processes: 3, cpus: undefined })
      // What was limited once is still told of.
      assert.deepEqual(yield* group.limitEvidence, { memory: "tripped", processes: "not-tripped", cpus: "unknown" })
      assert.strictEqual(yield* tagOf(group.updateLimits({ processes: 0 })), "ResourceLimit")
      assert.deepEqual((yield* group.limits).processes, 3)
    }).pipe(Effect.scoped, run)
  })

  it.effect("that cannot be set give back what was opened at once, and start nothing", () => {
    const { log, run } = enforcing("memory")
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const opening = Scope.provide(ProcessGroup.makeWith({ limits: { memory: 4096 } }), scope)
      assert.include(yield* reasonOf(opening), { _tag: "ResourceLimit", limit: "memory", why: "unenforceable" })
      assert.strictEqual(log.at(-1), "released")
    }).pipe(run)
  })

  it.effect("of a group that has closed are nobody's", () =>
    Effect.gen(function*() {
      const group = yield* Effect.scoped(ProcessGroup.make)
      assert.strictEqual(yield* tagOf(group.limits), "GroupClosed")
      assert.strictEqual(yield* tagOf(group.updateLimits({})), "GroupClosed")
      assert.strictEqual(yield* tagOf(group.limitEvidence), "GroupClosed")
      assert.strictEqual(yield* tagOf(group.start(Command.make("waits"))), "GroupClosed")
    }).pipe(Effect.provide(scripted())))
})
