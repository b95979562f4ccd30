/**
 * The verbs of a pipeline, by those of a command: a running pipeline is a running program.
 *
 * Those that give a result give one with the results of all stages.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Pipeline from "../Pipeline.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as ProcessResult from "../ProcessResult.ts"
import * as PipelinePlan from "./pipelinePlan.ts"
import * as PipelineRun from "./pipelineRun.ts"
import { retried } from "./retrying.ts"
import * as TerminalRules from "./terminalRules.ts"
import * as Verbs from "./verbs.ts"

/** The pipeline as verbs see it: the input of the first stage, the output of the last, and options of its own. */
export const composite = (pipeline: Pipeline.Pipeline): Verbs.Composite => {
  const { stderr, stdout } = TerminalRules.streams(pipeline.stages.at(-1)?.options ?? {})
  const { cancelOn, retry } = pipeline.options
  return {
    program: PipelinePlan.nameOf(pipeline),
    options: { stdin: pipeline.stages[0]?.options.stdin, stdout, stderr, retry, cancelOn },
    launch: (options) => PipelineRun.start(pipeline, options)
  }
}

export const checked = (pipeline: Pipeline.Pipeline): Verbs.Verb<Pipeline.PipelineResult<string>> => {
  const subject = composite(pipeline)
  return retried(
    subject,
    Verbs.asking(
      subject,
      PipelineRun.start(pipeline, { overflow: "end" }),
      ({ result }) => Effect.tap(result, ProcessResult.ensureSuccess)
    )
  )
}

export const outputString = (pipeline: Pipeline.Pipeline): Verbs.Verb<Pipeline.PipelineResult<string>> =>
  output(pipeline, ({ result }) => result)

export const outputBytes = (pipeline: Pipeline.Pipeline): Verbs.Verb<Pipeline.PipelineResult<Uint8Array>> =>
  output(pipeline, ({ resultBytes }) => resultBytes)

const output = <A>(
  pipeline: Pipeline.Pipeline,
  ask: (running: Pipeline.RunningPipeline) => Effect.Effect<Pipeline.PipelineResult<A>, ProcessError.ProcessError>
): Verbs.Verb<Pipeline.PipelineResult<A>> => {
  const subject = composite(pipeline)
  return Verbs.capturing(subject, Verbs.asking(subject, PipelineRun.start(pipeline, { overflow: "end" }), ask))
}

export const start = (pipeline: Pipeline.Pipeline): Verbs.Verb<Pipeline.RunningPipeline, Scope.Scope> =>
  PipelineRun.start(pipeline, {})
