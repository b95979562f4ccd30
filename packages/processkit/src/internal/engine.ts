/** The runner that every backend shares. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessGroup from "../ProcessGroup.ts"
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
  start: (command, options) => decorator(runner.start(command, options), command),
  startDetached: (command) => runner.startDetached(command),
  openGroup: (options) =>
    mapGroup(runner.openGroup(options), (group) => ({
      start: (command) => decorator(group.start(command), command),
      runner: mapStart(group.runner, decorator)
    })),
  resolve: (command) => runner.resolve(command)
})

export const mapDetached = (runner: Runner, decorator: ProcessRunner.DetachedDecorator): Runner => ({
  start: (command, options) => runner.start(command, options),
  startDetached: (command) => decorator(runner.startDetached(command), command),
  openGroup: (options) =>
    mapGroup(runner.openGroup(options), (group) => ({ runner: mapDetached(group.runner, decorator) })),
  resolve: (command) => runner.resolve(command)
})

const mapGroup = <E, R>(
  opened: Effect.Effect<ProcessGroup.ProcessGroup, E, R>,
  change: (group: ProcessGroup.ProcessGroup) => Partial<ProcessGroup.ProcessGroup>
): Effect.Effect<ProcessGroup.ProcessGroup, E, R> =>
  Effect.map(opened, (group) => fromParts({ ...group, ...change(group) }))
