/**
 * What the options of a supervisor fail with and need, found in the options themselves.
 *
 * One type parameter for the needs of several options would have to be inferred from all of them at once, and
 * TypeScript takes the first and refuses the others.
 */
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as ProcessError from "../ProcessError.ts"
import type * as Readiness from "../Readiness.ts"

/** The type of a field, where there is one. */
type Field<O, K extends string> = K extends keyof O ? O[K] : never

/** What the functions among some values return. */
type Returned<T> = T extends (...args: never) => infer A ? A : never

type EffectError<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

type EffectServices<T> = T extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

type ScheduleError<T> = T extends Schedule.Schedule<infer _O, infer _I, infer E, infer _R> ? E : never

type ScheduleServices<T> = T extends Schedule.Schedule<infer _O, infer _I, infer _E, infer R> ? R : never

type ReadinessServices<T> = T extends Readiness.Readiness<infer R> ? R : never

type Answers<O> = Returned<Field<O, "stopWhen"> | Field<O, "giveUpWhen">>

type Schedules<O> = Field<O, "restart"> | Field<O, "stormGuard"> | Field<O, "backoff">

type Probes<O> = Field<NonNullable<Field<O, "healthCheck">>, "check"> | Field<O, "ready">

/** What supervision by these options can fail with, besides a `ProcessError`. */
export type ErrorOf<O> = Exclude<EffectError<Answers<O>> | ScheduleError<Schedules<O>>, ProcessError.ProcessError>

/** What supervision by these options needs, besides a runner. */
export type ServicesOf<O> =
  | EffectServices<Answers<O> | Probes<O> | Returned<Probes<O>>>
  | ScheduleServices<Schedules<O>>
  | ReadinessServices<Probes<O>>
