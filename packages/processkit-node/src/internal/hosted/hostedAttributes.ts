/**
 * The attributes of a start in the kernel's numbers, and what the kernel's refusal of one means.
 */
import * as ProcessError from "processkit/ProcessError"
import * as SpawnAttributes from "processkit/SpawnAttributes"
import type { Attributes, Limit, Stage } from "../host/hostProtocol.ts"

/** Source: `asm-generic/resource.h` of Linux, the same on x64 and arm64. */
const resources: Readonly<Record<SpawnAttributes.ResourceLimit["resource"], number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  sigpending: 11,
  msgqueue: 12,
  rtprio: 14
}

const unlimited = 2n ** 64n - 1n

const limitValue = (value: number): bigint => value === Infinity ? unlimited : BigInt(value)

const limitOf = ({ hard, resource, soft }: SpawnAttributes.ResourceLimit): Limit => ({
  resource: resources[resource],
  soft: limitValue(soft),
  hard: limitValue(hard)
})

/** A bit for each processor, as many bytes as it takes. */
export const affinityMask = (processors: ReadonlyArray<number>): Uint8Array => {
  const mask = new Uint8Array((Math.max(...processors) >> 3) + 1)
  for (const processor of processors) mask[processor >> 3] = (mask[processor >> 3] ?? 0) | (1 << (processor & 7))
  return mask
}

/** Source: ioprio_set(2), `IOPRIO_PRIO_VALUE`. */
const ioPriorityValue = (priority: SpawnAttributes.IoPriority): number => {
  if (priority === "idle") return 3 << 13
  return ((priority.class === "realTime" ? 1 : 2) << 13) | priority.level
}

const when = <A, B>(value: A | undefined, f: (value: A) => B): B | undefined =>
  value === undefined ? undefined : f(value)

/** Puts attributes into the kernel's numbers; `undefined` where none was asked for. */
export const encode = (self: SpawnAttributes.SpawnAttributes): Attributes | undefined => {
  if (SpawnAttributes.asked(self).length === 0) return undefined
  const { affinity, gid, groups, ioPriority, noNewPrivileges, priority, rlimits, uid, umask } = self
  const changesIdentity = uid !== undefined || gid !== undefined
  return {
    uid,
    gid,
    groups: groups ?? (changesIdentity ? [] : undefined),
    umask,
    limits: when(rlimits, (limits) => limits.map(limitOf)),
    nice: priority,
    affinity: when(affinity, affinityMask),
    ioPriority: when(ioPriority, ioPriorityValue),
    noNewPrivileges
  }
}

const options: Readonly<Partial<Record<Stage, SpawnAttributes.Name>>> = {
  limits: "rlimits",
  umask: "umask",
  nice: "priority",
  ioPriority: "ioPriority",
  affinity: "affinity",
  groups: "groups",
  gid: "gid",
  uid: "uid",
  noNewPrivileges: "noNewPrivileges"
}

/** The option behind a step: groups that nobody asked for are given up for the sake of user or group. */
const optionOf = (stage: Stage, asked: ReadonlyArray<SpawnAttributes.Name>): SpawnAttributes.Name | undefined => {
  const option = options[stage]
  if (option !== "groups" || asked.includes("groups")) return option
  return asked.includes("uid") ? "uid" : "gid"
}

/** Names the reason where a step that sets an attribute failed; `undefined` for every other step. */
export const refusal = (
  stage: Stage,
  errno: string,
  program: string,
  attributes: SpawnAttributes.SpawnAttributes
): ProcessError.Reason | undefined => {
  const option = optionOf(stage, SpawnAttributes.asked(attributes))
  if (option === undefined) return undefined
  switch (errno) {
    case "EPERM":
    case "EACCES":
      return new ProcessError.PermissionDenied({ program, errno, option })
    case "EINVAL":
      return new ProcessError.InvalidInput({ program, field: option, problem: "is not possible on this machine" })
    case "EAGAIN":
    case "ENOMEM":
      return new ProcessError.ResourceExhausted({ program, errno })
    case "ENOSYS":
      return new ProcessError.Unsupported({
        feature: `the option ${option}`,
        mechanism: undefined,
        detail: "this kernel was built without it"
      })
    default:
      return new ProcessError.SpawnFailed({ program, errno })
  }
}
