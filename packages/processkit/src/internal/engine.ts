/** The runner that every backend shares. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import { withDescriptors } from "./descriptors.ts"
import * as Detached from "./detached.ts"
import * as Group from "./group.ts"
import * as InputRules from "./inputRules.ts"
import { fromParts } from "./processGroup.ts"
import type { Run } from "./run.ts"
import { fromRun } from "./runningProcess.ts"
import { type Stage, stageOf } from "./stage.ts"
import { start } from "./start.ts"

type Runner = ProcessRunner.ProcessRunner["Service"]

const nobody = () => {}

const close = (run: Run): Effect.Effect<void> => run.close

export const make = (backend: ProcessBackend.ProcessBackend["Service"]): Runner => {
  const runner: Runner = {
    start: (command, options) => {
      const stage = stageOf(options)
      return Effect.map(
        Effect.acquireRelease(
          start(command, withDescriptors(stage === undefined ? backend.open : inPipeline(backend, stage), options), {
            isPrivate: stage === undefined,
            sleep: backend.sleep,
            probes: backend.probes,
            overflow: options?.overflow ?? "fail",
            wants: options?.wants,
            buffer: options?.buffer,
            onSettled: nobody,
            stage
          }),
          close
        ),
        fromRun
      )
    },
    startDetached: (command) => Detached.start(backend, command),
    openGroup: (options) => Group.open(backend, () => runner, options),
    resolve: (command) =>
      Effect.flatMap(Effect.fromResult(InputRules.prepare(command)), ({ request }) => backend.resolve(request))
  }
  return runner
}

/** The container that the stages of a pipeline share, and that ends with the pipeline. */
const inPipeline = (backend: ProcessBackend.ProcessBackend["Service"], stage: Stage) =>
  Effect.map(stage.home.at(backend, backend.open, true), (container) => stage.seat(container))

export const mapStart = (runner: Runner, decorator: ProcessRunner.Decorator): Runner => ({
  ...runner,
  start: (command, options) => decorator(runner.start(command, options), command),
  openGroup: (options) =>
    Effect.map(runner.openGroup(options), (group) =>
      fromParts({
        ...group,
        start: (command) => decorator(group.start(command), command),
        runner: mapStart(group.runner, decorator)
      }))
})

export const mapDetached = (runner: Runner, decorator: ProcessRunner.DetachedDecorator): Runner => ({
  ...runner,
  startDetached: (command) => decorator(runner.startDetached(command), command),
  openGroup: (options) =>
    Effect.map(
      runner.openGroup(options),
      (group) => fromParts({ ...group, runner: mapDetached(group.runner, decorator) })
    )
})
