/**
 * A pipeline that runs: its stages are started first to last, and watched until all have ended.
 *
 * Stages are started by `ProcessRunner.start` like any command. What a pipeline adds is who reads whom
 * (`stage.ts`, `joint.ts`), and who has to end because somebody else did. Its scope owns all of it: closed at any moment,
 * it stops what runs, all stages at once, and gives back what was half connected.
 */
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Pipeline from "../Pipeline.ts"
import * as ProcessError from "../ProcessError.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as Conclusion from "./conclusion.ts"
import { sleepAndCatchUp } from "./deadlines.ts"
import { Joint } from "./joint.ts"
import * as Blame from "./pipelineBlame.ts"
import type { Plan, PlannedStage } from "./pipelinePlan.ts"
import * as PipelinePlan from "./pipelinePlan.ts"
import * as RunningPipeline from "./runningPipeline.ts"
import { type Ending, Home, Stage } from "./stage.ts"
import * as TerminalRules from "./terminalRules.ts"

/** A stage with its place, before it was started. */
interface Placed {
  readonly planned: PlannedStage
  readonly place: Stage
  readonly input: Joint | undefined
}

const hasTerminal = (stage: PlannedStage | undefined): boolean =>
  stage !== undefined && TerminalRules.isShared(stage.command.options)

/** A stage that was started. */
export interface Started extends Placed {
  readonly running: RunningProcess.RunningProcess
}

/** What is known of a pipeline while it runs. Exits come as callbacks, on one thread, and the first failure decides. */
export class Watch {
  readonly plan: Plan
  readonly #home = new Home()
  readonly #placed: Arr.NonEmptyReadonlyArray<Placed>
  /** Done with the first failure. */
  readonly #failed = Deferred.makeUnsafe<number>()
  #started: ReadonlyArray<Started> = []
  /** The deadline of the whole, once it has passed. */
  deadline: Duration.Duration | undefined

  constructor(plan: Plan) {
    this.plan = plan
    let input: Joint | undefined
    this.#placed = Arr.map(plan.stages, (planned, i) => {
      const output = planned.isLast ? undefined : new Joint(hasTerminal(planned) || hasTerminal(plan.stages[i + 1]))
      const place = new Stage({
        home: this.#home,
        input,
        output,
        mergesStderr: planned.mergesStderr,
        onExited: (ending) => this.#exited(i, planned, place, ending)
      })
      const placed = { planned, place, input }
      input = output
      return placed
    })
  }

  /** Starts the stages, first to last. */
  start(
    runner: ProcessRunner.ProcessRunner["Service"],
    options: ProcessRunner.StartOptions
  ): Effect.Effect<Arr.NonEmptyReadonlyArray<Started>, ProcessError.ProcessError, Scope.Scope> {
    return Effect.forEach(this.#placed, (placed) => {
      const { planned, place } = placed
      const started = runner.start(planned.command, {
        ...options,
        // Only the last stage has an output that could be wanted whole.
        overflow: options.overflow === "whole" && !planned.isLast ? "end" : options.overflow,
        stage: place
      })
      return Effect.flatMap(
        started,
        (running) => place.isSeated ? Effect.succeed({ ...placed, running }) : Effect.fail(notSeated())
      )
    }).pipe(
      Effect.mapError((error) => this.renamed(error)),
      Effect.tap((started) => Effect.sync(() => void (this.#started = started)))
    )
  }

  /** Ends the others after the first failure, and all of them at the deadline. */
  get supervision(): Effect.Effect<void> {
    const failure = Effect.flatMap(Deferred.await(this.#failed), (culprit) => this.#tearDown(culprit))
    const { timeout } = this.plan
    if (timeout === undefined) return failure
    return Effect.raceFirst(Effect.asVoid(Deferred.await(this.#failed)), sleepAndCatchUp(timeout)).pipe(
      // Both may have come before this fiber goes on: then the failure was first, or there was nothing left to be late.
      Effect.andThen(Effect.suspend(() => Deferred.isDoneUnsafe(this.#failed) ? failure : this.#expire(timeout)))
    )
  }

  /** Stops whatever runs, all stages at once. */
  readonly stopAll: Effect.Effect<void> = Effect.suspend(() => this.#stop(this.#running))

  /** Gives back what the stages shared, once they have ended. */
  readonly release: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      Effect.forEach(this.#placed, ({ input }) => input?.close ?? Effect.void, { discard: true }),
      this.#home.release
    )
  )

  /** From now on an exit is our doing. */
  markStopped(): void {
    for (const { place } of this.#placed) if (place.ending === undefined) place.isStopped = true
  }

  /** A cancellation of the whole carries the name of the whole. */
  renamed(error: ProcessError.ProcessError): ProcessError.ProcessError {
    const { reason } = error
    return reason._tag === "Cancelled" && this.plan.cancelOn?.aborted === true
      ? Conclusion.cancelled(this.plan.name, reason.stop)
      : error
  }

  get #running(): ReadonlyArray<Started> {
    return this.#started.filter(({ place }) => place.ending === undefined)
  }

  /**
   * Whoever ends after the first failure has been stopped, also where the news of it comes before our signal: it may
   * have failed only because it was read from no more, or was given half of its input.
   */
  #exited(index: number, planned: PlannedStage, place: Stage, ending: Ending): void {
    if (Blame.verdict({ ...planned, ending, isStopped: place.isStopped }) !== "failure") return
    this.markStopped()
    Deferred.doneUnsafe(this.#failed, Effect.succeed(index))
  }

  #expire(timeout: Duration.Duration): Effect.Effect<void> {
    const running = this.#running
    if (running.length === 0) return Effect.void
    this.deadline = timeout
    return this.#stop(running)
  }

  /** Those before the culprit have lost their reader; those after it may still read what it wrote. */
  #tearDown(culprit: number): Effect.Effect<void> {
    const isBefore = ({ place }: Started) => this.#placed.findIndex((placed) => placed.place === place) < culprit
    const running = this.#running
    const after = running.filter((stage) => !isBefore(stage))
    const spared = Effect.forEach(after, (stage) => Effect.andThen(endOf(stage), this.#stop([stage])), allAtOnce)
    return Effect.all([this.#stop(running.filter(isBefore)), spared], allAtOnce)
  }

  #stop(stages: ReadonlyArray<Started>): Effect.Effect<void> {
    this.markStopped()
    return Effect.forEach(
      stages,
      ({ place, running }) => place.ending === undefined ? Effect.ignore(running.stop()) : Effect.void,
      allAtOnce
    )
  }
}

const allAtOnce = { concurrency: "unbounded", discard: true } as const

/** Waits for the end of a stage, for as long as it is granted. */
const endOf = ({ planned, running }: Started): Effect.Effect<void> =>
  Effect.raceFirst(Effect.ignore(running.outcome), Effect.sleep(planned.grace))

const notSeated = (): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({
      feature: "a pipeline",
      mechanism: undefined,
      detail: "the runner does not pass on the options of a start"
    })
  )

/** Starts a pipeline that its scope ends. */
export const start = Effect.fnUntraced(function*(
  pipeline: Pipeline.Pipeline,
  options: ProcessRunner.StartOptions
): Effect.fn.Return<
  Pipeline.RunningPipeline,
  ProcessError.ProcessError,
  ProcessRunner.ProcessRunner | Scope.Scope
> {
  const plan = yield* Effect.fromResult(PipelinePlan.prepare(pipeline))
  const runner = yield* ProcessRunner.ProcessRunner
  const watch = new Watch(plan)
  const span = yield* Effect.makeSpanScoped("processkit.pipeline", {
    attributes: { "processkit.stages": plan.stages.length }
  })
  yield* Effect.addFinalizer(() => watch.release)
  const started = yield* Effect.withParentSpan(watch.start(runner, options), span)
  yield* Effect.forkScoped(watch.supervision)
  // What outlives a stage holds up the next one, whether or not anybody asks for a result.
  const others = Arr.initNonEmpty(started)
  yield* Effect.forkScoped(Effect.forEach(others, ({ running }) => Effect.ignore(running.result), allAtOnce))
  // Last, and so the first thing to be done at the end: all stages are stopped before one waits for another.
  yield* Effect.addFinalizer(() => watch.stopAll)
  return RunningPipeline.make(watch, started)
})
