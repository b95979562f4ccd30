/**
 * How a check says no: by the position of an input, never by its value.
 *
 * Checks refuse by throwing inside {@link checked}, which gives the refusal as a value, so that a rule reads as what it
 * wants and not as a chain of results.
 */
import * as Result from "effect/Result"
import * as ProcessError from "../ProcessError.ts"

/** Signals an invalid input; never leaves {@link checked}. */
class Refused {
  readonly field: string
  readonly problem: string
  constructor(field: string, problem: string) {
    this.field = field
    this.problem = problem
  }
}

export const refuse = (field: string, problem: string): never => {
  throw new Refused(field, problem)
}

/** Runs checks that refuse, and gives the refusal as an error. */
export const checked = <A>(
  program: string | undefined,
  check: () => A
): Result.Result<A, ProcessError.ProcessError> =>
  Result.mapError(read(check), ({ field, problem }) => {
    const named = field === programField ? undefined : program
    return ProcessError.make(new ProcessError.InvalidInput({ program: named, field, problem }))
  })

/** Runs checks that refuse, and gives the refusal as it is, for whoever tells it later. */
export const read = <A>(
  check: () => A
): Result.Result<A, { readonly field: string; readonly problem: string }> => {
  try {
    return Result.succeed(check())
  } catch (refused) {
    if (refused instanceof Refused) return Result.fail(refused)
    throw refused
  }
}

/** The one input that errors name; not where it is the input that was refused. */
export const programField = "the program"

/** Whether a value is an object with fields of its own, and not a list or a map. */
export const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(Symbol.iterator in value)

/** An object with fields of its own: what types promise, and a JavaScript caller may not keep. */
export const record = <A extends object>(field: string, value: A): A =>
  isRecord(value) ? value : refuse(field, "is not an object")

/** A field of an object, or an accessor of its class; not what somebody added to `Object.prototype`. */
export const own = <A extends object, K extends keyof A>(self: A, key: K): A[K] | undefined =>
  Object.hasOwn(self, key) || !Object.hasOwn(Object.prototype, key) ? self[key] : undefined

/** Fields of an object by name, each as {@link own} gives it. */
export const fields = <A extends object, K extends keyof A>(self: A, keys: ReadonlyArray<K>): Pick<A, K> =>
  Object.fromEntries(keys.map((key) => [key, own(self, key)])) as Pick<A, K>

/** A copy of a list, holes included, so that what its owner does to it later changes nothing. */
export const list = <A>(field: string, value: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.isArray(value) ? Array.from(value) : refuse(field, "is not a list")

/** A value of a primitive type or a function, or nothing. */
export const optional = <A>(field: string, value: A, type: "boolean" | "function"): A =>
  value === undefined || typeof value === type ? value : refuse(field, `is not a ${type}`)
