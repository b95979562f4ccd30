/** Checks what a supervisor is asked for, before anything is started. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Command from "../Command.ts"
import type * as ProcessError from "../ProcessError.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import { duration, times } from "./amounts.ts"
import type * as HealthWatch from "./healthWatch.ts"
import * as InputRules from "./inputRules.ts"
import * as PolicySchedule from "./policySchedule.ts"
import { checked, optional, own, record, refuse } from "./refusal.ts"

type Running = RunningProcess.RunningProcess

/** A question to a live program. */
export type Probe<R> = Effect.Effect<unknown, unknown, R> | ((running: Running) => Effect.Effect<unknown, unknown, R>)

/** Options of a health check, as they are given. */
interface HealthCheck<R> {
  readonly check: Probe<R>
  readonly every?: Duration.Input | undefined
  readonly timeout?: Duration.Input | undefined
  readonly failures?: number | undefined
}

/** What is checked of a supervisor's options. */
export interface Options<R> {
  readonly stopWhen?: unknown
  readonly restart?: object | undefined
  readonly giveUpWhen?: unknown
  readonly maxRestarts?: number | undefined
  readonly stormGuard?: object | undefined
  readonly backoff?: object | undefined
  readonly healthCheck?: HealthCheck<R> | undefined
  readonly ready?: Probe<R> | undefined
}

export interface Checked<R> {
  readonly health: ((running: Running) => HealthWatch.Plan<R>) | undefined
}

/** Failures of a start that are there to stay. */
export const hopeless: ReadonlySet<ProcessError.Reason["_tag"]> = new Set([
  "NotFound",
  "ExecFormat",
  "InvalidInput",
  "Unsupported",
  "ArgumentListTooLong",
  "ResourceLimit",
  "GroupClosed",
  "AlreadyConsumed",
  "Unscripted",
  "CassetteMiss",
  "CassetteInvalid"
])

/** Checks without a pause would keep owner and program busy with nothing else. */
const shortestInterval = Duration.millis(10)

/** Checks all options; `isOnce` says whether there is one life only. A refused schedule refuses with its own words. */
export const check = <R>(
  command: Command.Command,
  options: Options<R>,
  isOnce: boolean
): Result.Result<Checked<R>, ProcessError.ProcessError> => {
  const rules = checked(InputRules.programOf(command), () => {
    const { backoff, giveUpWhen, healthCheck, maxRestarts: given, ready, restart, stopWhen, stormGuard } = record(
      "the options",
      options
    )
    optional("stopWhen", stopWhen, "function")
    optional("giveUpWhen", giveUpWhen, "function")
    restarts(given)
    const schedules = [policy("restart", restart), policy("stormGuard", stormGuard), policy("backoff", backoff)]
    if (!isOnce && InputRules.feedsOnce(command)) {
      refuse("stdin", "can be fed once, which is not enough for a program that may be started again")
    }
    if (ready !== undefined) probe("ready", ready)
    return { schedules, health: healthCheck === undefined ? undefined : healthOf(healthCheck) }
  })
  return Result.flatMap(rules, ({ health, schedules }) => {
    const refusal = schedules.map(PolicySchedule.refusalOf).find((refusal) => refusal !== undefined)
    return refusal === undefined ? Result.succeed({ health }) : Result.fail(refusal)
  })
}

export const maxRestarts = (given: number | undefined): Result.Result<number, ProcessError.ProcessError> =>
  checked(undefined, () => restarts(given))

export const stopPolicy = (
  program: string,
  policy: StopPolicy.StopPolicy | undefined
): Result.Result<unknown, ProcessError.ProcessError> => checked(program, () => InputRules.stopPolicy(policy))

/** The question as what makes one of a program. */
export const asked = <R>(question: Probe<R>) => (running: Running): Effect.Effect<unknown, unknown, R> =>
  typeof question === "function" ? question(running) : question

/** A schedule, where there is one. */
const policy = (field: string, given: object | undefined): object =>
  given === undefined || Schedule.isSchedule(given) ? given ?? {} : refuse(field, "is not a schedule")

const restarts = (given: number | undefined): number => given === undefined ? Infinity : times("maxRestarts", given)

const healthOf = <R>(healthCheck: HealthCheck<R>): (running: Running) => HealthWatch.Plan<R> => {
  const given = record("the health check", healthCheck)
  const question = asked(probe("the health check", own(given, "check")))
  const every = Duration.max(
    duration("the interval of the health check", own(given, "every") ?? "10 seconds"),
    shortestInterval
  )
  const timeout = duration("the timeout of the health check", own(given, "timeout") ?? every)
  const failures = Math.max(1, times("the failures of the health check", own(given, "failures") ?? 3))
  return (running) => ({ check: question(running), every, timeout, failures })
}

const probe = <R>(field: string, question: Probe<R> | undefined): Probe<R> =>
  question !== undefined && (typeof question === "function" || Effect.isEffect(question))
    ? question
    : refuse(field, "is neither an effect nor a function")
