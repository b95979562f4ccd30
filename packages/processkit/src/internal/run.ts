/**
 * One run, from the start of a child to its one outcome.
 *
 * A `Run` owns all of its state. It is driven by three kinds of events: the child's exit, the ends of its output
 * streams, and our own interventions (deadline, cancellation, overflow, stop). They arrive as callbacks on one thread,
 * so each handler sees the state that the one before it left, and whichever comes first decides:
 *
 * - exit, then deadline: the run has ended by itself, and the deadline only cuts the wait for output short.
 * - deadline, then exit: the run has timed out, whatever code the program then returns.
 *
 * A run is *settled* when the exit is known and both pipes have ended or were given up.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessResult from "../ProcessResult.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import * as Conclusion from "./conclusion.ts"
import * as Deadlines from "./deadlines.ts"
import * as Draining from "./draining.ts"
import { Feed } from "./feed.ts"
import type { Prepared, Stop } from "./inputRules.ts"
import * as Leftovers from "./leftovers.ts"
import { LineCutter } from "./lineCutter.ts"
import { LineObserver } from "./lineObserver.ts"
import { type Owner, Pump, streamEnd } from "./pump.ts"
import * as Retention from "./retention.ts"
import type { Stage } from "./stage.ts"
import { StopLadder } from "./stopLadder.ts"
import { Tee } from "./tee.ts"
import * as Telemetry from "./telemetry.ts"

const atOnce = { signal: "SIGKILL", grace: Duration.zero, escalate: true } as const

/** Where a run lives, and what its caller asked for beyond the command. */
export interface Setting {
  readonly container: ProcessBackend.Container
  /** Whether the container belongs to this run alone. */
  readonly isPrivate: boolean
  readonly sleep: ProcessBackend.ProcessBackend["Service"]["sleep"]
  readonly probes: ProcessBackend.Probes | undefined
  /** What becomes of output above its bound. */
  readonly overflow: NonNullable<ProcessRunner.StartOptions["overflow"]>
  /** What the caller will ask of the output, if that is known. */
  readonly wants: ProcessRunner.StartOptions["wants"]
  readonly cancelOn: AbortSignal | undefined
  readonly onStdoutLine: ((line: string) => void) | undefined
  readonly onStderrLine: ((line: string) => void) | undefined
  /** Called once, when the run is settled. */
  readonly onSettled: (run: Run) => void
  /** The place of the run in a pipeline, where it is part of one. */
  readonly stage?: Stage | undefined
}

/** The services of the fiber that started the run; callbacks have none of their own. */
export interface Surroundings {
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  readonly span: Tracer.Span
}

export class Run implements Owner {
  readonly prepared: Prepared
  readonly child: ProcessBackend.Child
  readonly startedAt: number
  readonly stdout: Pump | undefined
  readonly stderr: Pump | undefined
  readonly #setting: Setting
  readonly #around: Surroundings
  readonly #startedNanos: bigint
  readonly #tree: ProcessBackend.Tree
  readonly #ladder: StopLadder
  readonly #feed: Feed | undefined
  readonly #settled = Deferred.makeUnsafe<ProcessBackend.ExitReport, ProcessError.ProcessError>()
  readonly #exitTold = Deferred.makeUnsafe<ProcessBackend.ExitReport, ProcessError.ProcessError>()
  #exit: Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError> | undefined
  #intervention: Conclusion.Intervention | undefined
  #deadlines: Deadlines.Deadlines | undefined
  #draining: Fiber.Fiber<unknown> | undefined
  #unlisten: (() => void) | undefined
  #leftovers = 0
  #tidied: Deferred.Deferred<void> | undefined
  /** From the start until the run was settled. */
  duration = Duration.zero
  isSettled = false

  constructor(prepared: Prepared, child: ProcessBackend.Child, setting: Setting, around: Surroundings) {
    this.prepared = prepared
    this.child = child
    this.#setting = setting
    this.#around = around
    this.startedAt = around.clock.currentTimeMillisUnsafe()
    this.#startedNanos = around.clock.monotonicTimeNanosUnsafe()
    this.#tree = setting.isPrivate ? setting.container : child
    this.#ladder = new StopLadder(this.#tree)
    Telemetry.started(around.context, around.span, setting.container.containment.mechanism, child.pid)
    this.stdout = this.#pump("stdout", child.stdout, setting.onStdoutLine)
    this.stderr = this.#pump("stderr", child.stderr, setting.onStderrLine)
    this.#feed = child.stdin === undefined ? undefined : new Feed(child.stdin)
  }

  /** Attaches every listener, in the tick in which the child was handed over. */
  begin(): void {
    this.stdout?.start()
    this.stderr?.start()
    this.child.onExit((exit) => this.#exited(exit))
    if (this.isSettled) return
    if (this.isRunning) this.#feed?.start(this.prepared.payload, this.#around.context)
    this.#listen()
    const limits = Deadlines.limited(this.prepared)
    if (!this.isSettled && limits !== undefined) this.#deadlines = new Deadlines.Deadlines(this.#timed, limits)
  }

  get program(): string {
    return this.prepared.request.program
  }

  /** What the world outside can be asked, and waited on with. */
  get outside(): Pick<Setting, "probes" | "sleep"> {
    return this.#setting
  }

  get isRunning(): boolean {
    return this.#exit === undefined
  }

  /** What the program used, once it has exited and where the mechanism can tell. */
  get usage(): ProcessBackend.Usage | undefined {
    return this.#exit !== undefined && Exit.isSuccess(this.#exit) ? this.#exit.value.usage : undefined
  }

  /** How the process exited, as soon as it has, whether or not its output has ended; fails where it was cancelled. */
  get exit(): Effect.Effect<Outcome.Exit, ProcessError.ProcessError> {
    return Deferred.await(this.#exitTold).pipe(
      Effect.tap(() => this.#intervention?._tag === "Cancelled" ? this.#ladder.underWay ?? Effect.void : Effect.void),
      Effect.flatMap(({ exit }) => this.#unlessCancelled(() => exit))
    )
  }

  /** How the process ended, once its output has ended too. */
  get outcome(): Effect.Effect<Outcome.Outcome, ProcessError.ProcessError> {
    return Effect.flatMap(
      this.#over,
      ({ exit }) => this.#unlessCancelled(() => Conclusion.outcomeOf(exit, this.#intervention))
    )
  }

  #unlessCancelled<A>(answer: () => A): Effect.Effect<A, ProcessError.ProcessError> {
    return this.#intervention?._tag === "Cancelled"
      ? Effect.fail(Conclusion.cancelled(this.program, this.#stop))
      : Effect.succeed(answer())
  }

  /** The result with standard output as text, or as bytes. */
  result<A>(output: (kept: Retention.Retention) => A, empty: A, bytes: boolean): Effect.Effect<
    ProcessResult.ProcessResult<A>,
    ProcessError.ProcessError
  > {
    return this.#over.pipe(
      Effect.tap(() => this.#tidy()),
      Effect.flatMap((report) => Effect.fromResult(Conclusion.conclude(this.#facts(report, output, empty, bytes))))
    )
  }

  /** The exit, once output has ended and a stop under way has reported. */
  get #over(): Effect.Effect<ProcessBackend.ExitReport, ProcessError.ProcessError> {
    return Effect.tap(Deferred.await(this.#settled), () => this.#ladder.underWay ?? Effect.void)
  }

  /** What we did to end the process, if it was running when we did it. */
  get #stop(): StopPolicy.Stop | undefined {
    const report = this.#intervention === undefined ? undefined : this.#ladder.first
    return report === undefined ? undefined : { signal: report.signal, forced: report.forced }
  }

  /** Climbs the stop ladder for the tree of this run. */
  stop(policy: Stop): Effect.Effect<StopPolicy.ShutdownReport> {
    return this.#intervene({ _tag: "Stopped" }, policy)
  }

  /** Ends what is left of the run; part of a finalizer, so it waits for nothing that is not bounded. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { container, isPrivate } = this.#setting
      const ended = Effect.andThen(this.stop(this.prepared.stop), Draining.readOut(this.pumps(), this.#setting.sleep))
      const halt = Effect.ensuring(ended, Effect.sync(() => this.#giveUpOutput()))
      return (this.isSettled ? Effect.void : halt).pipe(
        Effect.andThen(this.#tidy()),
        Effect.andThen(isPrivate ? container.release : Effect.void)
      )
    })
  }

  #pump(
    stream: "stdout" | "stderr",
    source: ProcessBackend.ByteSource | undefined,
    onLine: ((line: string) => void) | undefined
  ): Pump | undefined {
    if (source === undefined) return undefined
    const { context } = this.#around
    const { tees } = this.prepared
    return new Pump({
      stream,
      source,
      owner: this,
      observer: onLine && new LineObserver(onLine, new LineCutter(this.prepared), context),
      tee: tees[stream] && new Tee(stream, tees[stream], context)
    })
  }

  retain(stream: "stdout" | "stderr"): Retention.Retention {
    return Retention.ofStream(stream, this.prepared, this.#setting.wants, (warning) => this.#fork(warning))
  }

  onChunk({ kept }: Pump): void {
    const ends = this.#setting.overflow === "end" || this.#setting.overflow === "whole"
    if (!ends || this.#intervention !== undefined || kept?.overflow() === undefined) return
    this.#fork(this.#intervene({ _tag: "Overflow" }, atOnce))
  }

  onEnd(): void {
    this.#settleIfOver()
  }

  /** A signal that fired while the program was being started has told nobody. */
  #listen(): void {
    const { cancelOn } = this.#setting
    if (cancelOn === undefined) return
    const onAbort = () => void this.#fork(this.#intervene({ _tag: "Cancelled" }, this.prepared.stop))
    this.#unlisten = () => cancelOn.removeEventListener("abort", onAbort)
    cancelOn.addEventListener("abort", onAbort)
    if (cancelOn.aborted) onAbort()
  }

  get #timed(): Deadlines.Timed {
    return {
      clock: this.#around.clock,
      startedNanos: this.#startedNanos,
      isRunning: () => this.isRunning,
      pumps: this.pumps(),
      expire: (deadline) =>
        Effect.suspend(() =>
          this.#intervention === undefined ? Effect.asVoid(this.#intervene(deadline, this.prepared.stop)) : Effect.void
        ),
      hurryOutput: () => this.#drain(Draining.drainAtOnce),
      fork: (effect) => this.#fork(effect)
    }
  }

  /** Ends the process for a reason, unless it has ended by itself; the first reason stays. */
  #intervene(reason: Conclusion.Intervention, policy: Stop): Effect.Effect<StopPolicy.ShutdownReport> {
    return Effect.suspend(() => {
      if (this.isRunning) this.#intervention = Conclusion.outranking(this.#intervention, reason)
      return Effect.tap(
        this.#ladder.stop({ ...policy, escalate: true }),
        ({ survivors }) => survivors.length === 0 ? Effect.void : Effect.sync(() => this.leave(survivors))
      )
    }).pipe(Effect.uninterruptible)
  }

  /**
   * Waits no longer for output, nor for a program that is among those that outlived `SIGKILL`: whoever asks for its end
   * is told who is left instead.
   */
  leave(survivors: ReadonlyArray<number>): void {
    if (survivors.length > 0) {
      const { program } = this
      this.#exited(Exit.fail(ProcessError.make(new ProcessError.TeardownIncomplete({ program, pids: survivors }))))
    }
    this.#giveUpOutput()
  }

  #exited(exit: Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>): void {
    if (this.#exit !== undefined) return
    this.#exit = exit
    this.#intervention ??= Conclusion.deadlineOf(exit, this.prepared)
    // Before the run settles: whoever waits for that asks how each stage has ended.
    this.#setting.stage?.exited(Conclusion.endingOf(exit, this.#intervention))
    this.#feed?.cancel()
    this.#settleIfOver()
    if (!this.isSettled) this.#drain(Draining.drain, this.#ladder.underWay)
    // Last: whoever waits for it goes on within this call.
    Deferred.doneUnsafe(this.#exitTold, exit)
  }

  /**
   * Waits for the end of output that is still due, but no longer than the drain window for a pipe that a descendant
   * keeps open. A stop under way comes first: what a tree says during its grace is part of the result.
   */
  #drain(wait: typeof Draining.drain, first: Effect.Effect<unknown> = Effect.void): void {
    this.#draining?.interruptUnsafe()
    this.#draining = this.#fork(Effect.andThen(first, wait(this.pumps(), this.#setting.sleep, () => this.isSettled)))
  }

  /** Stops waiting for output, whoever still holds the other end of the pipes. */
  #giveUpOutput(): void {
    for (const pump of this.pumps()) pump.giveUp()
  }

  pumps(): Array<Pump> {
    return [this.stdout, this.stderr].filter((pump) => pump !== undefined)
  }

  #settleIfOver(): void {
    if (this.isSettled || this.#exit === undefined || this.pumps().some((pump) => !pump.finished)) return
    this.isSettled = true
    const { clock, context, span } = this.#around
    this.duration = Duration.nanos(clock.monotonicTimeNanosUnsafe() - this.#startedNanos)
    this.#unlisten?.()
    this.#deadlines?.end()
    this.#draining?.interruptUnsafe()
    if (Exit.isSuccess(this.#exit)) {
      const outcome = Conclusion.outcomeOf(this.#exit.value.exit, this.#intervention)
      Telemetry.ended(context, span, outcome, this.duration)
      this.child.concluded?.(outcome)
    }
    Telemetry.endSpan(context, span, clock, this.#exit)
    Deferred.doneUnsafe(this.#settled, this.#exit)
    this.#setting.onSettled(this)
  }

  /** Ends the descendants that outlived a private run, once, and waits for what the caller gave to feed and to copy. */
  #tidy(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#tidied !== undefined) return Deferred.await(this.#tidied)
      const tidied = this.#tidied = Deferred.makeUnsafe<void>()
      const callers = Effect.andThen(
        this.#feed?.ended ?? Effect.void,
        Effect.forEach(this.pumps(), (pump) => pump.teeClosed, { discard: true })
      )
      const { isPrivate, stage } = this.#setting
      const work = isPrivate || stage?.endsLeftovers === true ? Effect.andThen(this.#endLeftovers(), callers) : callers
      return Effect.ensuring(work, Deferred.succeed(tidied, undefined))
    }).pipe(Effect.uninterruptible)
  }

  #endLeftovers(): Effect.Effect<void> {
    const patience = Leftovers.patienceOf(this.#setting.stage, this.pumps())
    return Effect.map(Leftovers.end(this.#tree, this.#ladder, patience), (count) => void (this.#leftovers = count))
  }

  #facts<A>(
    report: ProcessBackend.ExitReport,
    output: (kept: Retention.Retention) => A,
    empty: A,
    bytes: boolean
  ): Conclusion.Facts<A> {
    const { stderr, stdout } = this
    return {
      program: this.program,
      report,
      intervention: this.#intervention,
      stop: this.#stop,
      streams: [streamEnd("stdout", stdout), streamEnd("stderr", stderr)].filter((end) => end !== undefined),
      stdinFailure: this.#feed?.failure,
      stdout: () => stdout?.kept === undefined ? empty : output(stdout.kept),
      stderr: () => stderr?.kept?.text() ?? "",
      stderrBytes: bytes ? () => stderr?.kept?.bytes() ?? new Uint8Array(0) : undefined,
      duration: this.duration,
      leftovers: this.#leftovers,
      okCodes: this.prepared.okCodes,
      overflowFails: this.#setting.overflow !== "ignore",
      whole: this.#setting.overflow === "whole"
    }
  }

  #fork<A>(effect: Effect.Effect<A>): Fiber.Fiber<A> {
    return Effect.runForkWith(this.#around.context)(effect)
  }
}
