/** Checks limits, admits groups that have some, and remembers which are in force. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Containment from "../Containment.ts"
import type * as Limits from "../Limits.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import { isRecord, own } from "./refusal.ts"

const names = ["memory", "processes", "cpus"] as const

export const none: Limits.InForce = { memory: undefined, processes: undefined, cpus: undefined }

type Checked<A> = Result.Result<A, ProcessError.ProcessError>

const refused = (limit: Limits.Name, why: ProcessError.ResourceLimit["why"], detail: string) =>
  ProcessError.make(new ProcessError.ResourceLimit({ limit, why, detail }))

/** A limit that is misspelt would be one that holds for nobody. */
const unknownName = ProcessError.make(
  new ProcessError.InvalidInput({ program: undefined, field: "limits", problem: "name an unknown resource" })
)

/** The highest number that the kernel takes for `pids.max` (`PID_MAX_LIMIT`, linux/threads.h, 64 bits). */
const mostProcesses = 2 ** 22

/** The shortest time in the longest period that the kernel takes for `cpu.max`: 1 ms in 1 s (kernel/sched/core.c). */
const fewestCpus = 0.001
const mostCpus = 1_000_000

const rules: { readonly [name in Limits.Name]: (value: unknown) => number | string } = {
  memory: (value) => {
    const size = Option.flatMap(ByteSize.fromInput(value as ByteSize.Input), ByteSize.toNumber)
    return Option.getOrElse(Option.filter(size, (bytes) => bytes > 0), () => "it is not a size in bytes above zero")
  },
  processes: (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= mostProcesses
      ? value
      : `it is not a whole number from 1 to ${mostProcesses}`,
  cpus: (value) =>
    typeof value === "number" && value >= fewestCpus && value <= mostCpus
      ? value
      : `it is not a number from ${fewestCpus} to ${mostCpus}`
}

/** Reads limits, and refuses those that no system could enforce. */
export const read = (given: Limits.Limits | undefined): Checked<Limits.InForce> => {
  const found: Record<Limits.Name, number | undefined> = { ...none }
  if (given !== undefined && !isRecord(given)) return Result.fail(refused("memory", "invalid", "limits are no object"))
  if (
    given !== undefined &&
    Object.entries(given).some(([name, value]) => value !== undefined && !Object.hasOwn(none, name))
  ) {
    return Result.fail(unknownName)
  }
  for (const name of names) {
    const value: unknown = given === undefined ? undefined : own<Record<string, unknown>, string>({ ...given }, name)
    const checked = value === undefined ? undefined : rules[name](value)
    if (typeof checked === "string") return Result.fail(refused(name, "invalid", checked))
    found[name] = checked
  }
  return Result.succeed(found)
}

const asked = (limits: Limits.InForce): ReadonlyArray<Limits.Name> => names.filter((name) => limits[name] !== undefined)

/** Why a mechanism without limits has none: what was refused that would have some, and what to do about it. */
const explanation = (
  { mechanism, refused, refusedLimits }: Containment.Containment,
  name: Limits.Name
): string => {
  const advice = refusedLimits?.find(({ limit }) => limit === name)
  if (advice !== undefined) return `${mechanism} has none; ${advice.reason}`
  const cgroup = refused.find((refusal) => refusal.mechanism === "cgroup-v2")
  return `${mechanism} has no limits${cgroup === undefined ? "" : `, and cgroup-v2 was refused (${cgroup.reason})`}`
}

/** The limits of one group. */
export class LimitState {
  readonly #container: ProcessBackend.Container
  readonly #everAsked = new Set<Limits.Name>()
  #inForce = none

  constructor(container: ProcessBackend.Container) {
    this.#container = container
  }

  readonly inForce: Effect.Effect<Limits.InForce> = Effect.sync(() => this.#inForce)

  /** Replaces all limits. What is not limited any more needs nobody who could limit it. */
  set(limits: Limits.InForce): Effect.Effect<void, ProcessError.ProcessError> {
    return Effect.suspend(() => {
      const [first] = asked(limits)
      for (const name of asked(limits)) this.#everAsked.add(name)
      const { containment, limits: enforce } = this.#container
      if (enforce === undefined) {
        return first === undefined
          ? Effect.void
          : Effect.fail(refused(first, "unsupported", explanation(containment, first)))
      }
      if (first === undefined && this.#everAsked.size === 0) return Effect.void
      return Effect.tap(enforce.set(limits), () => Effect.sync(() => void (this.#inForce = limits)))
    })
  }

  readonly evidence: Effect.Effect<Limits.Evidence> = Effect.suspend(() => {
    const { limits } = this.#container
    return Effect.map(limits?.evidence ?? Effect.succeed(undefined), (evidence) => {
      const verdict = (name: Limits.Name) => this.#everAsked.has(name) ? evidence?.[name] ?? "unknown" : undefined
      return { memory: verdict("memory"), processes: verdict("processes"), cpus: verdict("cpus") }
    })
  })
}
