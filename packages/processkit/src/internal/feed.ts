/**
 * Feeds a child's standard input.
 *
 * A child that stops reading is routine and ends the feed quietly. Anything else that keeps input from its end is
 * remembered: a program that saw only a part of its input must not look like a success.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as ProcessBackend from "../ProcessBackend.ts"
import { InputEncoder } from "./inputEncoder.ts"
import type { Payload } from "./inputRules.ts"

/** Ends a feed whose reader left; never leaves this module. */
const readerLeft = Symbol("readerLeft")

export class Feed {
  readonly #sink: ProcessBackend.ByteSink
  #fiber: Fiber.Fiber<void, unknown> | undefined
  #cancelled = false
  /** Why the input did not reach its end; wrapped, because a source may fail with `undefined`. */
  failure: { readonly cause: unknown } | undefined

  constructor(sink: ProcessBackend.ByteSink) {
    this.#sink = sink
  }

  start(payload: Payload, context: Context.Context<never>): void {
    if (payload._tag === "Bytes") this.#feedBytes(payload.bytes)
    if (payload._tag === "Feed") this.#fiber = Effect.runForkWith(context)(this.#feedStream(payload.stream))
  }

  /** The child has exited: whatever is still to be fed is not. */
  cancel(): void {
    this.#cancelled = true
    this.#fiber?.interruptUnsafe()
    this.#sink.close()
  }

  /** Waits for the finalizers of the source. */
  get ended(): Effect.Effect<void> {
    return this.#fiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(this.#fiber))
  }

  #feedBytes(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#sink.write(bytes, (errno) => this.#noteErrno(errno))
    this.#sink.end()
  }

  #feedStream(stream: Stream.Stream<string | Uint8Array, unknown>): Effect.Effect<void> {
    const encoder = new InputEncoder()
    const writeAll = (items: Items): Effect.Effect<void, unknown> =>
      Effect.forEach(pieces(items), (piece) => write(this.#sink, encoder.encode(piece)), { discard: true })
    return Stream.runForEachArray(stream, (items) => Effect.suspend(() => writeAll(items))).pipe(
      Effect.andThen(Effect.suspend(() => {
        const rest = encoder.end()
        return rest.length === 0 ? Effect.void : write(this.#sink, rest)
      })),
      Effect.catchCause((cause) =>
        Effect.sync(() => {
          // An interruption that is not ours is the source's own, and the input as incomplete as after any failure.
          if (!(this.#cancelled && Cause.hasInterruptsOnly(cause))) this.#note(Cause.squash(cause))
        })
      ),
      Effect.ensuring(Effect.sync(() => this.#sink.end()))
    )
  }

  #noteErrno(errno: string | undefined): void {
    if (errno !== undefined && errno !== "closed") this.#note(errno)
  }

  #note(cause: unknown): void {
    if (cause !== readerLeft) this.failure ??= { cause }
  }
}

type Items = ReadonlyArray<string | Uint8Array>

/** How much is joined into one write. */
const large = 65_536

/** Items that are written together: what comes at once may be more than should be there twice. */
const pieces = (items: Items): Array<Items> => {
  const all: Array<Items> = []
  let [from, length] = [0, 0]
  for (let i = 0; i < items.length; i++) {
    length += items[i]?.length ?? 0
    if (length < large && i < items.length - 1) continue
    all.push(items.slice(from, i + 1))
    from = i + 1
    length = 0
  }
  return all
}

const write = (sink: ProcessBackend.ByteSink, bytes: Uint8Array): Effect.Effect<void, unknown> =>
  Effect.callback<void, unknown>((resume) => {
    sink.write(bytes, (errno) => {
      resume(errno === undefined ? Effect.void : Effect.fail(errno === "closed" ? readerLeft : errno))
    })
  })
