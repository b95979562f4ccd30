/**
 * Follows a pump and gives its lines to one stream.
 *
 * Lines wait in arrays, one array per chunk, until the consumer pulls. More than 256 KiB of waiting input holds the
 * pipe up; it flows again once everything waiting was pulled.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { LineCutter } from "./lineCutter.ts"
import type { Pump, Subscriber } from "./pump.ts"

const highWater = 256 * 1024

class LineSubscription<E> implements Subscriber {
  readonly #pump: Pump
  readonly #cutter: LineCutter
  readonly #onError: (errno: string) => E
  readonly #waiting: Array<Arr.NonEmptyReadonlyArray<string>> = []
  #waitingBytes = 0
  #exit: Exit.Exit<never, E | Cause.Done> | undefined
  #wake: (() => void) | undefined

  constructor(pump: Pump, backlog: Array<string>, cutter: LineCutter, onError: (errno: string) => E) {
    this.#pump = pump
    this.#cutter = cutter
    this.#onError = onError
    if (Arr.isArrayNonEmpty(backlog)) this.#waiting.push(backlog)
  }

  chunk(bytes: Uint8Array): boolean {
    const lines = this.#cutter.push(bytes)
    if (Arr.isArrayNonEmpty(lines)) {
      this.#waiting.push(lines)
      this.#waitingBytes += bytes.length
      this.#wakeUp()
    }
    return this.#waitingBytes <= highWater
  }

  end(errno: string | undefined): void {
    const last = this.#cutter.end(errno === undefined)
    if (Arr.isArrayNonEmpty(last)) this.#waiting.push(last)
    this.#exit = Exit.fail(errno === undefined ? Cause.Done() : this.#onError(errno))
    this.#wakeUp()
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<string>, E> = Effect.suspend(() => this.#next())

  #next(): Pull.Pull<Arr.NonEmptyReadonlyArray<string>, E> {
    const lines = this.#waiting.shift()
    if (lines !== undefined) {
      if (this.#waiting.length === 0) {
        this.#waitingBytes = 0
        this.#pump.proceed()
      }
      return Effect.succeed(lines)
    }
    if (this.#exit !== undefined) return this.#exit
    return Effect.flatMap(this.#arrival, () => this.#next())
  }

  /** Looks again before it waits: the fiber may have yielded since it found nothing, and what came then woke nobody. */
  readonly #arrival = Effect.callback<void>((resume) => {
    if (this.#waiting.length > 0 || this.#exit !== undefined) return resume(Effect.void)
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

/** The lines of a pump from its beginning, as far as its retention kept them; leaving the stream unsubscribes. */
export const stream = <E>(pump: Pump, onError: (errno: string) => E): Stream.Stream<string, E> =>
  Stream.scoped(Stream.unwrap(Effect.acquireRelease(
    Effect.sync(() => {
      const { cutter, lines } = pump.retention.handOver()
      const subscription = new LineSubscription(pump, lines, cutter, onError)
      pump.subscribe(subscription)
      return Stream.fromPull(Effect.succeed(subscription.pull))
    }),
    () => Effect.sync(() => pump.unsubscribe())
  )))
