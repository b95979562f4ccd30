/**
 * The variables of this process, read anew at every start, as the same object for as long as nothing has changed.
 *
 * Most starts inherit all of them. What is made of them for one start, their texts and bytes, holds for the next where
 * the object is the same.
 */
export type Variables = Readonly<Record<string, string>>

interface Known {
  readonly names: ReadonlyArray<string>
  readonly values: ReadonlyArray<string | undefined>
  readonly variables: Variables
}

const isSame = (some: ReadonlyArray<unknown>, others: ReadonlyArray<unknown>): boolean =>
  some.length === others.length && some.every((item, i) => item === others[i])

/** A record without prototype, so that a polluted `Object.prototype` adds nothing to it. */
const record = (names: ReadonlyArray<string>, values: ReadonlyArray<string | undefined>): Variables => {
  const variables: Record<string, string> = Object.create(null)
  for (const [i, name] of names.entries()) {
    const value = values[i]
    if (value !== undefined) variables[name] = value
  }
  return Object.freeze(variables)
}

/** Makes a reader of an environment; `process.env` asks the C library for each value. */
export const reader = (environment: Readonly<Record<string, string | undefined>>): () => Variables => {
  let known: Known | undefined
  return () => {
    const names = Object.getOwnPropertyNames(environment)
    const values = names.map((name) => environment[name])
    if (known === undefined || !isSame(known.names, names) || !isSame(known.values, values)) {
      known = { names, values, variables: record(names, values) }
    }
    return known.variables
  }
}

/** The variables as they are now. */
export const read: () => Variables = reader(process.env)
