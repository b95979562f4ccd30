import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { LineCounter } from "../../src/internal/lineCounter.ts"
import { LineCutter, type LineRules } from "../../src/internal/lineCutter.ts"
import { bytes, chunked, rules, sizes, text, utf16le, utf8 } from "../arbitraries.ts"

const counted = (chunks: ReadonlyArray<Uint8Array>, rules: LineRules): number => {
  const counter = new LineCounter(rules)
  for (const chunk of chunks) counter.push(chunk)
  counter.end(true)
  return counter.lines + counter.unended
}

const cut = (chunks: ReadonlyArray<Uint8Array>, rules: LineRules): number => {
  const cutter = new LineCutter(rules)
  for (const chunk of chunks) cutter.push(chunk)
  cutter.end(true)
  return cutter.count
}

const lineTerminators = Arbitrary.schema(Schema.Literals(["newline", "carriage-return"]))
const encodings = Arbitrary.schema(
  Schema.Literals(["utf-8", "windows-1252", "shift_jis", "gb18030", "big5", "euc-kr", "iso-2022-jp", "utf-16le"])
)

describe("lineCounter", () => {
  it.prop(
    "counts what a cutter cuts of any bytes, whatever the chunks, the encoding and the line ends",
    [bytes, sizes, lineTerminators, encodings],
    ([bytes, sizes, lineTerminator, encoding]) => {
      const given = rules({ lineTerminator, encoding })
      assert.strictEqual(counted(chunked(bytes, sizes), given), cut([bytes], given))
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop("counts the lines of text, in UTF-8 and UTF-16", [text, sizes, lineTerminators], (
    [text, sizes, lineTerminator]
  ) => {
    const wide = rules({ lineTerminator, encoding: "utf-16le" })
    assert.strictEqual(
      counted(chunked(utf8(text), sizes), rules({ lineTerminator })),
      cut([utf8(text)], rules({ lineTerminator }))
    )
    assert.strictEqual(counted(chunked(utf16le(text), sizes), wide), cut([utf16le(text)], wide))
  })

  it("counts long chunks exactly, wherever in memory they begin", () => {
    const memory = Uint8Array.from({ length: 4000 }, (_, i) => i % 3 === 0 || i % 7 === 0 ? 10 : (i * 31) % 256)
    for (let from = 0; from < 9; from++) {
      for (let length = 0; length < 40; length++) {
        const view = memory.subarray(from, from + length * 97 % 3991)
        assert.strictEqual(
          counted([view], rules({ encoding: "windows-1252" })),
          cut([view], rules({ encoding: "windows-1252" }))
        )
      }
    }
  })

  it("takes a stream of nothing but a byte order mark for one without a line", () => {
    for (const sizes of [[1], [3]]) assert.strictEqual(counted(chunked(utf8("\ufeff"), sizes), rules()), 0)
    assert.strictEqual(counted([utf8("\ufeffa")], rules()), 1)
  })
})
