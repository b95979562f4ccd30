/**
 * Keeps a command alive: starts it again when it ends, waits longer each time, and knows when to stop.
 *
 * What happens after each life is decided by three schedules: a `RestartPolicy` says whether there is another one, a
 * `StormGuard` looks for too many failures in a short time, and a `Backoff` says how long to wait. The next life begins
 * only when the process tree of the last one is gone.
 *
 * Everything is counted on the monotonic clock, so that setting the time of day changes nothing.
 *
 * **Gotchas**
 *
 * - An outcome means that supervision came to an end in order. Whether the program was well is in its `lastResult`.
 * - A start that fails in a way that waiting does not heal, such as a program that does not exist, fails the supervision
 *   at once: see `giveUpWhen`.
 * - Budgets multiply: a supervisor with 5 restarts inside one with 3 makes up to 24 starts.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Attempt from "./Attempt.ts"
import * as Backoff from "./Backoff.ts"
import * as Command from "./Command.ts"
import type { ErrorOf, ServicesOf } from "./internal/optionTypes.ts"
import { fields } from "./internal/refusal.ts"
import * as RestartDecision from "./internal/restartDecision.ts"
import * as Supervision from "./internal/supervision.ts"
import * as Rules from "./internal/supervisionRules.ts"
import { SupervisorSession } from "./internal/supervisorSession.ts"
import type * as OutputBuffer from "./OutputBuffer.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessResult from "./ProcessResult.ts"
import type * as ProcessRunner from "./ProcessRunner.ts"
import type * as Readiness from "./Readiness.ts"
import * as RestartPolicy from "./RestartPolicy.ts"
import type * as RunningProcess from "./RunningProcess.ts"
import type * as StopPolicy from "./StopPolicy.ts"
import type * as SupervisionEvent from "./SupervisionEvent.ts"
import type * as SupervisionOutcome from "./SupervisionOutcome.ts"
import type * as SupervisionStatus from "./SupervisionStatus.ts"

/**
 * An answer, at once or after asking somebody.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Answer<E = never, R = never> = boolean | Effect.Effect<boolean, E, R>

/**
 * What comes after an attempt: another life, after a pause because of a storm and a delay of the backoff, or the end.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Decision =
  | { readonly _tag: "Restart"; readonly pause: Duration.Duration; readonly delay: Duration.Duration }
  | { readonly _tag: "Stop"; readonly reason: SupervisionOutcome.Reason }

/**
 * What decides about the next life. Nothing is required.
 *
 * **Details**
 *
 * Asked in this order, and the first that says stop decides. Nobody is asked who need not be, and no wait is taken before
 * everybody was.
 *
 * 1. `stopWhen`: by the result of a program that ended by itself. Never by default.
 * 2. `restart`: any schedule over attempts, of which only the end matters and not the waits; `RestartPolicy.onCrash` by
 *    default.
 * 3. `giveUpWhen`: after failures. By default after starts that failed in a way that waiting does not heal; see
 *    {@link isHopeless}.
 * 4. `maxRestarts`: how many lives follow the first, at the most; as many as it takes by default.
 * 5. `stormGuard`: any schedule; its waits are pauses. None by default.
 * 6. `backoff`: any schedule; its waits come after the pause. `Backoff.exponential()` by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Policy<E = never, R = never> {
  readonly stopWhen?: ((result: ProcessResult.ProcessResult<string>) => Answer<E, R>) | undefined
  readonly restart?: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R> | undefined
  readonly giveUpWhen?: ((attempt: Attempt.Attempt) => Answer<E, R>) | undefined
  readonly maxRestarts?: number | undefined
  readonly stormGuard?: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R> | undefined
  readonly backoff?: Schedule.Schedule<unknown, Attempt.Attempt, ProcessError.ProcessError | E, R> | undefined
}

/**
 * A question to a live program: a `Readiness`, an effect, or what makes an effect of the program.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Probe<R = never> =
  | Readiness.Readiness<R>
  | Effect.Effect<unknown, unknown, R>
  | ((running: RunningProcess.RunningProcess) => Effect.Effect<unknown, unknown, R>)

/**
 * How the health of a program is watched.
 *
 * **Details**
 *
 * A `check` fails by failing, by giving `false`, or by taking longer than `timeout`; a `Command` is a check, and so is
 * `Readiness.http`, of which one request is one check. A line of output is waited for until `timeout`.
 *
 * The first check comes `every` after the program is ready, each later one `every` after the one before has ended, so
 * that they never overlap; 10 seconds by default, at least 10 milliseconds. `timeout` is as long as `every` by default.
 * After `failures` of them in a row (3 by default, at least 1) the program is killed, which counts as a crash.
 *
 * A check during which the owner itself stood still, as with a blocked event loop, says nothing about the program.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface HealthCheck<R = never> {
  readonly check: Probe<R>
  readonly every?: Duration.Input | undefined
  readonly timeout?: Duration.Input | undefined
  readonly failures?: number | undefined
}

/**
 * How a command is supervised. Nothing is required.
 *
 * **Details**
 *
 * - `healthCheck`: none by default.
 * - `ready`: when a program that was started is ready; at once by default. A `Readiness` and an effect are asked until
 *   they say yes, as by `waitFor`; a function makes a wait of its own, in which `false` is as good as a failure.
 * - `readyWithin`: how long that may take; 30 seconds by default. A program that is not ready then is killed, which
 *   counts as a crash. Where readiness cannot be looked for at all, as with `Unsupported`, supervision ends with that.
 *
 * What is kept of the output of each life is what the command's `buffer` says, or else {@link defaultCapture}. Only the
 * last life's is kept.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> extends Policy<E, R> {
  readonly healthCheck?: HealthCheck<R> | undefined
  readonly ready?: Probe<R> | undefined
  readonly readyWithin?: Duration.Input | undefined
}

/**
 * What is kept of each output stream of a life where the command's `buffer` does not say: the last 1000 lines, and at
 * most 1 MiB.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const defaultCapture: OutputBuffer.OutputBuffer = Rules.defaultCapture

/**
 * A supervision under way.
 *
 * **Details**
 *
 * - `status`: a snapshot; all of it belongs to one moment.
 * - `events`: from the first on. A reader that is more than 128 events behind gets a `Lagged` event instead of what it
 *   missed. Any number of readers may read, and none is waited for.
 * - `ready`: waits until the program that is up, or the next one to be, is ready. Fails with `NotReady` where
 *   supervision ends before.
 * - `stop`: ends the program by the stop ladder of its command, or as the policy says, interrupts any wait, and gives the
 *   outcome. A second call while the grace lasts goes to `SIGKILL` at once.
 * - `await`: waits for the outcome.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Session<E = never> {
  readonly status: Effect.Effect<SupervisionStatus.SupervisionStatus>
  readonly events: Stream.Stream<SupervisionEvent.SupervisionEvent>
  readonly ready: Effect.Effect<void, ProcessError.ProcessError | E>
  readonly stop: (
    policy?: StopPolicy.StopPolicy
  ) => Effect.Effect<SupervisionOutcome.SupervisionOutcome, ProcessError.ProcessError | E>
  readonly await: Effect.Effect<SupervisionOutcome.SupervisionOutcome, ProcessError.ProcessError | E>
}

/**
 * Tells whether an attempt failed in a way that waiting does not heal; what `giveUpWhen` is by default.
 *
 * **Details**
 *
 * A start that failed with `NotFound`, `ExecFormat`, `InvalidInput`, `Unsupported`, `ArgumentListTooLong`,
 * `ResourceLimit`, `GroupClosed` or `AlreadyConsumed`, or for which a test has no script. Everything else may pass: the
 * operating system is out of something, a file is being written, a directory is about to be mounted.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isHopeless = ({ error }: Attempt.Attempt): boolean =>
  error !== undefined && Rules.hopeless.has(error.reason._tag)

/**
 * Makes one schedule of a whole policy; what a supervisor is driven by, and of use without one.
 *
 * **Details**
 *
 * Its output is the {@link Decision}; its last one says why it ends.
 *
 * **Errors**
 *
 * `RestartStorm` from `StormGuard.giveUp`, `InvalidInput` for a parameter that makes no sense, and what the policy's own
 * schedules and answers fail with.
 *
 * **Example** (A policy without a supervisor)
 *
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 * import * as Attempt from "processkit/Attempt"
 * import * as Backoff from "processkit/Backoff"
 * import * as Outcome from "processkit/Outcome"
 * import * as ProcessResult from "processkit/ProcessResult"
 * import * as Supervisor from "processkit/Supervisor"
 *
 * const crash = Attempt.completed(ProcessResult.make({
 *   program: "job",
 *   stdout: "",
 *   stderr: "",
 *   outcome: Outcome.exited(1),
 *   duration: Duration.zero
 * }))
 * const policy = Supervisor.schedule({ maxRestarts: 2, backoff: Backoff.exponential({ base: 1 }) })
 *
 * Effect.runPromise(Effect.repeat(Effect.succeed(crash), policy)) // => { _tag: "Stop", reason: "RestartsExhausted" }
 * ```
 *
 * @stability experimental
 * @category schedules
 * @since 0.1.0
 */
export const schedule = <const P extends Policy<unknown, unknown> = {}>(
  policy?: P
): Schedule.Schedule<Decision, Attempt.Attempt, ProcessError.ProcessError | ErrorOf<P>, ServicesOf<P>> =>
  scheduleOf<ErrorOf<P>, ServicesOf<P>>((policy ?? {}) as Policy<ErrorOf<P>, ServicesOf<P>>)

/**
 * Supervises a command until its policy ends, and gives the outcome.
 *
 * **Details**
 *
 * Interruption ends the program and everything it started before it returns.
 *
 * **Errors**
 *
 * Where supervision ends because a start failed, that failure; where a guard gives up, `RestartStorm`; where the
 * command's `cancelOn` fires, `Cancelled`, also during a wait. `InvalidInput`, before anything is started, for an option
 * that makes no sense, and for a command whose standard input can be fed once where there may be a second life.
 *
 * **Example** (A program that needs three tries)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Backoff from "processkit/Backoff"
 * import * as Command from "processkit/Command"
 * import * as Supervisor from "processkit/Supervisor"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Supervisor.run(Command.make("migrate"), { backoff: Backoff.exponential({ base: 1 }) })
 * const flaky = ScriptedRunner.layer(
 *   ScriptedRunner.on(["migrate"], Reply.fail(1), Reply.fail(1), Reply.ok("done"))
 * )
 * const outcome = Effect.runPromise(Effect.provide(program, flaky))
 *
 * outcome.then(({ restarts, reason }) => [restarts, reason]) // => [2, "PolicySatisfied"]
 * ```
 *
 * @stability experimental
 * @category supervision
 * @since 0.1.0
 */
export const run: {
  <const O extends Options<unknown, unknown> = {}>(
    options?: O
  ): (self: Command.Command) => Run<ErrorOf<O>, ServicesOf<O>>
  <const O extends Options<unknown, unknown> = {}>(
    self: Command.Command,
    options?: O
  ): Run<ErrorOf<O>, ServicesOf<O>>
} = dual(
  (args) => Command.isCommand(args[0]),
  <E, R>(self: Command.Command, options?: Options<E, R>): Run<E, R> =>
    Effect.scoped(Effect.flatMap(begin(self, options ?? {}), (session) => session.await))
)

/**
 * Begins to supervise a command, and gives the session; the scope ends it, and the program with it.
 *
 * @stability experimental
 * @category supervision
 * @since 0.1.0
 */
export const make: {
  <const O extends Options<unknown, unknown> = {}>(
    options?: O
  ): (self: Command.Command) => Make<ErrorOf<O>, ServicesOf<O>>
  <const O extends Options<unknown, unknown> = {}>(
    self: Command.Command,
    options?: O
  ): Make<ErrorOf<O>, ServicesOf<O>>
} = dual(
  (args) => Command.isCommand(args[0]),
  <E, R>(self: Command.Command, options?: Options<E, R>): Make<E, R> => begin(self, options ?? {})
)

/**
 * Supervises an effect as if it were a program, such as a whole `SupervisorGroup`: what makes a tree of supervisors.
 *
 * **Details**
 *
 * A life that succeeds is clean, one that fails with a `ProcessError` is a crash, and any other failure, `Cancelled`
 * included, is nothing to be repeated. Ends with the last life: with what that one gave, or failed with.
 *
 * **Errors**
 *
 * `InvalidInput`, before anything is started, for an option that makes no sense.
 *
 * **Example** (A group that may fail twice in a minute)
 *
 * ```ts
 * import type * as Effect from "effect/Effect"
 * import * as ProcessError from "processkit/ProcessError"
 * import * as StormGuard from "processkit/StormGuard"
 * import * as Supervisor from "processkit/Supervisor"
 *
 * export const keep = <A, R>(group: Effect.Effect<A, ProcessError.ProcessError, R>) =>
 *   Supervisor.supervise(group, { stormGuard: StormGuard.giveUp({ restarts: 2, within: "1 minute" }) })
 * ```
 *
 * @stability experimental
 * @category supervision
 * @since 0.1.0
 */
export const supervise: {
  <const P extends Policy<unknown, unknown> = {}>(
    policy?: P
  ): <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | ErrorOf<P> | ProcessError.ProcessError, R | ServicesOf<P>>
  <A, E, R, const P extends Policy<unknown, unknown> = {}>(
    self: Effect.Effect<A, E, R>,
    policy?: P
  ): Effect.Effect<A, E | ErrorOf<P> | ProcessError.ProcessError, R | ServicesOf<P>>
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R, E2, R2>(self: Effect.Effect<A, E, R>, policy?: Policy<E2, R2>) =>
    Effect.flatMap(
      Effect.fromResult(Rules.policyOf(policy ?? {})),
      (policy: Policy<E2, R2>) => Supervision.repeat(self, scheduleOf(policy))
    )
)

// -----------------------------------------------------------------------------

type Run<E, R> = Effect.Effect<
  SupervisionOutcome.SupervisionOutcome,
  ProcessError.ProcessError | E,
  Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner
>

type Make<E, R> = Effect.Effect<
  Session<E>,
  ProcessError.ProcessError,
  Exclude<R, Scope.Scope> | ProcessRunner.ProcessRunner | Scope.Scope
>

const scheduleOf = <E, R>(
  policy: Policy<E, R>
): Schedule.Schedule<Decision, Attempt.Attempt, ProcessError.ProcessError | E, R> =>
  RestartDecision.schedule(withDefaults(fields(policy, Rules.policyFields)))

const withDefaults = <E, R>(policy: Policy<E, R>): RestartDecision.Policy<E, R> => ({
  ...policy,
  restart: policy.restart ?? RestartPolicy.onCrash,
  giveUpWhen: policy.giveUpWhen ?? isHopeless,
  backoff: policy.backoff ?? Backoff.exponential()
})

const begin = <E, R>(self: Command.Command, options: Options<E, R>): Make<E, R> =>
  Effect.map(
    Effect.flatMap(Effect.fromResult(Rules.plan(self, options, scheduleOf(options))), Supervision.begin),
    (supervision) => new SupervisorSession(supervision)
  )
