import { assert, describe, it } from "@effect/vitest"
import * as Interleavings from "./interleavings.ts"

const seeds = Array.from({ length: 200 }, (_, seed) => seed)

describe("a plan of an interleaving", () => {
  it("is the same for the same seed, and another one for another", () => {
    for (const seed of seeds) assert.deepStrictEqual(Interleavings.plan(seed), Interleavings.plan(seed))
    assert.strictEqual(new Set(seeds.map((seed) => JSON.stringify(Interleavings.plan(seed)))).size, seeds.length)
  })

  it("leaves no kind of program, operation or ending out over many seeds", () => {
    const plans = seeds.map(Interleavings.plan)
    const children = plans.flatMap((plan) => plan.children)
    assert.sameMembers([...new Set(children.map(({ kind }) => kind))], [...Interleavings.kinds])
    assert.sameMembers([...new Set(children.map(({ ending }) => ending))], [...Interleavings.endings])
    assert.sameMembers(
      [...new Set(children.flatMap(({ operations }) => operations.map(({ what }) => what)))],
      [...Interleavings.childOperations]
    )
    assert.sameMembers(
      [...new Set(plans.flatMap(({ operations }) => operations.map(({ what }) => what)))],
      [...Interleavings.groupOperations]
    )
    for (const { children, operations } of plans) {
      assert.include([2, 3, 4], children.length)
      assert.include([2, 3, 4, 5], operations.length)
    }
  })
})
