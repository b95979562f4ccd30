/**
 * Checks a pipeline's every input and turns it into the commands that are started, before anything happens.
 */
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Command from "../Command.ts"
import type * as Pipeline from "../Pipeline.ts"
import type * as ProcessError from "../ProcessError.ts"
import { duration } from "./amounts.ts"
import * as InputRules from "./inputRules.ts"
import { checked, refuse } from "./refusal.ts"

/** A stage that may be started. */
export interface PlannedStage {
  readonly command: Command.Command
  readonly isLast: boolean
  readonly isUnchecked: boolean
  readonly mergesStderr: boolean
  readonly okCodes: ReadonlyArray<number>
  /** How long the stage may take to end where one before it has failed. */
  readonly grace: Duration.Duration
}

/** A pipeline that may be started. */
export interface Plan {
  readonly name: string
  readonly stages: Arr.NonEmptyReadonlyArray<PlannedStage>
  readonly timeout: Duration.Duration | undefined
  readonly cancelOn: AbortSignal | undefined
}

/** The pipeline for an error: its programs, with the pipes between them. */
export const nameOf = ({ stages }: Pick<Pipeline.Pipeline, "stages">): string =>
  stages.map((stage) => InputRules.programOf(stage) ?? "?").join(" | ")

export const prepare = (pipeline: Pipeline.Pipeline): Result.Result<Plan, ProcessError.ProcessError> => {
  const name = nameOf(pipeline)
  return Result.flatMap(ownRules(pipeline, name), (own) => {
    const commands = Arr.map(own.commands, (command, i) => effective(command, i, own))
    const stages = Result.all(Arr.map(commands, (command, i) => plannedStage(command, i === commands.length - 1)))
    return Result.map(stages, (stages) => ({ name, stages, timeout: own.timeout, cancelOn: own.cancelOn }))
  })
}

/** What is checked before any stage is looked at. */
interface Whole extends Pick<Plan, "timeout" | "cancelOn"> {
  readonly commands: Arr.NonEmptyReadonlyArray<Command.Command>
}

const ownRules = (
  { invalid, options, stages }: Pipeline.Pipeline,
  name: string
): Result.Result<Whole, ProcessError.ProcessError> =>
  checked(name, () => {
    if (invalid !== undefined) refuse(invalid.field, invalid.problem)
    InputRules.retryOf({ options })
    InputRules.observers({ cancelOn: options.cancelOn })
    return {
      commands: Arr.isReadonlyArrayNonEmpty(stages) ? stages : refuse("the pipeline", "has no stages"),
      timeout: options.timeout === undefined ? undefined : duration("timeout", options.timeout),
      cancelOn: options.cancelOn
    }
  })

const plannedStage = (
  command: Command.Command,
  isLast: boolean
): Result.Result<PlannedStage, ProcessError.ProcessError> =>
  Result.flatMap(
    InputRules.prepare(command),
    ({ inactivityTimeout, mergesStderr, okCodes, stop, unchecked }) =>
      checked(command.program, () => {
        // Nobody would hear it, and a stage that is busy with writing to the next one would be stopped.
        if (inactivityTimeout !== undefined && !isLast) {
          refuse("inactivityTimeout", "needs an output that is read here, which only the last stage of a pipeline has")
        }
        return { command, isLast, isUnchecked: unchecked, mergesStderr, okCodes, grace: stop.grace }
      })
  )

const nobodyHears = { stdout: undefined, onStdoutLine: undefined } as const

const nobodyHearsEither = { ...nobodyHears, stderr: undefined, onStderrLine: undefined } as const

/** The command as it is started: without what a pipe takes the place of, and cancelled with the pipeline. */
const effective = (command: Command.Command, index: number, { cancelOn, commands }: Whole): Command.Command => {
  const { options } = command
  const output = options.mergeStderr === true ? nobodyHearsEither : nobodyHears
  return withOptions(command, {
    ...(index === 0 ? {} : { stdin: undefined }),
    ...(index === commands.length - 1 ? {} : output),
    ...(cancelOn === undefined || options.cancelOn !== undefined ? {} : { cancelOn })
  })
}

/** A copy with other options, or the command itself where nothing is another. */
const withOptions = (command: Command.Command, options: Command.Options): Command.Command => {
  const names = Object.keys(options) as Array<keyof Command.Options>
  return names.every((name) => command.options[name] === options[name])
    ? command
    : Object.assign(Object.create(Object.getPrototypeOf(command)), command, {
      options: Object.assign(Object.create(null), command.options, options)
    })
}
