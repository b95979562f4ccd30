/**
 * Decides what a finished pipeline was: pure. `pipelineBlame.ts` names the stage, this makes its answer that of the whole.
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Outcome from "../Outcome.ts"
import type * as Pipeline from "../Pipeline.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as ProcessResult from "../ProcessResult.ts"
import * as Blame from "./pipelineBlame.ts"

/** A stage, and what was asked of it: its outcome or its result. */
export interface Answered<A> extends Blame.StageEnd {
  readonly answer: Result.Result<A, ProcessError.ProcessError>
  /** From the start of the pipeline to that of the stage. */
  readonly delay: Duration.Duration
}

/** The whole. */
export interface Facts<A> {
  readonly name: string
  /** The deadline of the whole pipeline, where it has passed. */
  readonly deadline: Duration.Duration | undefined
  readonly stages: Arr.NonEmptyReadonlyArray<Answered<A>>
}

/** How the whole ended. */
export const outcome = (facts: Facts<Outcome.Outcome>): Result.Result<Outcome.Outcome, ProcessError.ProcessError> => {
  const { deadline, stages } = facts
  return deadline === undefined
    ? speakerOf(stages, culpritOf(stages)).answer
    : Result.map(Arr.lastNonEmpty(stages).answer, (last) => timedOut(deadline, last))
}

/** The result of the whole. */
export const result = <A>(
  facts: Facts<ProcessResult.ProcessResult<A>>
): Result.Result<Pipeline.PipelineResult<A>, ProcessError.ProcessError> => {
  const { stages } = facts
  const culprit = culpritOf(stages)
  const answers = Result.all(Arr.map(stages, ({ answer }) => answer))
  return Result.isSuccess(answers)
    ? Result.succeed(composed(facts, answers.success, culprit))
    : Result.fail(failureOf(speakerOf(stages, culprit).answer) ?? answers.failure)
}

/** A stage that has no result leaves nothing to speak of but a failure: that of the culprit, if he has one. */
const failureOf = <A>(
  answer: Answered<ProcessResult.ProcessResult<A>>["answer"]
): ProcessError.ProcessError | undefined =>
  Result.isFailure(answer)
    ? answer.failure
    : ProcessResult.isSuccess(answer.success)
    ? undefined
    : ProcessResult.toError(answer.success)

/** What failed after its exit, such as a buffer that was full, has failed all the same. */
const culpritOf = <A>(stages: ReadonlyArray<Answered<A>>): number | undefined =>
  Blame.culprit(stages.map((end) => Result.isFailure(end.answer) ? { ...end, ending: "failed" } : end))

const speakerOf = <A>(stages: Facts<A>["stages"], culprit: number | undefined): Answered<A> =>
  (culprit === undefined ? undefined : stages[culprit]) ?? Arr.lastNonEmpty(stages)

const composed = <A>(
  { deadline, name, stages }: Facts<ProcessResult.ProcessResult<A>>,
  results: Arr.NonEmptyReadonlyArray<ProcessResult.ProcessResult<A>>,
  culprit: number | undefined
): Pipeline.PipelineResult<A> => {
  const last = Arr.lastNonEmpty(results)
  const speaker = (culprit === undefined || deadline !== undefined ? undefined : results[culprit]) ?? last
  const own = ProcessResult.make<A>({
    ...voiceOf(speaker),
    ...(deadline === undefined ? {} : { program: name, outcome: timedOut(deadline, last.outcome) }),
    okCodes: culprit === undefined ? acceptedBy(last) : speaker.okCodes,
    stdout: last.stdout,
    duration: durationOf(stages, results),
    truncated: last.truncated || speaker.truncated,
    incomplete: results.some(({ incomplete }) => incomplete),
    leftovers: results.reduce((sum, { leftovers }) => sum + leftovers, 0)
  })
  return Object.assign(own, { stages: results, culprit: deadline === undefined ? culprit : undefined })
}

/** What the one who speaks says for all. */
const voiceOf = <A>(
  { outcome, program, stderr, stderrBytes, stop }: ProcessResult.ProcessResult<A>
) => ({
  program,
  outcome,
  stderr,
  ...(stderrBytes === undefined ? {} : { stderrBytes }),
  ...(stop === undefined ? {} : { stop })
})

/** Nobody is to blame: then also the code that an unchecked last stage returned is a good one. */
const acceptedBy = <A>({ okCodes, outcome }: ProcessResult.ProcessResult<A>): ReadonlyArray<number> => {
  const code = Outcome.code(outcome)
  return code === undefined || okCodes.includes(code) ? okCodes : [...okCodes, code]
}

const timedOut = (after: Duration.Duration, last: Outcome.Outcome): Outcome.Outcome =>
  Outcome.timedOut({ after, kind: "deadline", exit: Outcome.isTimedOut(last) ? last.exit : last })

/** From the first start to the last end. */
const durationOf = <A>(
  stages: ReadonlyArray<Answered<unknown>>,
  results: ReadonlyArray<ProcessResult.ProcessResult<A>>
): Duration.Duration =>
  results.reduce(
    (longest, { duration }, i) => Duration.max(longest, Duration.sum(stages[i]?.delay ?? Duration.zero, duration)),
    Duration.zero
  )
