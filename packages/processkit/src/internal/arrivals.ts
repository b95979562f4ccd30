/**
 * What has arrived and was not pulled yet, in arrays: the seam between callbacks that bring and one fiber that pulls.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import { Wakeup } from "./wakeup.ts"

export class Arrivals<A, E> {
  readonly #onEmptied: () => void
  #waiting: Array<Arr.NonEmptyReadonlyArray<A>> = []
  #first = 0
  #exit: Exit.Exit<never, E | Cause.Done> | undefined
  readonly #arrival = new Wakeup(() => this.#waiting.length > 0 || this.#exit !== undefined)

  /** `onEmptied` is called when the last of what waited was pulled. */
  constructor(onEmptied: () => void) {
    this.#onEmptied = onEmptied
  }

  offer(items: ReadonlyArray<A>): void {
    if (!Arr.isReadonlyArrayNonEmpty(items)) return
    this.#waiting.push(items)
    this.#arrival.wake()
  }

  /** Ends the pulling once everything that waits was pulled. */
  end(exit: Exit.Exit<never, E | Cause.Done>): void {
    this.#exit = exit
    this.#arrival.wake()
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
    return Effect.flatMap(this.#arrival.wait, () => this.#next())
  }
}
