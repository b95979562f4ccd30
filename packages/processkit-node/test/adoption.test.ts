import { assert, describe, it } from "@effect/vitest"
import { obstacle } from "../src/internal/adoption.ts"
import * as Membership from "../src/internal/membership.ts"
import type { Row } from "../src/internal/processTable.ts"

const parents = new Map([[100, 90], [90, 80], [80, 1], [200, 300], [300, 200]])
const parentOf = (pid: number) => parents.get(pid)
const self = { pid: 100, pgid: 95 }

describe("whom a group may take in", () => {
  it("is nobody whose end would end us: the first process, ourselves, our group, and everybody above us", () => {
    for (const pid of [1, 100, 95, 90, 80]) assert.isString(obstacle(pid, self, parentOf), `${pid}`)
    for (const pid of [2, 96, 110, 200]) assert.isUndefined(obstacle(pid, self, parentOf), `${pid}`)
  })

  it("is answered also where parents are unknown, or go round in a circle", () => {
    assert.isUndefined(obstacle(7, self, () => undefined))
    assert.isUndefined(obstacle(7, { pid: 200, pgid: undefined }, parentOf))
  })
})

const row = (pid: number, ppid: number, pgid: number, start = `s${pid}`): Row => ({
  pid,
  ppid,
  pgid,
  session: pgid,
  alive: true,
  start
})

const membersOf = (rows: ReadonlyArray<Row>) =>
  Membership.attribute([Membership.adopted(row(50, 1, 40))], new Map(rows.map((row) => [row.pid, row])), () => false)
    .flatMap(({ members }) => members.map(({ pid }) => pid))

describe("a process that was taken in", () => {
  it("is a member with its descendants, and without the rest of its group or of group 0", () => {
    const rows = [row(50, 1, 40), row(51, 50, 40), row(52, 51, 52), row(40, 1, 40), row(41, 40, 40), row(2, 0, 0)]
    assert.sameMembers(membersOf(rows), [50, 51, 52])
  })

  it("is none any more once its number has gone to somebody else", () => {
    assert.deepEqual(membersOf([row(50, 1, 40, "later"), row(51, 50, 40)]), [])
  })
})
