import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Command from "processkit/Command"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import { Backend, prints, scripted } from "./scripted.ts"
import { byTurns } from "./supervised.ts"

const nasty: Record<string, unknown> = {
  stopWhen: () => true,
  restart: RestartPolicy.never,
  giveUpWhen: () => true,
  maxRestarts: 0,
  stormGuard: Schedule.recurs(0),
  backoff: Schedule.recurs(0),
  healthCheck: 5,
  ready: 5,
  readyWithin: NaN,
  dependsOn: ["nobody"],
  strategy: "polluted",
  membership: {}
}

const job = Command.make("job")

const soon = { backoff: Schedule.spaced(0) }

// X3
describe("a polluted Object.prototype", () => {
  afterEach(() => {
    for (const key of Object.keys(nasty)) Reflect.deleteProperty(Object.prototype, key)
  })

  for (const [key, value] of Object.entries(nasty)) {
    it.live(`changes no supervision: ${key}`, () =>
      Effect.gen(function*() {
        const { spawned } = yield* Backend
        // The backoff by default takes a moment, which is what a polluted one would not.
        const options = key === "backoff" ? {} : soon
        yield* Effect.yieldNow
        // oxlint-disable-next-line no-extend-native -- what this test is about
        Object.defineProperty(Object.prototype, key, { value, configurable: true, enumerable: false, writable: true })
        const outcome = yield* Supervisor.run(job, options)
        const group = yield* SupervisorGroup.run({ one: { command: job, ...options } })
        const life = Effect.flatMap(Command.run(job), () => Effect.void)
        yield* Supervisor.supervise(life, options)
        Reflect.deleteProperty(Object.prototype, key)
        assert.deepInclude(outcome, { reason: "PolicySatisfied", restarts: 1 })
        assert.deepInclude(group.members.one, { reason: "PolicySatisfied", restarts: 1 })
        assert.strictEqual(spawned.length, 6)
      }).pipe(Effect.provide(scripted({
        job: byTurns(prints("", 1), prints(""), prints("", 1), prints(""), prints("", 1), prints(""))
      }))))
  }
})
