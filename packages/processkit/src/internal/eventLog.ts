/**
 * A bounded log with any number of readers, none of which can hold up the writer.
 *
 * The log keeps the newest events only. A reader has a place in the sequence of all events; where the log has moved on
 * past it, the reader is told how many it missed and goes on with the oldest that is left. So a reader that comes late
 * still sees how things began, as far as the log reaches.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

export class EventLog<A> {
  readonly #capacity: number
  readonly #lagged: (skipped: number) => A
  /** The newest events: the one with the number `n` is at `n % capacity`. Grows to its capacity and stays. */
  readonly #ring: Array<A> = []
  /** Readers that wait for the next event; made with the first. */
  #waiting: Set<() => void> | undefined
  #written = 0
  #isEnded = false

  constructor(capacity: number, lagged: (skipped: number) => A) {
    this.#capacity = capacity
    this.#lagged = lagged
  }

  write(event: A): void {
    if (this.#isEnded) return
    this.#ring[this.#written++ % this.#capacity] = event
    this.#wake()
  }

  /** Nothing follows: readers end when they have read the rest. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.forEach((resume) => resume())
  }

  /** All events from the oldest that is kept, as they are written, to the end of the log. */
  get events(): Stream.Stream<A> {
    return Stream.fromPull(
      Effect.sync(() => {
        const reader = { next: 0 }
        return Effect.suspend(() => this.#read(reader))
      })
    )
  }

  #read(reader: { next: number }): Pull.Pull<readonly [A, ...Array<A>]> {
    const oldest = Math.max(0, this.#written - this.#capacity)
    const skipped = Math.max(0, oldest - reader.next)
    const found: Array<A> = skipped === 0 ? [] : [this.#lagged(skipped)]
    for (let number = reader.next + skipped; number < this.#written; number++) {
      found.push(this.#ring[number % this.#capacity] as A)
    }
    reader.next = this.#written
    const [first, ...rest] = found
    if (first !== undefined) return Effect.succeed([first, ...rest])
    return this.#isEnded ? Cause.done() : Effect.flatMap(this.#more, () => this.#read(reader))
  }

  get #more(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const wake = () => resume(Effect.void)
      const waiting = this.#waiting ??= new Set()
      waiting.add(wake)
      return Effect.sync(() => waiting.delete(wake))
    })
  }
}
