import { assert, describe, it } from "@effect/vitest"
import { joined } from "../../src/internal/chunkQueue.ts"
import { InputEncoder } from "../../src/internal/inputEncoder.ts"
import { chunked, sizes, text, utf8 } from "../arbitraries.ts"

type Items = ReadonlyArray<string | Uint8Array>

const encoded = (...batches: ReadonlyArray<Items>): Uint8Array => {
  const encoder = new InputEncoder()
  return joined([...batches.map((items) => encoder.encode(items)), encoder.end()])
}

describe("inputEncoder", () => {
  it.prop("gives the bytes of a text however it is cut into pieces", [text, sizes], ([text, sizes]) => {
    const all = chunked(text, sizes)
    assert.deepStrictEqual(encoded(...all.map((piece) => [piece])), utf8(text))
    assert.deepStrictEqual(encoded(all), utf8(text))
    assert.deepStrictEqual(encoded([...all, utf8("!")]), utf8(`${text}!`))
  })

  it("makes one U+FFFD of half a character that stays half", () => {
    assert.deepStrictEqual(encoded(["a\ud83d"]), utf8("a\ufffd"))
    assert.deepStrictEqual(encoded(["a\ud83d"], [utf8("b")]), utf8("a\ufffdb"))
    assert.deepStrictEqual(encoded(["a\ud83d"], ["b"], ["\ude00"]), utf8("a\ufffdb\ufffd"))
    assert.deepStrictEqual(encoded(["\ud83d"], [""], ["\ude00"]), utf8("😀"))
  })

  it("copies no bytes that come alone", () => {
    const bytes = utf8("abc")
    assert.strictEqual(new InputEncoder().encode([bytes]), bytes)
  })
})
