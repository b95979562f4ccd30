import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Text from "../../src/internal/textHygiene.ts"
import { intBetween, text, utf8 } from "../arbitraries.ts"
import { timeOf } from "../processorTime.ts"

/** Every UTF-16 unit is possible, halves of surrogate pairs included; the dangerous ones are frequent. */
const hostile = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([intBetween(0, 0xffff), intBetween(0, 12)]), { maxLength: 300 }),
  (units) => units.map(([unit, kind]) => traps[kind] ?? String.fromCharCode(unit)).join("")
)
const traps = ["\x1b[31m", "\r\n", "\u202e", "\u2066", "\u0085", "\u2028", "\x7f", "😀"]

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]|[\u2028\u2029]|\p{Bidi_Control}/u

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)

describe("textHygiene", () => {
  describe("oneLine", () => {
    it("replaces what acts on a terminal or on the reading direction, and keeps the tab", () => {
      assert.strictEqual(Text.oneLine("a\tb\x1b[31mc\r\nd\x9b0me\u202ef\u061cg"), "a\tb�[31mc��d�0me�f�g")
    })

    it("knows every control character and every bidirectional control of Unicode", () => {
      for (let unit = 0; unit <= 0xffff; unit++) {
        const character = String.fromCharCode(unit)
        const unsafe = character !== "\t" && /\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/u.test(character)
        assert.strictEqual(Text.oneLine(character), unsafe ? "�" : character, unit.toString(16))
      }
    })

    it.prop("leaves no control character and keeps the length", [hostile], ([text]) => {
      assert.isFalse(control.test(Text.oneLine(text)))
      assert.strictEqual(Text.oneLine(text).length, text.length)
    })

    it.prop("changes nothing the second time", [hostile], ([text]) => {
      assert.strictEqual(Text.oneLine(Text.oneLine(text)), Text.oneLine(text))
    })
  })

  describe("cut", () => {
    it("counts UTF-8 bytes, keeps what fits exactly, and marks what it cut", () => {
      assert.strictEqual(Text.cut("aé€😀", 10), "aé€😀")
      assert.strictEqual(Text.cut("aé€😀", 9), "aé€…")
      assert.strictEqual(Text.cut("aé€😀", 5), "aé…")
      assert.strictEqual(Text.cut("aé€😀", 0), "…")
      assert.strictEqual(Text.cut("", 0), "")
    })

    it.prop(
      "gives a prefix within the bound and never splits a code point",
      [text, intBetween(0, 40)],
      ([text, max]) => {
        const result = Text.cut(text, max)
        if (utf8(text).length <= max) return assert.strictEqual(result, text)
        const kept = result.slice(0, -1)
        assert.strictEqual(result, `${kept}…`)
        assert.isTrue(text.startsWith(kept) && isWellFormed(kept))
        const next = String.fromCodePoint(text.codePointAt(kept.length) ?? 0)
        assert.isAtMost(utf8(kept).length, max)
        assert.isAbove(utf8(kept + next).length, max)
      }
    )

    it("looks at no more of a text than it keeps", () => {
      let looked = 0
      const counting = {
        length: 10_000_000,
        codePointAt: () => (looked++, 97),
        slice: (_from: number, to: number) => "a".repeat(to)
      }
      assert.strictEqual(Text.cut(counting as never, 50), `${"a".repeat(50)}…`)
      assert.strictEqual(looked, 51)
    })
  })

  describe("shown", () => {
    it.prop("is one line of at most 200 bytes and a marker", [hostile], ([text]) => {
      const shown = Text.shown(text)
      assert.isFalse(control.test(shown))
      assert.isAtMost(utf8(shown).length, 200 + utf8("…").length)
    })

    // Each of 200 control characters took one byte before it was replaced and three after: messages of 600 bytes.
    it("counts the replacements too", () => {
      assert.strictEqual(Text.shown("\x1b".repeat(200)), `${"�".repeat(66)}…`)
    })
  })

  describe("lastLine", () => {
    it("gives the last line that says something, without the white space around it", () => {
      assert.strictEqual(Text.lastLine("first\n  second \r\n\n \t\r\n"), "second")
      assert.strictEqual(Text.lastLine("10%\r20%\r"), "20%")
      assert.strictEqual(Text.lastLine(" \r\n\t"), "")
      assert.strictEqual(Text.lastLine(""), "")
    })

    it("is safe to show whatever the program wrote", () => {
      assert.strictEqual(Text.lastLine("x\nfatal: \x1b]0;owned\x07\u2028forged\n"), "fatal: �]0;owned��forged")
    })

    it("is well formed where a huge line is looked at from its middle", () => {
      assert.isTrue(isWellFormed(Text.lastLine(`${"😀".repeat(40_000)}a`)))
    })
  })

  it("prefers standard error, unless it says nothing", () => {
    assert.strictEqual(Text.diagnosis("out\n", "one\ntwo\n"), "two")
    assert.strictEqual(Text.diagnosis("out\n", " \n"), "out")
    assert.strictEqual(Text.diagnosis("", ""), "")
  })

  // The bound is twenty times what a linear scan needs per character, measured on the small input of the same kind.
  it.each(["\r", "=", "\u202e", "a\n"])("takes time in proportion for 10 MB of %j", (unit) => {
    const small = unit.repeat(100_000 / unit.length)
    const large = unit.repeat(10_000_000 / unit.length)
    hygiene(small)
    const reference = Math.max(1, timeOf(() => hygiene(small)))
    assert.isBelow(timeOf(() => hygiene(large)), reference * 100 * 20)
  })
})

const hygiene = (text: string): ReadonlyArray<string> => [
  Text.oneLine(text),
  Text.cut(text, 1e9),
  Text.shown(text),
  Text.lastLine(text)
]
