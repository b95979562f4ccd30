/** Repeats a verb as its command asks. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as ProcessError from "../ProcessError.ts"
import * as Conclusion from "./conclusion.ts"
import * as InputRules from "./inputRules.ts"
import * as Telemetry from "./telemetry.ts"
import type { Subject } from "./verbs.ts"

type Verb<A, R> = Effect.Effect<A, ProcessError.ProcessError, R>

/** Repeats a verb as its command asks: never a cancelled one, and never one whose input is used up. */
export const retried = <A, R>(command: Subject, verb: Verb<A, R>): Verb<A, R> => {
  // A retry that is none is refused by the start.
  const retry = Result.getOrUndefined(
    InputRules.checked(InputRules.programOf(command), () => InputRules.retryOf(command))
  )
  const cancelOn = InputRules.cancelOnOf(command)
  if (retry === undefined) return verb
  const worth = retry.while ?? ((error: ProcessError.ProcessError) => error.isTransient)
  const repeat = (attempt: Verb<A, R>) =>
    counted(attempt, (attempt) =>
      Effect.retry(attempt, {
        schedule: retry.schedule,
        while: (error) =>
          error.reason._tag !== "Cancelled" && cancelOn?.aborted !== true && !InputRules.isUsedUp(command) &&
          worth(error)
      }))
  return cancelOn === undefined ? repeat(verb) : waitingFor(cancelOn, command.program, verb, repeat)
}

/** Counts the attempts after the first when they begin, and the failures that are left after some. */
const counted = <A, R>(attempt: Verb<A, R>, repeat: (attempt: Verb<A, R>) => Verb<A, R>): Verb<A, R> =>
  Effect.suspend(() => {
    let failed: ProcessError.ProcessError | undefined
    let retries = 0
    const again = Effect.suspend(() => {
      if (failed === undefined) return Effect.void
      retries++
      return Telemetry.retry(failed)
    })
    const noted = Effect.tapError(attempt, (error) => Effect.sync(() => void (failed = error)))
    return Effect.tapError(
      repeat(Effect.andThen(again, noted)),
      (error) => retries === 0 ? Effect.void : Telemetry.retriesExhausted(error)
    )
  })

/** Ends the wait between two attempts when the caller's signal fires; an attempt under way ends by itself. */
const waitingFor = <A, R>(
  cancelOn: AbortSignal,
  program: string,
  verb: Verb<A, R>,
  repeat: (attempt: Verb<A, R>) => Verb<A, R>
): Verb<A, R> =>
  Effect.suspend(() => {
    let attempting = true
    const attempt = Effect.suspend(() => {
      attempting = true
      return Effect.ensuring(
        verb,
        Effect.sync(() => {
          attempting = false
        })
      )
    })
    const aborted = Effect.callback<never, ProcessError.ProcessError>((resume) => {
      const onAbort = () => attempting ? undefined : resume(Effect.fail(Conclusion.cancelled(program, undefined)))
      cancelOn.addEventListener("abort", onAbort)
      return Effect.sync(() => cancelOn.removeEventListener("abort", onAbort))
    })
    return Effect.raceFirst(repeat(attempt), aborted)
  })
