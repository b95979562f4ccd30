/** Plays the entries of a cassette: a scripted program for each start, out of what was recorded of it. */
import * as Effect from "effect/Effect"
import { joined } from "../../internal/chunkQueue.ts"
import type { End, Io, Program } from "../../internal/scriptedProcess.ts"
import type * as Signals from "../../internal/scriptedSignals.ts"
import * as Outcome from "../../Outcome.ts"
import * as ProcessError from "../../ProcessError.ts"
import * as Signal from "../../Signal.ts"
import type { Entry, Event, Failure, Run } from "./cassetteFormat.ts"
import { bytesIn, bytesOf } from "./cassetteFormat.ts"
import { type Key, nearestDifference, sameKey } from "./cassetteKey.ts"
import { missing } from "./library.ts"

/** Entries, and which of them were played. */
export class Tape {
  readonly entries: ReadonlyArray<Entry>
  readonly #cassette: string
  readonly #strict: boolean
  readonly #played = new Set<Entry>()

  constructor(entries: ReadonlyArray<Entry>, options: { readonly cassette: string; readonly strict: boolean }) {
    this.entries = entries
    this.#cassette = options.cassette
    this.#strict = options.strict
  }

  /** The entry for a start: each once and in order, then the last one again, unless every one counts. */
  take(key: Key): Entry | undefined {
    const fitting = this.entries.filter((entry) => sameKey(key, entry))
    const entry = fitting.find((entry) => !this.#played.has(entry)) ?? (this.#strict ? undefined : fitting.at(-1))
    if (entry !== undefined) this.#played.add(entry)
    return entry
  }

  get unplayed(): ReadonlyArray<Entry> {
    return this.entries.filter((entry) => !this.#played.has(entry))
  }

  miss(key: Key): ProcessError.ProcessError {
    const nearest = nearestDifference(key, this.entries)
    return ProcessError.make(
      new ProcessError.CassetteMiss({ program: key.program, cassette: this.#cassette, nearest })
    )
  }
}

/** The failure that a start was recorded with. */
export const failureOf = ({ failure: { errno, reason }, cwd = "" }: Failure, program: string): ProcessError.Reason => {
  switch (reason) {
    case "NotFound":
      return missing(program)
    case "PermissionDenied":
      return new ProcessError.PermissionDenied({ program, errno })
    case "ExecFormat":
      return new ProcessError.ExecFormat({ program, interpreter: undefined })
    case "ResourceExhausted":
      return new ProcessError.ResourceExhausted({ program, errno })
    case "InvalidCwd":
      return new ProcessError.InvalidCwd({ program, cwd, errno })
    case "ArgumentListTooLong":
      return new ProcessError.ArgumentListTooLong({ program, bytes: 0 })
    case "SpawnFailed":
      return new ProcessError.SpawnFailed({ program, errno })
  }
}

/** What became of a recorded run: its events with their bytes, up to the signal that ended it. */
export const programOf = (run: Run, timed: boolean): Program => {
  const steps = stepsOf(run)
  const stopped = steps.findLastIndex((step) => step.signal !== undefined)
  const own = stopped === -1 ? steps : steps.slice(0, stopped)
  const end = endOf(run)
  return {
    main: (io) =>
      Effect.andThen(
        play(new Inbox(io), own, timed),
        stopped === -1 || run.deadline !== undefined
          ? Effect.andThen(timed ? pause(run, own) : Effect.void, Effect.succeed(end))
          : Effect.never
      ),
    ...(stopped === -1 ? {} : { signals: lastWords(run, steps.slice(stopped)) })
  }
}

/** One event, with the bytes that it stands for. */
interface Step {
  readonly at: number
  readonly stream: "stdout" | "stderr" | undefined
  readonly bytes: Uint8Array
  /** How many bytes of input, and whether its end, the program had been given by then. */
  readonly input: number | "end" | undefined
  readonly signal: string | undefined
}

const nothing = new Uint8Array(0)

const stepsOf = (run: Run): ReadonlyArray<Step> => {
  const left = { stdout: bytesOf(run.stdout) ?? nothing, stderr: bytesOf(run.stderr) ?? nothing }
  let given = 0
  return run.timeline.map((event: Event): Step => {
    const [at, kind] = event
    const step = { at, stream: undefined, bytes: nothing, input: undefined, signal: undefined }
    if (kind === "signal") return { ...step, signal: event[2] }
    if (kind === "stdin end") return { ...step, input: "end" }
    if (kind === "stdin") return { ...step, input: given += event[2] }
    const length = bytesIn(event, kind)
    const bytes = left[kind].subarray(0, length)
    left[kind] = left[kind].subarray(length)
    return { ...step, stream: kind, bytes }
  })
}

/** Does what was done, when it was done or at once, and never before the input is there that it was an answer to. */
const play = (inbox: Inbox, steps: ReadonlyArray<Step>, timed: boolean): Effect.Effect<void> => {
  let now = 0
  return Effect.forEach(steps, (step) => {
    const wait = Math.max(0, step.at - now)
    now = Math.max(now, step.at)
    return Effect.andThen(
      timed && wait > 0 ? Effect.sleep(wait) : Effect.void,
      step.stream === undefined ? inbox.until(step.input) : inbox.io.write(step.stream, step.bytes)
    )
  }, { discard: true })
}

const pause = (run: Run, steps: ReadonlyArray<Step>): Effect.Effect<void> => {
  const rest = run.duration - (steps.at(-1)?.at ?? 0)
  return rest > 0 ? Effect.sleep(rest) : Effect.void
}

const endOf = ({ deadline, end }: Run): End => {
  const exit = "code" in end ? Outcome.exited(end.code) : signaled(end)
  return deadline === undefined ? exit : { exit, usage: undefined, deadline }
}

const signaled = ({ coreDumped, number, signal }: Extract<Run["end"], { readonly signal: string }>): Outcome.Exit =>
  Outcome.signaled(Signal.isSignal(signal) ? signal : "SIGKILL", number, coreDumped)

/**
 * A program that answered a signal by an exit answers whatever asks it to end; one that a signal killed is killed by
 * that signal, and by others as any program is.
 */
const asking = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const

const lastWords = (run: Run, steps: ReadonlyArray<Step>): Signals.Dispositions => {
  const exit = "code" in run.end ? Outcome.exited(run.end.code) : signaled(run.end)
  const said = (stream: "stdout" | "stderr") =>
    joined(steps.filter((step) => step.stream === stream).map((step) => step.bytes))
  const words = { stdout: said("stdout"), stderr: said("stderr"), exit }
  const names = [
    ...("code" in run.end ? asking : []),
    ...steps.flatMap(({ signal }) => Signal.isSignal(signal) ? [signal] : [])
  ]
  return Object.fromEntries(names.map((name) => [name, words]))
}

/** Counts what a program was given to read. */
class Inbox {
  readonly io: Io
  #given = 0
  #ended = false

  constructor(io: Io) {
    this.io = io
  }

  /** Waits until so much has come, or the end of it; input that ends earlier is waited for no longer. */
  until(input: number | "end" | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (input === undefined || this.#ended || (input !== "end" && this.#given >= input)) return Effect.void
      return Effect.flatMap(this.io.read, (bytes) => {
        this.#ended = bytes === undefined
        this.#given += bytes?.length ?? 0
        return this.until(input)
      })
    })
  }
}
