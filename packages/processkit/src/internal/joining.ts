/** Waits for several running programs at once, and owns none of them. */
import * as Effect from "effect/Effect"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import { checked, list, refuse } from "./refusal.ts"

type Several = ReadonlyArray<RunningProcess.RunningProcess>

export const waitAny = (
  processes: Several
): Effect.Effect<readonly [index: number, outcome: Outcome.Outcome], ProcessError.ProcessError> =>
  Effect.flatMap(
    given(processes, (all) => all.length === 0 ? refuse(field, "is empty, so that nothing would ever end") : all),
    (all) => Effect.raceAllFirst(all.map(({ outcome }, i) => Effect.map(outcome, (outcome) => [i, outcome] as const)))
  )

/** At once, so that a failure of the last is not kept back by the first. */
export const waitAll = (
  processes: Several
): Effect.Effect<ReadonlyArray<Outcome.Outcome>, ProcessError.ProcessError> =>
  Effect.flatMap(
    given(processes, (all) => all),
    (all) => Effect.forEach(all, ({ outcome }) => outcome, { concurrency: "unbounded" })
  )

const field = "the list of programs"

const given = (
  processes: Several,
  check: (all: Several) => Several
): Effect.Effect<Several, ProcessError.ProcessError> =>
  Effect.suspend(() => Effect.fromResult(checked(undefined, () => check(list(field, processes)))))
