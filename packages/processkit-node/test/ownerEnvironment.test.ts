import { assert, describe, it } from "@effect/vitest"
import * as OwnerEnvironment from "../src/internal/ownerEnvironment.ts"

describe("the owner's environment", () => {
  it("is the same object for as long as nothing has changed, and another one after each change", () => {
    const environment: Record<string, string> = { A: "1", B: "2" }
    const read = OwnerEnvironment.reader(environment)
    const changes: ReadonlyArray<() => void> = [
      () => environment["C"] = "3",
      () => environment["A"] = "one",
      () => delete environment["B"],
      () => {
        delete environment["C"]
        environment["D"] = "3"
      }
    ]
    for (const change of changes) {
      const before = read()
      assert.strictEqual(read(), before)
      const copy = { ...before }
      change()
      assert.deepEqual({ ...read() }, environment)
      assert.deepEqual({ ...before }, copy)
      assert.notStrictEqual(read(), before)
    }
  })

  it("holds no variable of a prototype, and one that is called like a part of every object", () => {
    const environment: Record<string, string> = Object.create({ inherited: "x" })
    Object.defineProperty(environment, "__proto__", { value: "own", enumerable: true })
    const variables = OwnerEnvironment.reader(environment)()
    assert.deepEqual(Object.entries(variables), [["__proto__", "own"]])
    assert.isUndefined(Object.getPrototypeOf(variables) ?? undefined)
  })

  it("cannot be changed by whoever has it", () => {
    assert.isTrue(Object.isFrozen(OwnerEnvironment.reader({ A: "1" })()))
  })

  it("is that of this process, as it is now", () => {
    const name = "PROCESSKIT_TEST_OWNER_ENVIRONMENT"
    try {
      process.env[name] = "first"
      assert.strictEqual(OwnerEnvironment.read()[name], "first")
      process.env[name] = "second"
      assert.strictEqual(OwnerEnvironment.read()[name], "second")
    } finally {
      delete process.env[name]
    }
    assert.notProperty(OwnerEnvironment.read(), name)
  })
})
