import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { stripped } from "../../src/internal/terminalText.ts"
import { intBetween } from "../arbitraries.ts"
import { timeOf } from "../processorTime.ts"

/** Lines that are mostly the beginnings, middles and ends of sequences, in any order. */
const hostile = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([intBetween(0, 0x17f), intBetween(0, 30)]), { maxLength: 60 }),
  (units) => units.map(([unit, kind]) => pieces[kind] ?? String.fromCharCode(unit)).join("")
)
const pieces = [
  ..."\x1b\x1b\x1b[]PX^_\\\x9b\x9d\x90\x9c\x07\x18\x1a\t\r",
  "\x1b[31m",
  "\x1b]0;title\x07",
  "\x1b\\",
  "ab",
  "😀",
  ";1"
]

type State = "ground" | "escape" | "intermediate" | "control" | "title" | "string"

const opening: Record<string, State> = {
  "[": "control",
  "]": "title",
  P: "string",
  X: "string",
  "^": "string",
  _: "string",
  "\x1b": "escape",
  "\x9b": "control",
  "\x9d": "title",
  "\x90": "string",
  "\x98": "string",
  "\x9e": "string",
  "\x9f": "string"
}

/** Where a character takes a terminal, and whether it is printed on the way. */
const step = (state: State, unit: string): readonly [next: State, printed: boolean] => {
  const code = unit.charCodeAt(0)
  if (unit === "\x1b" || (code >= 0x80 && code <= 0x9f)) return [opening[unit] ?? "ground", false]
  if (unit === "\x18" || unit === "\x1a") return ["ground", false]
  if (state === "title") return [unit === "\x07" ? "ground" : state, false]
  if (state === "string") return [state, false]
  if (code < 0x20 || code === 0x7f) return [state, state === "ground" && unit === "\t"]
  if (state === "ground" || code >= 0xa0) return ["ground", true]
  if (state === "control") return [code >= 0x40 ? "ground" : state, false]
  if (code < 0x30) return ["intermediate", false]
  return [(state === "escape" ? opening[unit] : undefined) ?? "ground", false]
}

/** What a terminal would print, one character after the other. */
const model = (line: string): string => {
  let text = ""
  let state: State = "ground"
  for (let i = 0; i < line.length; i++) {
    const [next, printed] = step(state, line.charAt(i))
    state = next
    if (printed) text += line.charAt(i)
  }
  return text
}

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/

describe("terminalText", () => {
  it("takes colours, movements and erasures out, and leaves the text", () => {
    assert.strictEqual(stripped("\x1b[1;31merror\x1b[0m: \x1b[2Kno\x1b[1A such\x1b[?25l file"), "error: no such file")
    assert.strictEqual(stripped("\x9b31mred\x9b0m"), "red")
  })

  it("takes titles and links out, whether BEL or ST ends them", () => {
    assert.strictEqual(stripped("a\x1b]0;title\x07b\x1b]0;title\x1b\\c\x9d0;title\x9cd"), "abcd")
    assert.strictEqual(stripped("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"), "link")
  })

  it("takes strings for the device out, which BEL does not end", () => {
    for (const opening of ["\x1bP", "\x1bX", "\x1b^", "\x1b_", "\x90", "\x98", "\x9e", "\x9f"]) {
      assert.strictEqual(stripped(`a${opening}1;2|\x07data\x1b\\b${opening}data\x9cc`), "abc")
    }
  })

  it("takes shorter escapes out, with what belongs to them", () => {
    assert.strictEqual(stripped("a\x1b7b\x1b(Bc\x1b#8d\x1b=e\x1bcf\x1b Fg"), "abcdefg")
  })

  it("takes every control out but the tab", () => {
    assert.strictEqual(stripped("10%\r20%\x08\x08\x07\tdone\x7f\0\x0b\x0c\x85"), "10%20%\tdone")
    for (let code = 0; code <= 0x9f; code++) {
      const unit = String.fromCharCode(code)
      assert.strictEqual(stripped(unit), unit === "\t" || !control.test(unit) ? unit : "", code.toString(16))
    }
  })

  it("drops a sequence that the line does not finish, to the end of the line", () => {
    for (const open of ["\x1b", "\x1b[", "\x1b[38;5", "\x1b]0;title", "\x1bPdata", "\x9d0;", "\x1b(", "\x1b[1\x08"]) {
      assert.strictEqual(stripped(`text${open}`), "text")
    }
  })

  it("ends a sequence at what cannot belong to it, and keeps that", () => {
    assert.strictEqual(stripped("\x1b[31é"), "é")
    assert.strictEqual(stripped("\x1b😀"), "😀")
    assert.strictEqual(stripped("\x1b[31\x1b[1mbold"), "bold")
    assert.strictEqual(stripped("\x1b]0;title\x1b[1mbold"), "bold")
    assert.strictEqual(stripped("\x1b[31\x18text\x1b]0;x\x1amore"), "textmore")
  })

  it("keeps what is only near a sequence", () => {
    for (const text of ["[31m", "]0;title", "a\tb", "é€😀", "\u00a0", "\u202e", "\u2028", ""]) {
      assert.strictEqual(stripped(text), text)
    }
  })

  it.prop("leaves what a terminal would print", [hostile], ([line]) => {
    assert.strictEqual(stripped(line), model(line))
  }, { arbitrary: { runs: 2000 } })

  it.prop("changes nothing the second time", [hostile], ([line]) => {
    assert.strictEqual(stripped(stripped(line)), stripped(line))
  })

  it.prop("is never longer, and leaves no control", [hostile], ([line]) => {
    assert.isAtMost(stripped(line).length, line.length)
    assert.isFalse(control.test(stripped(line)))
  })

  // A pattern that is tried again from every character would take hours here.
  it("takes time in proportion to the line, whatever it holds", () => {
    const length = 10_000_000
    const repeated = (piece: string) => piece.repeat(length / piece.length)
    for (const piece of ["\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b(", "\x9b1", "\r", "a", "1;", "\x1b\x00\x00\x00"]) {
      for (
        const line of [repeated(piece), `\x1b${repeated("\0")}`, `\x1b[${repeated("1;")}`, `\x1b]${repeated("a")}`]
      ) {
        assert.isBelow(timeOf(() => stripped(line)), 5000, JSON.stringify(piece))
      }
    }
  }, 60_000)
})
