/**
 * What has arrived and was not pulled yet, in arrays: the seam between callbacks that bring and one fiber that pulls.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"

export class Arrivals<A, E> {
  readonly #onEmptied: () => void
  #waiting: Array<Arr.NonEmptyReadonlyArray<A>> = []
  #first = 0
  #exit: Exit.Exit<never, E | Cause.Done> | undefined
  #wake: (() => void) | undefined

  /** `onEmptied` is called when the last of what waited was pulled. */
  constructor(onEmptied: () => void) {
    this.#onEmptied = onEmptied
  }

  offer(items: ReadonlyArray<A>): void {
    if (!Arr.isReadonlyArrayNonEmpty(items)) return
    this.#waiting.push(items)
    this.#wakeUp()
  }

  /** Ends the pulling once everything that waits was pulled. */
  end(exit: Exit.Exit<never, E | Cause.Done>): void {
    this.#exit = exit
    this.#wakeUp()
  }

  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> = Effect.suspend(() => this.#next())

  #next(): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> {
    const items = this.#waiting[this.#first++]
    if (items !== undefined) {
      if (this.#first === this.#waiting.length) {
        this.#waiting = []
        this.#first = 0
        this.#onEmptied()
      }
      return Effect.succeed(items)
    }
    this.#first = 0
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
