/**
 * Reads a stream of a child from its start, whether or not anybody consumes it yet, and holds it for its one consumer.
 *
 * Up to 1 MiB is held; then the child waits, as it would at a full pipe. What the child wrote before its end stays readable
 * after that, and after its scope has closed. When the consumer leaves, the rest is read and dropped.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ChunkQueue } from "./chunkQueue.ts"

const mostHeld = 1_048_576

class HeldOutput<E> {
  readonly #held = new ChunkQueue()
  #exit: Exit.Exit<never, E | Cause.Done> | undefined
  #left = false
  #room = mostHeld
  /** Done, and replaced, whenever there is something new to see. */
  #news = Deferred.makeUnsafe<void>()
  #drained = Deferred.makeUnsafe<void>()

  /** Takes chunks, and waits where too many are held. */
  put(chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#left) return Effect.void
      for (const chunk of chunks) this.#held.push(chunk)
      this.#tell()
      return this.#held.total > this.#room ? Deferred.await(this.#drained) : Effect.void
    })
  }

  end(exit: Exit.Exit<unknown, E>): void {
    this.#exit ??= Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
      ? Exit.fail(Cause.Done())
      : Exit.failCause(exit.cause)
    this.#tell()
  }

  /** Holds whatever is still to come: the child is about to end, and a pipe has little room. */
  holdAll(): void {
    this.#room = Infinity
    this.#makeRoom()
  }

  /** Nobody will consume any more. */
  leave(): void {
    this.#left = true
    this.#held.clear()
    this.#makeRoom()
  }

  readonly pull: Effect.Effect<Arr.NonEmptyReadonlyArray<Uint8Array>, E | Cause.Done> = Effect.suspend(() => {
    const chunks = this.#held.all()
    if (Arr.isArrayNonEmpty(chunks)) {
      this.#held.clear()
      this.#makeRoom()
      return Effect.succeed(chunks)
    }
    return this.#exit ?? Effect.andThen(Deferred.await(this.#news), this.pull)
  })

  #tell(): void {
    const news = this.#news
    this.#news = Deferred.makeUnsafe()
    Deferred.doneUnsafe(news, Exit.void)
  }

  #makeRoom(): void {
    const drained = this.#drained
    this.#drained = Deferred.makeUnsafe()
    Deferred.doneUnsafe(drained, Exit.void)
  }
}

/** A stream that is read already, and how to lift the bound on what is held of it. */
export interface Held<E> {
  readonly stream: Stream.Stream<Uint8Array, E>
  readonly holdAll: Effect.Effect<void>
}

/** Begins to read; the stream is for one consumer, and a second one finds nothing in it. */
export const hold = <E>(source: Stream.Stream<Uint8Array, E>): Effect.Effect<Held<E>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const held = new HeldOutput<E>()
    const reading = Effect.onExit(
      Stream.runForEachArray(source, (chunks) => held.put(chunks)),
      (exit) => Effect.sync(() => held.end(exit))
    )
    const stream = Stream.ensuring(Stream.fromPull(Effect.succeed(held.pull)), Effect.sync(() => held.leave()))
    return Effect.as(Effect.forkScoped(Effect.ignoreCause(reading), { startImmediately: true }), {
      stream,
      holdAll: Effect.sync(() => held.holdAll())
    })
  })
