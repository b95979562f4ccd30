/**
 * A set of processes that ends together: whatever was started in a group, and whatever that started, is gone when the
 * group's scope closes.
 *
 * A group is opened in a `Scope` and lives until the scope closes; then it is stopped, every member, by the ladder of
 * its stop policy: signal, grace, `SIGKILL`, and a wait for the operating system to say that nobody is left. How much
 * a group can promise depends on its mechanism, and `containment` says it before anything is started.
 *
 * **Gotchas**
 *
 * - `Effect.scoped(ProcessGroup.make)` gives a group whose scope has closed: every operation fails with `GroupClosed`.
 *   Keep the scope open around the use of the group.
 * - A group is not a sandbox. It ends processes; it does not keep them from files or the network.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import type * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Command from "./Command.ts"
import type * as Containment from "./Containment.ts"
import * as Parts from "./internal/processGroup.ts"
import type * as Limits from "./Limits.ts"
import type * as Mechanism from "./Mechanism.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as Processes from "./Processes.ts"
import * as ProcessRunner from "./ProcessRunner.ts"
import type * as RunningProcess from "./RunningProcess.ts"
import type * as Signal from "./Signal.ts"
import type * as Stats from "./Stats.ts"
import type * as StopPolicy from "./StopPolicy.ts"

/**
 * What a group has to guarantee, or it is not opened.
 *
 * **Details**
 *
 * `tree: "whole"` refuses mechanisms that a descendant can leave, `ownerDeath` those that leave processes behind when
 * the owner is killed: `"linked"` is satisfied by `"whole"` too. `mechanism` accepts that one alone.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Requirements {
  readonly tree?: "whole" | undefined
  readonly ownerDeath?: "whole" | "linked" | undefined
  readonly mechanism?: Mechanism.Mechanism | undefined
}

/**
 * How a group is opened.
 *
 * **Details**
 *
 * `stop` is what happens at the end of the scope: `SIGTERM`, a grace of 2 seconds, `SIGKILL` unless it says otherwise.
 * `require` is what the group has to guarantee; nothing by default. `limits` is what its members may use together.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly stop?: StopPolicy.StopPolicy | undefined
  readonly require?: Requirements | undefined
  readonly limits?: Limits.Limits | undefined
}

/**
 * A request to end the members of a group before its scope closes.
 *
 * **Details**
 *
 * What is not given is as in the group's stop policy. With `escalate: false` members that outlive the grace are spared
 * and reported as survivors, and the scope's close spares them too, unless something is started in the group again.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Shutdown extends StopPolicy.StopPolicy {
  readonly escalate?: boolean | undefined
}

/**
 * A process group.
 *
 * **Details**
 *
 * - `mechanism`, `containment`: what holds the processes, and what it promises.
 * - `start`: starts a command as a member. The child lives until it ends, is stopped, or the group closes.
 * - `signal`: to every member once; `SIGKILL` also reaches what is forked meanwhile. `suspend`, `resume`: all members.
 * - `members`: the ids of the processes alive now; a zombie is not alive.
 * - `membersInfo`: the same with parent, name and start time; who ends meanwhile is left out.
 * - `adopt`: takes in a process that somebody else has started, and what it starts from now on, to end with the group.
 *   A `startTime` that was kept (see `Processes`) makes sure that it is still the same one.
 * - `kill`: ends every member at once and waits for it; the group stays usable. `shutdown`: the same by the ladder.
 * - `limits`: the limits in force. `updateLimits` replaces all of them: what it does not name is lifted. Where one is
 *   refused, those before hold on. `limitEvidence`: which limits were reached, by the counters of the system.
 * - `stats`: what the members use at the moment. `sampleStats`: the same at once and then at every multiple of an
 *   interval of at least a millisecond, by Effect's `Clock`. Ticks that were missed are left out; the stream ends when
 *   the group closes, or with the first look that fails.
 * - `runner`: the group as a runner. A verb that runs in it owns its child: interrupting the verb stops that child and
 *   its descendants, never its siblings.
 *
 * **Errors**
 *
 * From `adopt`: `InvalidInput` for a number that is none of a process, one of our own, of those above us or of the
 * kernel, or another start time; `IoFailed` with `ESRCH` for nobody, with `EPERM` or `EACCES` for somebody else's process; `Unsupported`
 * under `subreaper`, which cannot become the parent of strangers. A zombie is taken for taken in.
 *
 * `GroupClosed` once the scope is closing, from every operation but `sampleStats`, which ends. `TeardownIncomplete` from `kill` where the operating
 * system could not end somebody.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProcessGroup extends Pipeable.Pipeable, Inspectable.Inspectable {
  readonly [Parts.TypeId]: typeof Parts.TypeId
  readonly mechanism: Mechanism.Mechanism
  readonly containment: Containment.Containment
  readonly start: (command: Command.Command) => Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError>
  readonly signal: (signal: Signal.Signal) => Effect.Effect<void, ProcessError.ProcessError>
  readonly suspend: Effect.Effect<void, ProcessError.ProcessError>
  readonly resume: Effect.Effect<void, ProcessError.ProcessError>
  readonly members: Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError>
  readonly membersInfo: Effect.Effect<ReadonlyArray<Processes.ProcessInfo>, ProcessError.ProcessError>
  readonly adopt: (
    pid: number,
    options?: { readonly startTime?: string | undefined }
  ) => Effect.Effect<void, ProcessError.ProcessError>
  readonly kill: Effect.Effect<void, ProcessError.ProcessError>
  readonly shutdown: (
    request?: Shutdown
  ) => Effect.Effect<StopPolicy.ShutdownReport, ProcessError.ProcessError>
  readonly limits: Effect.Effect<Limits.InForce, ProcessError.ProcessError>
  readonly updateLimits: (limits: Limits.Limits) => Effect.Effect<void, ProcessError.ProcessError>
  readonly limitEvidence: Effect.Effect<Limits.Evidence, ProcessError.ProcessError>
  readonly stats: Effect.Effect<Stats.ProcessGroupStats, ProcessError.ProcessError>
  readonly sampleStats: (every: Duration.Input) => Stream.Stream<Stats.ProcessGroupStats, ProcessError.ProcessError>
  readonly runner: ProcessRunner.ProcessRunner["Service"]
}

/**
 * Tells whether a value is a `ProcessGroup`.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isProcessGroup = (u: unknown): u is ProcessGroup => Predicate.hasProperty(u, Parts.TypeId)

/**
 * Opens a group that stops its members with the default policy when its scope closes.
 *
 * **Example** (A tree that ends with its scope)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import * as ProcessGroup from "processkit/ProcessGroup"
 *
 * export const program = Effect.scoped(Effect.gen(function*() {
 *   const group = yield* ProcessGroup.make
 *   const server = yield* group.start(Command.make("node", ["server.js"]))
 *   return yield* server.outcome
 * }))
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ProcessGroup, ProcessError.ProcessError, ProcessRunner.ProcessRunner | Scope.Scope> =
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.openGroup())

/**
 * Opens a group with options.
 *
 * **Errors**
 *
 * `InvalidInput` for a grace that is NaN or negative, or a signal that is none. `Unsupported` where no mechanism that
 * can be had guarantees what is required; it names what was refused and why. `ResourceLimit` for a limit that is `invalid`,
 * that the mechanism does not have (`unsupported`), or that this machine does not let it have (`unenforceable`).
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const makeWith = (
  options: Options
): Effect.Effect<ProcessGroup, ProcessError.ProcessError, ProcessRunner.ProcessRunner | Scope.Scope> =>
  Effect.flatMap(ProcessRunner.ProcessRunner, (runner) => runner.openGroup(options))

/**
 * Makes a group from its parts, for decorators and runners of other kinds.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromParts = (
  parts: Omit<ProcessGroup, typeof Parts.TypeId | keyof Pipeable.Pipeable | keyof Inspectable.Inspectable>
): ProcessGroup => Parts.fromParts(parts)

/**
 * Runs every command of a program as members of a group that lives as long as the layer.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Options
): Layer.Layer<ProcessRunner.ProcessRunner, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Layer.effect(ProcessRunner.ProcessRunner, Effect.map(makeWith(options ?? {}), (group) => group.runner))

/**
 * Runs every command of an effect as a member of a group.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const provide: {
  (group: ProcessGroup): <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, ProcessRunner.ProcessRunner>>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    group: ProcessGroup
  ): Effect.Effect<A, E, Exclude<R, ProcessRunner.ProcessRunner>>
} = dual(2, <A, E, R>(
  self: Effect.Effect<A, E, R>,
  group: ProcessGroup
): Effect.Effect<A, E, Exclude<R, ProcessRunner.ProcessRunner>> =>
  Effect.provideService(self, ProcessRunner.ProcessRunner, group.runner))
