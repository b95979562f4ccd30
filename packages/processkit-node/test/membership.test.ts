import { assert, describe, it } from "@effect/vitest"
import * as Membership from "../src/internal/membership.ts"
import type { Row, Table } from "../src/internal/processTable.ts"

const owner = 100
const guardian = 101
const isForeign = (pid: number) => pid === owner || pid === guardian

/** pid, ppid, pgid, session; the start is the pid unless it is given. */
type Spec = readonly [pid: number, ppid: number, pgid: number, session?: number | undefined, more?: Partial<Row>]

const tableOf = (...specs: ReadonlyArray<Spec>): Table =>
  new Map(specs.map(([pid, ppid, pgid, session, more]) => [
    pid,
    { pid, ppid, pgid, session, alive: true, start: `s${pid}`, ...more }
  ]))

const attribute = (lineage: Membership.Lineage, table: Table): Membership.Attribution => {
  const [attribution] = Membership.attribute([lineage], table, isForeign)
  assert.isDefined(attribution)
  return attribution
}

const pids = (attribution: Membership.Attribution) =>
  attribution.members.map((row) => row.pid).toSorted((a, b) => a - b)

const ownerRow: Spec = [owner, 1, owner, 50]

describe("membership while the leader is not reaped", () => {
  const lineage = Membership.started(200)

  it("holds the leader, its group, its session and their descendants", () => {
    const table = tableOf(
      ownerRow,
      [200, owner, 200, 200],
      [201, 200, 200, 200],
      [202, 1, 202, 200], // a job of its own, in the session
      [203, 201, 203, 203], // a new session, linked by its parent
      [204, 203, 203, 203],
      [205, 1, 205, 205] // a stranger
    )
    assert.deepStrictEqual(pids(attribute(lineage, table)), [200, 201, 202, 203, 204])
  })

  it("holds what is linked to the leader where the table tells no sessions", () => {
    const table = tableOf(ownerRow, [200, owner, 200], [201, 200, 201], [202, 1, 202])
    assert.deepStrictEqual(pids(attribute(lineage, table)), [200, 201])
  })

  it("counts no zombie, and keeps following what it left in the group", () => {
    const table = tableOf(ownerRow, [200, owner, 200, 200, { alive: false }], [201, 1, 200, 200])
    const attribution = attribute(lineage, table)
    assert.deepStrictEqual(pids(attribution), [201])
    assert.isTrue(attribution.group)
  })

  it("never holds the owner, its guardian or the first process, whatever they are linked to", () => {
    const table = tableOf(
      [1, 200, 200, 200],
      [owner, 200, 200, 200],
      [guardian, 200, 200, 200],
      [102, guardian, 102, 102],
      [200, owner, 200, 200]
    )
    assert.deepStrictEqual(pids(attribute(lineage, table)), [200])
  })

  it("stays alive without any row, because its end was not reported yet", () => {
    assert.isFalse(Membership.isGone(attribute(lineage, tableOf(ownerRow)).lineage))
  })

  it("attributes each process to one of many trees", () => {
    const table = tableOf(ownerRow, [200, owner, 200, 200], [201, 200, 200, 200], [300, owner, 300, 300], [
      301,
      300,
      301
    ])
    const found = Membership.attribute([Membership.started(300), Membership.started(200)], table, isForeign)
    assert.deepStrictEqual(found.map(pids), [[300, 301], [200, 201]])
  })

  it("remembers a process that left its parents, by pid and start", () => {
    const before = attribute(lineage, tableOf(ownerRow, [200, owner, 200, 200], [201, 200, 201, 201]))
    const after = attribute(before.lineage, tableOf(ownerRow, [200, owner, 200, 200], [201, 1, 201, 201]))
    assert.deepStrictEqual(pids(after), [200, 201])
  })

  it("forgets a pid that comes back with another start", () => {
    const before = attribute(lineage, tableOf(ownerRow, [200, owner, 200, 200], [201, 200, 201, 201]))
    const after = attribute(
      before.lineage,
      tableOf(ownerRow, [200, owner, 200, 200], [201, 1, 201, 201, { start: "later" }])
    )
    assert.deepStrictEqual(pids(after), [200])
    assert.isFalse(after.lineage.seen.has(201))
  })

  it("is lost once both parents and session were left before anybody looked: the known escape", () => {
    assert.deepStrictEqual(pids(attribute(lineage, tableOf(ownerRow, [200, owner, 200, 200], [201, 1, 201, 201]))), [
      200
    ])
  })
})

describe("membership after the leader was reaped", () => {
  const running = attribute(
    Membership.started(200),
    tableOf(ownerRow, [200, owner, 200, 200], [201, 200, 200, 200], [202, 200, 202, 202])
  ).lineage
  const exited = Membership.exited(running)

  it("keeps the group and session of those who stayed", () => {
    const attribution = attribute(exited, tableOf(ownerRow, [201, 1, 200, 200], [203, 1, 203, 200]))
    assert.deepStrictEqual(pids(attribution), [201, 203])
    assert.isTrue(attribution.group)
    assert.strictEqual(attribution.lineage.phase, "orphaned")
  })

  it("trusts the group at the first look even if nobody was seen in it before", () => {
    const unseen = Membership.exited(Membership.started(200))
    assert.deepStrictEqual(pids(attribute(unseen, tableOf(ownerRow, [201, 1, 200, 200]))), [201])
  })

  it("takes a process that has the leader's pid for a stranger, and its group too", () => {
    const table = tableOf(ownerRow, [200, 1, 200, 200, { start: "later" }], [210, 200, 200, 200])
    for (const lineage of [exited, Membership.exited(Membership.started(200))]) {
      const attribution = attribute(lineage, table)
      assert.deepStrictEqual(pids(attribution), [])
      assert.isFalse(attribution.group)
      assert.isTrue(Membership.isGone(attribution.lineage))
    }
  })

  it("takes a process with the leader's pid for a stranger even where its start time looks the same", () => {
    const living = attribute(Membership.started(200), tableOf(ownerRow, [200, owner, 200], [201, 200, 201]))
    const reaped = Membership.exited(living.lineage)
    const table = tableOf(ownerRow, [200, owner, 200], [201, 1, 201])
    assert.deepStrictEqual(pids(attribute(reaped, table)), [201])
  })

  it("keeps a member that was seen outside of the group when the group is dissolved", () => {
    const attribution = attribute(exited, tableOf(ownerRow, [202, 1, 202, 202], [205, 202, 205, 205]))
    assert.deepStrictEqual(pids(attribution), [202, 205])
    assert.isFalse(attribution.group)
    assert.strictEqual(attribution.lineage.phase, "dissolved")
  })

  it("never trusts the number again once the group was seen empty", () => {
    const dissolved = attribute(exited, tableOf(ownerRow, [202, 1, 202, 202])).lineage
    const attribution = attribute(dissolved, tableOf(ownerRow, [202, 1, 202, 202], [220, 1, 200, 200]))
    assert.deepStrictEqual(pids(attribution), [202])
    assert.isFalse(attribution.group)
  })

  it("does not trust a group in which nobody is who was seen in it", () => {
    const orphaned = attribute(exited, tableOf(ownerRow, [201, 1, 200, 200])).lineage
    const recycled = attribute(orphaned, tableOf(ownerRow, [220, 1, 200, 200]))
    assert.deepStrictEqual(pids(recycled), [])
    assert.isTrue(Membership.isGone(recycled.lineage))
    const renumbered = attribute(orphaned, tableOf(ownerRow, [201, 1, 200, 200, { start: "later" }]))
    assert.deepStrictEqual(pids(renumbered), [])
  })

  it("lets a zombie that was seen keep the number of its group, as the kernel does", () => {
    const orphaned = attribute(exited, tableOf(ownerRow, [201, 1, 200, 200])).lineage
    const table = tableOf(ownerRow, [201, 1, 200, 200, { alive: false }], [204, 1, 200, 200])
    assert.deepStrictEqual(pids(attribute(orphaned, table)), [204])
  })

  it("is gone when only zombies are left, because they cannot fork", () => {
    const attribution = attribute(exited, tableOf(ownerRow, [201, 1, 200, 200, { alive: false }]))
    assert.isTrue(Membership.isGone(attribution.lineage))
  })
})
