import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { NewestBytes } from "../../src/internal/newestBytes.ts"

const bytesOf = (chunks: ReadonlyArray<Uint8Array>): Array<number> => chunks.flatMap((chunk) => Array.from(chunk))

const upTo = (maximum: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum })))

/** Whether somebody looks after a chunk, and how much of what is there is forgotten then. */
const steps = Schema.Array(Schema.Struct({ size: upTo(9000), looks: Schema.Boolean, forgets: upTo(20) }))

/** A stream whose bytes tell their place in it. */
const makeStream = () => {
  let at = 0
  return (size: number) => Uint8Array.from({ length: size }, () => at++ % 251)
}

describe("the newest bytes", () => {
  it.prop("are those of the stream, and what somebody saw of them stays what it was", [
    steps,
    upTo(20_000)
  ], ([steps, room]) => {
    const newest = new NewestBytes(room)
    const next = makeStream()
    let model: Array<number> = []
    const seen: Array<readonly [ReadonlyArray<Uint8Array>, ReadonlyArray<number>]> = []
    for (const { forgets, looks, size } of steps) {
      const chunk = next(size)
      newest.push(chunk)
      model = model.concat(Array.from(chunk)).slice(-room || Infinity)
      if (looks) {
        seen.push([newest.all(), model])
        model = model.slice(Math.floor((model.length * forgets) / 20))
        newest.trim(model.length)
      }
      assert.strictEqual(newest.total, model.length)
    }
    assert.deepStrictEqual(bytesOf(newest.all()), model)
    for (const [chunks, then] of seen) assert.deepStrictEqual(bytesOf(chunks), then)
  })

  it.prop("keep no chunk once one did not fit: whoever wrote it may do so again", [
    Schema.Array(upTo(300)),
    upTo(1000)
  ], ([sizes, room]) => {
    const newest = new NewestBytes(room)
    const next = makeStream()
    let model: Array<number> = []
    for (const size of sizes) {
      const chunk = next(size)
      model = model.concat(Array.from(chunk)).slice(-room || Infinity)
      const isKept = newest.keeps(size)
      newest.push(chunk)
      if (!isKept) chunk.fill(255)
    }
    assert.deepStrictEqual(bytesOf(newest.all()), model)
  })

  it("use the same blocks over and over", () => {
    const newest = new NewestBytes(1_000_000)
    const chunk = new Uint8Array(65_536)
    for (let i = 0; i < 1000; i++) newest.push(chunk)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 1000; i++) newest.push(chunk)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000_000)
    assert.isBelow(newest.all().length, 18)
  })
})
