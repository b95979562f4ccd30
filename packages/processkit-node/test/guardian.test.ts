import { assert, describe, it } from "@effect/vitest"
import { line, registration } from "../src/internal/guardian.ts"
import type { LiveTree } from "../src/internal/liveTrees.ts"
import type { Phase } from "../src/internal/membership.ts"
import * as ProcTable from "../src/internal/procTable.ts"

const tree = (leader: number, phase: Phase, guarded = true): LiveTree => ({
  program: "x",
  table: ProcTable.make(),
  guarded,
  startedAt: 0,
  lineage: { leader, phase, seen: new Map() },
  wakers: new Set()
})

describe("what the guardian is told", () => {
  it("is one line for each change", () => {
    assert.deepStrictEqual([line("added", 7), line("reaped", 7), line("removed", 7)], ["+7\n", "~7\n", "-7\n"])
  })
  it("is everything alive when it takes over from another", () => {
    const trees = [tree(7, "running"), tree(8, "orphaned"), tree(9, "running", false)]
    assert.strictEqual(registration(trees), "+7\n+8\n~8\n")
  })
})
