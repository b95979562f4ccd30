import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Batch from "processkit/Batch"
import * as CliClient from "processkit/CliClient"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Readiness from "processkit/Readiness"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { alive, prints, scripted } from "./scripted.ts"

const defect = new Error("the caller's own mistake")
const mistake = (): never => {
  throw defect
}

/** Prints two lines and lives on, with a descendant, until it is ended. */
const lives: Program = {
  main: (io) =>
    io.fork({ main: () => Effect.never, holdsPipes: false }).pipe(
      Effect.andThen(io.write("stdout", "one\ntwo\n")),
      Effect.andThen(Effect.never)
    )
}

const live = Command.make("lives")
const fails = Command.make("fails")
const always = { backoff: Schedule.forever, restart: RestartPolicy.always }

function* commands(): Generator<Command.Command> {
  yield live
  yield mistake()
}

/** Where a function of the caller's is asked, and what asks it. */
const asked: Record<string, Effect.Effect<unknown, unknown, ProcessRunner.ProcessRunner | Scope.Scope>> = {
  "a predicate of firstLine": Command.firstLine(live, mistake),
  "a predicate of a client's firstLine": Effect.flatMap(CliClient.make("lives"), (it) => it.firstLine([], mistake)),
  "a predicate of a pipeline's firstLine": Pipeline.firstLine(Pipeline.make(live, Command.make("lives")), mistake),
  "a function over lines": Stream.runDrain(Stream.map(Command.stdoutLines(live), mistake)),
  "a predicate of waitForLine": Effect.flatMap(Command.start(live), (it) => it.waitForLine(mistake)),
  "a predicate of waitFor": Effect.flatMap(Command.start(live), (it) => it.waitFor(Readiness.line(mistake))),
  "a parser": Command.parse(Command.make("says"), mistake),
  "a classifier of retry": Command.run(Command.setRetry(fails, { schedule: Schedule.forever, while: mistake })),
  "a decorator of starts": Effect.flatMap(
    ProcessRunner.ProcessRunner,
    (runner) => Effect.scoped(ProcessRunner.mapStart(runner, mistake).start(live))
  ),
  "stopWhen": Supervisor.run(fails, { ...always, stopWhen: mistake }),
  "giveUpWhen": Supervisor.run(fails, { ...always, giveUpWhen: mistake }),
  "the commands of a batch": Stream.runDrain(Batch.outputStream(commands(), { concurrency: 2 }))
}

describe("a function of the caller that throws", () => {
  for (const [name, effect] of Object.entries(asked)) {
    it.effect(`is the defect of who asked it, and leaves no program: ${name}`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(Effect.scoped(effect))
        assert(Exit.isFailure(exit))
        assert.deepStrictEqual(exit.cause.reasons.map((reason) => Cause.isDieReason(reason) && reason.defect), [defect])
        assert.deepStrictEqual(yield* alive, [])
      }).pipe(Effect.provide(scripted({ lives, says: prints("text"), fails: prints("", 3) }))))
  }

  // Before, nobody heard of it: the program was never ready, never killed, and its health was never asked about.
  it.effect("is a no where a supervisor asks about readiness or health", () =>
    Effect.gen(function*() {
      const healthCheck = { check: mistake, every: "1 second", failures: 2 } as const
      for (const probe of [{ ready: mistake }, { healthCheck }]) {
        const fiber = yield* Effect.forkChild(Supervisor.run(live, { ...always, ...probe, maxRestarts: 0 }))
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude(yield* Fiber.join(fiber), { reason: "RestartsExhausted", livenessKills: 1 })
        assert.deepStrictEqual(yield* alive, [])
      }
    }).pipe(Effect.provide(scripted({ lives }))))

  it.effect("does not end what runs in a group beside it", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(live)
      const exit = yield* Effect.exit(ProcessGroup.provide(Command.firstLine(live, mistake), group))
      assert.isTrue(Exit.hasDies(exit))
      assert.isTrue(yield* sibling.isRunning)
      assert.lengthOf(yield* group.members, 2)
      yield* sibling.kill
      assert.isTrue(Outcome.isSignaled(yield* sibling.outcome))
    }).pipe(Effect.scoped, Effect.provide(scripted({ lives }))))
})
