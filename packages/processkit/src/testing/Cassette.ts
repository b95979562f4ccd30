/**
 * Recorded runs: once with real programs, from then on without.
 *
 * A cassette is a JSON file. {@link layerRecord} runs programs for real and writes down what they said and how they
 * ended, {@link layerReplay} gives the same to every command that fits and never starts anything, and {@link layerAuto}
 * replays what is there and records what is missing. Bytes are kept exactly, with the chunks they came in.
 *
 * **Details**
 *
 * - A command fits an entry with the same program, arguments and standard input. Environment and directory do not count.
 *   Input from a stream or by hand counts by its kind only, but a replayed program still waits for as much of it as the
 *   recorded one had been given before it spoke.
 * - Entries that fit are played in order, each once, and then the last one again.
 * - What we did to a run is part of it: one that was stopped waits to be stopped, one that timed out has timed out at
 *   once, after the time that the replaying command allows.
 * - A file is at most 64 MiB, readable by its owner only, replaced as a whole, and never behind a symbolic link.
 *
 * **Gotchas**
 *
 * - Values of environment variables are never written, nor are `Redacted` arguments, and both are replaced in output
 *   where they are `Redacted` and at least four characters long. Everything else is written as it is: give a `redact`
 *   for what must not be.
 * - Pipes between the stages of a pipeline run through the recorder, which is slower than without.
 *
 * **Example** (A test that needs git only once)
 *
 * ```ts
 * import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
 * import * as Layer from "effect/Layer"
 * import { Cassette } from "processkit/testing"
 * import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
 *
 * export const layer = Cassette.layerAuto("git-log.json", { directory: "test/cassettes" }).pipe(
 *   Layer.provide([NodeProcessRunner.layer, NodeFileSystem.layer])
 * )
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import * as CassetteBackend from "./internal/cassetteBackend.ts"
import type { Entry } from "./internal/cassetteFormat.ts"
import type { Redact } from "./internal/cassetteKey.ts"
import { Tape } from "./internal/cassettePlayer.ts"
import { Recorder } from "./internal/cassetteRecorder.ts"
import { CassetteFile, invalid, pathOf } from "./internal/cassetteStore.ts"

/**
 * How a cassette is used.
 *
 * **Details**
 *
 * - `directory`: where it lies; the path is then a plain name, such as that of a test. By default the path is a path.
 * - `redact`: replaces in a text what must not be kept. It gets whole outputs, arguments, directories and input, when
 *   recording and again when commands are compared, so it has to give the same for the same text.
 * - `timing`: `"recorded"` replays output when it came, on Effect's clock; `"immediate"`, the default, at once.
 * - `strict`: each entry is played once only; a further start is a miss. Off by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly directory?: string | undefined
  readonly redact?: ((text: string) => string) | undefined
  readonly timing?: "immediate" | "recorded" | undefined
  readonly strict?: boolean | undefined
}

/**
 * The cassette in use.
 *
 * **Details**
 *
 * - `save`: writes what was recorded so far, runs that are over only. Also done when the layer ends, where a failure can
 *   only be logged.
 * - `unplayed`: the programs of the entries that nobody asked for, in order.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class Cassette extends Context.Service<Cassette, {
  readonly path: string
  readonly save: Effect.Effect<void, ProcessError.ProcessError>
  readonly unplayed: Effect.Effect<ReadonlyArray<string>>
}>()("processkit/testing/Cassette") {}

/**
 * What the layers of this module provide.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Provided = ProcessRunner.ProcessRunner | ProcessBackend.ProcessBackend | Cassette

/**
 * Runs programs on the backend in the context and writes a cassette anew.
 *
 * **Errors**
 *
 * `CassetteInvalid` where the path is none or the file cannot be looked at; from `save` also where another recorder has
 * changed the file meanwhile.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerRecord = (
  path: string,
  options: Options = {}
): Layer.Layer<Provided, ProcessError.ProcessError, FileSystem.FileSystem | ProcessBackend.ProcessBackend> =>
  layer(Effect.gen(function*() {
    const file = yield* fileAt(path, options)
    yield* file.look
    const recorder = new Recorder(redactOf(options))
    const backend = CassetteBackend.recording(yield* ProcessBackend.ProcessBackend, recorder)
    return { backend, file, entries: () => recorder.entries, unplayed: () => [] }
  }))

/**
 * Plays a cassette, and never starts anything.
 *
 * **Errors**
 *
 * `CassetteInvalid` where the file is missing or is no cassette; from a start `CassetteMiss`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerReplay = (
  path: string,
  options: Options = {}
): Layer.Layer<Provided, ProcessError.ProcessError, FileSystem.FileSystem> =>
  layer(Effect.gen(function*() {
    const file = yield* fileAt(path, options)
    const entries = yield* file.read
    if (Option.isNone(entries)) return yield* Effect.fail(invalid(file.path, "there is no such file: record it first"))
    const tape = tapeOf(file, entries.value, options)
    const backend = CassetteBackend.playing(playingOf(tape, options))
    return { backend, file, entries: undefined, unplayed: () => tape.unplayed }
  }))

/**
 * Plays what a cassette has, and runs and adds what it does not have.
 *
 * **Errors**
 *
 * Those of {@link layerRecord}, and `CassetteInvalid` where the file is no cassette.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerAuto = (
  path: string,
  options: Options = {}
): Layer.Layer<Provided, ProcessError.ProcessError, FileSystem.FileSystem | ProcessBackend.ProcessBackend> =>
  layer(Effect.gen(function*() {
    const file = yield* fileAt(path, options)
    const known = Option.getOrElse(yield* file.read, (): ReadonlyArray<Entry> => [])
    const tape = tapeOf(file, known, options)
    const recorder = new Recorder(redactOf(options))
    const below = yield* ProcessBackend.ProcessBackend
    const backend = CassetteBackend.completing(below, recorder, playingOf(tape, options))
    const entries = () => recorder.entries.length === 0 ? undefined : [...known, ...recorder.entries]
    return { backend, file, entries, unplayed: () => tape.unplayed }
  }))

/**
 * Writes what was recorded so far.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const save: Effect.Effect<void, ProcessError.ProcessError, Cassette> = Effect.flatMap(
  Cassette,
  (cassette) => cassette.save
)

/**
 * The programs of the entries that nobody asked for, in order.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const unplayed: Effect.Effect<ReadonlyArray<string>, never, Cassette> = Effect.flatMap(
  Cassette,
  (cassette) => cassette.unplayed
)

// -----------------------------------------------------------------------------

/** A cassette at work; without `entries` there is nothing to write. */
interface Deck {
  readonly backend: ProcessBackend.ProcessBackend["Service"]
  readonly file: CassetteFile
  readonly entries: (() => ReadonlyArray<Entry> | undefined) | undefined
  readonly unplayed: () => ReadonlyArray<Entry>
}

const layer = <R>(
  deck: Effect.Effect<Deck, ProcessError.ProcessError, R>
): Layer.Layer<Provided, ProcessError.ProcessError, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(
    Effect.map(Effect.acquireRelease(deck, saveOrSay), (deck) => {
      const { backend, file, unplayed } = deck
      return Context.make(ProcessBackend.ProcessBackend, backend).pipe(
        Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(backend)),
        Context.add(Cassette, {
          path: file.path,
          save: saved(deck),
          unplayed: Effect.sync(() => unplayed().map(({ program }) => program))
        })
      )
    })
  )

const saved = ({ entries, file }: Deck): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const recorded = entries?.()
    return recorded === undefined ? Effect.void : file.write(recorded)
  })

/** The end of a layer can fail nobody. */
const saveOrSay = (deck: Deck): Effect.Effect<void> =>
  Effect.catch(saved(deck), (error) => Effect.logError("a cassette was not saved", error))

const fileAt = (
  path: string,
  { directory }: Options
): Effect.Effect<CassetteFile, ProcessError.ProcessError, FileSystem.FileSystem> =>
  Effect.fromResult(pathOf(path, directory)).pipe(
    Effect.mapError((problem) => invalid(String(path), problem)),
    Effect.flatMap((path) => Effect.map(FileSystem.FileSystem, (fs) => new CassetteFile(path, fs)))
  )

const redactOf = ({ redact = (text) => text }: Options): Redact => redact

const tapeOf = (file: CassetteFile, entries: ReadonlyArray<Entry>, { strict = false }: Options): Tape =>
  new Tape(entries, { cassette: file.path, strict })

const playingOf = (tape: Tape, options: Options): CassetteBackend.Playing => ({
  tape,
  redact: redactOf(options),
  timed: options.timing === "recorded"
})
