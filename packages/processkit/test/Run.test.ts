import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import type * as RunningProcess from "processkit/RunningProcess"
import { countedAbort, reasonOf, settle, tagOf } from "./scripted.ts"
import { backend, mapContainer, unkillable } from "./scriptedPrograms.ts"

type Service = ReturnType<typeof backend>["service"]

const waits = { main: () => Effect.never }

const on = (service: Service) => Effect.provideService(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))

describe("a run whose program outlives SIGKILL", () => {
  it.effect("fails with TeardownIncomplete when its deadline passes, and does not hang", () =>
    Effect.gen(function*() {
      const command = Command.make("waits", { timeout: "1 second" })
      const fiber = yield* Effect.forkChild(
        reasonOf(Command.outputString(command)).pipe(on(unkillable(backend().service)))
      )
      yield* TestClock.adjust("1 second")
      yield* settle()
      const reason = fiber.pollUnsafe() === undefined ? undefined : yield* Fiber.join(fiber)
      assert.strictEqual(reason?._tag, "TeardownIncomplete")
      assert.strictEqual(reason?._tag === "TeardownIncomplete" && reason.pids.length, 1)
    }))

  it.effect("lets its scope close although its input is still being fed", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const command = Command.make("waits", { stdin: Stream.never })
      yield* Effect.scoped(Effect.andThen(Command.start(command), settle())).pipe(
        on(unkillable(backend().service)),
        Effect.andThen(Deferred.succeed(closed, undefined)),
        Effect.forkChild
      )
      yield* settle(50)
      assert.isTrue(yield* Deferred.isDone(closed))
    }))

  it.effect("answers whoever waits for it when its group closes", () =>
    Effect.gen(function*() {
      const running = yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        return yield* group.start(Command.make("waits"))
      })).pipe(on(unkillable(backend().service)))
      const fiber = yield* Effect.forkChild(tagOf(running.outcome))
      yield* settle()
      assert.strictEqual(fiber.pollUnsafe() === undefined ? "waiting" : yield* Fiber.join(fiber), "TeardownIncomplete")
    }))
})

/** A backend that hears of an empty tree before the end of what was printed. */
const hearsLate = (below: Service): Service => ({
  ...mapContainer(below, ({ spawn }) => ({
    spawn: (request) =>
      Effect.map(spawn(request), (child) => ({ ...child, stdout: child.stdout && late(child.stdout) }))
  })),
  sleep: () => settle()
})

const soon = (work: () => void) => void Effect.runFork(Effect.andThen(settle(5), Effect.sync(work)))

const late = (source: ProcessBackend.ByteSource): ProcessBackend.ByteSource => {
  return {
    ...source,
    start: ({ chunk, end }) =>
      source.start({
        chunk: (bytes) => {
          soon(() => chunk(bytes))
          return true
        },
        end: (errno) => soon(() => end(errno))
      })
  }
}

const startInGroup = (command: Command.Command) => Effect.flatMap(ProcessGroup.make, (group) => group.start(command))

describe("a run that its scope ends", () => {
  // What a program said to the signal was left in its pipe, and its observers never saw it.
  it.effect("has shown its last words when the scope has closed, alone and in a group", () =>
    Effect.gen(function*() {
      const polite = { ...waits, signals: { SIGTERM: { stdout: "bye\n", exit: Outcome.exited(0) } } }
      const service = hearsLate(backend({ polite }).service)
      for (const start of [Command.start, startInGroup]) {
        const seen: Array<string> = []
        const command = Command.make("polite", { onStdoutLine: (line) => seen.push(line) })
        const running = yield* Effect.scoped(Effect.tap(start(command), () => settle())).pipe(on(service))
        assert.deepStrictEqual(seen, ["bye"])
        assert.deepInclude(yield* running.result, { stdout: "bye\n", incomplete: false })
      }
    }))
})

describe("a run whose program is over when it is handed over", () => {
  it.effect("does not begin to feed it", () =>
    Effect.gen(function*() {
      let fed = false
      const late = mapContainer(backend().service, ({ spawn }) => ({
        spawn: (request) => Effect.tap(spawn(request), () => settle())
      }))
      const source = Stream.suspend(() => {
        fed = true
        return Stream.never
      })
      const fiber = yield* Effect.forkChild(
        Command.runUnit(Command.make("holdsPipeOpen", { stdin: source })).pipe(on(late))
      )
      yield* settle(50)
      yield* TestClock.adjust("1 second")
      yield* settle()
      assert.deepStrictEqual([fed, fiber.pollUnsafe()], [false, Exit.void])
    }))
})

describe("a start that dies of a defect", () => {
  it.effect("gives back its container and its source of input", () =>
    Effect.gen(function*() {
      let released = 0
      const broken = mapContainer(backend().service, () => ({
        spawn: () => Effect.die("broken"),
        release: Effect.sync(() => void released++)
      }))
      const exit = yield* Effect.exit(Command.run(Command.make("waits")).pipe(on(broken)))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(released, 1)
    }))
})

const permutations = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length === 0
    ? [[]]
    : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item].concat(rest)))

const ends = { exit: "Exited", deadline: "TimedOut", stop: "Signaled", cancel: "Cancelled" } as const

type End = keyof typeof ends

/** Lets all ends of a run happen in an order, with turns between them, and gives what every question is answered. */
const ended = (order: ReadonlyArray<End>, turns: number) =>
  Effect.gen(function*() {
    const { abort, listeners, signal } = countedAbort()
    const exits = yield* Deferred.make<void>()
    const below = backend({ obedient: { main: () => Effect.as(Deferred.await(exits), Outcome.exited(0)) } })
    const happens: Record<
      End,
      (running: RunningProcess.RunningProcess) => Effect.Effect<unknown, ProcessError.ProcessError>
    > = {
      exit: () => Effect.andThen(Deferred.succeed(exits, undefined), settle(3)),
      deadline: () => TestClock.adjust("1 second"),
      stop: (running) => running.stop(),
      cancel: () => Effect.sync(abort)
    }
    const asked = yield* Effect.scoped(Effect.gen(function*() {
      const running = yield* Command.start(Command.make("obedient", { cancelOn: signal, timeout: "1 second" }))
      const tag = Effect.match(running.outcome, {
        onSuccess: ({ _tag }) => _tag,
        onFailure: ({ reason }) => reason._tag
      })
      const early = yield* Effect.forkChild(tag)
      yield* settle()
      for (const end of order) yield* Effect.andThen(happens[end](running), settle(turns))
      const late = yield* tag
      const result = yield* Effect.match(running.result, {
        onSuccess: ({ outcome }) => outcome._tag,
        onFailure: ({ reason }) => reason._tag
      })
      return [yield* Fiber.join(early), late, result]
    })).pipe(on(below.service))
    return [...asked, below.alive().length, listeners()]
  })

describe("a run that could end in many ways", () => {
  for (const order of permutations<End>(["exit", "deadline", "stop", "cancel"])) {
    it.effect(`ends by the first and keeps it: ${order.join(", ")}`, () =>
      Effect.gen(function*() {
        const first = ends[order[0] ?? "exit"]
        for (const turns of [0, 1, 10]) {
          assert.deepStrictEqual(yield* ended(order, turns), [first, first, first, 0, 0], `${turns} turns apart`)
        }
      }))
  }
})
