/**
 * One scripted process: a program that runs as a fiber, holds pipes, and obeys signals.
 *
 * A signal acts in the tick in which it is sent, so that a ladder which asks "who is left" right after it gets the
 * truth without waiting. A stopped program makes no progress and acts on nothing but `SIGKILL` until it continues.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as Signal from "../Signal.ts"
import type { Door, ScriptedDoors } from "./scriptedDoors.ts"
import type { ScriptedInput } from "./scriptedInput.ts"
import * as Signals from "./scriptedSignals.ts"

/** What a program can do while it runs. */
export interface Io {
  readonly request: ProcessBackend.SpawnRequest
  readonly write: (stream: "stdout" | "stderr", output: string | Uint8Array) => Effect.Effect<void>
  /** The next bytes of standard input, or `undefined` at end of file. */
  readonly read: Effect.Effect<Uint8Array | undefined>
  /** Starts a descendant, which reads nothing. */
  readonly fork: (program: Program) => Effect.Effect<void>
  /** Lets others reach the program, until it ends. */
  readonly open: (door: Door) => Effect.Effect<void>
}

/** How a program ends: an exit, or all that is reported of one. */
export type End = Outcome.Exit | ProcessBackend.ExitReport

/** A program: what it does, how it ends, and which signals it does not leave to the default. */
export interface Program {
  readonly main: (io: Io) => Effect.Effect<End>
  readonly signals?: Signals.Dispositions | undefined
  /** Whether a descendant with this program holds the output pipes of its parent; it does by default. */
  readonly holdsPipes?: boolean | undefined
}

/** Where a process writes to: a pipe to us, or a file. */
export interface ScriptedOutput {
  /** One more process holds it. */
  readonly open: () => void
  /** A process that held it has gone. */
  readonly leave: () => void
  /** Puts bytes into it, without waiting for room. */
  readonly push: (bytes: Uint8Array) => void
  readonly write: (bytes: Uint8Array) => Effect.Effect<void>
}

/** What a process is born with. */
export interface Birth {
  readonly id: number
  readonly program: Program
  readonly request: ProcessBackend.SpawnRequest
  readonly input: ScriptedInput | undefined
  readonly stdout: ScriptedOutput | undefined
  readonly stderr: ScriptedOutput | undefined
  readonly context: Context.Context<never>
  readonly fork: (program: Program) => void
  readonly doors: ScriptedDoors
}

type Report = Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>

const encoder = new TextEncoder()

const bytesOf = (output: string | Uint8Array): Uint8Array =>
  typeof output === "string" ? encoder.encode(output) : output

export class ScriptedProcess {
  readonly #birth: Birth
  readonly #fiber: Fiber.Fiber<void>
  readonly #observers: Array<(report: Report) => void> = []
  /** What waits while the process is stopped. */
  #onContinue: Set<() => void> | undefined
  #pending: Array<Signal.Signal> = []
  #stopped = false
  #report: Report | undefined

  constructor(birth: Birth) {
    this.#birth = birth
    birth.stdout?.open()
    birth.stderr?.open()
    this.#fiber = Effect.runForkWith(birth.context)(this.#life)
  }

  get id(): number {
    return this.#birth.id
  }

  get isAlive(): boolean {
    return this.#report === undefined
  }

  onExit(observer: (report: Report) => void): void {
    if (this.#report === undefined) this.#observers.push(observer)
    else observer(this.#report)
  }

  signal(signal: Signal.Signal): void {
    if (!this.isAlive) return
    if (signal === "SIGCONT") return this.#continue()
    if (this.#stopped && signal !== "SIGKILL") {
      this.#pending.push(signal)
      return
    }
    const reaction = Signals.reaction(signal, this.#birth.program.signals ?? {})
    if (reaction._tag === "Stop") this.#stopped = true
    if (reaction._tag === "Say" || reaction._tag === "End") {
      this.#birth.stdout?.push(bytesOf(reaction.stdout ?? ""))
      this.#birth.stderr?.push(bytesOf(reaction.stderr ?? ""))
    }
    if (reaction._tag === "End") this.#end(Exit.succeed(reaction.exit))
  }

  /** Begins a turn later, as a started process does, so that whoever started it can attach its listeners. */
  get #life(): Effect.Effect<void> {
    return Effect.yieldNow.pipe(
      Effect.andThen(Effect.suspend(() => this.#birth.program.main(this.#io))),
      Effect.tap(() => this.#going()),
      Effect.onExit((exit) => Effect.sync(() => this.#end(exit))),
      Effect.asVoid
    )
  }

  get #io(): Io {
    const { doors, fork, input, request, stderr, stdout } = this.#birth
    const pipes = { stdout, stderr }
    return {
      request,
      write: (stream, output) => Effect.andThen(this.#going(), pipes[stream]?.write(bytesOf(output)) ?? Effect.void),
      read: Effect.andThen(this.#going(), input?.read ?? Effect.succeed(undefined)),
      fork: (program) => Effect.andThen(this.#going(), Effect.sync(() => fork(program))),
      open: (door) => Effect.andThen(this.#going(), Effect.sync(() => doors.open(door, this)))
    }
  }

  /** Waits while the process is stopped. */
  #going(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#stopped
        ? Effect.callback<void>((resume) => {
          const wake = () => resume(this.#going())
          const waiting = this.#onContinue ??= new Set()
          waiting.add(wake)
          return Effect.sync(() => waiting.delete(wake))
        })
        : Effect.void
    )
  }

  #continue(): void {
    if (!this.#stopped) return
    this.#stopped = false
    const pending = this.#pending
    this.#pending = []
    for (const signal of pending) this.signal(signal)
    const woken = this.#onContinue
    this.#onContinue = undefined
    woken?.forEach((wake) => wake())
  }

  /** A dying process closes what it holds before its parent is told (Linux: do_exit calls exit_files, then exit_notify). */
  #end(end: Exit.Exit<End>): void {
    if (this.#report !== undefined) return
    const report = this.#report = Exit.map(end, (end) => "exit" in end ? end : { exit: end, usage: undefined })
    this.#fiber.interruptUnsafe()
    this.#birth.doors.leave(this)
    this.#birth.input?.leave()
    this.#birth.stdout?.leave()
    this.#birth.stderr?.leave()
    for (const observer of this.#observers.splice(0)) observer(report)
  }
}
