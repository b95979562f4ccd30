import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { difference } from "../../src/testing/internal/lineDifference.ts"

const Lines = Schema.Array(Schema.Literals(["a", "b", "c"]))

const withMark = (marks: ReadonlyArray<string>, lines: ReadonlyArray<string>) =>
  lines.filter((line) => marks.some((mark) => line.startsWith(mark))).map((line) => line.slice(2))

describe("the difference of two lists of lines", () => {
  it("keeps what is common, and says what is missing before what is too much", () => {
    assert.deepStrictEqual(difference(["a", "b", "d"], ["a", "c", "d"]), ["  a", "- b", "+ c", "  d"])
    assert.deepStrictEqual(difference([], []), [])
  })

  it.prop("holds both lists, each in its order", [Lines, Lines], ([expected, actual]) => {
    const lines = difference(expected, actual)
    assert.deepStrictEqual(withMark(["  ", "- "], lines), [...expected])
    assert.deepStrictEqual(withMark(["  ", "+ "], lines), [...actual])
  })

  it.prop("marks nothing where both are the same", [Lines], ([lines]) => {
    assert.deepStrictEqual(withMark(["- ", "+ "], difference(lines, lines)), [])
  })
})
