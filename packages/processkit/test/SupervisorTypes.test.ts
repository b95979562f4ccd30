import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Attempt from "processkit/Attempt"
import * as Command from "processkit/Command"
import type * as ProcessError from "processkit/ProcessError"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as StormGuard from "processkit/StormGuard"
import type * as SupervisionOutcome from "processkit/SupervisionOutcome"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import { expectTypeOf } from "vitest"

class One extends Context.Service<One, { readonly one: number }>()("test/One") {}
class Two extends Context.Service<Two, { readonly two: number }>()("test/Two") {}
class Broken extends Data.TaggedError("Broken")<{}> {}

const job = Command.make("job")

type Outcome = SupervisionOutcome.SupervisionOutcome
type Failure = ProcessError.ProcessError
type Runner = ProcessRunner.ProcessRunner

it("the types of a supervision are what its options fail with and need", () => {
  expectTypeOf(Supervisor.run(job)).toEqualTypeOf<Effect.Effect<Outcome, Failure, Runner>>()
  expectTypeOf(Supervisor.run(job, { restart: RestartPolicy.always, stormGuard: StormGuard.pause() }))
    .toEqualTypeOf<Effect.Effect<Outcome, Failure, Runner>>()
  expectTypeOf(Supervisor.run(job, { stopWhen: () => Effect.fail(new Broken()) }))
    .toEqualTypeOf<Effect.Effect<Outcome, Failure | Broken, Runner>>()
  expectTypeOf(Supervisor.run(job, { healthCheck: { check: One }, ready: Effect.void }))
    .toEqualTypeOf<Effect.Effect<Outcome, Failure, Runner | One>>()
  expectTypeOf(Supervisor.run(job, { healthCheck: { check: Command.make("probe") }, ready: One }))
    .toEqualTypeOf<Effect.Effect<Outcome, Failure, Runner | One>>()
  expectTypeOf(Supervisor.schedule({ maxRestarts: 1 }))
    .toEqualTypeOf<Schedule.Schedule<Supervisor.Decision, Attempt.Attempt, Failure, never>>()
  assert.isTrue(Schedule.isSchedule(Supervisor.schedule()))
})

it("the types of a group are those of its members together", () => {
  const group = SupervisorGroup.run({
    a: { command: job, ready: One },
    b: { command: job, ready: Two, dependsOn: ["a"] }
  })
  expectTypeOf(group).toEqualTypeOf<
    Effect.Effect<
      SupervisorGroup.Outcome<"a" | "b">,
      Failure | SupervisorGroup.DependencyCycle | SupervisorGroup.UnknownDependency,
      Runner | One | Two
    >
  >()
  assert.isTrue(Effect.isEffect(group))
})
