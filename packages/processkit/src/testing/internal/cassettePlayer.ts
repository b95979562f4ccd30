/** Plays the entries of a cassette: a scripted program for each start, out of what was recorded of it. */
import * as Effect from "effect/Effect"
import { joined } from "../../internal/chunkQueue.ts"
import type { End, Io, Program } from "../../internal/scriptedProcess.ts"
import type * as Signals from "../../internal/scriptedSignals.ts"
import { Wakeup } from "../../internal/wakeup.ts"
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

/** What became of a recorded run. */
export const programOf = (run: Run, timed: boolean): Program => {
  const replay = new Replay(run)
  return { main: (io) => replay.play(new Inbox(io), timed), signals: replay.signals }
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

const exitOf = ({ end }: Run): Outcome.Exit => "code" in end ? Outcome.exited(end.code) : signaled(end)

const endOf = (run: Run): End => {
  const { deadline } = run
  const exit = exitOf(run)
  return deadline === undefined ? exit : { exit, usage: undefined, deadline }
}

const signaled = ({ coreDumped, number, signal }: Extract<Run["end"], { readonly signal: string }>): Outcome.Exit =>
  Outcome.signaled(Signal.isSignal(signal) ? signal : "SIGKILL", number, coreDumped)

/** Signals that ask a program to end: one that answered some signal by an exit answers each of them so. */
const asking: ReadonlyArray<string> = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]

/**
 * A recorded run on its way: what was done is done again, when it was done or at once, and never before the input or the
 * signal is there that it was an answer to. One that timed out waits for no signal.
 */
class Replay {
  readonly #run: Run
  readonly #steps: ReadonlyArray<Step>
  readonly #lastSignal: number
  /** The step that comes next. */
  #next = 0
  readonly #signalled = new Wakeup(() => !this.#awaitsSignal)

  constructor(run: Run) {
    this.#run = run
    this.#steps = stepsOf(run)
    this.#lastSignal = this.#steps.findLastIndex((step) => step.signal !== undefined)
  }

  get #awaitsSignal(): boolean {
    return this.#run.deadline === undefined && this.#steps[this.#next]?.signal !== undefined
  }

  readonly play = Effect.fnUntraced({ self: this }, function*(inbox: Inbox, timed: boolean) {
    let now = 0
    const until = (at: number) => {
      const wait = timed ? Math.max(0, at - now) : 0
      now = Math.max(now, at)
      return wait === 0 ? Effect.void : Effect.sleep(wait)
    }
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[this.#next]) {
      // What is said to a signal comes before everything else: it is not said yet when it wakes us.
      if (this.#awaitsSignal) yield* Effect.andThen(this.#signalled.wait, Effect.yieldNow)
      else {
        yield* until(step.at)
        // A signal may have come meanwhile, after which the program goes on elsewhere.
        if (step !== this.#steps[this.#next]) continue
        this.#next++
        yield* step.stream === undefined ? inbox.until(step.input) : inbox.io.write(step.stream, step.bytes)
      }
    }
    yield* until(this.#run.duration)
    return endOf(this.#run)
  })

  get signals(): Signals.Dispositions {
    if (this.#lastSignal === -1) return {}
    const sent = this.#steps.flatMap(({ signal }) => signal === undefined ? [] : [signal])
    const names = this.#isEndedByAsking ? [...asking, ...sent] : sent
    return Object.fromEntries(names.map((name) => [name, () => this.#answer(name)]))
  }

  get #isEndedByAsking(): boolean {
    return "code" in this.#run.end
  }

  /** What the program said to a signal, and after the last one also how it ended: in the tick in which it is sent. */
  #answer(name: string): Signals.Words | undefined {
    const next = this.#steps.findIndex((step, i) => i >= this.#next && step.signal === name)
    const at = next === -1 && this.#isEndedByAsking && asking.includes(name) ? this.#lastSignal : next
    if (at === -1) return undefined
    const isLast = at === this.#lastSignal
    const rest = this.#steps.slice(at + 1)
    const until = isLast ? -1 : rest.findIndex(({ stream }) => stream === undefined)
    const words = until === -1 ? rest : rest.slice(0, until)
    const said = (stream: "stdout" | "stderr") =>
      joined(words.filter((step) => step.stream === stream).map((step) => step.bytes))
    this.#next = at + 1 + words.length
    if (!isLast) this.#signalled.wake()
    return { stdout: said("stdout"), stderr: said("stderr"), exit: isLast ? exitOf(this.#run) : undefined }
  }
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
