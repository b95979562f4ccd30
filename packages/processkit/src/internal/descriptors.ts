/**
 * The descriptors above the standard ones that a start asks for, and our ends of them once the child is there.
 *
 * Only the bridge to `effect/process` asks for them. They travel in the options of `ProcessRunner.start`, as the place in a
 * pipeline does, and the engine below connects them.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import { ownBytes } from "./ownBytes.ts"

/** How many pieces are kept for a reader that is not there yet; then the child waits, as at a full pipe. */
const mostPieces = 16

/** What a child writes to one of its descriptors, from the tick in which it was handed over. */
class Reading {
  readonly #source: ProcessBackend.ByteSource
  #pieces: Array<Uint8Array> = []
  #end: { readonly errno: string | undefined } | undefined
  #wake: () => void = () => {}

  constructor(source: ProcessBackend.ByteSource) {
    this.#source = source
    source.start({
      chunk: (bytes) => {
        this.#pieces.push(ownBytes(bytes)) // the backend may use its buffer again
        this.#wake()
        return this.#pieces.length < mostPieces
      },
      end: (errno) => {
        this.#end = { errno }
        this.#wake()
      }
    })
  }

  /** Everything that has come, or the end of it. */
  readonly pull: Effect.Effect<Arr.NonEmptyReadonlyArray<Uint8Array>, string | Cause.Done> = Effect.callback(
    (resume) => {
      const look = (): void => {
        const [first, ...rest] = this.#pieces
        if (first === undefined && this.#end === undefined) return
        this.#wake = () => {}
        this.#pieces = []
        if (first === undefined) return resume(Effect.fail(this.#end?.errno ?? Cause.Done()))
        resume(Effect.succeed([first, ...rest]))
        this.#source.resume()
      }
      this.#wake = look
      look()
      return Effect.sync(() => {
        this.#wake = () => {}
      })
    }
  )

  close(): void {
    this.#source.close()
    this.#end ??= { errno: undefined }
    this.#wake()
  }
}

const unsupported = ({ mechanism }: ProcessBackend.Container["containment"]): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({
      feature: "a descriptor above the standard ones",
      mechanism,
      detail: "its children have standard streams only"
    })
  )

export class Descriptors {
  readonly #wanted: ReadonlyArray<ProcessBackend.Descriptor>
  readonly #readings = new Map<number, Reading>()
  readonly #sinks = new Map<number, ProcessBackend.ByteSink>()

  /** From 3 on, ascending. */
  constructor(wanted: ReadonlyArray<ProcessBackend.Descriptor>) {
    this.#wanted = wanted
  }

  /** The container, as one whose next child gets these descriptors. */
  seat(container: ProcessBackend.Container): ProcessBackend.Container {
    if (this.#wanted.length === 0) return container
    const { containment } = container
    return {
      ...container,
      spawn: (request, alone) =>
        containment.descriptors === true
          ? Effect.tap(
            container.spawn({ ...request, descriptors: this.#wanted }, alone),
            (child) => Effect.sync(() => this.#connect(child))
          )
          : Effect.fail(unsupported(containment))
    }
  }

  #connect({ descriptors = new Map() }: ProcessBackend.Child): void {
    for (const [fd, { sink, source }] of descriptors) {
      if (sink !== undefined) this.#sinks.set(fd, sink)
      if (source !== undefined) this.#readings.set(fd, new Reading(source))
    }
  }

  /** What the child writes; for one consumer. Fails with an errno. */
  output(fd: number): Stream.Stream<Uint8Array, string> | undefined {
    const reading = this.#readings.get(fd)
    return reading === undefined ? undefined : Stream.fromPull(Effect.succeed(reading.pull))
  }

  /** Where the child reads from. */
  input(fd: number): ProcessBackend.ByteSink | undefined {
    return this.#sinks.get(fd)
  }

  /** Closes all of our ends. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    for (const sink of this.#sinks.values()) sink.close()
    for (const reading of this.#readings.values()) reading.close()
  })
}

/**
 * A container as one whose next child has the descriptors of a start, by their own field, whatever others
 * `Object.prototype` has.
 */
export const withDescriptors = (
  container: Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError>,
  options: { readonly descriptors?: Descriptors | undefined } | undefined
): Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError> => {
  const descriptors = options !== undefined && Object.hasOwn(options, "descriptors") ? options.descriptors : undefined
  return descriptors === undefined ? container : Effect.map(container, (container) => descriptors.seat(container))
}
