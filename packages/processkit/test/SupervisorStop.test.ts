import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { Backend, prints } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"
import { byTurns, exitsAfter, runsOn } from "./supervised.ts"

/** Does something before the n-th operation of any fiber that runs on it. */
class At extends Scheduler.MixedScheduler {
  #left: number
  readonly #act: () => void
  fired = false
  constructor(n: number, act: () => void) {
    super()
    this.#left = n
    this.#act = act
  }
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    if (this.#left-- === 0) {
      this.fired = true
      this.#act()
    }
    return super.shouldYield(fiber)
  }
}

const daemon = { ...runsOn, holdsPipes: false }

/** A crash, a daemon that is left behind by another, then a life that only ends when it is told to. */
const job = () =>
  byTurns(prints("", 1), { main: (io) => Effect.andThen(io.fork(daemon), prints("", 1).main(io)) }, runsOn)

/**
 * A runner whose programs are no part of their supervisor: its scheduler does not see what they do. A start takes some
 * turns before and after the program is there, so that a request also comes in the midst of one.
 */
const apart = (programs: () => Record<string, Program>) =>
  Layer.effectContext(Effect.sync(() => {
    const below = backend(programs())
    const service = mapContainer(below.service, ({ spawn }) => ({
      spawn: (request, isPrivate) =>
        Effect.provideService(spawn(request, isPrivate), Scheduler.Scheduler, ordinary).pipe(
          Effect.tap(() => Effect.yieldNow),
          (start) => Effect.andThen(Effect.yieldNow, start)
        )
    }))
    return Context.make(Backend, below).pipe(
      Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service))
    )
  }))

const ordinary = new Scheduler.MixedScheduler()

const options: Supervisor.Options = {
  backoff: Schedule.spaced(1),
  stormGuard: StormGuard.pause({ threshold: 1, pause: 1 }),
  ready: Effect.yieldNow,
  healthCheck: { check: Effect.yieldNow, every: 10 }
}

type Ask = (session: Supervisor.Session, scope: Scope.Closeable) => Effect.Effect<unknown, unknown>

/** Lets a session get to its third life, asks something of it before its n-th operation, and looks what is left then. */
const askedAt = Effect.fnUntraced(function*(n: number, ask: Ask) {
  const below = yield* Backend
  const scope = yield* Scope.make()
  let session: Supervisor.Session | undefined
  let asking: Fiber.Fiber<unknown, unknown> | undefined
  const scheduler = new At(n, () => {
    if (session !== undefined) asking = Effect.runFork(ask(session, scope))
  })
  session = yield* Supervisor.make(Command.make("job"), options).pipe(
    Effect.provideService(Scheduler.Scheduler, scheduler),
    Scope.provide(scope)
  )
  const third = Stream.takeUntil(session.events, (event) => event._tag === "Ready" && event.incarnation === 3)
  yield* Effect.raceFirst(Stream.runDrain(third), Effect.exit(session.await))
  asking ??= Effect.runFork(ask(session, scope))
  yield* Fiber.await(asking)
  const exit = yield* Effect.exit(session.await)
  const begun = below.spawned.length
  yield* Effect.sleep(3)
  const last = (yield* Stream.runCollect(session.events)).map(({ _tag }) => _tag)
  const seen = {
    alive: below.alive(),
    later: below.spawned.length - begun,
    phase: (yield* session.status).phase,
    ends: last.filter((tag) => tag === "Ended" || tag === "Failed").length
  }
  assert.deepStrictEqual(seen, { alive: [], later: 0, phase: "ended", ends: 1 }, `asked at operation ${n}`)
  yield* Scope.close(scope, Exit.void)
  return { exit, fired: scheduler.fired }
})

/** Asks before every operation in turn, until the session gets to its third life before that. */
const atEveryOperation = Effect.fnUntraced(function*(ask: Ask, check: (exit: Exit.Exit<unknown, unknown>) => void) {
  const together = 16
  for (let n = 0;; n += together) {
    const operations = Array.from({ length: together }, (_, i) => n + i)
    const seen = yield* Effect.forEach(
      operations,
      (operation) => Effect.provide(askedAt(operation, ask), Layer.fresh(apart(() => ({ job: job() })))),
      { concurrency: together }
    )
    for (const { exit } of seen) check(exit)
    if (seen.every(({ fired }) => !fired)) return n
  }
})

const isStopped = (exit: Exit.Exit<unknown, unknown>) => {
  assert.isTrue(Exit.isSuccess(exit))
  if (Exit.isSuccess(exit)) assert.deepInclude(exit.value, { reason: "Stopped" })
}

const isInterrupted = (exit: Exit.Exit<unknown, unknown>) => assert.isTrue(Exit.hasInterrupts(exit))

const stopTwice: Ask = (session) => Effect.all([session.stop(), session.stop()], { concurrency: 2 })

const close: Ask = (_, scope) => Scope.close(scope, Exit.void)

// P15, V9, V10
describe("at every operation of a supervision", () => {
  const patience = { timeout: 120_000 }

  it.live("a stop has one outcome, ends what runs, and no start follows", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* atEveryOperation((session) => session.stop(), isStopped), 500)
    }), patience)

  it.live("a second stop within the first has the same outcome", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* atEveryOperation(stopTwice, isStopped), 500)
    }), patience)

  it.live("the end of the scope ends what runs, and no start follows", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* atEveryOperation(close, isInterrupted), 500)
    }), patience)
})

/** Two members, of which the second waits for the first, and takes it down and up again with its crash. */
const pair = () => ({ first: runsOn, second: byTurns(exitsAfter(2, 1), runsOn) })

/** Lets a group get over a crash, asks something of it before its n-th operation, and looks what is left then. */
const groupAskedAt = Effect.fnUntraced(function*(n: number, isClosed: boolean) {
  const below = yield* Backend
  const scope = yield* Scope.make()
  let asking: Fiber.Fiber<unknown, unknown> | undefined
  const make = SupervisorGroup.make({
    first: { command: Command.make("first"), ready: Effect.yieldNow },
    second: { command: Command.make("second"), dependsOn: ["first"], backoff: Schedule.spaced(1) }
  }, { strategy: "oneForAll" })
  let session: Effect.Success<typeof make> | undefined
  const ask = () =>
    session === undefined ? undefined : Effect.runFork(isClosed ? Scope.close(scope, Exit.void) : session.stop())
  const scheduler = new At(n, () => {
    asking = ask()
  })
  session = yield* Effect.provideService(make, Scheduler.Scheduler, scheduler).pipe(Scope.provide(scope))
  const again = Stream.takeUntil(
    session.events,
    ({ event, member }) => member === "second" && event._tag === "Ready" && event.incarnation === 2
  )
  yield* Effect.raceFirst(Stream.runDrain(again), Effect.exit(session.await))
  // The session may end within the call that asks, which then has not returned yet.
  yield* Effect.sleep(1)
  asking ??= ask()
  if (asking !== undefined) yield* Fiber.await(asking)
  const exit = yield* Effect.exit(session.await)
  const begun = below.spawned.length
  yield* Effect.sleep(3)
  const phases = Object.values(yield* session.status).map(({ phase }) => phase)
  assert.deepStrictEqual(
    { alive: below.alive(), later: below.spawned.length - begun, phases },
    { alive: [], later: 0, phases: ["ended", "ended"] },
    `asked at operation ${n}`
  )
  yield* Scope.close(scope, Exit.void)
  return { exit, fired: scheduler.fired }
})

const groupAtEveryOperation = Effect.fnUntraced(function*(
  isClosed: boolean,
  check: (exit: Exit.Exit<unknown, unknown>) => void
) {
  const together = 16
  for (let n = 0;; n += together) {
    const seen = yield* Effect.forEach(
      Array.from({ length: together }, (_, i) => n + i),
      (operation) => Effect.provide(groupAskedAt(operation, isClosed), Layer.fresh(apart(pair))),
      { concurrency: together }
    )
    for (const { exit } of seen) check(exit)
    if (seen.every(({ fired }) => !fired)) return n
  }
})

describe("at every operation of a group", () => {
  const patience = { timeout: 120_000 }

  it.live("a stop has one outcome, ends all members, and no start follows", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* groupAtEveryOperation(false, isStopped), 300)
    }), patience)

  it.live("the end of the scope ends all members, and no start follows", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* groupAtEveryOperation(true, isInterrupted), 300)
    }), patience)
})
