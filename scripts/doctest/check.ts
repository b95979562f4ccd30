/** The assertion that examples are rewritten to: structural equality, as Effect sees it or as Node does. */
import * as Equal from "effect/Equal"
import { inspect, isDeepStrictEqual } from "node:util"

const compare = (actual: unknown, expected: unknown, where: string): void => {
  if (Equal.equals(actual, expected) || isDeepStrictEqual(actual, expected)) return
  throw new Error(`${where}: expected ${inspect(expected)}, got ${inspect(actual)}`)
}

/** Compares, waiting for a promise first, and returns the value. */
export const $check = <A>(actual: A, expected: unknown, where: string): A => {
  if (!(actual instanceof Promise)) {
    compare(actual, expected, where)
    return actual
  }
  return actual.then((value: unknown) => {
    compare(value, expected, where)
    return value
  }) as A
}
