/**
 * Follows a pump and gives its bytes to one stream.
 *
 * Chunks wait until the consumer pulls. More than 256 KiB of them hold the pipe up; it flows again once everything
 * waiting was pulled.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { ChunkQueue } from "./chunkQueue.ts"
import type { Pump, Subscriber } from "./pump.ts"

const highWater = 256 * 1024

class ChunkSubscription<E> implements Subscriber {
  readonly #pump: Pump
  readonly #onError: (errno: string) => E
  readonly #waiting = new ChunkQueue()
  #exit: Exit.Exit<never, E | Cause.Done> | undefined
  #wake: (() => void) | undefined

  constructor(pump: Pump, backlog: Uint8Array, onError: (errno: string) => E) {
    this.#pump = pump
    this.#onError = onError
    if (backlog.length > 0) this.#waiting.push(backlog)
  }

  chunk(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes)
    this.#wakeUp()
    return this.#waiting.total <= highWater
  }

  end(errno: string | undefined): void {
    this.#exit = Exit.fail(errno === undefined ? Cause.Done() : this.#onError(errno))
    this.#wakeUp()
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, E> = Effect.suspend(() => this.#next())

  #next(): Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, E> {
    const chunks = this.#waiting.all()
    if (Arr.isArrayNonEmpty(chunks)) {
      this.#waiting.clear()
      this.#pump.proceed()
      return Effect.succeed(chunks)
    }
    if (this.#exit !== undefined) return this.#exit
    return Effect.flatMap(this.#arrival, () => this.#next())
  }

  /** Looks again before it waits: the fiber may have yielded since it found nothing, and what came then woke nobody. */
  readonly #arrival = Effect.callback<void>((resume) => {
    if (this.#waiting.total > 0 || this.#exit !== undefined) return resume(Effect.void)
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** The bytes of a pump from its beginning, as far as its retention kept them; leaving the stream unsubscribes. */
export const stream = <E>(pump: Pump, onError: (errno: string) => E): Stream.Stream<Uint8Array, E> =>
  Stream.scoped(Stream.unwrap(Effect.acquireRelease(
    Effect.sync(() => {
      const backlog = pump.retention.bytes()
      pump.retention.handOver()
      const subscription = new ChunkSubscription(pump, backlog, onError)
      pump.subscribe(subscription)
      return Stream.fromPull(Effect.succeed(subscription.pull))
    }),
    () => Effect.sync(() => pump.unsubscribe())
  )))
