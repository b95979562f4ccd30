/** The public face of a pipeline that runs: a running program made of several. */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Pipeline from "../Pipeline.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessResult from "../ProcessResult.ts"
import * as RunningProcess from "../RunningProcess.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import * as PipelineConclusion from "./pipelineConclusion.ts"
import type { Started, Watch } from "./pipelineRun.ts"
import type { RelayFailure } from "./relay.ts"
import * as Sampler from "./sampler.ts"
import * as Stats from "./stats.ts"

type Stages = Arr.NonEmptyReadonlyArray<Started>

type Asked<A> = Effect.Effect<A, ProcessError.ProcessError>

export const make = (watch: Watch, stages: Stages): Pipeline.RunningPipeline => {
  const [first] = stages
  const last = Arr.lastNonEmpty(stages)
  const all = Arr.map(stages, ({ running }) => running)
  const stats = Effect.map(Effect.forEach(all, (running) => running.stats, unbounded), Stats.sum)
  const outcome = concluded(watch, stages, ({ outcome }) => outcome, PipelineConclusion.outcome)
  const result = resultOf(watch, stages, ({ result }) => result)
  return Object.assign(
    RunningProcess.make({
      ...last.running,
      program: watch.plan.name,
      startedAt: first.running.startedAt,
      stdin: first.running.stdin,
      outcome,
      isRunning: Effect.sync(() => stages.some(({ place }) => place.ending === undefined)),
      signal: (signal) => Effect.forEach(all, (running) => running.signal(signal), allAtOnce),
      kill: ending(watch, Effect.forEach(all, (running) => running.kill, allAtOnce)),
      stop: (policy) =>
        ending(watch, Effect.map(Effect.forEach(all, (running) => running.stop(policy), unbounded), reported)),
      stats,
      profile: (every) =>
        Sampler.profile({ stats, outcome, duration: Effect.map(result, ({ duration }) => duration) }, every)
    }),
    {
      stages: all,
      result,
      resultBytes: resultOf(watch, stages, ({ resultBytes }) => resultBytes)
    }
  )
}

const unbounded = { concurrency: "unbounded" } as const

const allAtOnce = { concurrency: "unbounded", discard: true } as const

/** Asks every stage, and makes one answer of all. */
const concluded = <A, B>(
  watch: Watch,
  stages: Stages,
  ask: (running: RunningProcess.RunningProcess) => Asked<A>,
  conclude: (facts: PipelineConclusion.Facts<A>) => Result.Result<B, ProcessError.ProcessError>
): Asked<B> =>
  Effect.flatMap(
    Effect.forEach(stages, ({ running }) => Effect.result(ask(running)), unbounded),
    (answers) => {
      const answered = Arr.map(stages, (stage, i) => answeredBy(stage, stages[0], answers[i] ?? answers[0]))
      const facts = { name: watch.plan.name, deadline: watch.deadline, stages: answered }
      return Effect.fromResult(Result.mapError(conclude(facts), (error) => watch.renamed(error)))
    }
  )

const resultOf = <A>(
  watch: Watch,
  stages: Stages,
  ask: (running: RunningProcess.RunningProcess) => Asked<ProcessResult.ProcessResult<A>>
): Asked<Pipeline.PipelineResult<A>> => concluded(watch, stages, ask, (facts) => PipelineConclusion.result(facts))

/** A reader who was not given all of its input has not worked, whatever it says; a relay is nobody's but the pipeline's. */
const answeredBy = <A>(
  { input, place, planned, running }: Started,
  first: Started,
  answer: Result.Result<A, ProcessError.ProcessError>
): PipelineConclusion.Answered<A> => ({
  ...planned,
  ending: place.ending ?? "failed",
  isStopped: place.isStopped,
  answer: input?.failure === undefined ? answer : Result.fail(notPassedOn(planned.command.program, input.failure)),
  delay: Duration.millis(running.startedAt - first.running.startedAt)
})

const notPassedOn = (program: string, { errno, side }: RelayFailure): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.IoFailed({
      program,
      operation: side === "writing" ? "writing stdin" : "reading the pipe before it",
      errno
    })
  )

/** What ends from here on was ended by us. */
const ending = <A>(watch: Watch, effect: Asked<A>): Asked<A> =>
  Effect.suspend(() => {
    watch.markStopped()
    return effect
  })

/** One report of several stops that were made at once. */
const reported = (reports: ReadonlyArray<StopPolicy.ShutdownReport>): StopPolicy.ShutdownReport => {
  // A stage that had ended has stopped nothing.
  const [first] = [...reports.filter(({ members }) => members > 0), ...reports]
  return {
    signal: first?.signal ?? "SIGTERM",
    forced: reports.some(({ forced }) => forced),
    members: reports.reduce((sum, { members }) => sum + members, 0),
    survivors: reports.flatMap(({ survivors }) => survivors),
    elapsed: reports.reduce((longest, { elapsed }) => Duration.max(longest, elapsed), Duration.zero)
  }
}
