import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { ChunkQueue } from "../../src/internal/chunkQueue.ts"

const joined = (queue: ChunkQueue): Array<number> => queue.all().flatMap((chunk) => Array.from(chunk))

const sizes = Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 9000 }))))

describe("a queue of chunks", () => {
  it.prop("gives the bytes back in order, whatever the sizes of the chunks", [sizes], ([sizes]) => {
    const queue = new ChunkQueue()
    const all: Array<number> = []
    for (const size of sizes) {
      const chunk = Uint8Array.from({ length: size }, (_, i) => (all.length + i) % 251)
      queue.push(chunk)
      for (const byte of chunk) all.push(byte)
    }
    assert.strictEqual(queue.total, all.length)
    assert.deepStrictEqual(joined(queue), all)
  })

  it.prop("keeps the newest bytes when it is trimmed", [
    sizes,
    Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })))
  ], ([sizes, room]) => {
    const queue = new ChunkQueue()
    const all: Array<number> = []
    for (const size of sizes) {
      const chunk = Uint8Array.from({ length: size }, (_, i) => (all.length + i) % 251)
      queue.push(chunk)
      queue.trim(room)
      for (const byte of chunk) all.push(byte)
    }
    assert.deepStrictEqual(joined(queue), room === 0 ? [] : all.slice(-room))
    assert.strictEqual(queue.total, Math.min(room, all.length))
  })

  it("keeps a megabyte of single bytes in few chunks, and little more memory than that", () => {
    const queue = new ChunkQueue()
    for (let i = 0; i < 1_000_000; i++) queue.push(Uint8Array.of(i % 251))
    const chunks = queue.all()
    assert.isBelow(chunks.length, 200)
    const memory = new Map(chunks.map((chunk) => [chunk.buffer, chunk.buffer.byteLength]))
    assert.isBelow([...memory.values()].reduce((sum, size) => sum + size, 0), 3_000_000)
    assert.strictEqual(joined(queue)[654_321], 654_321 % 251)
  })
})
