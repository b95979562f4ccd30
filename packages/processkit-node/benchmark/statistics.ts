/**
 * The little mathematics that a fair comparison needs.
 */

/** The value in the middle: unlike the mean, it does not care how bad the worst was. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Numbers from 0 up to 1 that a seed decides, so that an order can be had again.
 *
 * A linear congruential generator modulo 2^32; its high bits are what is used.
 */
export const random = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** The same items in another order; every order is as likely. */
export const shuffled = <A>(items: ReadonlyArray<A>, next: () => number): ReadonlyArray<A> => {
  const left = [...items]
  const order: Array<A> = []
  while (left.length > 0) order.push(...left.splice(Math.floor(next() * left.length), 1))
  return order
}
