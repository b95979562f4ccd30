import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { getEventListeners } from "node:events"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type * as Outcome from "processkit/Outcome"
import * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { eventually, openDescriptors, survivors } from "./oracle.ts"
import { reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

type Program = Effect.Effect<unknown, unknown, ProcessRunner.ProcessRunner>

/** Interrupts the first fiber that runs on it before the n-th operation of it or of a fiber that it has started. */
class InterruptAt extends Scheduler.MixedScheduler {
  #target: Fiber.Fiber<unknown, unknown> | undefined
  #left: number
  fired = false
  constructor(n: number) {
    super()
    this.#left = n
  }
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    this.#target ??= fiber
    if (this.#left-- === 0) {
      this.fired = true
      this.#target.interruptUnsafe()
    }
    return super.shouldYield(fiber)
  }
}

const listeners = (): Array<string> => [
  `abort ${getEventListeners(lasting, "abort").length}`,
  ...process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`).toSorted()
]

/** How much keeps the event loop alive: timers, pipes, child processes. */
const resources = (): number => process.getActiveResourcesInfo().filter((kind) => kind !== "Immediate").length

/** Outlives every run. */
const lasting = new AbortController().signal

/** Runs a program, interrupting it at the n-th operation; tells whether it got that far. */
const interruptedAt = Effect.fnUntraced(function*(program: Program, n: number) {
  const scheduler = new InterruptAt(n)
  // In a fiber of its own, of which the scheduler sees every operation.
  const fiber = yield* Effect.forkChild(program.pipe(Effect.provideService(Scheduler.Scheduler, scheduler)))
  const exit = yield* Fiber.await(fiber)
  // A look at every process costs more than a run. Whoever survives an interrupt is still there some runs later.
  if (n % 8 === 0 || !scheduler.fired) assert.deepEqual(survivors(), [], `interrupted at operation ${n} or before`)
  if (scheduler.fired) assert.isTrue(Exit.isSuccess(exit) || Exit.hasInterrupts(exit), `operation ${n}: ${exit._tag}`)
  return scheduler.fired
})

/** Interrupts a program at every operation in turn, until it ends before the interrupt comes. */
const atEveryOperation = Effect.fnUntraced(function*(program: Program) {
  yield* Effect.exit(program)
  const before = { descriptors: openDescriptors(), listeners: listeners(), resources: resources() }
  let n = 0
  while (yield* interruptedAt(program, n)) n++
  assert.isAbove(n, 20)
  yield* eventually("every descriptor is closed", () => openDescriptors() <= before.descriptors)
  assert.deepEqual(listeners(), before.listeners)
  yield* eventually("no timer, pipe or process is left", () => resources() <= before.resources)
  return n
})

/** Interrupts a program after n turns of the event loop, for rising n, until it ends by itself. */
const atEveryTurn = Effect.fnUntraced(function*(program: Program, step: number) {
  yield* Effect.exit(program)
  const before = openDescriptors()
  // Further apart where there are many: a program that waits for a processor takes thousands of turns.
  for (let n = 0;; n += Math.max(step, n >> 4)) {
    const fiber = yield* Effect.forkChild(program, { startImmediately: true })
    for (let turn = 0; turn < n && fiber.pollUnsafe() === undefined; turn++) yield* Effect.yieldNow
    const ended = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber)
    assert.deepEqual(survivors(), [], `interrupted after ${n} turns`)
    if (ended) break
  }
  yield* eventually("every descriptor is closed", () => openDescriptors() <= before)
})

/** What an outcome or a failure is called. */
const tagOf = (result: Result.Result<Outcome.Outcome, ProcessError.ProcessError>): string =>
  Result.isSuccess(result) ? result.success._tag : result.failure.reason._tag

const stop = { stop: { grace: "100 millis" } } as const

const twice: Command.Retry = { schedule: Schedule.recurs(1), while: () => true }

/** What can be interrupted: a start, a run with left-overs, a stream, input, a group, a retry. */
const programs: Record<string, Program> = {
  "a run with a left-over": Command.run(sh("sleep 60 >/dev/null 2>&1 & echo x", [], stop)),
  "a run that is fed": Command.run(Command.make("cat", { ...stop, stdin: Stream.make("a", "b", "c") })),
  "a run that fails": Command.run(sh("exit 3", [], { ...stop, timeout: "1 hour", cancelOn: lasting })),
  "a run that is repeated": Command.run(sh("exit 3", [], { ...stop, cancelOn: lasting, retry: twice })),
  "a stream": Stream.runDrain(Stream.take(Command.stdoutLines(sh("echo x; exec sleep 60", [], stop)), 1)),
  "a group": Effect.scoped(Effect.gen(function*() {
    const group = yield* ProcessGroup.makeWith(stop)
    yield* group.start(Command.make("sleep", ["60"]))
    yield* group.suspend
    yield* group.resume
    yield* group.kill
    yield* ProcessGroup.provide(Command.run(Command.make("echo", ["y"])), group)
  }))
}

layer(NodeProcessRunner.layer, { excludeTestServices: true })("interruption", (it) => {
  // R2: at every operation
  for (const [name, program] of Object.entries(programs)) {
    it.effect(`${name}, interrupted at every operation, leaves no process, descriptor or listener`, () =>
      atEveryOperation(program))
  }

  // R2: in every wait
  it.effect("a run, interrupted after every turn of the event loop, leaves no process and no descriptor", () =>
    Effect.gen(function*() {
      yield* atEveryTurn(Command.run(sh("echo x; echo y", [], stop)), 7)
      yield* atEveryTurn(Command.run(Command.make("cat", { ...stop, stdin: Stream.make("a", "b") })), 11)
    }))

  // R2
  it.effect("a run that is interrupted ends with its tree, and within the grace", () =>
    Effect.gen(function*() {
      for (
        const command of [sh("sleep 60 & sleep 60"), run("floods.sh"), run("never-reads-stdin.sh", [], { stdin: "x" })]
      ) {
        const fiber = yield* Effect.forkChild(Command.runUnit(command))
        yield* eventually("it runs", () => survivors().length > 0)
        const [exit, elapsed] = yield* timed(Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber)))
        assert.isTrue(Exit.hasInterrupts(exit))
        // A shell that is signalled while it forks may lose the signal; then it is SIGKILL that ends it.
        assert.isBelow(elapsed, allowance(2000 + 1000))
        assert.deepEqual(survivors(), [])
      }
    }))

  // stop by taking
  it.effect("taking one line and stopping ends the tree, however that is written", () =>
    Effect.gen(function*() {
      const command = sh("echo first; yes & yes", [], stop)
      const one = yield* Stream.runCollect(Stream.take(Command.stdoutLines(command), 1))
      assert.deepEqual(one, ["first"])
      assert.deepEqual(survivors(), [])
      assert.deepEqual(yield* Command.firstLine(command, () => true), Option.some("first"))
      assert.deepEqual(survivors(), [])
      const head = Effect.scoped(
        Effect.flatMap(Command.start(command), (running) => Stream.runHead(running.stdoutLines))
      )
      assert.deepEqual(yield* head, Option.some("first"))
      assert.deepEqual(survivors(), [])
      const failing = Command.stdoutLines(command).pipe(Stream.mapEffect(() => Effect.fail("enough")), Stream.runDrain)
      assert.strictEqual(yield* Effect.flip(failing), "enough")
      assert.deepEqual(survivors(), [])
      const piped = Command.stdoutLines(command).pipe(Stream.takeUntil(() => true), Stream.buffer({ capacity: 1 }))
      yield* Stream.runDrain(piped)
      assert.deepEqual(survivors(), [])
    }))

  // R9
  it.effect("the loser of a race and of a timeout is gone when the winner's answer is seen", () =>
    Effect.gen(function*() {
      const slow = Command.run(sh("sleep 60 & sleep 60"))
      assert.strictEqual(yield* Effect.raceFirst(slow, Command.run(sh("echo fast"))), "fast")
      assert.deepEqual(survivors(), [])
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(slow, "100 millis")))
      assert.deepEqual(survivors(), [])
      const failing = Effect.all([slow, slow, Command.run(sh("exit 3"))], { concurrency: "unbounded" })
      assert.strictEqual((yield* reasonOf(failing))._tag, "NonZeroExit")
      assert.deepEqual(survivors(), [])
    }))

  // R1, R7
  it.effect("a scope that closes while a start is in flight ends what it started, at 200 random moments", () =>
    Effect.gen(function*() {
      const before = openDescriptors()
      const seen = new Set<string>()
      yield* Effect.forEach(Array.from({ length: 200 }), () =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: 0 } }), scope)
          const starts = yield* Effect.forEach([1, 2], () =>
            Effect.forkChild(Effect.result(group.start(Command.make("sleep", ["60"])))))
          const turns = yield* Random.nextIntBetween(0, 12)
          for (let i = 0; i < turns; i++) {
            yield* Effect.yieldNow
          }
          yield* Scope.close(scope, Exit.void)
          for (const start of starts) {
            const result = yield* Fiber.join(start)
            seen.add(Result.isSuccess(result) ? "started" : result.failure.reason._tag)
            if (Result.isSuccess(result)) {
              assert.strictEqual((yield* result.success.outcome)._tag, "Signaled")
            }
          }
        }), { concurrency: 4 })
      assert.deepEqual(survivors(), [])
      assert.deepEqual([...seen].toSorted(), ["GroupClosed", "started"])
      yield* eventually("every descriptor is closed", () => openDescriptors() <= before + 1)
    }))

  // R1
  it.effect("a start that is interrupted while it is in flight leaves nothing, at 200 random moments", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(Array.from({ length: 200 }), () =>
        Effect.gen(function*() {
          const start = Effect.scoped(Effect.andThen(Command.start(Command.make("sleep", ["60"])), Effect.never))
          const fiber = yield* Effect.forkChild(start, { startImmediately: yield* Random.nextBoolean })
          yield* Effect.sleep(Duration.micros(BigInt(yield* Random.nextIntBetween(0, 4000))))
          yield* Fiber.interrupt(fiber)
        }), { concurrency: 4 })
      assert.deepEqual(survivors(), [])
    }))

  // R12
  it.effect("200 cancellations at once each end, in bounded time", () =>
    Effect.gen(function*() {
      const before = openDescriptors()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 200 }),
        () => Effect.forkChild(Command.runUnit(Command.make("sleep", ["60"])), { startImmediately: true })
      )
      yield* eventually("all of them run", () => survivors().length === 200)
      const [, elapsed] = yield* timed(Fiber.interruptAll(fibers))
      assert.isBelow(elapsed, allowance(5000))
      assert.deepEqual(survivors(), [])
      yield* eventually("every descriptor is closed", () => openDescriptors() <= before + 1)
    }))

  // R12: by signal from outside Effect
  it.effect("50 runs that one AbortSignal cancels fail with Cancelled and leave nothing, and a later one does not start", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const command = Command.make("sleep", ["60"], { cancelOn: controller.signal })
      const runs = yield* Effect.forEach(
        Array.from({ length: 50 }),
        () => Effect.forkChild(reasonOf(Command.runUnit(command)), { startImmediately: true })
      )
      yield* eventually("all of them run", () => survivors().length === 50)
      controller.abort()
      for (const run of runs) {
        assert.deepInclude(yield* Fiber.join(run), { _tag: "Cancelled", stop: { signal: "SIGTERM", forced: false } })
      }
      assert.deepEqual(survivors(), [])
      assert.deepInclude(yield* reasonOf(Command.runUnit(command)), { _tag: "Cancelled", stop: undefined })
    }))

  // E6
  it.effect("a signal, a deadline and an exit in the same moment give one answer, which stays, and Cancelled ranks first", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      yield* Effect.forEach(Array.from({ length: 80 }, (_, i) => i), (i) =>
        Effect.scoped(Effect.gen(function*() {
          const controller = new AbortController()
          const timeout = "20 millis"
          const command = Command.make("sleep", ["0.02"], { cancelOn: controller.signal, timeout })
          const running = yield* Command.start(command)
          // Before, at and after the deadline, and now and then not at all.
          const timer = setTimeout(() => controller.abort(), i % 16 === 15 ? 60_000 : 2 * (i % 16))
          const first = yield* Effect.result(running.outcome)
          const again = [yield* Effect.result(running.outcome), yield* Effect.result(running.outcome)]
          const result = yield* Effect.result(running.result)
          clearTimeout(timer)
          for (const later of again) assert.deepEqual(tagOf(later), tagOf(first))
          assert.deepEqual(tagOf(Result.map(result, ({ outcome }) => outcome)), tagOf(first))
          seen.add(tagOf(first))
        })), { concurrency: 2 })
      assert.include([...seen], "Cancelled")
      assert.isAtLeast(seen.size, 2)
    }))

  // L4
  it.effect("a signal that outlives many runs keeps no listener of theirs, however they ended", () =>
    Effect.gen(function*() {
      const { signal } = new AbortController()
      const runs = [
        Command.runUnit(Command.make("true", { cancelOn: signal })),
        Command.runUnit(Command.make("false", { cancelOn: signal })),
        Command.runUnit(Command.make("no-such-program", { cancelOn: signal })),
        Command.runUnit(Command.make("sleep", ["60"], { cancelOn: signal, timeout: "20 millis" })),
        Command.runUnit(
          sh("exit 3", [], { cancelOn: signal, retry: { schedule: Schedule.recurs(2), while: () => true } })
        ),
        Effect.timeoutOption(Command.runUnit(Command.make("sleep", ["60"], { cancelOn: signal })), "20 millis")
      ]
      yield* Effect.forEach(runs, (run) => Effect.exit(run), { concurrency: 3 })
      assert.strictEqual(getEventListeners(signal, "abort").length, 0)
    }))

  // R1: the signal fires while the operating system is still starting the program
  it.effect("a signal that fires while a start is under way cancels the run", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const command = Command.make("sleep", ["60"], { cancelOn: controller.signal })
      const slow = Layer.effect(
        ProcessBackend.ProcessBackend,
        Effect.map(ProcessBackend.ProcessBackend, (backend) => ({
          ...backend,
          open: Effect.map(backend.open, (container) => ({
            ...container,
            spawn: (request: ProcessBackend.SpawnRequest) =>
              Effect.tap(container.spawn(request), () => {
                controller.abort()
                // Long enough for whoever listens to hear of it while the start is still under way.
                return Effect.sleep("20 millis")
              })
          }))
        }))
      ).pipe(Layer.provide(NodeProcessRunner.layerProcessGroupBackend()))
      const [reason, elapsed] = yield* timed(reasonOf(Command.runUnit(command))).pipe(
        Effect.provide(Layer.provide(ProcessRunner.layerBackend, slow))
      )
      assert.deepInclude(reason, { _tag: "Cancelled", stop: { signal: "SIGTERM", forced: false } })
      assert.isBelow(elapsed, allowance(1500))
      assert.deepEqual(survivors(), [])
    }))

  // the signal fires between two attempts
  it.effect("a signal that fires between two attempts of a command ends the wait", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      let failures = 0
      const retry = { schedule: Schedule.spaced("1 minute"), while: () => ++failures > 0 }
      const command = sh("exit 3", [], { cancelOn: controller.signal, retry })
      const fiber = yield* Effect.forkChild(timed(reasonOf(Command.run(command))), { startImmediately: true })
      yield* eventually("the first attempt has failed", () => failures === 1)
      controller.abort()
      const [reason, elapsed] = yield* Fiber.join(fiber)
      assert.deepInclude(reason, { _tag: "Cancelled", stop: undefined })
      assert.isBelow(elapsed, 30_000)
    }))

  // R3
  it.effect("a scope that is told to stop while it closes ends at once, and never without its tree", () =>
    Effect.gen(function*() {
      const running = yield* Effect.scoped(Effect.gen(function*() {
        const running = yield* Command.start(run("ignores-sigterm.sh", [], { stop: { grace: "20 seconds" } }))
        yield* Stream.runHead(running.stdoutLines)
        // Into the grace of the close that follows, wherever exactly.
        yield* Effect.forkDetach(Effect.andThen(Effect.sleep("100 millis"), running.kill))
        return running
      }))
      assert.deepInclude(yield* running.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      assert.deepEqual(survivors(), [])
    }))
})
