/** The contract of backends: trees of processes, and how they are ended. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const long = Duration.seconds(10)

/** An effect's value together with the milliseconds it took. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.monotonicTimeNanos
    const value = yield* effect
    return [value, Number((yield* Clock.monotonicTimeNanos) - began) / 1e6] as const
  })

const empty = Effect.gen(function*() {
  const container = yield* Probe.container
  yield* Probe.same(yield* container.members, [], "members of an empty container")
  const [left, millis] = yield* timed(container.awaitEmpty(long))
  yield* Probe.same(left, [], "members of an empty container")
  yield* Probe.holds(millis < 5000, `an empty container was waited for, ${millis} ms long`)
  yield* container.signal("SIGTERM")
  yield* container.kill
})

/** Ends everything in a tree, and checks that nobody is left. */
const killed = (tree: ProcessBackend.Tree) =>
  Effect.gen(function*() {
    yield* tree.kill
    const [left, millis] = yield* timed(tree.awaitEmpty(long))
    yield* Probe.same(left, [], "members after the kill")
    yield* Probe.holds(millis < 5000, `an empty tree was noticed only after ${millis} ms`)
    yield* Probe.same(yield* tree.members, [], "members after the kill")
  })

const membership = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits)
  yield* Probe.ready(watched)
  const { pid } = watched.child
  for (const tree of [watched.container, watched.child]) {
    const members = yield* tree.members
    yield* Probe.holds(members.length > 0, "a running child is no member")
    yield* Probe.holds(pid === undefined || members.includes(pid), "the members lack the id of the child")
  }
  yield* killed(watched.container)
  yield* Probe.exited(watched)
})

const ownEnd = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  const watched = yield* Probe.alone(exitsWith(0))
  yield* Probe.ended(watched)
  yield* Probe.same(yield* watched.container.awaitEmpty(long), [], "members after the only child has exited")
})

const signalled = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const container = yield* Probe.container
  const both = [yield* Probe.spawn(container, waits), yield* Probe.spawn(container, waits)]
  for (const watched of both) yield* Probe.ready(watched)
  yield* container.signal("SIGTERM")
  yield* Probe.same(yield* container.awaitEmpty(long), [], "members after the signal")
  for (const watched of both) {
    yield* Probe.exited(watched)
    yield* Probe.same(Probe.exitOf(watched), "SIGTERM (15)", "the exit")
  }
})

const stubborn = Effect.gen(function*() {
  const { ignoresTerm } = yield* Probe.programs
  const watched = yield* Probe.alone(ignoresTerm)
  yield* Probe.ready(watched)
  yield* watched.container.signal("SIGTERM")
  const left = yield* watched.container.awaitEmpty(Duration.millis(100))
  yield* Probe.same(left, yield* watched.container.members, "who outlives a signal that it ignores")
  yield* Probe.holds(left.length > 0, "nobody outlives a signal that it ignores")
  yield* killed(watched.container)
  yield* Probe.exited(watched)
  yield* Probe.holds(!/^\d+$/.test(Probe.exitOf(watched)), "a killed child has an exit code")
})

const within = Effect.gen(function*() {
  const { ignoresTerm } = yield* Probe.programs
  const watched = yield* Probe.alone(ignoresTerm)
  yield* Probe.ready(watched)
  const [left, millis] = yield* timed(watched.container.awaitEmpty(Duration.millis(150)))
  yield* Probe.holds(left.length > 0, "a running child is not listed as left")
  yield* Probe.holds(millis >= 140 && millis < 5000, `150 ms took ${millis} ms`)
})

const stopped = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits)
  yield* Probe.ready(watched)
  yield* watched.child.signal("SIGSTOP")
  // A process that has not got round to stopping yet dies of this one, which is as good: no claim is made on the order.
  yield* watched.container.signal("SIGTERM")
  yield* watched.container.signal("SIGCONT")
  yield* Probe.exited(watched)
  yield* Probe.same(Probe.exitOf(watched), "SIGTERM (15)", "the exit")
})

const suspended = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const watched = yield* Probe.alone(echoesStdin, { stdin: "pipe" })
  yield* watched.container.suspend
  yield* Probe.write(watched, Probe.pattern(10))
  yield* Effect.sleep("50 millis")
  yield* Probe.same(watched.stdout.chunks.length, 0, "chunks from a suspended child")
  yield* watched.container.resume
  yield* Probe.until("the echo", () => watched.stdout.bytes.length === 10)
})

const newcomer = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const container = yield* Probe.container
  yield* container.suspend
  const watched = yield* Probe.spawn(container, echoesStdin, { stdin: "pipe" })
  yield* Probe.write(watched, Probe.pattern(10))
  yield* Effect.sleep("50 millis")
  yield* Probe.same(watched.stdout.chunks.length, 0, "chunks from a child of a suspended container")
  yield* container.resume
  yield* Probe.until("the echo", () => watched.stdout.bytes.length === 10)
})

const stoppedKill = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits)
  yield* Probe.ready(watched)
  yield* watched.container.suspend
  yield* killed(watched.container)
  yield* Probe.exited(watched)
})

const descendants = Effect.gen(function*() {
  const { spawnsTree } = yield* Probe.programs
  const watched = yield* Probe.alone(spawnsTree)
  yield* Probe.ready(watched)
  for (const tree of [watched.container, watched.child]) {
    yield* Probe.holds((yield* tree.members).length >= 2, "a descendant is no member")
  }
  yield* killed(watched.container)
})

const leaderAlone = Effect.gen(function*() {
  const { spawnsTree } = yield* Probe.programs
  const watched = yield* Probe.alone(spawnsTree)
  yield* Probe.ready(watched)
  yield* watched.child.signalLeader("SIGKILL")
  yield* Probe.ended(watched)
  yield* Probe.holds((yield* watched.container.members).length > 0, "a signal to the leader ended its descendant")
  yield* Probe.holds((yield* watched.child.members).length > 0, "a descendant left its tree when the leader died")
  yield* killed(watched.child)
})

const heldPipe = Effect.gen(function*() {
  const { holdsPipeOpen } = yield* Probe.programs
  const watched = yield* Probe.alone(holdsPipeOpen)
  yield* Probe.ready(watched)
  yield* Probe.exited(watched)
  yield* Effect.sleep("20 millis")
  yield* Probe.same(watched.stdout.ends.length, 0, "ends of a pipe that a descendant holds")
  yield* killed(watched.container)
  yield* Probe.until("the end of the pipe", () => watched.stdout.ends.length === 1)
})

const siblings = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const container = yield* Probe.container
  const [first, second] = [yield* Probe.spawn(container, waits), yield* Probe.spawn(container, waits)]
  yield* Probe.ready(first)
  yield* Probe.ready(second)
  const [ofFirst, ofSecond] = [yield* first.child.members, yield* second.child.members]
  yield* Probe.same(ofFirst.filter((id) => ofSecond.includes(id)), [], "members that two siblings share")
  yield* killed(first.child)
  yield* Probe.exited(first)
  yield* Probe.same(Probe.exitOf(second), "running", "a sibling of a killed child")
  yield* Probe.same(yield* container.members, ofSecond, "members after one of two was killed")
})

const containers = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const [one, other] = [yield* Probe.alone(waits), yield* Probe.alone(waits)]
  yield* Probe.ready(one)
  yield* Probe.ready(other)
  yield* killed(one.container)
  yield* one.container.release
  yield* Probe.same(Probe.exitOf(other), "running", "a child of another container")
  yield* Probe.holds((yield* other.container.members).length > 0, "the other container is empty")
})

const again = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits)
  yield* Probe.ready(watched)
  yield* killed(watched.container)
  const next = yield* Probe.spawn(watched.container, waits)
  yield* Probe.ready(next)
  yield* Probe.holds((yield* watched.container.members).length > 0, "a container that was killed takes no child")
})

const release = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  const watched = yield* Probe.alone(exitsWith(0))
  yield* Probe.ended(watched)
  yield* watched.container.release
  yield* watched.container.release
  yield* Probe.same(yield* watched.container.awaitEmpty(long), [], "members after the release")
})

export const treeCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("answers at once for an empty container", [], empty),
  Probe.claim("lists a running child, and nobody once it was killed", [], membership),
  Probe.claim("is empty once its only child has exited", [], ownEnd),
  Probe.claim("signals every member of a container", ["signals"], signalled),
  Probe.claim("lists who ignores a signal, and kills it", ["signals"], stubborn),
  Probe.claim("waits for an empty container as long as it is told and no longer", ["signals", "nativeTime"], within),
  Probe.claim("ends a stopped child by a signal and SIGCONT", ["signals", "stop"], stopped),
  Probe.claim("suspends and resumes a container", ["stop"], suspended),
  Probe.claim("suspends who is started meanwhile too", ["stop"], newcomer),
  Probe.claim("kills what is suspended", ["stop"], stoppedKill),
  Probe.claim("holds and kills descendants", ["descendants"], descendants),
  Probe.claim("signals the leader and nobody else", ["descendants"], leaderAlone),
  Probe.claim("reports an exit while a descendant holds the pipe", ["descendants"], heldPipe),
  Probe.claim("keeps the trees of siblings apart", [], siblings),
  Probe.claim("keeps containers apart", [], containers),
  Probe.claim("takes children again after a kill", [], again),
  Probe.claim("can be released twice", [], release)
]
