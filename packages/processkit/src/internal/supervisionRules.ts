/** Checks what a supervisor is asked for, before anything is started. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Command from "../Command.ts"
import * as OutputBuffer from "../OutputBuffer.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as Readiness from "../Readiness.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as StopPolicy from "../StopPolicy.ts"
import type * as Supervisor from "../Supervisor.ts"
import { duration, times } from "./amounts.ts"
import { sleepAndCatchUp } from "./deadlines.ts"
import type * as HealthWatch from "./healthWatch.ts"
import * as InputRules from "./inputRules.ts"
import * as PolicySchedule from "./policySchedule.ts"
import { checked, fields, optional, own, record, refuse } from "./refusal.ts"
import type * as Supervision from "./supervision.ts"

type Running = RunningProcess.RunningProcess

type Probe<R> = Supervisor.Probe<R>

/** What is kept of each output stream of a life where the command's `buffer` does not say. */
export const defaultCapture: OutputBuffer.OutputBuffer = OutputBuffer.tail({ lines: 1000, bytes: "1 MiB" })

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

/** What a policy consists of. */
export const policyFields = ["stopWhen", "restart", "giveUpWhen", "maxRestarts", "stormGuard", "backoff"] as const

/** Checks without a pause would keep owner and program busy with nothing else. */
const shortestInterval = Duration.millis(10)

/** Checks all options, and makes a plan of them. Others may take a program down that start it again, whatever they say. */
export const plan = <E, R>(
  command: Command.Command,
  options: Supervisor.Options<E, R>,
  schedule: Supervision.Plan<E, R>["schedule"],
  isTakenDown = false
): Result.Result<Supervision.Plan<E, R>, ProcessError.ProcessError> => {
  const rules = checked(InputRules.programOf(command), () => {
    const schedules = schedulesOf(record("the options", options))
    const { healthCheck, maxRestarts: given, ready, readyWithin, restart } = fields(
      options,
      ["healthCheck", "maxRestarts", "ready", "readyWithin", "restart"]
    )
    const isOnce = !isTakenDown && (restart === PolicySchedule.never || given === 0)
    if (!isOnce && InputRules.feedsOnce(command)) {
      refuse("stdin", "can be fed once, which is not enough for a program that may be started again")
    }
    const health = healthCheck === undefined ? undefined : healthOf(healthCheck)
    const within = duration("readyWithin", readyWithin ?? "30 seconds")
    return { schedules, health, ready: ready === undefined ? undefined : readyOf(probe("ready", ready), within) }
  })
  return Result.flatMap(rules, ({ health, ready, schedules }) =>
    unlessRefused(schedules, {
      command,
      capture: defaultCapture,
      schedule,
      cancelOn: command.options.cancelOn,
      health,
      ready,
      membership: undefined
    }))
}

/** Checks what decides about the next life of something that is no program. */
export const policyOf = <P extends Supervisor.Policy<unknown, unknown>>(
  given: P
): Result.Result<P, ProcessError.ProcessError> =>
  Result.flatMap(
    checked(undefined, () => schedulesOf(record("the policy", given))),
    (schedules) => unlessRefused(schedules, given)
  )

const schedulesOf = <E, R>(given: Supervisor.Policy<E, R>): ReadonlyArray<object> => {
  const policies = fields(given, policyFields)
  optional("stopWhen", policies.stopWhen, "function")
  optional("giveUpWhen", policies.giveUpWhen, "function")
  restarts(policies.maxRestarts)
  return (["restart", "stormGuard", "backoff"] as const).map((field) => policy(field, policies[field]))
}

/** A schedule that can only fail refuses in its own words. */
const unlessRefused = <A>(schedules: ReadonlyArray<object>, value: A): Result.Result<A, ProcessError.ProcessError> => {
  const refusal = schedules.map(PolicySchedule.refusalOf).find((refusal) => refusal !== undefined)
  return refusal === undefined ? Result.succeed(value) : Result.fail(refusal)
}

export const maxRestarts = (given: number | undefined): Result.Result<number, ProcessError.ProcessError> =>
  checked(undefined, () => restarts(given))

/** Checks the schedule that counts the restarts of a whole group. */
export const guard = (given: object | undefined): Result.Result<unknown, ProcessError.ProcessError> =>
  Result.flatMap(
    checked(undefined, () => policy("stormGuard", given)),
    (schedule) => unlessRefused([schedule], schedule)
  )

/** Checks a word out of a few. */
export const word = <const A extends string>(
  field: string,
  given: A,
  words: ReadonlyArray<A>
): Result.Result<A, ProcessError.ProcessError> =>
  checked(
    undefined,
    () => words.includes(given) ? given : refuse(field, `is none of ${words.map((one) => `"${one}"`).join(", ")}`)
  )

export const stopPolicy = (
  program: string | undefined,
  policy: StopPolicy.StopPolicy | undefined
): Result.Result<unknown, ProcessError.ProcessError> => checked(program, () => InputRules.stopPolicy(policy))

/** Asks a function of the caller's; one that throws is a question that dies. */
const ask = <R>(
  question: (running: Running) => Effect.Effect<unknown, unknown, R>,
  running: Running
): Effect.Effect<unknown, unknown, R> => Effect.suspend(() => question(running))

/** Whoever answers no has not waited for a yes. */
const affirmed = <E, R>(answer: Effect.Effect<unknown, E, R>): Effect.Effect<unknown, E | string, R> =>
  Effect.flatMap(answer, (said) => said === false ? Effect.fail("the answer was no") : Effect.void)

/** How a program is waited for until it is ready: what can be asked again is asked until it says yes. */
const readyOf = <R>(
  question: Probe<R>,
  within: Duration.Duration
): (running: Running) => Effect.Effect<unknown, unknown, R> =>
(running) =>
  typeof question === "function"
    ? Effect.raceFirst(
      affirmed(ask(question, running)),
      Effect.andThen(sleepAndCatchUp(within), Effect.fail("not in time"))
    )
    : running.waitFor(question, { within })

/** How a program is asked once whether it is well. */
const askedOnce = <R>(
  question: Probe<R>,
  running: Running,
  within: Duration.Duration
): Effect.Effect<unknown, unknown, R> => {
  if (typeof question === "function") return ask(question, running)
  return Readiness.isReadiness(question)
    ? running.waitFor(Readiness.once(question as Readiness.Readiness<R>), { within })
    : question
}

/** A schedule, where there is one. */
const policy = (field: string, given: object | undefined): object =>
  given === undefined || Schedule.isSchedule(given) ? given ?? {} : refuse(field, "is not a schedule")

const restarts = (given: number | undefined): number => given === undefined ? Infinity : times("maxRestarts", given)

const healthOf = <R>(healthCheck: Supervisor.HealthCheck<R>): (running: Running) => HealthWatch.Plan<R> => {
  const given = record("the health check", healthCheck)
  const question = probe("the health check", own(given, "check"))
  const every = Duration.max(
    duration("the interval of the health check", own(given, "every") ?? "10 seconds"),
    shortestInterval
  )
  const timeout = duration("the timeout of the health check", own(given, "timeout") ?? every)
  const failures = Math.max(1, times("the failures of the health check", own(given, "failures") ?? 3))
  return (running) => ({ check: askedOnce(question, running, timeout), every, timeout, failures })
}

const probe = <R>(field: string, question: Probe<R> | undefined): Probe<R> =>
  question !== undefined &&
    (typeof question === "function" || Effect.isEffect(question) || Readiness.isReadiness(question))
    ? question
    : refuse(field, "is no readiness, no effect and no function")
