/**
 * The state of one process group: open, closing, closed.
 *
 * A start that races the close is either refused or ended by it: starts are counted while they are under way, and the
 * close first shuts the door, then waits for those inside, then climbs the ladder for everything that is there.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Command from "../Command.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessGroup from "../ProcessGroup.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import { withDescriptors } from "./descriptors.ts"
import { readOut } from "./draining.ts"
import * as Foreign from "./foreign.ts"
import * as InputRules from "./inputRules.ts"
import * as Limits from "./limits.ts"
import { fromParts } from "./processGroup.ts"
import * as Requirements from "./requirements.ts"
import type { Run } from "./run.ts"
import { fromRun } from "./runningProcess.ts"
import * as Sampler from "./sampler.ts"
import { type Stage, stageOf } from "./stage.ts"
import { start } from "./start.ts"
import * as Stats from "./stats.ts"
import { type Request, StopLadder } from "./stopLadder.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]
type Runner = ProcessRunner.ProcessRunner["Service"]

/** A start that takes longer while the group closes stands still: somebody else froze the group, for one. */
const startsBudget = Duration.seconds(1)

class GroupState {
  readonly container: ProcessBackend.Container
  readonly stop: InputRules.Stop
  readonly ladder: StopLadder
  readonly limits: Limits.LimitState
  readonly runs = new Set<Run>()
  /** Done when the group begins to close. */
  readonly closing = Deferred.makeUnsafe<void>()
  isOpen = true
  /** Set by a shutdown that spared survivors; whatever begins to live after it takes it back. */
  spares = false
  #starting = 0
  #quiet: Deferred.Deferred<void> | undefined
  readonly #sleep: Backend["sleep"]

  constructor(limited: Limited, stop: InputRules.Stop, sleep: Backend["sleep"]) {
    const { container, limits } = limited
    this.container = container
    this.limits = limits
    this.#sleep = sleep
    this.stop = stop
    this.ladder = new StopLadder(container)
  }

  whileOpen<A, E>(operation: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E | ProcessError.ProcessError> {
    return Effect.suspend((): Effect.Effect<A, E | ProcessError.ProcessError> =>
      this.isOpen ? effect : Effect.fail(ProcessError.make(new ProcessError.GroupClosed({ operation })))
    )
  }

  /** Counts a start while it is under way. Uninterruptible, so that no start is counted for ever. */
  counted<A, E>(
    effect: Effect.Effect<A, E>,
    operation = "starting a command"
  ): Effect.Effect<A, E | ProcessError.ProcessError> {
    return Effect.uninterruptible(this.whileOpen(
      operation,
      Effect.suspend(() => {
        this.#starting++
        // Race: a shutdown sees nobody of a start that is under way, so that its end is what counts.
        const living = Effect.tap(effect, () => Effect.sync(() => void (this.spares = false)))
        return Effect.ensuring(living, Effect.sync(() => this.#left()))
      })
    ))
  }

  #left(): void {
    this.#starting--
    if (this.#starting === 0 && this.#quiet !== undefined) Deferred.doneUnsafe(this.#quiet, Effect.void)
  }

  /** Waits for the starts under way; those that stand still are killed on their way, and fail. */
  readonly #startsOver: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#starting === 0) return Effect.void
    const quiet = this.#quiet = Deferred.makeUnsafe<void>()
    const killed = Effect.andThen(this.#sleep(startsBudget), Effect.ignore(this.container.kill))
    return Effect.raceFirst(Deferred.await(quiet), Effect.andThen(killed, Deferred.await(quiet)))
  })

  /** Reads what programs that are gone have left in their pipes: we may hear of their end before that. */
  readonly #readOut = Effect.suspend(() => readOut([...this.runs].flatMap((run) => run.pumps()), this.#sleep))

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isOpen = false
    Deferred.doneUnsafe(this.closing, Effect.void)
    return this.#startsOver.pipe(
      Effect.andThen(Effect.suspend(() =>
        this.spares
          ? Effect.succeed([])
          : Effect.map(this.ladder.stop({ ...this.stop, escalate: true }), ({ survivors }) => survivors)
      )),
      Effect.tap((survivors) => survivors.length > 0 || this.spares ? Effect.void : this.#readOut),
      Effect.flatMap((survivors) => Effect.sync(() => this.runs.forEach((run) => run.leave(survivors)))),
      Effect.andThen(this.container.release)
    )
  })
}

/** Opens a group that its scope closes, and with it the group's span. */
export const open = Effect.fnUntraced(function*(
  backend: Backend,
  runner: () => Runner,
  options: ProcessGroup.Options | undefined
): Effect.fn.Return<ProcessGroup.ProcessGroup, ProcessError.ProcessError, Scope.Scope> {
  const stop = yield* Effect.fromResult(InputRules.checked(undefined, () => InputRules.groupStop(options)))
  const required = yield* Effect.fromResult(InputRules.checked(undefined, () => Requirements.read(options)))
  const limits = yield* Effect.fromResult(Limits.read(options?.limits))
  const span = yield* Effect.makeSpanScoped("processkit.group")
  const state = yield* Effect.acquireRelease(
    Effect.map(prepared(backend, limits), (limited) => new GroupState(limited, stop, backend.sleep)),
    (state) => state.close
  )
  // Only the container that was opened knows for certain what holds it.
  const { containment } = state.container
  span.attribute("processkit.mechanism", containment.mechanism)
  yield* Effect.fromResult(Requirements.check(required, containment))
  return fromState(state, backend, runner)
})

/** A container, and the limits that are set before anything is started in it. */
interface Limited {
  readonly container: ProcessBackend.Container
  readonly limits: Limits.LimitState
}

const prepared = (
  backend: Backend,
  wanted: Parameters<Limits.LimitState["set"]>[0]
): Effect.Effect<Limited, ProcessError.ProcessError> =>
  Effect.flatMap(backend.open, (container) => {
    const limits = new Limits.LimitState(container)
    return Effect.andThen(container.prepare ?? Effect.void, limits.set(wanted)).pipe(
      Effect.onError(() => container.release),
      Effect.as({ container, limits })
    )
  })

const fromState = (state: GroupState, backend: Backend, parent: () => Runner): ProcessGroup.ProcessGroup => {
  const { container } = state
  const stats = state.whileOpen("reading statistics", Stats.ofTree(container))
  const startRun = (command: Command.Command, options?: ProcessRunner.StartOptions) =>
    state.counted(startIn(state, backend, command, options))
  return fromParts({
    mechanism: container.containment.mechanism,
    containment: container.containment,
    start: (command) => Effect.map(startRun(command), fromRun),
    signal: (signal) =>
      state.whileOpen(
        "sending a signal",
        Effect.flatMap(
          Effect.fromResult(InputRules.checked(undefined, () => InputRules.signal(signal))),
          (signal) =>
            signal === "SIGKILL"
              ? Effect.andThen(container.kill, Effect.ignore(container.resume))
              : container.signal(signal)
        )
      ),
    suspend: state.whileOpen("suspending", container.suspend),
    resume: state.whileOpen("resuming", container.resume),
    members: state.whileOpen("listing members", container.members),
    membersInfo: state.whileOpen("listing members", Foreign.membersInfo(container, backend)),
    adopt: (pid, options) => state.counted(Foreign.adopt(container, pid, options?.startTime), "adopting a process"),
    kill: state.whileOpen("killing", killAll(state)),
    shutdown: (request) => state.whileOpen("shutting down", shutDown(state, request)),
    limits: state.whileOpen("reading limits", state.limits.inForce),
    updateLimits: (limits) =>
      state.whileOpen(
        "changing limits",
        Effect.flatMap(Effect.fromResult(Limits.read(limits)), (limits) => state.limits.set(limits))
      ),
    limitEvidence: state.whileOpen("reading limits", state.limits.evidence),
    stats,
    sampleStats: (every) => Sampler.sample(stats, every, Deferred.await(state.closing)),
    runner: {
      start: (command, options) => owned(startRun(command, options)),
      // What shall outlive everything is no member of a group.
      startDetached: (command) => parent().startDetached(command),
      openGroup: (options) => parent().openGroup(options),
      resolve: (command) => parent().resolve(command)
    }
  })
}

const startIn = (
  state: GroupState,
  backend: Backend,
  command: Command.Command,
  options: ProcessRunner.StartOptions | undefined
): Effect.Effect<Run, ProcessError.ProcessError> =>
  start(command, withDescriptors(containerFor(state.container, stageOf(options)), options), {
    isPrivate: false,
    sleep: backend.sleep,
    probes: backend.probes,
    overflow: options?.overflow ?? "fail",
    wants: options?.wants,
    buffer: options?.buffer,
    onSettled: (run) => state.runs.delete(run),
    stage: stageOf(options)
  }).pipe(
    Effect.tap((run) =>
      Effect.sync(() => {
        if (!run.isSettled) state.runs.add(run)
      })
    )
  )

/** The container of the group, where a stage of a pipeline has its place in it. */
const containerFor = (container: ProcessBackend.Container, stage: Stage | undefined) => {
  const here = Effect.succeed(container)
  return stage === undefined
    ? here
    : Effect.map(stage.home.at(container, here, false), (container) => stage.seat(container))
}

/** A run that ends with a scope: what a verb inside a group owns, its own child and not its siblings. */
const owned = (
  run: Effect.Effect<Run, ProcessError.ProcessError>
): Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, Scope.Scope> =>
  Effect.map(Effect.acquireRelease(run, (run) => run.close), fromRun)

/**
 * Ends whoever is there. A group that was suspended runs on afterwards: what is started next must not wait for a resume
 * of those who died.
 */
const ended = ({ container, ladder }: GroupState, request: Request): Effect.Effect<StopPolicy.ShutdownReport> =>
  Effect.tap(
    ladder.stop(request),
    ({ survivors }) => survivors.length === 0 ? Effect.ignore(container.resume) : Effect.void
  )

const killAll = (state: GroupState): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.flatMap(
    ended(state, { signal: "SIGKILL", grace: Duration.zero, escalate: true }),
    ({ survivors }) =>
      survivors.length === 0
        ? Effect.void
        : Effect.fail(ProcessError.make(new ProcessError.TeardownIncomplete({ program: undefined, pids: survivors })))
  )

const shutDown = (
  state: GroupState,
  request: ProcessGroup.Shutdown | undefined
): Effect.Effect<StopPolicy.ShutdownReport, ProcessError.ProcessError> =>
  Effect.flatMap(
    Effect.fromResult(InputRules.checked(undefined, () => InputRules.shutdown(request, state.stop))),
    (stop) =>
      Effect.suspend(() => {
        if (!stop.escalate) state.spares = true
        return ended(state, stop)
      })
  )
