import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SpawnAttributes from "processkit/SpawnAttributes"
import { checked } from "../../src/internal/refusal.ts"
import * as Attributes from "../../src/internal/spawnAttributes.ts"

const read = (options: SpawnAttributes.Options) => checked("git", () => Attributes.read(options))

const accepted = (options: SpawnAttributes.Options): Record<string, unknown> => {
  const result = read(options)
  return Result.isSuccess(result) ? { ...result.success } : assert.fail(result.failure.message)
}

const fieldOf = (options: unknown): string => {
  const result = read(options as SpawnAttributes.Options)
  if (Result.isSuccess(result)) return "nothing was refused"
  const { reason } = result.failure
  return reason._tag === "InvalidInput" ? reason.field : reason._tag
}

const limits = (rlimits: SpawnAttributes.Rlimits) => accepted({ rlimits })["rlimits"]

describe("the attributes of a start", () => {
  it("hold what was asked for and nothing else, and have no prototype", () => {
    assert.deepStrictEqual(accepted({}), {})
    assert.deepStrictEqual(accepted({ uid: undefined, noNewPrivileges: false, rlimits: {} }), {})
    assert.deepStrictEqual(accepted({ uid: 0, umask: 0, priority: 0, argv0: "" }), {
      argv0: "",
      priority: 0,
      uid: 0,
      umask: 0
    })
    const result = read({ uid: 0 })
    assert.isTrue(Result.isSuccess(result) && Object.getPrototypeOf(result.success) === null)
  })

  it("have ids below the one that means as it is", () => {
    for (const name of ["uid", "gid"] as const) {
      for (const id of [0, 65_534, 2 ** 32 - 2]) assert.deepStrictEqual(accepted({ [name]: id }), { [name]: id })
      for (const id of [-1, 0.5, NaN, Infinity, 2 ** 32 - 1, "0", "root"]) {
        assert.strictEqual(fieldOf({ [name]: id }), name)
      }
    }
  })

  // Node aborts the whole process at a negative zero for a user (`uid_v->IsInt32()`, Node 24).
  it("have no zero with a sign", () => {
    const seen = accepted({ uid: -0, gid: -0, umask: -0, priority: -0, affinity: [-0], groups: [-0] })
    assert.isFalse(Object.values(seen).flat().some((value) => Object.is(value, -0)))
  })

  it("have as many groups as the kernel is asked for at most", () => {
    const many = Array.from({ length: 1024 }, (_, i) => i)
    assert.deepStrictEqual(accepted({ groups: many }), { groups: many })
    assert.deepStrictEqual(accepted({ groups: [] }), { groups: [] })
    assert.strictEqual(fieldOf({ groups: [...many, 1] }), "groups")
    assert.strictEqual(fieldOf({ groups: [1, -1] }), "group 2 of groups")
  })

  it("do not see what their caller does to a list afterwards", () => {
    const groups = [1]
    const seen = accepted({ groups })
    groups.push(0)
    assert.deepStrictEqual(seen, { groups: [1] })
  })

  it("have a mask of nine bits", () => {
    assert.deepStrictEqual(accepted({ umask: 0o777 }), { umask: 0o777 })
    for (const umask of [-1, 0o1000, 1.5, NaN, "022"]) assert.strictEqual(fieldOf({ umask }), "umask")
  })

  it("have a level or a nice value for priority", () => {
    const levels = { idle: 19, belowNormal: 10, normal: 0, aboveNormal: -7, high: -14 } as const
    for (const [level, nice] of Object.entries(levels)) {
      assert.deepStrictEqual(accepted({ priority: level as SpawnAttributes.Priority }), { priority: nice })
    }
    for (const nice of [-20, 19]) assert.deepStrictEqual(accepted({ priority: nice }), { priority: nice })
    for (const priority of [-21, 20, 0.5, NaN, "low", "constructor", "10"]) {
      assert.strictEqual(fieldOf({ priority }), "priority", String(priority))
    }
  })

  it("have processors in ascending order, each once", () => {
    assert.deepStrictEqual(accepted({ affinity: [10, 2, 10, 1023] }), { affinity: [2, 10, 1023] })
    assert.strictEqual(fieldOf({ affinity: [] }), "affinity")
    for (const processor of [-1, 1024, 0.5, NaN]) {
      assert.strictEqual(fieldOf({ affinity: [0, processor] }), "processor 2 of affinity")
    }
  })

  it("have a class and a level of input and output", () => {
    assert.deepStrictEqual(accepted({ ioPriority: "idle" }), { ioPriority: "idle" })
    for (const level of [0, 7]) {
      const ioPriority = { class: "bestEffort", level } as const
      assert.deepStrictEqual(accepted({ ioPriority }), { ioPriority })
    }
    for (const level of [-1, 8, 0.5, NaN, undefined, "4"]) {
      assert.strictEqual(fieldOf({ ioPriority: { class: "realTime", level } }), "the level of ioPriority")
    }
    for (const ioPriority of ["bestEffort", { class: "idle", level: 0 }, { level: 0 }]) {
      assert.strictEqual(fieldOf({ ioPriority }), "ioPriority")
    }
  })
})

describe("limits of resources", () => {
  it("are sizes, counts or whole seconds, for both values at once or each", () => {
    assert.deepStrictEqual(limits({ core: 0, fsize: "1 KiB", nofile: 64, cpu: "1500 millis" }), [
      { resource: "core", soft: 0, hard: 0 },
      { resource: "fsize", soft: 1024, hard: 1024 },
      { resource: "nofile", soft: 64, hard: 64 },
      { resource: "cpu", soft: 2, hard: 2 }
    ])
    assert.deepStrictEqual(limits({ nofile: { soft: 64, hard: Infinity }, cpu: { soft: 0, hard: "1 minute" } }), [
      { resource: "nofile", soft: 64, hard: Infinity },
      { resource: "cpu", soft: 1, hard: 60 }
    ])
  })

  it("are infinite where nothing is limited, and absent where nothing is said", () => {
    assert.deepStrictEqual(limits({ as: Infinity, cpu: { soft: Infinity, hard: Infinity }, stack: undefined }), [
      { resource: "as", soft: Infinity, hard: Infinity },
      { resource: "cpu", soft: Infinity, hard: Infinity }
    ])
  })

  it("are refused where they cannot be meant", () => {
    for (const nofile of [-1, 1.5, NaN, -Infinity, "64", { soft: 1 }, { hard: 1 }, { soft: 2, hard: 1 }, null]) {
      assert.strictEqual(fieldOf({ rlimits: { nofile } }), "nofile of rlimits", JSON.stringify(nofile))
    }
    for (const cpu of [-1, NaN, "soon", { seconds: NaN }]) {
      assert.strictEqual(fieldOf({ rlimits: { cpu } }), "cpu of rlimits", JSON.stringify(cpu))
    }
    for (const core of [-1, NaN, "big", 0.5]) assert.strictEqual(fieldOf({ rlimits: { core } }), "core of rlimits")
  })

  it("are refused for resources that do not exist, whatever Object.prototype has", () => {
    for (const name of ["nofiles", "NOFILE", "constructor", "__proto__", ""]) {
      const rlimits = JSON.parse(`{${JSON.stringify(name)}: 1}`)
      assert.strictEqual(fieldOf({ rlimits }), "rlimits", name)
    }
  })

  it.prop("of any two counts are taken as they are, unless the soft one is larger", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 40 })),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 40 }))
  ], ([soft, hard]) => {
    const result = read({ rlimits: { nofile: { soft, hard } } })
    if (soft > hard) return assert.isTrue(Result.isFailure(result))
    assert.deepStrictEqual(Result.isSuccess(result) && result.success.rlimits, [{ resource: "nofile", soft, hard }])
  })
})

describe("a mechanism", () => {
  const containment = {
    mechanism: "process-group",
    tree: "linked",
    ownerDeath: "none",
    suspend: true,
    limits: [],
    realTimeSignals: false,
    escapes: "",
    refused: []
  } as const

  const missing = (asked: SpawnAttributes.Options, attributes: ReadonlyArray<SpawnAttributes.Name>) => {
    const result = Attributes.check(Attributes.read(asked), { ...containment, attributes })
    return Result.isSuccess(result) ? undefined : result.failure.message
  }

  it("gives what it lists and refuses everything else by name", () => {
    const all: SpawnAttributes.Options = {
      argv0: "a",
      uid: 1,
      gid: 1,
      groups: [],
      umask: 0,
      rlimits: { core: 0 },
      priority: 0,
      affinity: [0],
      ioPriority: "idle",
      noNewPrivileges: true,
      terminal: "shared",
      windowsHide: true
    }
    assert.deepStrictEqual(
      [...SpawnAttributes.names].toSorted(),
      Object.keys(all).filter((k) => k !== "windowsHide").toSorted()
    )
    assert.isUndefined(missing(all, SpawnAttributes.names))
    for (const name of SpawnAttributes.names) {
      const others = SpawnAttributes.names.filter((other) => other !== name)
      assert.match(missing({ [name]: all[name] }, others) ?? "", new RegExp(`^the option ${name} is not supported`))
      assert.isUndefined(missing({ [name]: all[name] }, [name]))
    }
  })

  it("names all that it lacks, and what it has", () => {
    assert.strictEqual(
      missing({ uid: 1, umask: 0, priority: 0 }, ["uid", "gid"]),
      "the option umask, priority is not supported by the mechanism process-group: of the attributes of a start it can " +
        "set uid, gid"
    )
    assert.match(missing({ uid: 1 }, []) ?? "", /it can set no attribute of a start$/)
  })

  it("is not asked for what changes nothing", () => {
    assert.isUndefined(missing({ windowsHide: true, noNewPrivileges: false }, []))
  })
})
