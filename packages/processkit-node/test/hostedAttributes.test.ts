import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SpawnAttributes from "processkit/SpawnAttributes"
import type { Stage } from "../src/internal/host/hostProtocol.ts"
import * as HostedAttributes from "../src/internal/hosted/hostedAttributes.ts"

const refusal = (stage: Stage, errno: string, asked: SpawnAttributes.SpawnAttributes = {}) => {
  const reason = HostedAttributes.refusal(stage, errno, "id", asked)
  return reason === undefined ? undefined : `${reason._tag}: ${reason.message}`
}

describe("attributes for the host", () => {
  it("are none where none was asked for", () => {
    assert.isUndefined(HostedAttributes.encode({}))
    assert.isUndefined(HostedAttributes.encode({ windowsHide: true, uid: undefined }))
    // The name is an argument of the program, and no attribute of the protocol.
    assert.deepInclude(HostedAttributes.encode({ argv0: "name" }), { uid: undefined, groups: undefined })
  })

  it("give up the groups with user or group, unless groups are asked for", () => {
    assert.deepEqual(HostedAttributes.encode({ uid: 1 })?.groups, [])
    assert.deepEqual(HostedAttributes.encode({ gid: 1 })?.groups, [])
    assert.deepEqual(HostedAttributes.encode({ uid: 1, groups: [5] })?.groups, [5])
    assert.isUndefined(HostedAttributes.encode({ umask: 0 })?.groups)
  })

  it("are the numbers of the kernel", () => {
    const encoded = HostedAttributes.encode({
      rlimits: [{ resource: "nofile", soft: 64, hard: Infinity }, { resource: "rtprio", soft: 0, hard: 2 ** 53 - 1 }],
      priority: -20,
      ioPriority: { class: "realTime", level: 3 }
    })
    assert.deepEqual(encoded?.limits, [
      { resource: 7, soft: 64n, hard: 2n ** 64n - 1n },
      { resource: 14, soft: 0n, hard: 2n ** 53n - 1n }
    ])
    assert.deepInclude(encoded, { nice: -20, ioPriority: (1 << 13) | 3 })
    assert.deepInclude(HostedAttributes.encode({ ioPriority: "idle" }), { ioPriority: 3 << 13 })
  })

  it.prop("have a bit for every processor and no other", [
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1023 })))
  ], ([found]) => {
    const processors = [...new Set([...found, 7])].toSorted((a, b) => a - b)
    const mask = HostedAttributes.affinityMask(processors)
    const bits = Array.from({ length: mask.length * 8 }, (_, bit) => bit).filter((bit) =>
      ((mask[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
    )
    assert.deepStrictEqual(bits, processors)
    assert.isAtMost(mask.length, 128)
  })

  it("whose setting failed are named by their option", () => {
    assert.match(refusal("uid", "EPERM") ?? "", /^PermissionDenied: .* its uid/)
    assert.match(refusal("nice", "EACCES") ?? "", /^PermissionDenied: .* its priority/)
    assert.match(refusal("groups", "EPERM", { groups: [] }) ?? "", /^PermissionDenied: .* its groups/)
    assert.match(refusal("groups", "EPERM", { uid: 1 }) ?? "", /^PermissionDenied: .* its uid/)
    assert.match(refusal("groups", "EPERM", { gid: 1 }) ?? "", /^PermissionDenied: .* its gid/)
    assert.match(refusal("affinity", "EINVAL") ?? "", /^InvalidInput: .* affinity is not possible/)
    assert.match(refusal("uid", "EAGAIN") ?? "", /^ResourceExhausted/)
    assert.match(refusal("ioPriority", "ENOSYS") ?? "", /^Unsupported: the option ioPriority/)
    assert.match(refusal("limits", "EFAULT") ?? "", /^SpawnFailed/)
    for (const stage of ["exec", "directory", "stream", "killed"] as const) assert.isUndefined(refusal(stage, "EPERM"))
  })

  it("cover every attribute that is listed", () => {
    // One is the first argument, one chooses the host.
    const elsewhere: ReadonlySet<SpawnAttributes.Name> = new Set(["argv0", "terminal"])
    const one: Record<SpawnAttributes.Name, SpawnAttributes.SpawnAttributes> = {
      argv0: { argv0: "a" },
      uid: { uid: 1 },
      gid: { gid: 1 },
      groups: { groups: [] },
      umask: { umask: 1 },
      rlimits: { rlimits: [{ resource: "core", soft: 0, hard: 0 }] },
      priority: { priority: 1 },
      affinity: { affinity: [0] },
      ioPriority: { ioPriority: "idle" },
      noNewPrivileges: { noNewPrivileges: true },
      terminal: { terminal: "shared" }
    }
    for (const name of SpawnAttributes.names) {
      const set = Object.values(HostedAttributes.encode(one[name]) ?? {}).filter((value) => value !== undefined)
      assert.isAtLeast(set.length, elsewhere.has(name) ? 0 : 1, name)
    }
  })
})
