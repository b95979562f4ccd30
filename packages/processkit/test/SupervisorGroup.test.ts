import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessError from "processkit/ProcessError"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Stdin from "processkit/Stdin"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import { affected } from "../src/internal/groupSupervision.ts"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { startOrder } from "../src/internal/startOrder.ts"
import { intBetween } from "./arbitraries.ts"
import { alive, Backend, countedAbort, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { byTurns, exitsAfter, pick, runsOn } from "./supervised.ts"

const second = { backoff: Schedule.spaced("1 second") }

const plain = (name: string) => ({ command: Command.make(name), ...second })

/** A member that backs off for a second, unless it is told otherwise. */
const member: {
  (name: string): ReturnType<typeof plain>
  <const O extends object>(name: string, options: O): Omit<ReturnType<typeof plain>, keyof O> & O
} = (name: string, options = {}) => ({ ...plain(name), ...options })

/** Programs that write down when they start and when they are asked to end. */
const told = (journal: Array<string>, programs: Record<string, Program>): Record<string, Program> =>
  Object.fromEntries(
    Object.entries(programs).map(([name, { main }]) => [name, {
      main: (io) =>
        Effect.onInterrupt(
          Effect.andThen(Effect.sync(() => journal.push(`+${name}`)), main(io)),
          () => Effect.sync(() => journal.push(`-${name}`))
        )
    }])
  )

const three = { a: runsOn, b: runsOn, c: runsOn }

/** c waits for b, and b for a; they are given in the wrong order. */
const chain = {
  c: member("c", { dependsOn: ["b"], ready: Effect.sleep("1 second") }),
  b: member("b", { dependsOn: ["a"], ready: Effect.sleep("1 second") }),
  a: member("a", { ready: Effect.sleep("1 second") })
}

const phases = (session: SupervisorGroup.Session<"a" | "b" | "c">) =>
  Effect.map(session.status, ({ a, b, c }) => [a.phase, b.phase, c.phase])

describe("the order of starts", () => {
  it.prop(
    "puts nobody before those that it waits for, or names a circle of those that wait for each other",
    [Arbitrary.array(Arbitrary.all([intBetween(0, 7), intBetween(0, 7)]), { maxLength: 12 })],
    ([edges]) => {
      const waitsFor = new Map<string, ReadonlyArray<string>>(Array.from({ length: 8 }, (_, i) =>
        [
          `m${i}`,
          edges.filter(([from]) => from === i).map(([, to]) => `m${to}`)
        ] as const))
      const found = startOrder(waitsFor)
      if ("order" in found) {
        const at = new Map(found.order.map((name, i) => [name, i]))
        assert.strictEqual(at.size, 8)
        for (const [from, to] of edges) assert.isAbove(at.get(`m${from}`) ?? -1, at.get(`m${to}`) ?? 9)
        return
      }
      if (found.problem._tag === "Unknown") return assert.fail("all are known")
      const { members } = found.problem
      assert.strictEqual(members[0], members.at(-1))
      for (let i = 1; i < members.length; i++) {
        assert.isTrue(waitsFor.get(members[i - 1] ?? "")?.includes(members[i] ?? ""))
      }
    }
  )

  it("is the given one where nobody waits for anybody", () => {
    assert.deepStrictEqual(startOrder(new Map([["b", []], ["a", []]])), { order: ["b", "a"] })
  })
})

describe("a strategy", () => {
  const order = ["a", "b", "c", "d"]
  const down = (strategy: SupervisorGroup.Strategy, ...failing: ReadonlyArray<string>) =>
    affected(strategy, order, new Set(failing))

  it("takes nobody, all others, or those started later down", () => {
    assert.deepStrictEqual(down("oneForOne", "b"), [])
    assert.deepStrictEqual(down("oneForAll", "b"), ["a", "c", "d"])
    assert.deepStrictEqual(down("restForOne", "b"), ["c", "d"])
    assert.deepStrictEqual(down("restForOne", "d"), [])
    assert.deepStrictEqual(down("restForOne", "d", "b"), ["c"])
  })
})

describe("a group", () => {
  it.effect("starts each member when what it waits for is ready, and stops in reverse", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make(chain)
      assert.deepStrictEqual(yield* phases(session), ["running", "held", "held"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* phases(session), ["running", "running", "held"])
      const ready = yield* Effect.forkChild(session.ready, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([yield* phases(session), ready.pollUnsafe()], [
        ["running", "running", "running"],
        undefined
      ])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(ready)
      const outcome = yield* session.stop()
      assert.strictEqual(outcome.reason, "Stopped")
      assert.deepStrictEqual(Object.values(outcome.members).map(({ reason }) => reason), [
        "Stopped",
        "Stopped",
        "Stopped"
      ])
      assert.deepStrictEqual(journal, ["+a", "+b", "+c", "-c", "-b", "-a"])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted(told(journal, three))))
  })

  it.effect("is stopped in reverse by the end of its scope, and by interruption", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* SupervisorGroup.make(chain).pipe(Scope.provide(scope))
      yield* TestClock.adjust("3 seconds")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(session.await)))
      const running = yield* Effect.forkChild(SupervisorGroup.run(chain))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(journal, ["+a", "+b", "+c", "-c", "-b", "-a", "+a", "+b", "+c", "-c", "-b", "-a"])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted(told(journal, three))))
  })

  it.effect("is complete when every member has ended well", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(SupervisorGroup.run({ a: member("a"), b: member("b") }))
      yield* TestClock.adjust("1 minute")
      const { members, reason } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([reason, members.a.reason, members.b.restarts], ["Completed", "PolicySatisfied", 1])
    }).pipe(Effect.provide(scripted({ a: prints(""), b: byTurns(prints("", 1), prints("")) }))))

  it.effect("waits for a job to complete where it is told so, and not only to start", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        job: member("job"),
        server: member("server", { dependsOn: { job: "completed" } }),
        page: member("page", { dependsOn: ["job"] })
      })
      const states = Effect.map(session.status, ({ job, page, server }) => [job.phase, server.phase, page.phase])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* states, ["running", "held", "running"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* states, ["ended", "running", "running"])
      // What has done its work counts as ready for whoever starts later.
      yield* session.ready
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ job: exitsAfter(5000, 0), server: runsOn, page: runsOn }))))

  it.effect("fails where a job that others wait for did not complete", () =>
    Effect.gen(function*() {
      const never = { restart: RestartPolicy.never }
      const session = yield* SupervisorGroup.make({
        migration: member("job", never),
        server: member("server", { dependsOn: { migration: "completed" } })
      })
      assert.deepInclude(yield* reasonOf(session.await), { _tag: "GaveUp", program: "migration" })
    }).pipe(Effect.provide(scripted({ job: prints("", 1), server: runsOn }))))

  it.effect("tells the ends of its members also where its scope ends them", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const members = { a: member("a"), b: member("b", { dependsOn: ["a"] }) }
      const session = yield* SupervisorGroup.make(members).pipe(Scope.provide(scope))
      const reading = yield* Effect.forkChild(Stream.runCollect(session.events))
      yield* settle()
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(
        (yield* Fiber.join(reading)).map(({ event, member }) => `${member} ${event._tag}`),
        ["a Started", "a Ready", "b Started", "b Ready", "b Failed", "a Failed"]
      )
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn }))))

  it.effect("has one stream of what happens to its members", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({ a: member("a"), b: member("b", { dependsOn: ["a"] }) })
      yield* settle()
      yield* session.stop()
      const events = yield* Stream.runCollect(session.events)
      assert.deepStrictEqual(
        events.map(({ event, member }) => `${member} ${event._tag}`),
        ["a Started", "a Ready", "b Started", "b Ready", "b Exited", "b Ended", "a Exited", "a Ended"]
      )
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn }))))
})

/** What a group of three does while the middle one fails once, by strategy. */
const failOnce = (strategy: SupervisorGroup.Strategy) => {
  const journal: Array<string> = []
  const programs = { a: runsOn, b: byTurns(exitsAfter(5000, 1), runsOn), c: runsOn }
  return Effect.gen(function*() {
    const session = yield* SupervisorGroup.make(chain, { strategy })
    yield* TestClock.adjust("1 minute")
    const before = [...journal]
    const { a, b, c } = yield* session.status
    yield* session.stop()
    return [before.join(" "), [a, b, c].map(({ incarnation, restarts }) => `${incarnation}/${restarts}`).join(" ")]
  }).pipe(Effect.provide(scripted(told(journal, programs))))
}

const slowly = { backoff: Schedule.spaced("10 seconds") }

const crashesOnce = () => byTurns(exitsAfter(9000, 1), runsOn)

describe("when a member fails", () => {
  it.effect("one for one: the others are left alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* failOnce("oneForOne"), ["+a +b +c +b", "1/0 2/1 1/0"])
    }))

  it.effect("one for all: the others go down in reverse, and all start again in order", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* failOnce("oneForAll"), ["+a +b +c -c -a +a +b +c", "2/0 2/1 2/0"])
    }))

  it.effect("rest for one: those started later go down, and start again after it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* failOnce("restForOne"), ["+a +b +c -c +b +c", "1/0 2/1 2/0"])
    }))

  it.effect("two at once: everybody is up again, and nobody twice", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({ a: member("a"), b: member("b"), c: member("c") }, {
        strategy: "oneForAll"
      })
      yield* TestClock.adjust("1 minute")
      const { a, b, c } = yield* session.status
      assert.deepStrictEqual([a, b, c].map(({ phase }) => phase), ["running", "running", "running"])
      assert.isAtLeast(a.restarts + b.restarts, 1)
      assert.strictEqual(c.restarts, 0)
      assert.strictEqual((yield* alive).length, 3)
      yield* session.stop()
    }).pipe(Effect.provide(scripted(told(journal, { a: crashesOnce(), b: crashesOnce(), c: runsOn }))))
  })

  it.effect("while another waits for a third, that one waits on and is not started by it", () => {
    const journal: Array<string> = []
    const programs = {
      a: byTurns(exitsAfter(1000, 1), runsOn),
      b: byTurns(runsOn, exitsAfter(1500, 1), runsOn),
      c: runsOn
    }
    return Effect.gen(function*() {
      const members = { a: member("a", slowly), b: member("b"), c: member("c", { dependsOn: ["a"] }) }
      const session = yield* SupervisorGroup.make(members, { strategy: "restForOne" })
      yield* TestClock.adjust("4 seconds")
      // The first failure took b and c down. Then b failed when c waited for a, which backs off for ten seconds.
      assert.deepStrictEqual(yield* phases(session), ["waiting", "running", "held"])
      assert.deepStrictEqual(journal.join(" "), "+a +b +c -c -b +b +b")
      const { spawned } = yield* Backend
      assert.deepStrictEqual(spawned.map(({ request }) => request.program), ["a", "b", "c", "b", "b"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* phases(session), ["running", "running", "running"])
      yield* session.stop()
    }).pipe(Effect.provide(scripted(told(journal, programs))))
  })

  it.effect("and cannot be kept alive, the group stops the others in reverse and fails, naming it", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const members = { ...chain, d: member("d", { maxRestarts: 2 }) }
      const session = yield* SupervisorGroup.make(members)
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(session.await)
      assert.deepInclude(error.reason, { _tag: "GaveUp", program: "d", restarts: 2 })
      assert.deepStrictEqual(journal.filter((entry) => entry.startsWith("-")), ["-c", "-b", "-a"])
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted(told(journal, { ...three, d: exitsAfter(3000, 1) }))))
  })

  it.effect("for good, the group fails as the member did", () =>
    Effect.gen(function*() {
      const failing = SupervisorGroup.run({ a: member("a"), b: member("missing") })
      assert.strictEqual(
        yield* tagOf(Effect.catchTag(failing, ["DependencyCycle", "UnknownDependency"], Effect.die)),
        "NotFound"
      )
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted({ a: runsOn }))))

  it.effect("and the guard of the group has ended, the group fails, naming it and its restarts", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({ one: member("a") }, { stormGuard: Schedule.recurs(2) })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* reasonOf(session.await), { _tag: "GaveUp", program: "one", restarts: 2 })
    }).pipe(Effect.provide(scripted({ a: exitsAfter(900, 1) }))))

  it.effect("because its policy was interrupted from elsewhere, the group stops the others all the same", () =>
    Effect.gen(function*() {
      const broken = member("b", { stopWhen: () => Effect.interrupt })
      const session = yield* SupervisorGroup.make({ a: member("a"), b: broken, c: member("c") })
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(session.await)))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted({ a: runsOn, b: prints("", 1), c: runsOn }))))

  it.effect("another that had ended well stays ended, also where it is still asked about", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        a: member("a"),
        b: member("b", { stopWhen: () => Effect.as(Effect.sleep("2 seconds"), false) })
      }, { strategy: "oneForAll" })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude((yield* session.status).b, { phase: "ended", incarnation: 1 })
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ a: byTurns(exitsAfter(2000, 1), runsOn), b: exitsAfter(1000, 0) }))))

  it.effect("whoever is taken down while it is still asked about another that failed is asked once", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const policy = {
        restart: RestartPolicy.onCrash.pipe(Schedule.upTo({ times: 1 })),
        stopWhen: () => Effect.as(Effect.sleep("2 seconds"), asked.push("stopWhen") < 0),
        giveUpWhen: () => Effect.as(Effect.sleep("2 seconds"), asked.push("giveUpWhen") < 0)
      }
      const members = { a: member("a"), b: member("b", policy) }
      const session = yield* SupervisorGroup.make(members, { strategy: "oneForAll" })
      yield* TestClock.adjust("1 minute")
      const { a, b } = yield* session.status
      assert.deepStrictEqual([a.phase, b.phase, asked], ["running", "running", ["stopWhen", "giveUpWhen"]])
      const { members: ends } = yield* session.stop()
      assert.deepStrictEqual([ends.a.restarts, ends.b.restarts], [1, 1])
    }).pipe(Effect.provide(scripted({
      a: byTurns(exitsAfter(4000, 1), runsOn),
      b: byTurns(exitsAfter(1000, 1), runsOn)
    }))))

  it.effect("whoever backs off already waits for as long as its own policy says", () => {
    const starts: Array<string> = []
    const program = (name: string, { main }: Program): Program => {
      const noted = Effect.map(Clock.currentTimeMillis, (now) => starts.push(`${name}@${now}`))
      return { main: (io) => Effect.andThen(noted, main(io)) }
    }
    return Effect.gen(function*() {
      const stormGuard = StormGuard.pause({ threshold: 1, halfLife: "Infinity", pause: "4 seconds", jitter: false })
      const members = { a: member("a", slowly), b: member("b") }
      const session = yield* SupervisorGroup.make(members, { strategy: "oneForAll", stormGuard })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        Object.values(yield* session.status).map(({ phase }) => phase),
        ["waiting", "pausing"]
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(starts, ["a@0", "b@0", "b@1000", "b@8000", "a@11000"])
      yield* session.stop()
    }).pipe(Effect.provide(scripted({
      a: program("a", byTurns(exitsAfter(1000, 1), runsOn)),
      b: program("b", byTurns(runsOn, exitsAfter(2000, 1), runsOn))
    })))
  })

  it.effect("whoever is taken down while its output is awaited has the pause of the group all the same", () => {
    const starts: Array<number> = []
    const noted = Effect.map(Clock.currentTimeMillis, (now) => starts.push(now))
    // Its daemon keeps the pipes open for half a second more, and the other one crashes within that.
    const leaves: Program = { main: (io) => Effect.andThen(io.fork(runsOn), exitsAfter(4000, 1).main(io)) }
    const { main } = byTurns(leaves, runsOn)
    return Effect.gen(function*() {
      const stormGuard = Schedule.spaced("10 seconds").pipe(Schedule.tap(() => Effect.sleep("2 seconds")))
      const members = { a: member("a"), b: member("b") }
      const session = yield* SupervisorGroup.make(members, { strategy: "oneForAll", stormGuard })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(starts.length, 2)
      assert.isAbove(starts[1] ?? 0, 14_000)
      yield* session.stop()
    }).pipe(Effect.provide(scripted({
      a: byTurns(exitsAfter(4200, 1), runsOn),
      b: { main: (io) => Effect.andThen(noted, main(io)) }
    })))
  })

  it.effect("too often in all, the group fails with RestartStorm", () =>
    Effect.gen(function*() {
      const stormGuard = StormGuard.giveUp({ restarts: 3, within: "1 minute" })
      const session = yield* SupervisorGroup.make({ a: member("a"), b: member("b"), c: member("c") }, { stormGuard })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* tagOf(session.await), "RestartStorm")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted({ a: exitsAfter(900, 1), b: exitsAfter(800, 1), c: runsOn }))))
})

describe("what a member waits for", () => {
  // It waited for each by itself, and started when the last one came up, also where another had gone down meanwhile.
  it.effect("is ready at the same time, and not one after the other", () => {
    const starts: Array<number> = []
    const late: Program = {
      main: () => Effect.andThen(Effect.map(Clock.currentTimeMillis, (now) => starts.push(now)), Effect.never)
    }
    return Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        a: member("a"),
        b: member("b", { ready: Effect.sleep("500 millis") }),
        c: member("c", { dependsOn: ["a", "b"] })
      })
      const ready = yield* Effect.forkChild(session.ready)
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual([starts, ready.pollUnsafe()], [[], undefined])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(starts, [1010])
      yield* Fiber.join(ready)
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ a: byTurns(exitsAfter(10, 1), runsOn), b: runsOn, c: late })))
  })
})

describe("what a member waits for, where it has ended badly since it was ready", () => {
  it.effect("is waited for in vain, also where that is seen only when something else is ready", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        a: member("a", { restart: RestartPolicy.never }),
        b: member("b", { ready: Effect.sleep("5 seconds") }),
        c: member("c", { dependsOn: ["a", "b"] })
      })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* reasonOf(session.await), { _tag: "GaveUp", program: "a" })
      const { spawned } = yield* Backend
      assert.deepStrictEqual(spawned.map(({ request }) => request.program), ["a", "b"])
    }).pipe(Effect.provide(scripted({ a: exitsAfter(1000, 1), b: runsOn, c: runsOn }))))
})

/** How something ended, and of which program that is told. */
const tagAndProgram = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.match(effect, {
    onSuccess: () => "ready",
    onFailure: (error) =>
      ProcessError.isProcessError(error) && "program" in error.reason
        ? `${error.reason._tag} ${error.reason.program}`
        : error
  })

/** What those get who waited before the end, and who ask after it. */
const toldWaiters = <A, B, E>(
  { await: ended, ready }: { readonly ready: Effect.Effect<A, E>; readonly await: Effect.Effect<B, E> },
  end: Effect.Effect<unknown>
) =>
  Effect.gen(function*() {
    const before = yield* Effect.forkChild(tagAndProgram(ready), { startImmediately: true })
    yield* end
    yield* Effect.exit(ended)
    return [yield* Fiber.join(before), yield* tagAndProgram(ready)]
  })

describe("waiting until a whole group is ready", () => {
  const slow = { ready: Effect.sleep("1 hour") }

  it.effect("fails as the group does, and blames nobody who was only taken down for it", () =>
    Effect.gen(function*() {
      const members = { a: member("a"), b: member("b", slow), c: member("c", { maxRestarts: 0 }) }
      const session = yield* SupervisorGroup.make(members)
      assert.deepStrictEqual(yield* toldWaiters(session, TestClock.adjust("2 seconds")), ["GaveUp c", "GaveUp c"])
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn, c: exitsAfter(1000, 1) }))))

  it.effect("is in vain where the group is stopped, also where its programs end well then", () =>
    Effect.gen(function*() {
      const members = { job: member("job"), a: member("a", slow) }
      const session = yield* SupervisorGroup.make(members)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* toldWaiters(session, Effect.ignore(session.stop())), ["NotReady a", "NotReady a"])
    }).pipe(Effect.provide(scripted({
      job: exitsAfter(1000, 0),
      a: { ...runsOn, signals: { SIGTERM: { exit: Outcome.exited(0) } } }
    }))))
})

describe("a member that waits for others", () => {
  it.effect("has not been restarted before it begins again", () =>
    Effect.gen(function*() {
      const session = yield* SupervisorGroup.make({
        a: { ...member("a"), backoff: Schedule.spaced("1 hour") },
        b: member("b", { dependsOn: ["a"] })
      })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude((yield* session.status).b, { phase: "held", incarnation: 1, restarts: 0 })
      const { members } = yield* session.stop()
      assert.strictEqual(members.b.restarts, 0)
    }).pipe(Effect.provide(scripted({ a: exitsAfter(1000, 1), b: exitsAfter(1500, 1) }))))

  it.effect("fails with Cancelled when its command's own signal fires", () =>
    Effect.gen(function*() {
      const abort = countedAbort()
      const session = yield* SupervisorGroup.make({
        a: member("a", { ready: Effect.never }),
        b: { command: Command.make("b", [], { cancelOn: abort.signal }), dependsOn: ["a"] }
      })
      yield* settle()
      assert.strictEqual((yield* session.status).b.phase, "held")
      abort.abort()
      assert.strictEqual(yield* tagOf(session.await), "Cancelled")
      assert.deepStrictEqual([yield* alive, abort.listeners()], [[], 0])
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn }))))
})

describe("whatever crashes when", () => {
  const names = ["a", "b", "c", "d"] as const
  type Name = typeof names[number]

  /** Lives of the four, each as long as said; the last one lasts. Which are up is written down at every start. */
  const observed = (lives: ReadonlyArray<ReadonlyArray<number>>) => {
    const up = new Map<string, number>()
    const starts: Array<{ readonly name: Name; readonly up: ReadonlyArray<string>; readonly twice: boolean }> = []
    const program = (name: Name, i: number): Program => {
      let life = 0
      return {
        main: () =>
          Effect.suspend(() => {
            starts.push({ name, up: [...up.keys()], twice: up.has(name) })
            up.set(name, 1)
            const uptime = lives[i]?.[life++]
            const lived = uptime === undefined ? Effect.never : Effect.sleep(uptime)
            return Effect.ensuring(Effect.as(lived, Outcome.exited(1)), Effect.sync(() => up.delete(name)))
          })
      }
    }
    const programs: Record<string, Program> = Object.fromEntries(names.map((name, i) => [name, program(name, i)]))
    return { programs, starts, up }
  }

  /** Often such that ends and starts, a second after each other, come within a millisecond. */
  const uptime = Arbitrary.map(
    Arbitrary.all([intBetween(0, 1), intBetween(1, 9000)]),
    ([close, number]) => close === 1 ? [10, 11, 990, 999, 1000, 1001, 1010, 2000, 2011][number % 9] ?? 10 : number
  )

  const uptimes = Arbitrary.array(Arbitrary.array(uptime, { maxLength: 4 }), {
    minLength: 4,
    maxLength: 4
  })

  it.effect.prop(
    "nobody starts before what it waits for, nobody is there twice, and in the end all are up",
    [pick(["oneForOne", "oneForAll", "restForOne"]), uptimes, intBetween(0, 63)],
    ([strategy, lives, edges]) => {
      const { programs, starts, up } = observed(lives)
      // Each of the six pairs waits or does not, always the later for the earlier.
      const waits = (i: number) => names.slice(0, i).filter((_, j) => (edges >> (i * (i - 1) / 2 + j)) & 1)
      const [a, b, c, d] = names.map((name, i) => member(name, { dependsOn: waits(i) }))
      return Effect.gen(function*() {
        const session = yield* SupervisorGroup.make({ a: a!, b: b!, c: c!, d: d! }, { strategy })
        yield* TestClock.adjust("10 minutes")
        assert.sameMembers([...up.keys()], [...names])
        for (const { name, twice, up } of starts) {
          assert.isFalse(twice)
          assert.includeMembers([...up], waits(names.indexOf(name)))
        }
        yield* session.stop()
        assert.deepStrictEqual([[...up.keys()], yield* alive], [[], []])
      }).pipe(Effect.provide(scripted(programs)))
    },
    { timeout: 120_000 }
  )
})

describe("a tree of supervisors", () => {
  // V20
  it.effect("restarts a group that failed as if it were a program, and budgets multiply", () => {
    const journal: Array<string> = []
    return Effect.gen(function*() {
      const group = SupervisorGroup.run({ a: member("a"), b: member("b", { maxRestarts: 2 }) }).pipe(
        Effect.catchTag(["DependencyCycle", "UnknownDependency"], Effect.die)
      )
      const tree = yield* Effect.forkChild(tagOf(Supervisor.supervise(group, { ...second, maxRestarts: 1 })))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(tree), "GaveUp")
      assert.strictEqual(journal.filter((entry) => entry === "+b").length, (2 + 1) * (1 + 1))
      assert.strictEqual(journal.filter((entry) => entry === "+a").length, 2)
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted(told(journal, { a: runsOn, b: exitsAfter(100, 1) }))))
  })

  it.effect("repeats nothing that was cancelled", () =>
    Effect.gen(function*() {
      const abort = countedAbort()
      const command = Command.make("a", [], { cancelOn: abort.signal })
      const tree = yield* Effect.forkChild(tagOf(Supervisor.supervise(Supervisor.run(command), second)))
      yield* settle()
      abort.abort()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(tree), "Cancelled")
      const { spawned } = yield* Backend
      assert.strictEqual(spawned.length, 1)
    }).pipe(Effect.provide(scripted({ a: runsOn }))))

  it.effect("ends with what its last life gave, and repeats no failure that is none of a process", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Supervisor.supervise(Effect.succeed(5)), 5)
      let lives = 0
      const other = Effect.suspend(() => Effect.fail(`no ${++lives}`))
      assert.strictEqual(yield* Effect.flip(Supervisor.supervise(other)), "no 1")
    }))
})

describe("a group that cannot be", () => {
  it.effect("is refused before anything is started", () =>
    Effect.gen(function*() {
      const circle = SupervisorGroup.run({
        a: member("a", { dependsOn: ["c"] }),
        b: member("b", { dependsOn: ["a"] }),
        c: member("c", { dependsOn: ["b"] }),
        d: member("d", { dependsOn: ["a"] })
      })
      const found = yield* Effect.flip(circle)
      assert.deepInclude(found, { _tag: "DependencyCycle", members: ["a", "c", "b", "a"] })
      const alone = yield* Effect.flip(SupervisorGroup.run({ a: member("a", { dependsOn: ["a"] }) }))
      assert.deepInclude(alone, { _tag: "DependencyCycle", members: ["a", "a"] })
      const dependsOn: ReadonlyArray<never> = ["z" as never]
      const unknown = yield* Effect.flip(SupervisorGroup.run({ a: member("a", { dependsOn }) }))
      assert.deepInclude(unknown, { _tag: "UnknownDependency", member: "a", dependency: "z" })
      const wrong = yield* Effect.flip(SupervisorGroup.run({ a: member("a"), b: member("b", { maxRestarts: -1 }) }))
      assert.strictEqual(wrong._tag, "ProcessError")
      const guard = { stormGuard: StormGuard.giveUp({ restarts: -1, within: 1 }) }
      assert.strictEqual((yield* Effect.flip(SupervisorGroup.run({ a: member("a") }, guard)))._tag, "ProcessError")
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn, c: runsOn, d: runsOn }))))

  it.effect("by a word that is none is refused, and a condition that is not said is none", () =>
    Effect.gen(function*() {
      const strange = { dependsOn: { a: "healthy" as never } }
      const condition = SupervisorGroup.run({ a: member("a"), b: member("b", strange) })
      const strategy = SupervisorGroup.run({ a: member("a") }, { strategy: "allForOne" as never })
      for (const wrong of [condition, strategy]) {
        const error = yield* Effect.flip(wrong)
        assert.strictEqual(error._tag === "ProcessError" ? error.reason._tag : error._tag, "InvalidInput")
        assert.match(error.message, /is none of "(oneForOne", "oneForAll", "restForOne|ready", "completed)"$/)
      }
      assert.deepStrictEqual(yield* alive, [])
      // As a caller gives it who has no `exactOptionalPropertyTypes`.
      const unsaid = { dependsOn: { a: undefined as never } }
      const session = yield* SupervisorGroup.make({ a: member("a"), b: member("b", unsaid) })
      yield* settle()
      assert.strictEqual((yield* session.status).b.phase, "running")
      yield* session.stop()
    }).pipe(Effect.provide(scripted({ a: runsOn, b: runsOn }))))

  it.effect("by what is no member, no command or no dependency is refused as such", () =>
    Effect.gen(function*() {
      const good = { command: Command.make("a") }
      const wrong: ReadonlyArray<readonly [given: unknown, field: string]> = [
        [null, "the set of members"],
        ["members", "the set of members"],
        [[good], "the set of members"],
        [{ a: undefined }, "a member"],
        [{ a: "a" }, "a member"],
        [{ a: Command.make("a") }, "a member"],
        [{ a: {} }, "the command of a member"],
        [{ a: { command: "a" } }, "the command of a member"],
        // Types let it pass, and it would wait for nobody.
        [{ a: good, b: { ...good, dependOn: ["a"] } }, "a member"],
        [{ a: good, b: { ...good, dependsOn: "a" } }, "dependsOn"],
        [{ a: good, b: { ...good, dependsOn: 5 } }, "dependsOn"],
        [{ a: good, b: { ...good, dependsOn: null } }, "dependsOn"]
      ]
      for (const [given, field] of wrong) {
        const error = yield* Effect.flip(SupervisorGroup.run(given as never))
        const reason = error._tag === "ProcessError" ? error.reason : error
        assert.deepInclude(reason, { _tag: "InvalidInput", field })
        assert.notInclude(Command.isCommand(Object.values(Object(given))[0]) ? reason.message : "", "not an object")
      }
      assert.strictEqual((yield* Backend).spawned.length, 0)
    }).pipe(Effect.provide(scripted({ a: runsOn }))))

  it.effect("whatever its members are called", () =>
    Effect.gen(function*() {
      const members = { ["__proto__"]: member("a"), constructor: member("a") }
      const outcome = yield* SupervisorGroup.run(members)
      assert.sameMembers(Object.keys(outcome.members), ["__proto__", "constructor"])
    }).pipe(Effect.provide(scripted({ a: prints("") }))))

  it.effect("by an input that can be fed once is refused where members may be taken down and started again", () =>
    Effect.gen(function*() {
      const input = Stdin.once(Stream.make(new TextEncoder().encode("text")))
      const once = { command: Command.make("b", [], { stdin: input }), restart: RestartPolicy.never }
      for (const strategy of ["oneForAll", "restForOne"] as const) {
        const error = yield* Effect.flip(SupervisorGroup.run({ a: member("a"), once }, { strategy }))
        assert.deepInclude(error._tag === "ProcessError" ? error.reason : error, {
          _tag: "InvalidInput",
          field: "stdin"
        })
      }
      assert.deepStrictEqual(yield* alive, [])
      const { members } = yield* SupervisorGroup.run({ once })
      assert.strictEqual(members.once.reason, "PolicySatisfied")
    }).pipe(Effect.provide(scripted({ a: byTurns(exitsAfter(1, 1), runsOn), b: exitsAfter(0, 0) }))))

  it.effect("is complete at once where it has no members", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* SupervisorGroup.run({}), { reason: "Completed", members: {} })
    }).pipe(Effect.provide(scripted())))

  it("does not compile with the name of a member that there is not", () => {
    SupervisorGroup.make({
      a: { command: Command.make("a") },
      // @ts-expect-error there is no z
      b: { command: Command.make("b"), dependsOn: ["z"] }
    })
    assert.strictEqual(Outcome.exited(0).code, 0)
  })
})
