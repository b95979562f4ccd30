/** Checks amounts: durations that can be waited for, sizes in bytes, counts. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { own, refuse } from "./refusal.ts"

/** The longest duration that is waited for: ten years. */
export const longest = Duration.days(3653)

/**
 * A duration that can be waited for: NaN and negative ones are refused, anything above ten years is cut to ten years,
 * infinity stays.
 */
export const duration = (field: string, input: Duration.Input): Duration.Duration => {
  const value = Option.getOrUndefined(Duration.fromInput(exact(field, input)))
  if (value === undefined) return refuse(field, "is not a duration")
  if (Duration.isNegative(value)) refuse(field, "is negative")
  return Duration.isFinite(value) ? Duration.min(value, longest) : Duration.infinity
}

/** What was measured or drawn, as people read it: in whole milliseconds. */
export const whole = (duration: Duration.Duration): Duration.Duration =>
  Duration.millis(Math.round(Duration.toMillis(duration)))

/** The input, unless `Duration` would take it for zero: NaN in it, or an object that names no unit. */
const exact = (field: string, input: Duration.Input): Duration.Input => {
  if (Number.isNaN(input)) refuse(field, "is not a number")
  if (typeof input !== "object" || input === null || Duration.isDuration(input)) return input
  if (!isPair(input)) return parts(field, input)
  if (input.some((part) => Number.isNaN(part))) refuse(field, "is not a number")
  return input
}

const isPair = (input: object): input is readonly [number, number] => Array.isArray(input)

const unitMillis = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1000,
  milliseconds: 1,
  microseconds: 1e-3,
  nanoseconds: 1e-6
} as const

const units = Object.keys(unitMillis) as ReadonlyArray<keyof typeof unitMillis>

/** The parts of a duration by unit. */
const parts = (field: string, input: Duration.DurationObject): Duration.DurationObject => {
  const found = units.map((unit) => [unit, own(input, unit)] as const)
    .filter(([, part]) => part !== undefined)
  if (found.length === 0 || found.some(([, part]) => typeof part !== "number")) refuse(field, "is not a duration")
  // Infinities of both signs, given or overflown into, are NaN together.
  const total = found.reduce((sum, [unit, part = 0]) => sum + part * unitMillis[unit], 0)
  if (Number.isNaN(total)) refuse(field, "is not a number")
  return Object.assign(Object.create(null), Object.fromEntries(found))
}

export const bytes = (field: string, input: ByteSize.Input): number => {
  const size = Option.flatMap(ByteSize.fromInput(input), ByteSize.toNumber)
  return Option.getOrElse(size, () => refuse(field, "is not a size in bytes"))
}

export const count = (field: string, value: number): number =>
  Number.isSafeInteger(value) && value >= 0 ? value : refuse(field, "has a number of lines that is not a count")

/** A number of times, infinity included. */
export const times = (field: string, value: number): number =>
  value === Infinity || (Number.isSafeInteger(value) && value >= 0)
    ? value
    : refuse(field, "is not a whole number from 0 up")
