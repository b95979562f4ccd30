import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Containment } from "processkit/Containment"
import type { Mechanism } from "processkit/Mechanism"
import * as Outcome from "processkit/Outcome"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as BestBackend from "../src/internal/bestBackend.ts"

const unsupported = (mechanism: Mechanism, detail: string) =>
  ProcessError.make(new ProcessError.Unsupported({ feature: "anything", mechanism, detail }))

const containment = (mechanism: Mechanism): Containment => ({
  mechanism,
  tree: "whole",
  ownerDeath: "whole",
  suspend: true,
  limits: [],
  attributes: [],
  realTimeSignals: true,
  escapes: "nothing",
  refused: []
})

const child: ProcessBackend.Child = {
  pid: 1000,
  stdin: undefined,
  stdout: undefined,
  stderr: undefined,
  onExit: (observer) => observer(Exit.succeed({ exit: Outcome.exited(0), usage: undefined })),
  signalLeader: () => Effect.void,
  members: Effect.succeed([]),
  signal: () => Effect.void,
  kill: Effect.void,
  awaitEmpty: () => Effect.succeed([])
}

/** A rung that fails where it is told to, and notes what is done with it. */
const rung = (
  mechanism: Mechanism,
  log: Array<string>,
  { open, refusal, spawn }: {
    readonly open?: ProcessError.ProcessError
    readonly spawn?: ProcessError.ProcessError
    readonly refusal?: string
  } = {}
): BestBackend.Rung => ({
  refusal: () => refusal,
  make: () => ({
    containment: containment(mechanism),
    open: Effect.suspend(() => {
      log.push(`open ${mechanism}`)
      if (open !== undefined) return Effect.fail(open)
      return Effect.succeed<ProcessBackend.Container>({
        ...child,
        containment: containment(mechanism),
        spawn: (request) => {
          // From where we are: a directory that was removed had once refused every mechanism but the last.
          assert.strictEqual(request.cwd, "/")
          return spawn === undefined ? Effect.succeed(child) : Effect.fail(spawn)
        },
        suspend: Effect.void,
        resume: Effect.void,
        release: Effect.sync(() => void log.push(`release ${mechanism}`))
      })
    }),
    resolve: () => Effect.succeed(""),
    sleep: () => Effect.sleep(Duration.zero)
  })
})

describe("the choice of a mechanism", () => {
  it.effect("takes the first one in which something can be started, and tries no other", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { backend, isFinal } = yield* BestBackend.choose([rung("cgroup-v2", log), rung("subreaper", log)])
      assert.deepEqual(backend.containment, containment("cgroup-v2"))
      assert.isTrue(isFinal)
      assert.deepEqual(log, ["open cgroup-v2", "release cgroup-v2"])
    }))

  it.effect("reports why each of those before was refused, also where it opened and then started nothing", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { backend, isFinal } = yield* BestBackend.choose([
        rung("cgroup-v2", log, { open: unsupported("cgroup-v2", "not writable") }),
        rung("subreaper", log, { spawn: unsupported("subreaper", "no such call") }),
        rung("process-group", log)
      ])
      assert.strictEqual(backend.containment.mechanism, "process-group")
      assert.deepEqual(backend.containment.refused.map(({ mechanism }) => mechanism), ["cgroup-v2", "subreaper"])
      assert.include(backend.containment.refused[0]?.reason, "not writable")
      assert.include(backend.containment.refused[1]?.reason, "no such call")
      // What was opened for the trial is given back, and the last one needs none.
      assert.deepEqual(log, ["open cgroup-v2", "open subreaper", "release subreaper"])
      assert.isTrue(isFinal)
      const container = yield* backend.open
      assert.deepEqual(container.containment, backend.containment)
    }))

  // An owner whose first start met its descriptor limit was held by process groups for the rest of its life.
  it.effect("is made again after a shortage that may pass", () =>
    Effect.gen(function*() {
      const exhausted = ProcessError.make(new ProcessError.ResourceExhausted({ program: "x", errno: "EMFILE" }))
      const details = ["/bin/host cannot be executed (EAGAIN)", "it was started, but a start failed (pipe, EMFILE)"]
      const open = details.map((detail) => ({ open: unsupported("cgroup-v2", detail) }))
      for (const refused of [{ spawn: exhausted }, ...open]) {
        const ladder = [rung("cgroup-v2", [], refused), rung("process-group", [])]
        assert.isFalse((yield* BestBackend.choose(ladder)).isFinal)
      }
    }))

  it("is predicted without opening anything", () => {
    const log: Array<string> = []
    const predicted = BestBackend.predict([
      rung("cgroup-v2", log, { refusal: "it is read-only" }),
      rung("subreaper", log),
      rung("process-group", log)
    ])
    assert.deepEqual(predicted, {
      ...containment("subreaper"),
      refused: [{ mechanism: "cgroup-v2", reason: "it is read-only" }]
    })
    assert.deepEqual(log, [])
  })

  it.effect("tells with a mechanism without limits what to run to get them, before and after the choice", () =>
    Effect.gen(function*() {
      const refusedLimits = [{ limit: "memory", reason: "it is read-only: mount it otherwise" }] as const
      const cgroup = { ...rung("cgroup-v2", [], { refusal: "it is read-only", open: unsupported("cgroup-v2", "no") }) }
      const ladder = [
        { ...cgroup, refusedLimits: () => refusedLimits },
        rung("subreaper", []),
        rung("process-group", [])
      ]
      assert.deepEqual(BestBackend.predict(ladder).refusedLimits, refusedLimits)
      const { backend } = yield* BestBackend.choose(ladder)
      assert.deepEqual(backend.containment.refusedLimits, refusedLimits)
      assert.deepEqual((yield* backend.open).containment, backend.containment)
      const taken = [{ ...rung("cgroup-v2", []), refusedLimits: () => refusedLimits }, rung("process-group", [])]
      assert.isUndefined(BestBackend.predict(taken).refusedLimits)
    }))

  it("is predicted to be process groups where everything is refused", () => {
    const predicted = BestBackend.predict([rung("cgroup-v2", [], { refusal: "no" })])
    assert.strictEqual(predicted.mechanism, "process-group")
    assert.deepEqual(predicted.refused, [{ mechanism: "cgroup-v2", reason: "no" }])
  })
})
