/**
 * Compares what a group has to guarantee with what its mechanism does: pure.
 */
import * as Result from "effect/Result"
import type * as Containment from "../Containment.ts"
import type * as Mechanism from "../Mechanism.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessGroup from "../ProcessGroup.ts"
import { own, record, refuse } from "./refusal.ts"

/** Reads the requirements out of the options of a group, refusing what is none. */
export const read = (options: ProcessGroup.Options | undefined): ProcessGroup.Requirements => {
  const given = options === undefined ? undefined : own(options, "require")
  if (given === undefined) return {}
  const { mechanism, ownerDeath, tree } = fields(record("require", given))
  // A guarantee that is misspelt would be one that nobody gives.
  if (Object.keys(given).some((name) => !names.has(name))) return refuse("require", "names an unknown guarantee")
  if (tree !== undefined && tree !== "whole") return refuse("require.tree", "is not \"whole\"")
  if (ownerDeath !== undefined && ownerDeath !== "whole" && ownerDeath !== "linked") {
    return refuse("require.ownerDeath", "is neither \"whole\" nor \"linked\"")
  }
  if (mechanism !== undefined && !mechanisms.has(mechanism)) return refuse("require.mechanism", "is not a mechanism")
  return { tree, ownerDeath, mechanism }
}

const names: ReadonlySet<string> = new Set(["tree", "ownerDeath", "mechanism"])

const mechanisms: ReadonlySet<string> = new Set<Mechanism.Mechanism>([
  "cgroup-v2",
  "job-object",
  "subreaper",
  "process-group",
  "scripted"
])

const fields = (given: ProcessGroup.Requirements): ProcessGroup.Requirements => ({
  tree: own(given, "tree"),
  ownerDeath: own(given, "ownerDeath"),
  mechanism: own(given, "mechanism")
})

const strength = { none: 0, linked: 1, whole: 2 } as const

/** Whether all that is missing is another mechanism, where nothing better was refused. */
const isWeaker = ({ ownerDeath, tree }: ProcessGroup.Requirements, given: Containment.Containment): boolean =>
  unmet({ ownerDeath, tree }, given).length === 0

/** The guarantees that are asked for and not given, in words. */
const unmet = (required: ProcessGroup.Requirements, given: Containment.Containment): ReadonlyArray<string> => [
  ...(required.mechanism !== undefined && required.mechanism !== given.mechanism
    ? [`the mechanism ${required.mechanism}`]
    : []),
  ...(required.tree !== undefined && given.tree !== required.tree ? ["that the whole tree ends with its scope"] : []),
  ...(required.ownerDeath !== undefined && strength[given.ownerDeath] < strength[required.ownerDeath]
    ? [`that ${required.ownerDeath === "whole" ? "the whole tree" : "every linked member"} ends with its owner`]
    : [])
]

/** Fails where the mechanism guarantees less than is required, and says which others were refused and why. */
export const check = (
  required: ProcessGroup.Requirements,
  given: Containment.Containment
): Result.Result<void, ProcessError.ProcessError> => {
  const missing = unmet(required, given)
  if (missing.length === 0) return Result.succeed(undefined)
  const why = given.refused.map(({ mechanism, reason }) => `${mechanism}: ${reason}`)
  return Result.fail(ProcessError.make(
    new ProcessError.Unsupported({
      feature: missing.join(" and "),
      mechanism: given.mechanism,
      detail: why.length > 0
        ? why.join("; ")
        : isWeaker(required, given)
        ? "the runner has a stronger one"
        : given.escapes
    })
  ))
}
