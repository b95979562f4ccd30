/**
 * Several supervised commands as one value: what a Procfile or a compose file says, in a program.
 *
 * Members are started in the order of their dependencies, each when all that it waits for is ready at the same time, and
 * stopped in reverse. Each is supervised by its own policies; a strategy says who is restarted along with one that
 * failed. When one cannot be kept alive, the group stops all others and fails, so that somebody above can decide: that is
 * how trees of supervisors are built, with `Supervisor.supervise` above a group.
 *
 * **Gotchas**
 *
 * - A member that ends well and is not to be restarted stays ended, also when others are restarted.
 * - One that is up when it is taken down with others starts again with them, also where its own policy is to restart it
 *   never: it did not end by itself. So its standard input may not be one that can be fed once.
 * - One that is down already, and backs off or pauses, waits for as long as its own policy says, whoever else fails.
 * - Budgets multiply over the levels of a tree: 5 restarts of a member in a group that may be restarted 3 times are up to
 *   24 starts.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Attempt from "./Attempt.ts"
import * as Command from "./Command.ts"
import * as Group from "./internal/groupSupervision.ts"
import type { ErrorOf, ServicesOf } from "./internal/optionTypes.ts"
import { checked, fields, own, record, refuse } from "./internal/refusal.ts"
import { startOrder } from "./internal/startOrder.ts"
import type * as Supervision from "./internal/supervision.ts"
import * as Rules from "./internal/supervisionRules.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessRunner from "./ProcessRunner.ts"
import type * as StopPolicy from "./StopPolicy.ts"
import type * as SupervisionEvent from "./SupervisionEvent.ts"
import type * as SupervisionOutcome from "./SupervisionOutcome.ts"
import type * as SupervisionStatus from "./SupervisionStatus.ts"
import * as Supervisor from "./Supervisor.ts"

/**
 * Who is restarted along with a member that is restarted.
 *
 * **Details**
 *
 * `"oneForOne"`: nobody. `"oneForAll"`: all others. `"restForOne"`: those that are started after it. Others are stopped
 * gracefully, the last started first, and start again when what they wait for is ready again.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne"

/**
 * Until when a member waits for another: until it is ready (or has ended well), or until it has ended well.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Condition = "ready" | "completed"

/**
 * A member: a command, how it is supervised, and what it waits for before each start.
 *
 * **Details**
 *
 * `dependsOn` is a list of names, which have to be ready, or says for each name what it waits for. `Name` is the names that may
 * be in it: a function that makes members gives a `Member<"database">`, or a `Member<never>` where they wait for nobody.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Member<Name extends string = string, E = never, R = never> extends Supervisor.Options<E, R> {
  readonly command: Command.Command
  readonly dependsOn?: ReadonlyArray<Name> | { readonly [N in Name]?: Condition } | undefined
}

/**
 * Members by name.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Members<Name extends string> = { readonly [N in Name]: Member<Name, unknown, unknown> }

/**
 * How a group is kept.
 *
 * **Details**
 *
 * `strategy` is `"oneForOne"` by default. `stormGuard` counts the restarts of all members together; none by default.
 * `StormGuard.giveUp` is what OTP calls intensity and period.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  readonly strategy?: Strategy | undefined
  readonly stormGuard?: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R> | undefined
}

/**
 * How a group ended: all members ended by themselves and well enough, or it was stopped.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Outcome<Name extends string> {
  readonly reason: "Completed" | "Stopped"
  readonly members: { readonly [N in Name]: SupervisionOutcome.SupervisionOutcome }
}

/**
 * An event of a member.
 *
 * **Details**
 *
 * A reader that is more than 1024 events behind gets one `Lagged` event, of no member in particular, instead of what it
 * missed.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Event<Name extends string> {
  readonly member: Name | undefined
  readonly event: SupervisionEvent.SupervisionEvent
}

/**
 * A group under way.
 *
 * **Details**
 *
 * - `ready`: waits until all members are ready at the same time, or have ended well. Fails as the group does, and with
 *   `NotReady` where it is stopped before.
 * - `stop`: stops the members, the last started first, each by its own ladder or as the policy says. A second call goes
 *   to `SIGKILL` for whoever is being stopped.
 * - `await`: waits for the outcome, and fails when the group does.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Session<Name extends string, E = never> {
  readonly status: Effect.Effect<{ readonly [N in Name]: SupervisionStatus.SupervisionStatus }>
  readonly events: Stream.Stream<Event<Name>>
  readonly ready: Effect.Effect<void, ProcessError.ProcessError | E>
  readonly stop: (policy?: StopPolicy.StopPolicy) => Effect.Effect<Outcome<Name>, ProcessError.ProcessError | E>
  readonly await: Effect.Effect<Outcome<Name>, ProcessError.ProcessError | E>
}

/**
 * Members wait for each other in a circle, so that none of them could ever start: each of `members` waits for the next,
 * and the last is the first again.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class DependencyCycle extends Data.TaggedError("DependencyCycle")<{ readonly members: ReadonlyArray<string> }> {
  override get message(): string {
    return `nothing was started: the members ${this.members.join(" -> ")} wait for each other`
  }
}

/**
 * A member waits for one that its group does not have.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class UnknownDependency extends Data.TaggedError("UnknownDependency")<{
  readonly member: string
  readonly dependency: string
}> {
  override get message(): string {
    return `nothing was started: ${this.member} waits for ${this.dependency}, which is no member of its group`
  }
}

/**
 * Starts a group, and gives its session; the scope stops it, the last started member first.
 *
 * **Errors**
 *
 * `DependencyCycle`, `UnknownDependency` and, for options that make no sense, `InvalidInput`; all before anything is
 * started. The session fails with what a member's supervision failed with, with `GaveUp` (naming the member) where a
 * member used up its restarts or was given up, and with `RestartStorm` where the group's guard gave up.
 *
 * **Example** (A server that waits for its database, and for a job)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import * as RestartPolicy from "processkit/RestartPolicy"
 * import * as SupervisorGroup from "processkit/SupervisorGroup"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const stack = yield* SupervisorGroup.make({
 *     database: { command: Command.make("postgres") },
 *     migration: { command: Command.make("migrate"), dependsOn: ["database"], restart: RestartPolicy.never },
 *     server: { command: Command.make("server"), dependsOn: { database: "ready", migration: "completed" } }
 *   }, { strategy: "restForOne" })
 *   yield* stack.ready
 *   const { members } = yield* stack.stop()
 *   return [members.migration.reason, members.server.reason]
 * }))
 *
 * const runner = ScriptedRunner.layer(
 *   ScriptedRunner.on(["migrate"], Reply.ok()),
 *   ScriptedRunner.fallback(Reply.pending)
 * )
 * Effect.runPromise(Effect.provide(program, runner)) // => ["PolicySatisfied", "Stopped"]
 * ```
 *
 * @stability experimental
 * @category supervision
 * @since 0.1.0
 */
export const make = <
  const M extends Members<Extract<keyof M, string>>,
  const O extends Options<unknown, unknown> = {}
>(
  members: M,
  options?: O
): Effect.Effect<
  Session<Extract<keyof M, string>, ErrorsOf<M> | ErrorOf<O>>,
  DependencyCycle | UnknownDependency | ProcessError.ProcessError,
  Exclude<AllServicesOf<M> | ServicesOf<O>, Scope.Scope> | ProcessRunner.ProcessRunner | Scope.Scope
> =>
  begin<Extract<keyof M, string>, ErrorsOf<M> | ErrorOf<O>, AllServicesOf<M> | ServicesOf<O>>(
    members as Readonly<Record<string, Member<string, ErrorsOf<M>, AllServicesOf<M>>>>,
    (options ?? {}) as Options<ErrorOf<O>, ServicesOf<O>>
  )

/**
 * Runs a group to its end.
 *
 * **Details**
 *
 * Interruption stops all members, the last started first, before it returns.
 *
 * @stability experimental
 * @category supervision
 * @since 0.1.0
 */
export const run = <
  const M extends Members<Extract<keyof M, string>>,
  const O extends Options<unknown, unknown> = {}
>(
  members: M,
  options?: O
): Effect.Effect<
  Outcome<Extract<keyof M, string>>,
  DependencyCycle | UnknownDependency | ProcessError.ProcessError | ErrorsOf<M> | ErrorOf<O>,
  Exclude<AllServicesOf<M> | ServicesOf<O>, Scope.Scope> | ProcessRunner.ProcessRunner
> => Effect.scoped(Effect.flatMap(make(members, options), (session) => session.await))

// -----------------------------------------------------------------------------

/** What the options of members fail with, all together. */
type ErrorsOf<M> = { readonly [N in keyof M]: ErrorOf<M[N]> }[keyof M]

/** What the options of members need, all together. */
type AllServicesOf<M> = { readonly [N in keyof M]: ServicesOf<M[N]> }[keyof M]

/** Members as they are given, by name. */
type Given<E, R> = Readonly<Record<string, Member<string, E, R>>>

const begin = <Name extends string, E, R>(
  members: Given<E, R>,
  options: Options<E, R>
): Effect.Effect<
  Session<Name, E>,
  DependencyCycle | UnknownDependency | ProcessError.ProcessError,
  Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner | Scope.Scope
> =>
  Effect.flatMap(
    Effect.fromResult(planOf(members, options)),
    (plan) => Effect.map(Group.begin(plan), (group) => sessionOf<Name, E>(group))
  )

const planOf = <E, R>(
  members: Given<E, R>,
  options: Options<E, R>
): Result.Result<Group.Plan<E, R>, DependencyCycle | UnknownDependency | ProcessError.ProcessError> => {
  const { stormGuard, strategy = "oneForOne" } = fields(options, ["stormGuard", "strategy"])
  return Result.gen(function*() {
    const given = yield* checked(undefined, () => membersOf(members))
    const found = startOrder(new Map([...given].map(([name, { waitsFor }]) => [name, waitsFor.map((one) => one.name)])))
    if ("problem" in found) return yield* Result.fail(refusalOf(found.problem))
    yield* Rules.guard(stormGuard)
    yield* Rules.word("strategy", strategy, ["oneForOne", "oneForAll", "restForOne"])
    const planned: Array<Group.Member<E, R>> = []
    for (const name of found.order) {
      const one = given.get(name)
      if (one === undefined) continue
      for (const { until } of one.waitsFor) yield* Rules.word("dependsOn", until, ["ready", "completed"])
      planned.push({ name, plan: yield* memberPlan(one.member, strategy !== "oneForOne"), waitsFor: one.waitsFor })
    }
    return { members: planned, strategy, guard: stormGuard }
  })
}

/** What a member may say. A type parameter takes any other field too, and a misspelt one would wait for nobody. */
const memberFields: { readonly [field in keyof Required<Member>]: true } = {
  command: true,
  dependsOn: true,
  healthCheck: true,
  ready: true,
  readyWithin: true,
  stopWhen: true,
  restart: true,
  giveUpWhen: true,
  maxRestarts: true,
  stormGuard: true,
  backoff: true
}

const membersOf = <E, R>(members: Given<E, R>) =>
  new Map(
    Object.entries(record("the set of members", members)).map(([name, given]) => {
      if (Command.isCommand(given)) refuse("a member", "is a command; give an object that has it as its `command`")
      const member = record("a member", given)
      if (Object.entries(member).some(([field, value]) => value !== undefined && !Object.hasOwn(memberFields, field))) {
        refuse("a member", "names an unknown option")
      }
      if (!Command.isCommand(own(member, "command"))) refuse("the command of a member", "is not a command")
      return [name, { member, waitsFor: dependenciesOf(member) }] as const
    })
  )

const dependenciesOf = <E, R>(member: Member<string, E, R>): ReadonlyArray<Group.Dependency> => {
  const dependsOn = own(member, "dependsOn")
  if (dependsOn === undefined) return []
  if (typeof dependsOn === "string") refuse("dependsOn", "is a name, and not a list of names")
  if (Array.isArray(dependsOn)) return dependsOn.map((name: string) => ({ name, until: "ready" }))
  return Object.entries(record("dependsOn", dependsOn as Record<string, Condition | undefined>)).flatMap(
    ([name, until]) => until === undefined ? [] : [{ name, until }]
  )
}

const refusalOf = (problem: Extract<ReturnType<typeof startOrder>, { problem: unknown }>["problem"]) =>
  problem._tag === "Cycle" ? new DependencyCycle(problem) : new UnknownDependency(problem)

const memberPlan = <E, R>(
  { command, ...options }: Member<string, E, R>,
  isTakenDown: boolean
): Result.Result<Supervision.Plan<E, R>, ProcessError.ProcessError> =>
  Rules.plan<E, R>(command, options, Supervisor.schedule(options), isTakenDown)

const sessionOf = <Name extends string, E>(group: Group.Group<E>): Session<Name, E> => {
  const outcome = Deferred.await(group.conclusion) as Effect.Effect<Outcome<Name>, ProcessError.ProcessError | E>
  return {
    status: Effect.sync(() =>
      Object.fromEntries([...group.members].map(([name, { ledger }]) => [name, ledger.status])) as {
        readonly [N in Name]: SupervisionStatus.SupervisionStatus
      }
    ),
    events: Stream.map(group.log.events, ({ event, member, skipped }): Event<Name> =>
      event === undefined
        ? { member: undefined, event: { _tag: "Lagged", skipped } }
        : { member: member as Name, event }),
    ready: group.ready,
    stop: (policy) =>
      Effect.flatMap(
        Effect.fromResult(Rules.stopPolicy(undefined, policy)),
        () => Effect.andThen(group.stop(policy), outcome)
      ),
    await: outcome
  }
}
