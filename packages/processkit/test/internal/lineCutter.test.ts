import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { LineCutter } from "../../src/internal/lineCutter.ts"
import { bytes, chunked, intBetween, rules, sizes, text, utf16le, utf8 } from "../arbitraries.ts"

const roomy = 1_048_576

const linesOf = (chunks: ReadonlyArray<Uint8Array>, encoding = "utf-8", maxBytes = roomy): Array<string> => {
  const cutter = new LineCutter(rules({ encoding, maxLineBytes: maxBytes }))
  const lines = chunks.flatMap((chunk) => cutter.push(chunk))
  return [...lines, ...cutter.end(true)]
}

const cutAtReturns = (chunks: ReadonlyArray<Uint8Array>, encoding = "utf-8"): Array<string> => {
  const cutter = new LineCutter(rules({ encoding, lineTerminator: "carriage-return" }))
  const lines = chunks.flatMap((chunk) => cutter.push(chunk))
  return [...lines, ...cutter.end(true)]
}

/** What carriage returns that end lines say of a whole text. */
const modelAtReturns = (text: string): Array<string> => {
  const lines = text.split(/\r\n|\r|\n/)
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

const cut = (...pieces: ReadonlyArray<string>): Array<string> => linesOf(pieces.map(utf8))

/** What the rules say of a whole text, without any chunks. */
const model = (text: string): Array<string> => {
  const lines = text.split("\n")
  const last = lines.pop() ?? ""
  const whole = lines.map((line) => line.endsWith("\r") ? line.slice(0, -1) : line)
  return last === "" ? whole : [...whole, last]
}

/** Shift_JIS of a, ア (one byte), あ, ソ and 表 (whose second byte is a backslash), CR and LF. */
const shiftJis = [[0x61], [0xb1], [0x82, 0xa0], [0x83, 0x5c], [0x95, 0x5c], [0x0d], [0x0a], [0x0d, 0x0a]]

describe("lineCutter", () => {
  it("ends a line at LF and takes one CR before it along", () => {
    assert.deepStrictEqual(cut("a\nb\r\nc\r\r\nd"), ["a", "b", "c\r", "d"])
  })

  it("takes CRLF for one line end when the two come in different chunks", () => {
    assert.deepStrictEqual(cut("a\r", "\nb"), ["a", "b"])
    assert.deepStrictEqual(cut("a", "\r", "\n", "b"), ["a", "b"])
  })

  it("keeps a lone CR as content", () => {
    assert.deepStrictEqual(cut("10%\r20%\r", "30%\n"), ["10%\r20%\r30%"])
    assert.deepStrictEqual(cut("a\r"), ["a\r"])
  })

  it("keeps empty lines", () => {
    assert.deepStrictEqual(cut("\n\n", "a\n", "\n"), ["", "", "a", ""])
  })

  it("gives no line for a stream without a byte", () => {
    assert.deepStrictEqual(cut(), [])
    assert.deepStrictEqual(cut(""), [])
  })

  it("gives a last line that has no line end, and no other for one that has", () => {
    assert.deepStrictEqual(cut("one\ntwo\nlast-without-newline"), ["one", "two", "last-without-newline"])
    assert.deepStrictEqual(cut("one\n"), ["one"])
  })

  it("takes none of NEL, VT, FF, U+2028 and U+2029 for a line end", () => {
    assert.deepStrictEqual(cut("a\u0085b\u2028c\u2029d\ve\ff\n"), ["a\u0085b\u2028c\u2029d\ve\ff"])
  })

  it("keeps NUL", () => {
    assert.deepStrictEqual(cut("a\0b\n"), ["a\0b"])
  })

  it("drops the byte order mark once, at the start, and keeps those of other encodings", () => {
    assert.deepStrictEqual(cut("\ufeffa\n\ufeffb\n"), ["a", "\ufeffb"])
    assert.deepStrictEqual(linesOf(chunked(utf8("\ufeffa\n"), [1])), ["a"])
    assert.deepStrictEqual(linesOf(chunked(utf16le("\ufeffa\n\ufeffb"), [1]), "utf-16le"), ["a", "\ufeffb"])
    assert.deepStrictEqual(linesOf([Uint8Array.of(0xff, 0xfe, 0x61)]), ["\ufffd\ufffda"])
  })

  // Node's streaming decoder drops a second mark where the first one is split between chunks, so that the same bytes
  // gave other lines in other chunks.
  it("keeps a second byte order mark also where the first came in two chunks", () => {
    const doubled = utf8("\ufeff\ufeffa\n")
    for (let at = 1; at < doubled.length; at++) {
      assert.deepStrictEqual(linesOf([doubled.slice(0, at), doubled.slice(at)]), ["\ufeffa"])
    }
  })

  it("makes one U+FFFD of a character that a clean end cuts off", () => {
    assert.deepStrictEqual(linesOf([utf8("a\n"), Uint8Array.of(0xe2, 0x82)]), ["a", "\ufffd"])
  })

  it("drops a character that a failed read cuts off, and keeps the line around it", () => {
    const cutter = new LineCutter(rules())
    assert.deepStrictEqual(cutter.push(Uint8Array.of(0x61, 0xe2, 0x82)), [])
    assert.deepStrictEqual(cutter.end(false), ["a"])
  })

  it.prop("gives the same UTF-8 lines whatever the chunks", [text, sizes], ([text, sizes]) => {
    const whole = new TextDecoder().decode(utf8(text))
    assert.deepStrictEqual(linesOf(chunked(utf8(text), sizes)), model(whole))
  }, { arbitrary: { runs: 1000 } })

  it.prop("gives the same lines of any bytes whatever the chunks", [bytes, sizes], ([bytes, sizes]) => {
    assert.deepStrictEqual(linesOf(chunked(bytes, sizes)), model(new TextDecoder().decode(bytes)))
  })

  it.prop("gives the same UTF-16LE lines whatever the chunks", [text, sizes], ([text, sizes]) => {
    const encoded = utf16le(text)
    const whole = new TextDecoder("utf-16le").decode(encoded)
    assert.deepStrictEqual(linesOf(chunked(encoded, sizes), "utf-16le"), model(whole))
  })

  it.prop(
    "gives the same Shift_JIS lines whatever the chunks",
    [Arbitrary.array(intBetween(0, shiftJis.length - 1)), sizes],
    ([picks, sizes]) => {
      const encoded = Uint8Array.from(picks.flatMap((pick) => shiftJis[pick] ?? []))
      const whole = new TextDecoder("shift_jis").decode(encoded)
      assert.deepStrictEqual(linesOf(chunked(encoded, sizes), "shift_jis"), model(whole))
    }
  )

  it.prop("loses nothing: the lines and their ends are the text", [text, sizes], ([text, sizes]) => {
    const decoded = new TextDecoder().decode(utf8(text)).replaceAll("\r\n", "\n")
    const joined = linesOf(chunked(utf8(text), sizes)).join("\n")
    assert.strictEqual(joined, decoded.endsWith("\n") ? decoded.slice(0, -1) : decoded)
  })

  it.prop(
    "gives the newest lines and the number of the others as if it had cut all, whatever the chunks and the encoding",
    [text, sizes, intBetween(0, 4), Arbitrary.schema(Schema.Literals(["utf-8", "utf-16le"]))],
    ([text, sizes, most, encoding]) => {
      const chunks = chunked(encoding === "utf-8" ? utf8(text) : utf16le(text), sizes.map((size) => 4 * size))
      const [all, newest] = [new LineCutter(rules({ encoding })), new LineCutter(rules({ encoding }))]
      for (const chunk of chunks) {
        const expected = all.push(chunk)
        const { lines, skipped } = newest.pushNewest(chunk, most)
        assert.deepStrictEqual(lines, expected.slice(skipped))
        if (encoding === "utf-8") assert.strictEqual(skipped, Math.max(0, expected.length - most))
        assert.deepStrictEqual([newest.count, newest.unfinished], [all.count, all.unfinished])
      }
      assert.deepStrictEqual(newest.end(true), all.end(true))
    },
    { arbitrary: { runs: 500 } }
  )

  describe("where carriage returns end lines", () => {
    it("takes LF, CR and CRLF for one end each", () => {
      assert.deepStrictEqual(cutAtReturns([utf8("10%\r20%\r\n\n30%\r\rend")]), ["10%", "20%", "", "30%", "", "end"])
    })

    it("gives a line as soon as its CR is there, and no second one for the LF that follows", () => {
      const cutter = new LineCutter(rules({ lineTerminator: "carriage-return" }))
      assert.deepStrictEqual(["a\r", "\n", "", "\nb\r", "c\n"].map((piece) => cutter.push(utf8(piece))), [
        ["a"],
        [],
        [],
        ["", "b"],
        ["c"]
      ])
      assert.deepStrictEqual(cutter.end(true), [])
      assert.strictEqual(cutter.count, 4)
    })

    it.prop("gives the same lines whatever the chunks", [text, sizes], ([text, sizes]) => {
      const decoded = new TextDecoder().decode(utf8(text))
      assert.deepStrictEqual(cutAtReturns(chunked(utf8(text), sizes)), modelAtReturns(decoded))
      const wide = new TextDecoder("utf-16le").decode(utf16le(text))
      assert.deepStrictEqual(cutAtReturns(chunked(utf16le(text), sizes), "utf-16le"), modelAtReturns(wide))
    }, { arbitrary: { runs: 1000 } })
  })

  it("gives the same lines wherever the bytes of a character are cut, in every encoding of Unicode and Shift_JIS", () => {
    const texts: ReadonlyArray<readonly [encoding: string, bytes: Uint8Array]> = [
      ["utf-8", utf8("a€😀é\r\nあ\n😀")],
      ["utf-16le", utf16le("a€😀é\r\nあ\n😀")],
      ["utf-16be", utf16le("a€😀é\r\nあ\n😀").map((_, i, all) => all[i ^ 1] ?? 0)],
      ["shift_jis", Uint8Array.from(shiftJis.flat())]
    ]
    for (const [encoding, encoded] of texts) {
      const whole = model(new TextDecoder(encoding).decode(encoded))
      for (let first = 0; first <= encoded.length; first++) {
        for (let second = first; second <= encoded.length; second++) {
          const parts = [encoded.slice(0, first), encoded.slice(first, second), encoded.slice(second)]
          assert.deepStrictEqual(linesOf(parts, encoding), whole, `${encoding} ${first} ${second}`)
        }
      }
    }
  })

  // Every label that `TextDecoder` knows (WHATWG Encoding, 4.2), by one label for each encoding.
  it.each([
    "utf8",
    "latin1",
    "iso-8859-2",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "windows-874",
    "windows-1251",
    "x-mac-cyrillic",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift-jis",
    "euc-kr",
    "utf-16",
    "utf-16be"
  ])("cuts %s as its decoder reads it, whatever the chunks", (label) => {
    const { encoding } = new TextDecoder(label)
    const encoded = Uint8Array.from({ length: 2048 }, (_, i) => (i * 37 + (i >> 3)) % 7 === 0 ? 10 : (i * 89) % 256)
    const whole = new TextDecoder(encoding).decode(encoded)
    for (const sizes of [[1], [2, 3], [5, 1, 7]]) {
      assert.deepStrictEqual(linesOf(chunked(encoded, sizes), encoding), model(whole))
    }
  })

  it("keeps a line of exactly the bound, also when CRLF ends it in another chunk", () => {
    assert.deepStrictEqual(linesOf([utf8("abc\r\nd\n")], "utf-8", 3), ["abc", "d"])
    assert.deepStrictEqual(linesOf([utf8("abc"), utf8("\r"), utf8("\nd\n")], "utf-8", 3), ["abc", "d"])
  })

  // A CR that was content, at the end of what was kept of a line in several chunks, was taken for the line's end:
  // the line lost it together with the marker, and looked whole.
  it("cuts a line whose last character is broken, wherever it comes in chunks", () => {
    const broken = Uint8Array.of(...utf8("four\r"), 0xe2, 0x82, ...utf8("\nnext\n"))
    for (let at = 0; at <= broken.length; at++) {
      assert.deepStrictEqual(linesOf([broken.subarray(0, at), broken.subarray(at)], "utf-8", 4), ["four…", "next"])
    }
  })

  it("marks a line that it cut, also where the cut falls on a CR", () => {
    assert.deepStrictEqual(linesOf([utf8("abcd\n")], "utf-8", 3), ["abc…"])
    assert.deepStrictEqual(linesOf([utf8("abc\rdef\n")], "utf-8", 3), ["abc…"])
    assert.deepStrictEqual(linesOf([utf8("abc\rd"), utf8("ef\n")], "utf-8", 3), ["abc…"])
  })

  it.prop(
    "cuts the same lines whatever the chunks, never above the bound, and stays in sync",
    [text, sizes, intBetween(0, 6)],
    ([text, sizes, maxBytes]) => {
      const encoded = utf8(text)
      const lines = linesOf(chunked(encoded, sizes), "utf-8", maxBytes)
      const whole = model(new TextDecoder().decode(encoded))
      assert.deepStrictEqual(lines, linesOf([encoded], "utf-8", maxBytes))
      assert.strictEqual(lines.length, whole.length)
      lines.forEach((line, i) => checkCut(line, whole[i] ?? "", maxBytes))
    },
    { arbitrary: { runs: 1000 } }
  )

  it("keeps no more than the bound of a line without an end", () => {
    const cutter = new LineCutter(rules({ maxLineBytes: 1000 }))
    for (let i = 0; i < 10_000; i++) assert.deepStrictEqual(cutter.push(utf8("x".repeat(1000))), [])
    assert.deepStrictEqual(cutter.push(utf8("\nnext\n")), [`${"x".repeat(1000)}…`, "next"])
  })

  it("knows whether a line is under way", () => {
    const cutter = new LineCutter(rules({ maxLineBytes: 2 }))
    const states = ["a\n", "b", "cdef", "\n", "\r"].map((piece) => (cutter.push(utf8(piece)), cutter.unfinished))
    assert.deepStrictEqual(states, [false, true, true, false, true])
  })
})

const checkCut = (line: string, whole: string, maxBytes: number): void => {
  if (utf8(whole).length <= maxBytes) return assert.strictEqual(line, whole)
  assert.isTrue(line.endsWith("…"))
  const kept = line.slice(0, -1)
  assert.isTrue(whole.startsWith(kept))
  assert.isAtMost(utf8(kept).length, maxBytes)
}
