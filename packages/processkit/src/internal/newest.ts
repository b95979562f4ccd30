/**
 * A queue whose oldest items can be dropped to stay within a budget.
 */

export class Newest<A> {
  readonly #cost: (item: A) => number
  #items: Array<A> = []
  #first = 0
  total = 0

  constructor(cost: (item: A) => number) {
    this.#cost = cost
  }
  get size(): number {
    return this.#items.length - this.#first
  }
  push(item: A): void {
    this.#items.push(item)
    this.total += this.#cost(item)
  }
  shift(): void {
    this.total -= this.#cost(this.#items[this.#first] as A)
    this.#items[this.#first++] = undefined as A
    // Compacting at half keeps a drop at constant cost on average.
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
  }
  /** Replaces `count` items, all but the newest `newer`, as far as they are still there. */
  replace(count: number, newer: number, f: (item: A) => A): void {
    const end = this.#items.length - newer
    for (let i = Math.max(this.#first, end - count); i < end; i++) this.#items[i] = f(this.#items[i] as A)
  }
  clear(): void {
    this.#items = []
    this.#first = 0
    this.total = 0
  }
  all(): Array<A> {
    return this.#items.slice(this.#first)
  }
}
