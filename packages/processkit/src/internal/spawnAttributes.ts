/**
 * Checks the attributes of a start, and whether the mechanism that is to give them can.
 *
 * Pure. What nobody asked for is not there afterwards, so that a mechanism has to know only what it is asked for.
 */
import type * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Containment from "../Containment.ts"
import * as ProcessError from "../ProcessError.ts"
import * as SpawnAttributes from "../SpawnAttributes.ts"
import { bytes, duration } from "./amounts.ts"
import { isRecord, list, optional, own, record, refuse } from "./refusal.ts"

type Checked = SpawnAttributes.SpawnAttributes

/** The last number stands for "as it is" in the calls that set an identity (setresuid(2)). */
const maxId = 2 ** 32 - 2
const maxGroups = 1024
const maxProcessor = 1023

/** A whole number of a range; NaN and fractions are in no range. No zero has a sign, at which Node would abort. */
const integer = (field: string, value: number, least: number, most: number): number =>
  Number.isInteger(value) && value >= least && value <= most
    ? value + 0
    : refuse(field, `is not a whole number from ${least} to ${most}`)

const niceValues: ReadonlyMap<unknown, number> = new Map([
  ["idle", 19],
  ["belowNormal", 10],
  ["normal", 0],
  ["aboveNormal", -7],
  ["high", -14]
])

const priority = (value: SpawnAttributes.Priority): number =>
  niceValues.get(value) ??
    (typeof value === "number" ? integer("priority", value, -20, 19) : refuse("priority", "is not a priority"))

const ioPriority = (value: SpawnAttributes.IoPriority): SpawnAttributes.IoPriority => {
  if (value === "idle") return value
  if (!isRecord(value)) return refuse("ioPriority", "is not an I/O priority")
  const [name, level] = [own(value, "class"), own(value, "level")]
  if (name !== "bestEffort" && name !== "realTime") return refuse("ioPriority", "has a class that does not exist")
  return { class: name, level: integer("the level of ioPriority", level ?? Number.NaN, 0, 7) }
}

const groups = (value: ReadonlyArray<number>): ReadonlyArray<number> => {
  const given = list("groups", value)
  if (given.length > maxGroups) refuse("groups", `has more than ${maxGroups} groups`)
  return given.map((group, i) => integer(`group ${i + 1} of groups`, group, 0, maxId))
}

const affinity = (value: ReadonlyArray<number>): ReadonlyArray<number> => {
  const given = list("affinity", value)
  if (given.length === 0) refuse("affinity", "names no processor")
  const processors = given.map((processor, i) => integer(`processor ${i + 1} of affinity`, processor, 0, maxProcessor))
  return [...new Set(processors)].toSorted((a, b) => a - b)
}

const argv0 = (value: string): string => {
  if (typeof value !== "string") return refuse("argv0", "is not a string")
  if (value.includes("\0")) refuse("argv0", "contains a NUL character")
  if (/\p{Surrogate}/u.test(value)) refuse("argv0", "contains half of a surrogate pair")
  return value
}

const size = (field: string, value: unknown): number => bytes(field, value as ByteSize.Input)

const tally = (field: string, value: unknown): number =>
  integer(field, typeof value === "number" ? value : Number.NaN, 0, Number.MAX_SAFE_INTEGER)

/** The kernel counts whole seconds, and takes none for one (setrlimit(2), RLIMIT_CPU). */
const seconds = (field: string, value: unknown): number =>
  Math.max(1, Math.ceil(Duration.toSeconds(duration(field, value as Duration.Input))))

/** What each limit is counted in. */
const units: Readonly<Record<keyof SpawnAttributes.Rlimits, (field: string, value: unknown) => number>> = {
  as: size,
  core: size,
  cpu: seconds,
  data: size,
  fsize: size,
  memlock: size,
  msgqueue: size,
  nofile: tally,
  nproc: tally,
  rtprio: tally,
  sigpending: tally,
  stack: size
}

const isResource = (name: string): name is keyof SpawnAttributes.Rlimits => Object.hasOwn(units, name)

const isPair = (value: unknown): value is { readonly soft: unknown; readonly hard: unknown } =>
  isRecord(value) && (Object.hasOwn(value, "soft") || Object.hasOwn(value, "hard"))

const rlimit = (resource: keyof SpawnAttributes.Rlimits, value: unknown): SpawnAttributes.ResourceLimit => {
  const field = `${resource} of rlimits`
  const amount = (part: unknown): number => part === Infinity ? Infinity : units[resource](field, part)
  if (!isPair(value)) {
    const both = amount(value)
    return { resource, soft: both, hard: both }
  }
  const [soft, hard] = [amount(own(value, "soft")), amount(own(value, "hard"))]
  return soft > hard ? refuse(field, "has a soft limit above its hard limit") : { resource, soft, hard }
}

const rlimits = (value: SpawnAttributes.Rlimits): ReadonlyArray<SpawnAttributes.ResourceLimit> =>
  Object.entries(record("rlimits", value))
    .filter(([, limit]) => limit !== undefined)
    .map(([name, limit]) => isResource(name) ? rlimit(name, limit) : refuse("rlimits", "names an unknown resource"))

const flag = (field: string) => (value: boolean): boolean => optional(field, value, "boolean")

const id = (field: string) => (value: number): number => integer(field, value, 0, maxId)

const umask = (value: number): number =>
  Number.isInteger(value) && value >= 0 && value <= 0o777
    ? value + 0
    : refuse("umask", "is not a mask from 0 to 0o777")

const terminal = (value: "shared"): "shared" => value === "shared" ? value : refuse("terminal", "is not \"shared\"")

/** What each attribute is made of. */
const checks: { readonly [K in keyof SpawnAttributes.Options]-?: (value: never) => Checked[K] } = {
  argv0,
  uid: id("uid"),
  gid: id("gid"),
  groups,
  umask,
  rlimits,
  priority,
  affinity,
  ioPriority,
  noNewPrivileges: flag("noNewPrivileges"),
  terminal,
  windowsHide: flag("windowsHide")
}

const fields = Object.keys(checks) as ReadonlyArray<keyof SpawnAttributes.Options>

/** Reads the attributes out of the options of a command, refusing what cannot be meant. */
export const read = (options: SpawnAttributes.Options): Checked => {
  const found: Record<string, unknown> = Object.create(null)
  for (const field of fields) {
    const value = own(options, field)
    if (value !== undefined) found[field] = checks[field](value as never)
  }
  // What everybody has by default is not asked for, whatever the mechanism.
  if (found["noNewPrivileges"] === false) delete found["noNewPrivileges"]
  if (Array.isArray(found["rlimits"]) && found["rlimits"].length === 0) delete found["rlimits"]
  return found
}

/** Fails where something is asked for that the mechanism cannot give: before anything is started, and never silently. */
export const check = (
  self: Checked,
  { attributes, mechanism }: Containment.Containment
): Result.Result<void, ProcessError.ProcessError> => {
  const missing = SpawnAttributes.asked(self).filter((name) => !attributes.includes(name))
  return missing.length === 0
    ? Result.succeed(undefined)
    : Result.fail(ProcessError.make(
      new ProcessError.Unsupported({
        feature: `the option ${missing.join(", ")}`,
        mechanism,
        detail: attributes.length === 0
          ? "it can set no attribute of a start"
          : `of the attributes of a start it can set ${attributes.join(", ")}`
      })
    ))
}
