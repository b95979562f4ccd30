import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as LiveTrees from "../src/internal/liveTrees.ts"
import { type Grove, request } from "../src/internal/look.ts"
import * as Membership from "../src/internal/membership.ts"
import type { ProcessTable, Reading, Row } from "../src/internal/processTable.ts"

const row = (pid: number, ppid: number, pgid: number): Row => ({
  pid,
  ppid,
  pgid,
  session: undefined,
  alive: true,
  start: `s${pid}`
})

const tableOf = (...rows: ReadonlyArray<Row>): Reading => Result.succeed(new Map(rows.map((one) => [one.pid, one])))

/** A tree, and a table whose readings last until they are answered. */
const scene = () => {
  const answers: Array<(reading: Reading) => void> = []
  const table: ProcessTable = {
    name: "ps",
    read: (begin) => void answers.push(begin()),
    readNow: () => Result.fail("unused"),
    probe: undefined,
    lastPid: () => undefined
  }
  const tree = LiveTrees.add(200, { program: "x", table, guarded: false, onGone: () => {}, onLost: () => {} })
  const grove: Grove = { table, trees: () => Membership.isGone(tree.lineage) ? [] : [tree] }
  const look = () => request(grove, () => {})
  return { answers, grove, look, tree }
}

const leader = row(200, process.pid, 200)
const child = row(201, 200, 200)
const orphan = row(201, 1, 200)

describe("a reading that ends after the leader was reaped", () => {
  it("does not take the leader it lists for a stranger, and keeps who was seen", () => {
    const { answers, look, tree } = scene()
    look()
    LiveTrees.update(tree, Membership.exited(tree.lineage))
    answers[0]?.(tableOf(leader, child))
    assert.strictEqual(tree.lineage.phase, "exited")
    assert.isTrue(tree.lineage.seen.has(201))
    look()
    answers[1]?.(tableOf(orphan))
    assert.strictEqual(tree.lineage.phase, "orphaned")
    LiveTrees.remove(tree)
  })

  it("does not take a tree for gone whose processes it is too old to list", () => {
    const { answers, look, tree } = scene()
    look()
    LiveTrees.update(tree, Membership.exited(tree.lineage))
    answers[0]?.(tableOf(row(1, 0, 1)))
    assert.isFalse(Membership.isGone(tree.lineage))
    LiveTrees.remove(tree)
  })

  it("brings nothing back of a tree that has ended", () => {
    const { answers, look, tree } = scene()
    look()
    LiveTrees.remove(tree)
    answers[0]?.(tableOf(leader, child))
    assert.isTrue(Membership.isGone(tree.lineage))
    assert.strictEqual(LiveTrees.count(), 0)
  })
})

describe("a reading that several asked for", () => {
  it("is recorded once and tells each the same", () => {
    const { answers, grove, tree } = scene()
    const told: Array<number> = []
    for (let i = 0; i < 3; i++) {
      request(grove, (result) => told.push(Result.isSuccess(result) ? result.success[0]?.members.length ?? 0 : -1))
    }
    for (const answer of answers) answer(tableOf(leader, child))
    assert.deepStrictEqual(told, [2, 2, 2])
    assert.strictEqual(tree.lineage.seen.size, 2)
    LiveTrees.remove(tree)
  })
})
