/**
 * Answers the questions of a program, one after the other.
 *
 * A prompt stays on its line until the program ends that line, so the next one is looked for only in what comes after an
 * answer. That wait begins before the answer is written: a program that asks again at once is heard.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as ProcessError from "../ProcessError.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import { checked, list, refuse } from "./refusal.ts"

type Step<A> = Effect.Effect<A, ProcessError.ProcessError>

export const converse = Effect.fnUntraced(function*(
  running: RunningProcess.RunningProcess,
  turns: ReadonlyArray<RunningProcess.Turn>,
  options: RunningProcess.DialogOptions | undefined
): Effect.fn.Return<ReadonlyArray<string>, ProcessError.ProcessError> {
  const all = yield* Effect.fromResult(checked(running.program, () => list("the dialog", turns).map(turn)))
  const prompts: Array<string> = []
  let write: Step<void> = Effect.void
  for (const [i, { answer, prompt }] of all.entries()) {
    const wait = Effect.mapError(
      running.waitForOutput(prompt, { ...options, fresh: i > 0 }),
      (error) => atQuestion(error, i + 1)
    )
    const [found] = yield* Effect.all([wait, write], { concurrency: "unbounded" })
    prompts.push(found)
    write = Effect.flatMap(
      Effect.suspend(() => Effect.fromResult(checked(running.program, () => answer(found)))),
      (line) => running.stdin.writeLine(line)
    )
  }
  yield* write
  return prompts
})

const turn = (pair: RunningProcess.Turn, i: number) => {
  const field = `turn ${i + 1} of the dialog`
  const [prompt, answer] = list(field, pair) as RunningProcess.Turn
  if (typeof answer === "function") return { prompt, answer: (found: string) => words(field, answer(found)) }
  return typeof answer === "string" || Redacted.isRedacted(answer)
    ? { prompt, answer: () => words(field, answer) }
    : refuse(field, "has no answer")
}

const words = (field: string, answer: string | Redacted.Redacted<string>): string => {
  const text = Result.try(() => Redacted.isRedacted(answer) ? Redacted.value(answer) : answer)
  if (Result.isFailure(text)) return refuse(field, "has an answer that is a secret that was wiped")
  return typeof text.success === "string" ? text.success : refuse(field, "has an answer that is no text")
}

/** Says which question did not come. */
const atQuestion = (error: ProcessError.ProcessError, question: number): ProcessError.ProcessError => {
  if (error.reason._tag !== "NotReady") return error
  const { ended, last, program, said, within } = error.reason
  return ProcessError.make(
    new ProcessError.NotReady({ program, within, ended, said, last: `question ${question} did not come, ${last}` })
  )
}
