import { assert, describe, it } from "@effect/vitest"
import { ChunkDecoder } from "../../src/internal/chunkDecoder.ts"
import { bytes, chunked, sizes, utf8 } from "../arbitraries.ts"

const decoded = (chunks: ReadonlyArray<Uint8Array>, encoding: string): string => {
  const decoder = new ChunkDecoder(encoding)
  return chunks.map((chunk) => decoder.decode(chunk)).join("") + decoder.end()
}

describe("chunkDecoder", () => {
  for (const encoding of ["utf-8", "utf-16le", "shift_jis"]) {
    it.prop(
      `gives of any bytes in any chunks what ${encoding} gives of the whole`,
      [bytes, sizes],
      ([bytes, sizes]) => {
        assert.strictEqual(decoded(chunked(bytes, sizes), encoding), new TextDecoder(encoding).decode(bytes))
      }
    )
  }

  // Whoever waited for a line in the middle of a character of UTF-16 saw a wrong one, where lines are kept.
  for (const encoding of ["utf-8", "utf-16le", "utf-16be"]) {
    it.prop(`goes on from anywhere by itself in ${encoding}`, [bytes, sizes], ([bytes, sizes]) => {
      const chunks = chunked(bytes, sizes)
      for (let at = 0; at <= chunks.length; at++) {
        const decoder = new ChunkDecoder(encoding)
        for (const chunk of chunks.slice(0, at)) decoder.decode(chunk)
        const fork = decoder.fork()
        const rest = (decoder: ChunkDecoder) =>
          chunks.slice(at).map((chunk) => decoder.decode(chunk)).join("") + decoder.end()
        assert.strictEqual(rest(fork), rest(decoder))
      }
    })
  }

  // Node's decoder throws here, which in the callback of a socket ends the owner.
  it("replaces a character that the next chunk shows to be none, in encodings where Node's decoder throws", () => {
    for (const encoding of ["gb18030", "gbk", "euc-jp"]) {
      for (
        const bytes of [[0x81, 0x30, 0x41, 0x42], [0x8f, 0xa1, 0x0a, 0x41], [0x41, 0x81, 0x30, 0x0a], [0x81], [
          0x81,
          0x30
        ], [0x8f, 0xa1]]
      ) {
        const encoded = Uint8Array.from(bytes)
        assert.strictEqual(decoded(chunked(encoded, [1]), encoding), new TextDecoder(encoding).decode(encoded))
      }
    }
  })

  it("drops one byte order mark, wherever it is cut, and keeps the next", () => {
    const marked = utf8("\ufeff\ufeffa")
    for (let size = 1; size <= marked.length; size++) {
      assert.strictEqual(decoded(chunked(marked, [size]), "utf-8"), "\ufeffa")
    }
  })

  it("gives every character as soon as its last byte is there", () => {
    const decoder = new ChunkDecoder("utf-8")
    const given = Array.from(utf8("a€😀"), (byte) => decoder.decode(Uint8Array.of(byte)))
    assert.deepStrictEqual(given, ["a", "", "", "€", "", "", "", "😀"])
  })

  it("holds back no bytes that cannot begin a character", () => {
    assert.strictEqual(new ChunkDecoder("utf-8").decode(Uint8Array.of(0x61, 0x80, 0x80, 0x80)), "a\ufffd\ufffd\ufffd")
  })
})
