/**
 * Works through items with a bounded number of workers, each of which takes the next item when it is done with one.
 *
 * Items are drawn one at a time, so that a source of any length is never held as a whole, and none is drawn after a
 * failure or an interruption.
 */
import * as Effect from "effect/Effect"

/** One worker per permit; fewer where it is known that there are fewer items. */
export const fanOut = <A, E, R>(
  items: Iterable<A>,
  concurrency: number,
  work: (item: A, index: number) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    const source = new Source(items)
    const workers = Math.min(concurrency, lengthOf(items) ?? concurrency)
    const worker = Effect.suspend(() => {
      let next = source.draw()
      return Effect.whileLoop({
        while: () => next !== undefined,
        body: () => next === undefined ? Effect.void : work(next.item, next.index),
        step: () => {
          next = source.draw()
        }
      })
    })
    // Interrupting or failing one worker interrupts all of them at once, and waits for what each has under way.
    return Effect.ensuring(
      Effect.forEach(Array.from({ length: workers }), () => worker, { concurrency: "unbounded", discard: true }),
      Effect.sync(() => source.close())
    )
  })

/** How many items there are, where that is known without drawing them. */
export const lengthOf = (items: Iterable<unknown>): number | undefined =>
  Array.isArray(items) ? items.length : items instanceof Set || items instanceof Map ? items.size : undefined

/** An iterator that several workers draw from; once ended, it is not asked again. */
class Source<A> {
  readonly #iterator: Iterator<A>
  #drawn = 0
  #ended = false

  constructor(items: Iterable<A>) {
    this.#iterator = items[Symbol.iterator]()
  }

  draw(): { readonly item: A; readonly index: number } | undefined {
    if (this.#ended) return undefined
    const next = this.#iterator.next()
    if (next.done !== true) return { item: next.value, index: this.#drawn++ }
    this.#ended = true
    return undefined
  }

  /** Lets a generator that was left early clean up behind itself. */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#iterator.return?.()
  }
}
