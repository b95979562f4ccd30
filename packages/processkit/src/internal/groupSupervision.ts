/**
 * Several supervisions that know of each other.
 *
 * Each member is supervised by itself, with policies and a memory of its own. A member that has others to wait for waits
 * before each start, so that an order of starts needs nobody to give it. What is left to do here is what concerns more
 * than one: to take others down with one that failed, and to end all when it is time.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type * as Attempt from "../Attempt.ts"
import * as ProcessError from "../ProcessError.ts"
import * as ProcessResult from "../ProcessResult.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import type * as SupervisionEvent from "../SupervisionEvent.ts"
import type * as SupervisionOutcome from "../SupervisionOutcome.ts"
import { EventLog } from "./eventLog.ts"
import * as RestartDecision from "./restartDecision.ts"
import * as SteadyTime from "./steadyTime.ts"
import * as Supervision from "./supervision.ts"

/** Who else is restarted with a member. */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne"

/** What a member waits for, and until when. */
export interface Dependency {
  readonly name: string
  readonly until: "ready" | "completed"
}

export interface Member<E, R> {
  readonly name: string
  readonly plan: Supervision.Plan<E, R>
  readonly waitsFor: ReadonlyArray<Dependency>
}

export interface Plan<E, R> {
  /** In the order of their starts. */
  readonly members: ReadonlyArray<Member<E, R>>
  readonly strategy: Strategy
  /** Counts the failures of all members. */
  readonly guard: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R> | undefined
}

export interface GroupEvent {
  readonly member: string
  readonly event: SupervisionEvent.SupervisionEvent | undefined
  /** How many events are missing here, where the reader was too slow. */
  readonly skipped: number
}

export interface Outcome {
  readonly reason: "Completed" | "Stopped"
  readonly members: Readonly<Record<string, SupervisionOutcome.SupervisionOutcome>>
}

/** How many events of the whole group are kept for slow readers. */
const keptEvents = 1024

const together = { concurrency: "unbounded", discard: true } as const

/** A group under way. */
export class Group<E> {
  readonly members = new Map<string, Supervision.Supervision<E>>()
  readonly log = new EventLog<GroupEvent>(keptEvents, (skipped) => ({ member: "", event: undefined, skipped }))
  readonly stopping = Deferred.makeUnsafe<StopPolicy.StopPolicy | undefined>()
  readonly conclusion = Deferred.makeUnsafe<Outcome, ProcessError.ProcessError | E>()

  /** Stops all, the last started first. A second request cuts the grace of whoever is being stopped short. */
  stop(policy: StopPolicy.StopPolicy | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (Deferred.doneUnsafe(this.stopping, Exit.succeed(policy))) return Effect.void
      const ending = [...this.members.values()].filter(({ control }) => control.isStopping)
      return Effect.forEach(ending, ({ control }) => control.stop(undefined), together)
    })
  }

  /** Whether it has been decided how the group ends. */
  #isEnding = false

  /** The group ends: nobody starts any more. */
  end(): void {
    this.#isEnding = true
    for (const { control } of this.members.values()) control.bar()
  }

  /**
   * Waits until all members are ready at the same time. Where the group ends before, its own end is what tells: members
   * that were taken down for it are not to blame, and have not completed, however well they end.
   */
  get ready(): Effect.Effect<void, ProcessError.ProcessError | E> {
    const all = this.untilAll([...this.members.keys()].map((name) => ({ name, until: "ready" })))
    return Effect.flatMap(Effect.exit(all), (exit) => this.#isEnding ? this.#readyAtTheEnd : exit)
  }

  get #readyAtTheEnd(): Effect.Effect<void, ProcessError.ProcessError | E> {
    return Effect.flatMap(Deferred.await(this.conclusion), ({ members }) => {
      const stopped = Object.keys(members).find((name) => members[name]?.reason === "Stopped")
      return stopped === undefined ? Effect.void : this.members.get(stopped)?.ledger.ready ?? Effect.void
    })
  }

  /** Waits until a member is as another one needs it; fails where it never will be. */
  until({ name, until }: Dependency): Effect.Effect<void, ProcessError.ProcessError | E> {
    return Effect.suspend(() => {
      const member = this.members.get(name)
      if (member === undefined) return Effect.void
      const completed = hasCompleted(name, member)
      // What has done its work and gone is as good as ready.
      return until === "completed" ? completed : Effect.catch(member.ledger.ready, () => completed)
    })
  }

  /**
   * Waits until all of them are as they are needed at the same time: one that was ready may be down again when the last
   * one comes up.
   */
  untilAll(dependencies: ReadonlyArray<Dependency>): Effect.Effect<void, ProcessError.ProcessError | E> {
    const each = Effect.forEach(dependencies, (dependency) => this.until(dependency), together)
    return Effect.repeat(each, { until: () => dependencies.every((dependency) => this.#holds(dependency)) })
  }

  /** What was ready may have ended since then, and not well: whoever waits for it again is told. */
  #holds({ name, until }: Dependency): boolean {
    const ledger = this.members.get(name)?.ledger
    if (ledger === undefined) return true
    return ledger.status.phase === "ended" ? isGood(ledger.lastResult) : until === "ready" && ledger.status.isReady
  }
}

/** Begins to supervise all members, in fibers that the scope ends, the last started first. */
export const begin = Effect.fnUntraced(function*<E, R>(
  plan: Plan<E, R>
): Effect.fn.Return<Group<E>, never, Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner | Scope.Scope> {
  const group = new Group<E>()
  const failing = yield* Queue.unbounded<string>()
  const scope = yield* Effect.scope
  const count = plan.guard === undefined
    ? () => Effect.succeed(Duration.zero)
    : yield* Scope.provide(counting(group, plan.guard), scope)
  for (const { name, plan: own, waitsFor } of plan.members) {
    const membership: Supervision.Membership<E, R> = {
      gate: group.untilAll(waitsFor),
      onEvent: (event) => group.log.write({ member: name, event, skipped: 0 }),
      onRestart: (attempt, control) =>
        Effect.suspend(() => {
          if (plan.strategy !== "oneForOne") {
            control.bar()
            Queue.offerUnsafe(failing, name)
          }
          return count(name, attempt)
        })
    }
    group.members.set(name, yield* Supervision.begin({ ...own, membership }))
  }
  // No fiber of the scope, which would end it before the members whose ends are to be told; it ends with the last of them.
  const ends = Effect.forEach(group.members.values(), ({ ledger }) => Effect.exit(Supervision.outcomeOf(ledger)))
  yield* Effect.forkDetach(Effect.andThen(ends, Effect.sync(() => group.log.end())))
  const coordinator = yield* Effect.forkScoped(coordinate(group, plan.strategy, failing))
  // At once: a fiber that is interrupted before it began never concludes, and whoever awaits the group would wait on.
  yield* conclude(group, coordinator).pipe(
    Effect.onExit((exit) => Deferred.done(group.conclusion, exit)),
    Effect.forkScoped({ startImmediately: true })
  )
  return group
})

/** Shows failures to a guard that all members share, and answers its pauses. */
const counting = <E, R>(
  { members }: Group<E>,
  guard: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R>
) =>
  Effect.map(
    Effect.all([RestartDecision.waitOf(guard), SteadyTime.begin]),
    ([wait, now]) => (name: string, attempt: Attempt.Attempt) =>
      Effect.flatMap(wait(now(), attempt), (pause) => {
        if (pause !== undefined) return Effect.succeed(pause)
        const restarts = members.get(name)?.ledger.status.restarts ?? 0
        return Effect.fail(gaveUp(name, restarts, "the guard of its group has ended"))
      })
  )

/** Which members go down with those that failed, in the order of starts. */
export const affected = (
  strategy: Strategy,
  order: ReadonlyArray<string>,
  failing: ReadonlySet<string>
): ReadonlyArray<string> => {
  if (strategy === "oneForOne") return []
  const first = strategy === "oneForAll" ? 0 : order.findIndex((name) => failing.has(name)) + 1
  return order.slice(first).filter((name) => !failing.has(name))
}

/**
 * Takes others down with members that failed: the last started first, each waited for, and then all may start again.
 *
 * Who failed is down and barred since before it is told here, and so is a member that fails meanwhile: it goes through
 * the same round, since whoever it takes down would otherwise be started first and taken down again.
 */
const coordinate = <E>(group: Group<E>, strategy: Strategy, failed: Queue.Dequeue<string>): Effect.Effect<never> =>
  Effect.gen(function*() {
    const order = [...group.members.keys()]
    while (true) {
      const failing = new Set<string>()
      const held: Array<Supervision.Supervision<E>> = []
      for (let more: Array<string> = yield* Queue.takeAll(failed); more.length > 0; more = yield* Queue.clear(failed)) {
        for (const name of more) failing.add(name)
        for (const name of affected(strategy, order, failing).toReversed()) {
          const member = group.members.get(name)
          if (member === undefined || member.control.isHeld) continue
          yield* member.control.hold(undefined)
          held.push(member)
        }
      }
      for (const name of failing) group.members.get(name)?.control.release()
      for (const { control } of held) control.release()
    }
  })

/** Waits for the end of all, for the first that ends badly, or for a request to stop; then ends the rest. */
const conclude = <E>(
  group: Group<E>,
  coordinator: Fiber.Fiber<never>
): Effect.Effect<Outcome, ProcessError.ProcessError | E> =>
  Effect.gen(function*() {
    const members = [...group.members]
    const all = Effect.forEach(members, ([name, member]) => endsWell(name, member), together)
    const ended = Effect.raceFirst(
      Effect.as(all, undefined),
      Effect.map(Deferred.await(group.stopping), (policy) => ({ policy }))
    )
    // One takes its grace after the other: whoever crashes meanwhile stays down, also where the scope ends them.
    const end = yield* Effect.exit(Effect.ensuring(ended, Effect.sync(() => group.end())))
    yield* Fiber.interrupt(coordinator)
    const request = Exit.isSuccess(end) ? end.value : undefined
    for (const [, { control, ledger }] of members.toReversed()) {
      yield* control.stop(request?.policy)
      yield* Effect.exit(Supervision.outcomeOf(ledger))
    }
    if (Exit.isFailure(end)) return yield* Effect.failCause(end.cause)
    const outcomes = yield* Effect.forEach(
      members,
      ([name, { ledger }]) => Effect.map(Supervision.outcomeOf(ledger), (outcome) => [name, outcome] as const)
    )
    return { reason: request === undefined ? "Completed" : "Stopped", members: Object.fromEntries(outcomes) }
  })

/** Waits for the end of a member, and fails where that is one that somebody above has to know about. */
const endsWell = <E>(
  name: string,
  { ledger }: Supervision.Supervision<E>
): Effect.Effect<void, ProcessError.ProcessError | E> =>
  Effect.flatMap(
    Supervision.outcomeOf(ledger),
    ({ reason, restarts }) =>
      reason === "GaveUp" || reason === "RestartsExhausted" || reason === "Unhealthy"
        ? Effect.fail(gaveUp(name, restarts, `its supervision ended (${reason})`))
        : Effect.void
  )

const isGood = (result: ProcessResult.ProcessResult<string> | undefined): boolean =>
  result !== undefined && ProcessResult.isSuccess(result)

/** Waits for the end of a member, and fails unless that is a good one. */
const hasCompleted = <E>(
  name: string,
  { ledger }: Supervision.Supervision<E>
): Effect.Effect<void, ProcessError.ProcessError | E> =>
  Effect.flatMap(
    Supervision.outcomeOf(ledger),
    ({ lastResult, restarts }) =>
      isGood(lastResult)
        ? Effect.void
        : Effect.fail(gaveUp(name, restarts, "it did not complete, and others wait for it"))
  )

const gaveUp = (program: string, restarts: number, last: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.GaveUp({ program, restarts, last }))
