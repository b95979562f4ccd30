/** Commands that misbehave, and the questions that tests ask of their failures. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"

/** The path of a fixture. */
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** A script of a few words for `/bin/sh`; its arguments are `$1`, `$2` and so on. */
export const sh = (script: string, args: ReadonlyArray<string> = [], options: Command.Options = {}): Command.Command =>
  Command.make("/bin/sh", ["-c", script, "sh", ...args], options)

/** A fixture, run by what it is written for. */
export const run = (name: string, args: ReadonlyArray<string> = [], options: Command.Options = {}): Command.Command =>
  name.endsWith(".sh")
    ? Command.make("/bin/sh", [fixture(name), ...args], options)
    : Command.make(process.execPath, ["--conditions=processkit-source", fixture(name), ...args], options)

/** The reason of a failure, after making sure that it is a typed one and the only one. */
export const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ProcessError.Reason, never, R> =>
  Effect.map(errorOf(effect), (error) => error.reason)

/** The error of a failure, after making sure that it is a typed one and the only one. */
export const errorOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ProcessError.ProcessError, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return assert.fail("did not fail")
    const error = Cause.findError(exit.cause)
    if (exit.cause.reasons.length !== 1 || Result.isFailure(error) || !ProcessError.isProcessError(error.success)) {
      return assert.fail(`not a ProcessError: ${Cause.pretty(exit.cause)}`)
    }
    return error.success
  })

/** Makes sure that a secret is in none of the forms in which an error can be shown. */
export const assertHides = (error: ProcessError.ProcessError, secret: string): void => {
  const shown = {
    message: error.message,
    stack: String(error.stack),
    inspected: inspect(error, { depth: 20, showHidden: true }),
    json: JSON.stringify(error),
    cause: Cause.pretty(Cause.fail(error))
  }
  for (const [form, text] of Object.entries(shown)) assert.notInclude(text, secret, form)
}

/** Time in milliseconds that an effect takes, with its value. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - start] as const)
  })

/**
 * Measures up to five times, until one measurement is below the bound: whatever else a busy machine does can only add
 * to the time that something takes.
 */
export const quickest = <A, E, R>(
  bound: number,
  effect: Effect.Effect<readonly [A, number], E, R>
): Effect.Effect<readonly [A, number], E, R> =>
  Effect.repeat(effect, { times: 4, until: ([, elapsed]) => elapsed < bound })

/**
 * Moments around the end of something, from long before to long after, as milliseconds from its beginning. Where the end
 * comes is measured here and now: on a busy machine it comes late.
 */
export const aroundTheEndOf = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  count: number
): Effect.Effect<Array<number>, E, R> =>
  Effect.gen(function*() {
    const times: Array<number> = []
    for (let i = 0; i < 9; i++) times.push((yield* timed(effect))[1])
    const usual = times.toSorted((a, b) => a - b)[4] ?? 0
    return Array.from({ length: count }, (_, i) => 3 * usual * ((i + 1) / count) ** 2)
  })

/** Says by name what this machine cannot show, once, and tells whether it can. */
export const has = (what: string, available: boolean): boolean => {
  if (!available) console.warn(`left out, needs ${what}`)
  return available
}

export const isRoot: boolean = process.getuid?.() === 0
