/** Which numbers can name one process. */
import * as Effect from "effect/Effect"
import type * as ProcessError from "../ProcessError.ts"
import * as Refusal from "./refusal.ts"

/** A `pid_t` has 31 bits on every supported system; 0 and negative numbers name groups where a signal is sent. */
const isPid = (value: number): boolean => Number.isSafeInteger(value) && value > 0 && value < 2 ** 31

export const checked = (pid: number): Effect.Effect<number, ProcessError.ProcessError> =>
  Effect.suspend(() =>
    Effect.fromResult(
      Refusal.checked(undefined, () => isPid(pid) ? pid : Refusal.refuse("the pid", "is not the number of a process"))
    )
  )
