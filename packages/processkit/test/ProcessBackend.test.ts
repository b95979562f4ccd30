import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ProcessBackend from "processkit/ProcessBackend"

const owner = { PATH: "/bin", HOME: "/home", EMPTY: "", GONE: undefined }

const resolve = (
  base: ProcessBackend.Environment["base"],
  set: ProcessBackend.Environment["set"] = [],
  from: Readonly<Record<string, string | undefined>> = owner
) => ({ ...ProcessBackend.resolveEnvironment({ base, set }, from) })

const variables = Schema.Record(Schema.String, Schema.UndefinedOr(Schema.String))

describe("resolveEnvironment", () => {
  it("inherits everything that is set, empty values included", () => {
    assert.deepStrictEqual(resolve("inherit"), { PATH: "/bin", HOME: "/home", EMPTY: "" })
  })

  it("inherits nothing, or only what is named and there", () => {
    assert.deepStrictEqual(resolve("empty"), {})
    assert.deepStrictEqual(resolve(["PATH", "MISSING", "GONE", "EMPTY"]), { PATH: "/bin", EMPTY: "" })
  })

  it("sets on top, removes what is undefined, and lets the last word win", () => {
    const set = [["PATH", "/mine"], ["HOME", undefined], ["NEW", "1"], ["NEW", "2"], ["NEVER", undefined]] as const
    assert.deepStrictEqual(resolve("inherit", set), { PATH: "/mine", EMPTY: "", NEW: "2" })
    assert.deepStrictEqual(resolve(["HOME"], [["HOME", undefined], ["HOME", "/new"]]), { HOME: "/new" })
  })

  it("knows no variable that every object has", () => {
    assert.deepStrictEqual(resolve(["constructor", "__proto__", "toString"]), {})
    const result = ProcessBackend.resolveEnvironment({ base: "empty", set: [["__proto__", "a"]] }, owner)
    assert.deepStrictEqual(Object.entries(result), [["__proto__", "a"]])
    assert.isNull(Object.getPrototypeOf(result))
  })

  it("takes nothing from a polluted Object.prototype", () => {
    try {
      // oxlint-disable-next-line no-extend-native
      Object.defineProperty(Object.prototype, "LD_PRELOAD", {
        value: "/evil.so",
        configurable: true,
        enumerable: true,
        writable: true
      })
      for (const base of ["inherit", "empty", ["LD_PRELOAD", "PATH"]] as const) {
        const result = ProcessBackend.resolveEnvironment({ base, set: [["A", "b"]] }, owner)
        assert.notInclude(Object.keys(result), "LD_PRELOAD")
        assert.isUndefined(result["LD_PRELOAD"])
      }
    } finally {
      Reflect.deleteProperty(Object.prototype, "LD_PRELOAD")
    }
  })

  it.prop("changes neither the description nor the owner's environment", [variables, variables], ([from, mine]) => {
    const set = Object.entries(mine)
    const before = JSON.stringify([from, set])
    const result = ProcessBackend.resolveEnvironment({ base: "inherit", set }, from)
    assert.strictEqual(JSON.stringify([from, set]), before)
    for (const name of new Set([...Object.keys(from), ...Object.keys(mine)])) {
      assert.strictEqual(result[name], Object.hasOwn(mine, name) ? mine[name] : from[name])
    }
  })
})
