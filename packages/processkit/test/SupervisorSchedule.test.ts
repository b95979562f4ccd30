import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Attempt from "processkit/Attempt"
import * as Backoff from "processkit/Backoff"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessResult from "processkit/ProcessResult"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import { intBetween } from "./arbitraries.ts"
import { clean, crash, drive, exhausted, exited, missing, pick, type Said, unhealthy } from "./supervised.ts"

const backoff = Backoff.exponential({ base: 10, factor: 1, jitter: false })

const attempts = (...list: ReadonlyArray<Attempt.Attempt>) => list.map((attempt) => [0, attempt] as const)

/** What a policy says to attempts, in words. */
const says = <R = never>(policy: Supervisor.Policy<never, R>, ...list: ReadonlyArray<Attempt.Attempt>) =>
  Effect.map(drive(Supervisor.schedule({ backoff, ...policy }), attempts(...list)), (said) => said.map(word))

const word = (said: Said<Supervisor.Decision>): string => {
  if ("failed" in said) return said.failed
  const decision = "done" in said ? said.done : said.output
  return decision._tag === "Stop"
    ? decision.reason
    : `${Duration.toMillis(decision.pause)}+${Duration.toMillis(decision.delay)}`
}

describe("restart policies", () => {
  it.effect("restart after every end, after failures only, or never", () =>
    Effect.gen(function*() {
      const ends = { clean: clean(), crash: crash(), exhausted, unhealthy: unhealthy() }
      const seen: Record<string, ReadonlyArray<string>> = {}
      for (const [name, restart] of Object.entries(RestartPolicy).filter(([, value]) => Schedule.isSchedule(value))) {
        const policy = restart as RestartPolicy.RestartPolicy
        seen[name] = yield* Effect.map(
          Effect.forEach(Object.values(ends), (end) => says({ restart: policy }, end)),
          (said) => said.flat()
        )
      }
      assert.deepStrictEqual(seen, {
        always: ["0+10", "0+10", "0+10", "0+10"],
        onCrash: ["PolicySatisfied", "0+10", "0+10", "0+10"],
        never: ["PolicySatisfied", "PolicySatisfied", "PolicySatisfied", "Unhealthy"]
      })
    }))

  it.effect("can be any condition, and end like any schedule", () =>
    Effect.gen(function*() {
      const onRequest = RestartPolicy.make(({ result }) => result !== undefined && ProcessResult.code(result) === 75)
      assert.deepStrictEqual(
        yield* says({ restart: onRequest }, exited(75), exited(75), exited(1)),
        ["0+10", "0+10", "PolicySatisfied"]
      )
      const twice = RestartPolicy.always.pipe(Schedule.upTo({ times: 2 }))
      assert.deepStrictEqual(yield* says({ restart: twice }, clean(), clean(), clean()), [
        "0+10",
        "0+10",
        "PolicySatisfied"
      ])
    }))
})

describe("the order of a policy", () => {
  // P12: each gate says stop, and the earliest that does is the reason.
  const gates = ["stopWhen", "restart", "giveUpWhen", "maxRestarts", "stormGuard", "backoff"] as const
  const reasons = ["Predicate", "PolicySatisfied", "GaveUp", "RestartsExhausted", "RestartStorm", "RestartsExhausted"]

  it.effect.prop(
    "is stopWhen, restart, giveUpWhen, maxRestarts, stormGuard, backoff: the first that says stop is the reason",
    [Arbitrary.array(pick(gates), { maxLength: 6 })],
    ([closed]) =>
      Effect.gen(function*() {
        const first = gates.findIndex((gate) => closed.includes(gate))
        const has = (gate: typeof gates[number]) => closed.includes(gate)
        const said = yield* says({
          stopWhen: () => has("stopWhen"),
          restart: has("restart") ? RestartPolicy.never : RestartPolicy.always,
          giveUpWhen: () => Effect.succeed(has("giveUpWhen")),
          ...(has("maxRestarts") ? { maxRestarts: 0 } : {}),
          ...(has("stormGuard") ? { stormGuard: StormGuard.giveUp({ restarts: 0, within: 1 }) } : {}),
          backoff: has("backoff") ? Schedule.recurs(0) : Schedule.spaced(10)
        }, crash())
        assert.deepStrictEqual(said, [first < 0 ? "0+10" : reasons[first]])
      })
  )

  it.effect("asks nobody who need not be asked", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const policy: Supervisor.Policy = {
        stopWhen: () => {
          asked.push("stopWhen")
          return false
        },
        giveUpWhen: () => {
          asked.push("giveUpWhen")
          return false
        },
        restart: RestartPolicy.always
      }
      yield* says(policy, clean())
      yield* says(policy, exhausted)
      yield* says(policy, unhealthy())
      yield* says(policy, crash())
      assert.deepStrictEqual(asked, ["stopWhen", "giveUpWhen", "giveUpWhen", "stopWhen", "giveUpWhen"])
    }))

  it.effect("puts the pause before the delay, and both in one wait", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: 500, jitter: false })
      const said = yield* drive(Supervisor.schedule({ backoff, stormGuard }), attempts(crash(), crash()))
      assert.deepStrictEqual(said.map((one) => "wait" in one ? one.wait : undefined), [10, 510])
      assert.strictEqual(word(said[1]!), "500+10")
    }))

  it.effect("fails with what an answer fails with", () =>
    Effect.gen(function*() {
      const broken = ProcessError.make(new ProcessError.HostLost({ program: undefined, detail: "" }))
      for (const policy of [{ stopWhen: () => Effect.fail(broken) }, { giveUpWhen: () => Effect.fail(broken) }]) {
        assert.deepStrictEqual(
          yield* drive(Supervisor.schedule(policy), attempts(crash())),
          [{ failed: "HostLost" }]
        )
      }
    }))
})

const isHopeless = (reason: ProcessError.Reason) =>
  Supervisor.isHopeless({ ...missing, error: ProcessError.make(reason) })

const isMisconfigured = ({ result }: Attempt.Attempt) => result !== undefined && ProcessResult.code(result) === 78

describe("giving up", () => {
  it.effect("is by default for starts that waiting does not heal, before any budget or pause", () =>
    Effect.gen(function*() {
      const guard = StormGuard.pause({ threshold: 1 })
      assert.deepStrictEqual(yield* says({ maxRestarts: 0, stormGuard: guard }, missing), ["GaveUp"])
      const program = "job"
      const healing: ReadonlyArray<ProcessError.Reason> = [
        new ProcessError.ResourceExhausted({ program, errno: "EMFILE" }),
        new ProcessError.SpawnFailed({ program, errno: "ETXTBSY" }),
        new ProcessError.PermissionDenied({ program, errno: "EACCES" }),
        new ProcessError.InvalidCwd({ program, cwd: "/mnt", errno: "ENOENT" }),
        new ProcessError.HostLost({ program, detail: "" })
      ]
      const hopeless: ReadonlyArray<ProcessError.Reason> = [
        new ProcessError.NotFound({ program, searched: [] }),
        new ProcessError.ExecFormat({ program, interpreter: undefined }),
        new ProcessError.InvalidInput({ program, field: "argument 1", problem: "" }),
        new ProcessError.Unsupported({ feature: "limits", mechanism: undefined, detail: "" }),
        new ProcessError.ArgumentListTooLong({ program, bytes: 1 }),
        new ProcessError.GroupClosed({ operation: "starting" })
      ]
      assert.deepStrictEqual(healing.filter(isHopeless), [])
      assert.deepStrictEqual(hopeless.filter((reason) => !isHopeless(reason)), [])
      assert.isFalse(Supervisor.isHopeless(crash()))
    }))

  it.effect("can be for an exit code that asks for it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* says({ giveUpWhen: isMisconfigured }, exited(1), exited(78)), ["0+10", "GaveUp"])
    }))

  it.effect("is not for clean ends", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* says({ giveUpWhen: () => true, restart: RestartPolicy.always }, clean()), ["0+10"])
    }))
})

describe("maxRestarts", () => {
  // P5
  it.effect.prop(
    "allows so many restarts and no more",
    [intBetween(0, 20), Arbitrary.array(pick(["clean", "crash", "unhealthy"]), { minLength: 25, maxLength: 25 })],
    ([maxRestarts, ends]) =>
      Effect.gen(function*() {
        const kinds = { clean: clean(), crash: crash(), unhealthy: unhealthy() }
        const said = yield* says(
          { restart: RestartPolicy.always, maxRestarts },
          ...ends.map((end) => kinds[end])
        )
        assert.strictEqual(said.length, maxRestarts + 1)
        assert.strictEqual(said.at(-1), "RestartsExhausted")
      })
  )

  it.effect("is as many as it takes where it is infinite or not said", () =>
    Effect.gen(function*() {
      for (const policy of [{}, { maxRestarts: Infinity }]) {
        assert.strictEqual((yield* says(policy, ...Array.from({ length: 500 }, () => crash()))).length, 500)
      }
    }))

  it.effect("has to be a whole number from 0 up", () =>
    Effect.gen(function*() {
      for (const maxRestarts of [-1, 0.5, NaN, "3" as never]) {
        assert.deepStrictEqual(yield* says({ maxRestarts }, crash()), ["InvalidInput"])
      }
    }))
})

describe("the schedule of a policy", () => {
  it.effect("repeats an effect without a supervisor", () =>
    Effect.gen(function*() {
      let lives = 0
      const life = Effect.sync(() => ++lives < 4 ? crash() : clean())
      const policy = Supervisor.schedule({ backoff: Schedule.spaced(0) })
      assert.deepStrictEqual(yield* Effect.repeat(life, policy), { _tag: "Stop", reason: "PolicySatisfied" })
      assert.strictEqual(lives, 4)
    }))

  // P14, for the policy alone
  it.effect.prop(
    "says the same to the same attempts with the same seed",
    [Schema.Int, Arbitrary.array(intBetween(0, 50_000), { maxLength: 30 })],
    ([seed, gaps]) =>
      Effect.gen(function*() {
        const policy = Supervisor.schedule({ stormGuard: StormGuard.pause({ threshold: 2 }) })
        const once = Random.withSeed(drive(policy, gaps.map((gap) => [gap, crash(gap)] as const)), seed)
        assert.deepStrictEqual(yield* once, yield* once)
      })
  )
})
