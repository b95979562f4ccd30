/** The backends of cassettes: one that plays, and one that plays what it knows and records what it does not. */
import * as Effect from "effect/Effect"
import * as ScriptedBackend from "../../internal/scriptedBackend.ts"
import * as Stats from "../../internal/stats.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import * as ProcessError from "../../ProcessError.ts"
import type { Entry } from "./cassetteFormat.ts"
import { isRun } from "./cassetteFormat.ts"
import type { Key, Redact } from "./cassetteKey.ts"
import { keyOf } from "./cassetteKey.ts"
import { failureOf, programOf, type Tape } from "./cassettePlayer.ts"
import { recordable, type Recorder } from "./cassetteRecorder.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]
type Container = ProcessBackend.Container

export interface Playing {
  readonly tape: Tape
  readonly redact: Redact
  readonly timed: boolean
}

/** A cassette holds output and ends, and of a detached program nobody learns either. */
const outside: Backend["outside"] = Effect.fail(ProcessError.make(
  new ProcessError.Unsupported({
    feature: "starting a detached program with a cassette",
    mechanism: undefined,
    detail: "it has neither output nor an end that could be recorded; use another double for it"
  })
))

/** Plays entries, and starts nothing. */
export const playing = ({ redact, tape, timed }: Playing): Backend => ({
  ...ScriptedBackend.make({
    program: (request) =>
      Effect.flatMap(keyOf(request, redact), (key) => {
        const entry = tape.take(key)
        return entry === undefined ? Effect.fail(tape.miss(key)) : started(entry, request, timed)
      }),
    resolve: (request) =>
      Effect.suspend(() => {
        const known = tape.entries.some(({ program }) => program === redact(request.program))
        const key: Key = { program: request.program, args: request.args, stdin: "none" }
        return known ? Effect.succeed(request.program) : Effect.fail(tape.miss(key))
      })
  }).service,
  outside
})

const started = (entry: Entry, request: ProcessBackend.SpawnRequest, timed: boolean) =>
  isRun(entry)
    ? Effect.succeed(programOf(entry, timed))
    : Effect.fail(ProcessError.make(failureOf(entry, request.program)))

/** Records everything that a backend starts. */
export const recording = (below: Backend, recorder: Recorder): Backend => ({
  ...below,
  containment: recordable(below.containment),
  open: Effect.map(below.open, (container) => recorder.watch(container, below.sleep)),
  outside
})

/**
 * Plays what the tape has and records the rest. A container is opened below only once something has to be started in
 * it; whatever is asked of the whole is then asked of both.
 */
export const completing = (below: Backend, recorder: Recorder, player: Playing): Backend => {
  const played = playing(player)
  const recorded = recording(below, recorder)
  return {
    ...recorded,
    resolve: (request) => Effect.catch(played.resolve(request), () => below.resolve(request)),
    open: Effect.map(played.open, (tape) => new Pair(tape, recorded).container)
  }
}

/** A container of what is played, and behind it one of what is really started. */
class Pair {
  readonly #played: Container
  readonly #below: Backend
  #real: Container | undefined

  constructor(played: Container, below: Backend) {
    this.#played = played
    this.#below = below
  }

  get container(): Container {
    const both = <E>(ask: (container: Container) => Effect.Effect<void, E>) =>
      Effect.suspend(() => Effect.forEach(this.#all, ask, { discard: true }))
    const listed = <E>(ask: (container: Container) => Effect.Effect<ReadonlyArray<number>, E>) =>
      Effect.suspend(() => Effect.map(Effect.forEach(this.#all, ask), (lists) => lists.flat()))
    return {
      containment: this.#below.containment,
      members: listed(({ members }) => members),
      signal: (signal) => both((container) => container.signal(signal)),
      kill: both(({ kill }) => kill),
      awaitEmpty: (within) => listed((container) => container.awaitEmpty(within)),
      suspend: both(({ suspend }) => suspend),
      resume: both(({ resume }) => resume),
      release: both(({ release }) => release),
      stats: Effect.suspend(() => Effect.map(Effect.forEach(this.#all, Stats.ofTree), Stats.sum)),
      spawn: (request, alone) =>
        Effect.catchIf(
          this.#played.spawn(request, alone),
          ({ reason }) => reason._tag === "CassetteMiss",
          () => Effect.flatMap(this.#opened, (real) => real.spawn(request, alone))
        )
    }
  }

  get #all(): ReadonlyArray<Container> {
    return this.#real === undefined ? [this.#played] : [this.#played, this.#real]
  }

  /**
   * Two starts at the same time may both find no container. The second to open one gives its own back: empty, since
   * nobody has seen it.
   */
  get #opened(): Effect.Effect<Container, ProcessError.ProcessError> {
    return Effect.suspend(() =>
      this.#real === undefined
        ? Effect.flatMap(this.#below.open, (opened) => {
          if (this.#real !== undefined) return Effect.as(opened.release, this.#real)
          this.#real = opened
          return Effect.succeed(opened)
        })
        : Effect.succeed(this.#real)
    )
  }
}
