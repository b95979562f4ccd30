import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as RunningProcess from "processkit/RunningProcess"
import { allMechanisms, ownGroups } from "./hostedWorld.ts"
import * as Interleavings from "./interleavings.ts"
import { eventually, openDescriptors, survivors } from "./oracle.ts"
import { sh } from "./programs.ts"
import { slowness } from "./slowness.ts"

/** One seed by hand: the one that a failure has named. */
const given = process.env["PROCESSKIT_TEST_SEED"]
const seeds = given === undefined ? Array.from({ length: 16 }, (_, i) => 1000 + i) : [Number(given)]

const commands: Record<Interleavings.Plan["children"][number]["kind"], Command.Command> = {
  short: sh("echo up; exit 3"),
  long: sh("echo up; sleep 60 & exec sleep 60"),
  flooder: sh("echo up; exec yes", [], { buffer: OutputBuffer.tail({ bytes: 4096 }) })
}

type Group = ProcessGroup.ProcessGroup
type Answer = Effect.Effect<unknown, ProcessError.ProcessError>

const askGroup = (group: Group, what: (typeof Interleavings.groupOperations)[number]): Answer => {
  switch (what) {
    case "SIGTERM":
    case "SIGINT":
    case "SIGHUP":
      return group.signal(what)
    case "shutdown":
      return group.shutdown({ grace: "50 millis" })
    default:
      return group[what]
  }
}

const askChild = (
  child: RunningProcess.RunningProcess,
  what: (typeof Interleavings.childOperations)[number]
): Answer => {
  switch (what) {
    case "waitForLine":
      return child.waitForLine("up", { within: "200 millis" })
    case "signal":
      return child.signal("SIGUSR1")
    case "stop":
      return child.stop({ grace: "50 millis" })
    default:
      return child[what]
  }
}

const end = (child: RunningProcess.RunningProcess, how: (typeof Interleavings.endings)[number]): Answer => {
  if (how === "stdoutLines") return Stream.runDrain(child.stdoutLines)
  return how === "interrupt" ? Effect.timeoutOption(child.result, "30 millis") : child[how]
}

/** What such a plan cannot come to: a failure of the library rather than of a program that was ended under its feet. */
const impossible = new Set(["NotFound", "PermissionDenied", "SpawnFailed", "InvalidInput", "ParseFailed", "IoFailed"])

const assertPossible = (seed: number) => (exit: Exit.Exit<unknown, ProcessError.ProcessError>): void => {
  if (Exit.isSuccess(exit)) return
  for (const reason of exit.cause.reasons) {
    const isPossible = Cause.isInterruptReason(reason) ||
      (Cause.isFailReason(reason) && !impossible.has(reason.error.reason._tag))
    assert.isTrue(isPossible, `seed ${seed}: ${Cause.pretty(exit.cause)}`)
  }
}

/** Does everything of a plan at once, and closes the scope in the middle of it. */
const follow = Effect.fnUntraced(function*(seed: number) {
  const plan = Interleavings.plan(seed)
  const scope = yield* Scope.make()
  const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: "50 millis" } }), scope)
  const later = (after: number, answer: Answer) => Effect.andThen(Effect.sleep(after), answer)
  const ends: Array<Answer> = []
  const others: Array<Answer> = plan.operations.map(({ after, what }) => later(after, askGroup(group, what)))
  for (const { ending, kind, operations } of plan.children) {
    const child = yield* group.start(commands[kind])
    ends.push(end(child, ending))
    others.push(...operations.map(({ after, what }) => later(after, askChild(child, what))))
  }
  const fibers = yield* Effect.forEach(
    [...ends, ...others],
    (each) => Effect.forkDetach(Effect.exit(each), { startImmediately: true })
  )
  yield* Effect.sleep(plan.closesAfter)
  yield* Scope.close(scope, Exit.void)
  assert.deepEqual(survivors(), [], `seed ${seed}`)
  // Nothing waits for what is over: every answer is there, and there is one for all that was asked.
  for (const fiber of fibers) assertPossible(seed)(yield* Fiber.join(fiber))
  assert.strictEqual(Result.isFailure(yield* Effect.result(group.members)), true)
}, (effect, seed) =>
  Effect.timeoutOrElse(effect, {
    duration: 20_000 * slowness,
    orElse: () => Effect.die(new Error(`seed ${seed} has not ended`))
  }))

for (const { name, runner } of allMechanisms) {
  describe(`random interleavings in ${name}`, () => {
    it.live(
      `end, answer everybody and leave nothing (seeds ${seeds[0]} to ${seeds.at(-1)})`,
      () =>
        Effect.gen(function*() {
          yield* Command.run(Command.make("true"))
          const before = openDescriptors()
          for (const seed of seeds) yield* follow(seed)
          assert.deepEqual(ownGroups(), [])
          yield* eventually("every descriptor is closed", () => openDescriptors() <= before)
        }).pipe(Effect.provide(runner)),
      120_000 * slowness
    )
  })
}
