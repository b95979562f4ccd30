/**
 * The place of a command in a running pipeline: what the pipeline has to say to the run engine about its start.
 *
 * It travels in the options of `ProcessRunner.start`, so that whoever decorates a runner sees the start of each stage as
 * that of any other command, and the engine below connects what is started.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import { drainWindow } from "./draining.ts"
import type { Joint } from "./joint.ts"

/** Where the stages of one pipeline live: all of them in the same container. */
export class Home {
  #place: { readonly key: object; readonly container: ProcessBackend.Container } | undefined
  #release: Effect.Effect<void> = Effect.void
  /** Whether the container belongs to the pipeline alone, and not to a group. */
  isPrivate = false

  /**
   * Gives the container, and opens it with the first stage. Uninterruptible, as the starts are that ask for it.
   *
   * The key tells one place from another: a backend, or the container of a group.
   */
  at(
    key: object,
    open: Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError>,
    isPrivate: boolean
  ): Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError> {
    return Effect.suspend(() => {
      if (this.#place !== undefined) {
        return this.#place.key === key ? Effect.succeed(this.#place.container) : Effect.fail(elsewhere())
      }
      return Effect.tap(open, (container) =>
        Effect.sync(() => {
          this.#place = { key, container }
          this.isPrivate = isPrivate
          if (isPrivate) this.#release = container.release
        }))
    })
  }

  readonly release: Effect.Effect<void> = Effect.suspend(() => this.#release)
}

const elsewhere = (): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({
      feature: "a pipeline through several runners",
      mechanism: undefined,
      detail: "its stages have to run in one container; run the parts one after the other"
    })
  )

/** How the program of a stage ended: `"failed"` where a typed failure says it, and not an outcome. */
export type Ending = Outcome.Outcome | "failed"

export class Stage {
  readonly home: Home
  readonly #input: Joint | undefined
  readonly #output: Joint | undefined
  readonly #mergesStderr: boolean
  readonly #onExited: (ending: Ending) => void
  /** Set once the engine has started the stage; a runner that is none of ours never does. */
  isSeated = false
  /** Set once the pipeline stops the stage, for whatever reason. */
  isStopped = false
  /** How the program ended, once it has. */
  ending: Ending | undefined

  constructor(options: {
    readonly home: Home
    readonly input: Joint | undefined
    readonly output: Joint | undefined
    readonly mergesStderr: boolean
    readonly onExited: (ending: Ending) => void
  }) {
    this.home = options.home
    this.#input = options.input
    this.#output = options.output
    this.#mergesStderr = options.mergesStderr
    this.#onExited = options.onExited
  }

  /** The container, as one whose next child takes this place. */
  seat(container: ProcessBackend.Container): ProcessBackend.Container {
    return { ...container, spawn: (request) => this.#spawn(container, request) }
  }

  /** The engine has seen the program's exit; its output may still be on its way. */
  exited(ending: Ending): void {
    this.ending = ending
    this.#onExited(ending)
  }

  /**
   * How long descendants that outlive the stage may still write into the pipe. They are ended then, or the next stage
   * would wait for them for ever. What comes after the last stage is nobody's input, so a group keeps its members there.
   */
  get patience(): Duration.Duration {
    return this.#output === undefined || this.isStopped ? Duration.zero : drainWindow
  }

  get endsLeftovers(): boolean {
    return this.#output !== undefined || this.home.isPrivate
  }

  #spawn(
    container: ProcessBackend.Container,
    request: ProcessBackend.SpawnRequest
  ): Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError> {
    const output = this.#output
    const stdin = this.#input?.input ?? request.stdin
    const inPipe = output === undefined
      ? Effect.succeed({ ...request, stdin })
      : Effect.map(output.output(container), (stdout) => ({
        ...request,
        stdin,
        stdout,
        stderr: this.#mergesStderr ? "stdout" as const : request.stderr
      }))
    return Effect.map(Effect.flatMap(inPipe, (request) => container.spawn(request)), (child) => this.#connect(child))
  }

  /** The ends in the pipe are not the run's to read and write. */
  #connect(child: ProcessBackend.Child): ProcessBackend.Child {
    this.isSeated = true
    this.#output?.written(child)
    this.#input?.read(child)
    return {
      ...child,
      stdin: this.#input === undefined ? child.stdin : undefined,
      stdout: this.#output === undefined ? child.stdout : undefined
    }
  }
}

/** The place that a start was given, if it was given one: by its own field, whatever others `Object.prototype` has. */
export const stageOf = (options: { readonly stage?: Stage | undefined } | undefined): Stage | undefined =>
  options !== undefined && Object.hasOwn(options, "stage") ? options.stage : undefined
