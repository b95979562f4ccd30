/** What kept output costs on the heap, measured: nothing of it shows in a result. */
import { assert, describe, it } from "@effect/vitest"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import * as Retention from "../../src/internal/retention.ts"
import { rules, utf8 } from "../arbitraries.ts"

v8.setFlagsFromString("--expose-gc")
const collect = vm.runInNewContext("gc") as () => void

const megabyte = 2 ** 20

/** What a value costs that is made and then held. */
const costOf = (make: () => unknown): number => {
  collect()
  const before = process.memoryUsage().heapUsed
  const held = make()
  collect()
  const cost = process.memoryUsage().heapUsed - before
  return held === undefined ? 0 : cost
}

const line = "0123456789".repeat(8).slice(1)

/** 64 KiB of lines of 80 bytes. */
const chunk = utf8(`${line}\n`.repeat(819))

describe("memory", () => {
  it("1000 lines of 80 bytes cost less than 1 MB where a buffer keeps them", () => {
    for (const policy of ["Tail", "Head", "HeadTail"] as const) {
      const cost = costOf(() => {
        const retention = Retention.make({ policy, bytes: Infinity, lines: 1000 }, rules())
        for (let i = 0; i < 100; i++) retention.push(chunk.slice())
        return retention
      })
      assert.isBelow(cost / megabyte, 1)
    }
  })

  it("no kept line pins the chunk it was cut from", () => {
    const cost = costOf(() => {
      const bounds = rules({ maxLineBytes: 100 })
      const retention = Retention.make({ policy: "HeadTail", bytes: Infinity, lines: 800 }, bounds)
      // Two lines a chunk, of which the second is cut.
      const long = utf8(`${line}\n${" ".repeat(65_000)}\n`)
      for (let i = 0; i < 400; i++) retention.push(long.slice())
      return retention
    })
    assert.isBelow(cost / megabyte, 1)
  })
})
