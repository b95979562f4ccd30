import { assert, describe, it } from "@effect/vitest"
import { isCallDue, lines } from "../src/internal/guardian.ts"
import * as Membership from "../src/internal/membership.ts"

const begun = Membership.started(7)
const seen: Membership.Lineage = { ...begun, seen: new Map([[7, "a"], [8, "Fri Nov 20"]]) }

describe("what the guardian is told", () => {
  it("is one line for the beginning and the end of a tree", () => {
    assert.strictEqual(lines(undefined, begun), "+7\n")
    assert.strictEqual(lines(begun, undefined), "-7\n")
  })
  it("is nothing where nothing changed", () => {
    assert.strictEqual(lines(seen, seen), "")
  })
  it("is that the leader was reaped, once", () => {
    const exited = Membership.exited(begun)
    assert.strictEqual(lines(begun, exited), "~7\n")
    assert.strictEqual(lines(exited, { ...exited, phase: "orphaned" }), "")
  })
  it("is who was seen, and who is not there any more, in words without blanks", () => {
    assert.strictEqual(lines(begun, seen), "=7:a\n=8:Fri_Nov_20\n")
    assert.strictEqual(lines(seen, { ...begun, seen: new Map([[8, "later"]]) }), "!7:a\n!8:Fri_Nov_20\n=8:later\n")
    assert.strictEqual(lines(seen, undefined), "!7:a\n!8:Fri_Nov_20\n-7\n")
  })
  // It was told of a leader with the number 0, and its signal to that group stopped the guardian itself.
  it("is only who was seen where somebody was taken in, who leads nothing of ours", () => {
    const adopted = Membership.adopted({ pid: 7, ppid: 1, pgid: 7, session: 7, alive: true, start: "a" })
    const child: Membership.Lineage = { ...adopted, seen: new Map([[7, "a"], [9, "b"]]) }
    assert.strictEqual(lines(undefined, adopted), "=7:a\n")
    assert.strictEqual(lines(adopted, child), "=9:b\n")
    assert.strictEqual(lines(child, undefined), "!7:a\n!9:b\n")
  })
  it("is everything at once when it takes over from another", () => {
    assert.strictEqual(lines(undefined, { ...seen, phase: "orphaned" }), "+7\n~7\n=7:a\n=8:Fri_Nov_20\n")
  })
})

describe("the guardian", () => {
  it("is called long before its pipe is full, and not for every change", () => {
    assert.isFalse(isCallDue(1, 10))
    assert.isTrue(isCallDue(100, 1_000))
    assert.isTrue(isCallDue(1, 10_000))
  })
})
