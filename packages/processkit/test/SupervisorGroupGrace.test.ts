import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { intBetween } from "./arbitraries.ts"
import { Backend } from "./scripted.ts"
import { backend, unhurried } from "./scriptedPrograms.ts"
import { byTurns, exitsAfter, pick, runsOn } from "./supervised.ts"

const note = (journal: Array<string>, what: string) =>
  Effect.map(Clock.currentTimeMillis, (now) => journal.push(`${what}@${Math.floor(now / 1000)}`))

/** Programs that take their grace, and write down in which second they begin and end. */
const told = (journal: Array<string>, programs: Record<string, Program>) =>
  Layer.effectContext(Effect.sync(() => {
    const below = backend(Object.fromEntries(
      Object.entries(programs).map(([name, { main, ...program }]) => [name, {
        ...program,
        main: (io) =>
          Effect.onExit(Effect.andThen(note(journal, `+${name}`), main(io)), () => note(journal, `-${name}`))
      }])
    ))
    return Context.make(Backend, below).pipe(
      Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(unhurried(below.service)))
    )
  }))

/** Runs on, and takes all of its grace. */
const stubborn: Program = { ...runsOn, signals: { SIGTERM: "ignore" } }

const plain = (name: string, grace: Duration.Input = "2 seconds") => ({
  command: Command.make(name, [], { stop: { grace } }),
  backoff: Schedule.spaced("1 second")
})

/** Lets time pass until something has ended. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let second = 0; second < 300 && fiber.pollUnsafe() === undefined; second++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

describe("a program that becomes ready while it is being ended", () => {
  it.effect("is not ready, and says nothing of it", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* Supervisor.make(plain("a").command, { ready: Effect.sleep("2 seconds") })
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(session.stop(), { startImmediately: true })
      yield* TestClock.adjust("1500 millis")
      const status = yield* session.status
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(stopping)
      assert.deepInclude(status, { phase: "ending", isReady: false })
      const tags = (yield* Stream.runCollect(session.events)).map(({ _tag }) => _tag)
      assert.deepStrictEqual(tags, ["Started", "Exited", "Ended"])
    }).pipe(Effect.provide(told(journal, { a: stubborn })))
  })

  it.effect("is not what others wait for: they start when its next life is ready", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        a: plain("a"),
        b: { ...plain("b"), ready: Effect.sleep("2 seconds") },
        c: { ...plain("c"), dependsOn: ["b"] }
      }, { strategy: "restForOne" })
      yield* TestClock.adjust("20 seconds")
      const until = [...journal]
      yield* passing(session.stop())
      // The crash of a takes b down, which is up to being ready within its grace; c never came to start before.
      assert.deepStrictEqual(until, ["+a@0", "+b@0", "-a@1", "-b@3", "+a@3", "+b@3", "+c@5"])
    }).pipe(Effect.provide(told(journal, { a: byTurns(exitsAfter(1000, 1), runsOn), b: stubborn, c: runsOn })))
  })
})

const started = (journal: ReadonlyArray<string>) => journal.filter((note) => note.startsWith("+"))

describe("while a group is being ended", () => {
  const members = {
    a: plain("a"),
    b: { ...plain("b"), ready: Effect.sleep("5 seconds") },
    c: { ...plain("c"), dependsOn: ["b"] },
    d: plain("d", "10 seconds")
  } as const

  /** While d takes its grace, a crashes, and b becomes ready, for which c waits. */
  const programs = { a: exitsAfter(5000, 1), b: runsOn, c: runsOn, d: stubborn }

  it.effect("by a stop, no member starts again", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make(members)
      yield* TestClock.adjust("2 seconds")
      const outcome = yield* passing(session.stop())
      assert.deepStrictEqual(started(journal), ["+a@0", "+b@0", "+d@0"])
      assert.deepStrictEqual([outcome.reason, outcome.members.a.restarts], ["Stopped", 0])
    }).pipe(Effect.provide(told(journal, programs)))
  })

  it.effect("by the end of its scope, no member starts again", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* SupervisorGroup.make(members).pipe(Scope.provide(scope))
      yield* TestClock.adjust("2 seconds")
      yield* passing(Scope.close(scope, Exit.void))
      assert.deepStrictEqual(started(journal), ["+a@0", "+b@0", "+d@0"])
    }).pipe(Effect.provide(told(journal, programs)))
  })

  it.effect("by a member that cannot be kept alive, no other member starts again", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({ ...members, e: { ...plain("e"), maxRestarts: 0 } })
      const error = yield* passing(Effect.flip(session.await))
      assert.deepInclude(error.reason, { _tag: "GaveUp", program: "e" })
      assert.deepStrictEqual(started(journal), ["+a@0", "+b@0", "+d@0", "+e@0"])
    }).pipe(Effect.provide(told(journal, { ...programs, e: exitsAfter(2000, 1) })))
  })
})

describe("a stop of a group", () => {
  it.effect("bounds the grace of a member that is already being taken down", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      for (const [grace, end] of [[0, "-b@2"], ["3 seconds", "-b@5"]] as const) {
        journal.length = 0
        const began = yield* Clock.currentTimeMillis
        const session = yield* SupervisorGroup.make({ a: plain("a"), b: plain("b", "1 minute") }, {
          strategy: "oneForAll"
        })
        yield* TestClock.adjust("2 seconds")
        yield* passing(session.stop({ grace }))
        assert.include(journal.map((note) => note.replace(/\d+/, (at) => `${Number(at) - began / 1000}`)), end)
      }
    }).pipe(Effect.provide(told(journal, { a: exitsAfter(1000, 1), b: stubborn })))
  })
})

describe("members that fail one after the other", () => {
  it.effect("while others are taken down go through it together, and nobody is started for nothing", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({ a: plain("a"), b: plain("b"), c: plain("c", "5 seconds") }, {
        strategy: "oneForAll"
      })
      yield* TestClock.adjust("20 seconds")
      yield* passing(session.stop())
      const { spawned } = yield* Backend
      assert.deepStrictEqual(spawned.map(({ request }) => request.program).toSorted(), ["a", "a", "b", "b", "c", "c"])
    }).pipe(Effect.provide(told(journal, {
      a: byTurns(exitsAfter(2000, 1), runsOn),
      b: byTurns(exitsAfter(3000, 1), runsOn),
      c: stubborn
    })))
  })
})

describe("a pause of a group's guard", () => {
  it.effect("comes when all that go down are down, is counted, and ends with a stop", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: "10 seconds", jitter: false })
      const session = yield* SupervisorGroup.make({ a: plain("a"), b: plain("b") }, {
        strategy: "oneForAll",
        stormGuard
      })
      yield* TestClock.adjust("8 seconds")
      const { a } = yield* session.status
      const until = [...journal]
      yield* passing(session.stop())
      // The first failure is none too many; the second one is.
      assert.deepStrictEqual(until, ["+a@0", "+b@0", "-a@2", "-b@2", "+b@2", "+a@3", "-a@5", "-b@5", "+b@5"])
      assert.deepInclude(a, { phase: "pausing", stormPauses: 1, restarts: 1 })
      assert.strictEqual(journal.at(-1), "-b@8")
    }).pipe(Effect.provide(told(journal, { a: exitsAfter(2000, 1), b: runsOn })))
  })
})

describe("the end of a scope during a stop", () => {
  it.effect("is a second request: it cuts the grace short", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* Supervisor.make(plain("a", "1 minute").command).pipe(Scope.provide(scope))
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(session.stop(), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* passing(Scope.close(scope, Exit.void))
      yield* Fiber.await(stopping)
      assert.deepStrictEqual(journal, ["+a@0", "-a@2"])
    }).pipe(Effect.provide(told(journal, { a: stubborn })))
  })
})

describe("whatever crashes when, and however long it takes to be ready and to end", () => {
  const names = ["a", "b", "c", "d"] as const
  type Name = typeof names[number]

  interface Habits {
    /** Lives end by a crash after these times; the last one lasts. */
    readonly uptimes: ReadonlyArray<number>
    /** How long it takes to be ready. */
    readonly boots: number
    /** How long it is given to end, and needs. */
    readonly grace: number
  }

  const habits: Arbitrary.Arbitrary<Habits> = Arbitrary.map(
    Arbitrary.all([
      Arbitrary.array(intBetween(1, 9000), { maxLength: 3 }),
      intBetween(0, 1),
      intBetween(0, 4000),
      intBetween(0, 4000)
    ]),
    ([uptimes, kind, boots, grace]) => ({ uptimes, boots: kind === 0 ? 0 : boots, grace })
  )

  interface Start {
    readonly name: Name
    readonly at: number
    /** What was up and ready. */
    readonly met: ReadonlyArray<string>
    readonly twice: boolean
  }

  /** Programs that write down what they meet at each start. */
  const observed = (lives: Record<Name, Habits>, starts: Array<Start>, up: Map<string, number>) =>
    Object.fromEntries(names.map((name): [Name, Program] => {
      let life = 0
      const main = Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const met = names.filter((other) => (up.get(other) ?? Infinity) <= at - lives[other].boots)
        starts.push({ name, at, met, twice: up.has(name) })
        up.set(name, at)
        const uptime = lives[name].uptimes[life++]
        yield* uptime === undefined ? Effect.never : Effect.sleep(uptime)
        return Outcome.exited(1)
      })
      return [name, { ...stubborn, main: () => Effect.ensuring(main, Effect.sync(() => up.delete(name))) }]
    }))

  /** Longer than three rounds of four programs that each take all their time to live, to end and to be ready. */
  const settled = 300_000

  const stops = Arbitrary.map(
    Arbitrary.all([intBetween(0, 5), intBetween(0, 100_000)]),
    ([kind, stopAt]) => kind === 0 ? settled : stopAt
  )

  it.effect.prop(
    "nobody starts before what it waits for is ready, nobody is there twice, and nobody comes after a stop",
    [
      Arbitrary.all([habits, habits, habits, habits]),
      pick(["oneForOne", "oneForAll", "restForOne"]),
      intBetween(0, 63),
      stops
    ],
    ([all, strategy, edges, stopAt]) => {
      const lives = Object.fromEntries(names.map((name, i) => [name, all[i]])) as Record<Name, Habits>
      const [starts, up] = [new Array<Start>(), new Map<string, number>()]
      // Each of the six pairs waits or does not, always the later for the earlier.
      const waits = (name: Name) => {
        const i = names.indexOf(name)
        return names.slice(0, i).filter((_, j) => (edges >> (i * (i - 1) / 2 + j)) & 1)
      }
      const member = (name: Name) => ({
        ...plain(name, lives[name].grace),
        dependsOn: waits(name),
        ready: Effect.sleep(lives[name].boots)
      })
      return Effect.gen(function*() {
        const members = { a: member("a"), b: member("b"), c: member("c"), d: member("d") }
        const session = yield* SupervisorGroup.make(members, { strategy })
        yield* TestClock.adjust(stopAt)
        const before = [...up.keys()]
        const ended = yield* passing(session.stop())
        if (stopAt === settled) assert.sameMembers(before, [...names])
        for (const { at, met, name, twice } of starts) {
          assert.isFalse(twice)
          assert.includeMembers([...met], waits(name))
          assert.isAtMost(at, stopAt)
        }
        assert.deepStrictEqual([ended.reason, up.size], ["Stopped", 0])
        for (const name of names) {
          const begun = starts.filter((start) => start.name === name).length
          assert.isAtMost(ended.members[name].restarts, Math.max(0, begun - 1))
        }
      }).pipe(Effect.provide(told([], observed(lives, starts, up))))
    },
    { timeout: 120_000 }
  )
})
