import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Batch } from "../../src/internal/follower.ts"
import * as Retention from "../../src/internal/retention.ts"
import { bytes, chunked, intBetween, sizes, text, utf16le, utf8 } from "../arbitraries.ts"

const roomy = 1_048_576

const unbounded = { policy: "Unbounded", bytes: Infinity, lines: Infinity } as const

const policy = Arbitrary.schema(Schema.Literals(["Unbounded", "Tail", "Head", "HeadTail", "FailAbove"]))

/** The lines of batches, each with its mark. */
const marked = (batches: ReadonlyArray<Batch>) =>
  batches.flatMap(({ lines, markAfter }) => lines.map((line, i) => ({ line, mark: markAfter(i) })))

const often = { arbitrary: { runs: 500 } }

describe("a follower", () => {
  it.prop(
    "sees every line once, wherever it began to follow, and takes nothing",
    [bytes, sizes, intBetween(0, 10)],
    ([bytes, sizes, at]) => {
      for (const lines of [Infinity, 1_000_000]) {
        const make = () => Retention.make({ policy: "Unbounded", bytes: Infinity, lines }, "utf-8", roomy)
        const [whole, retention] = [make(), make()]
        const chunks = chunked(bytes, sizes)
        for (const chunk of chunks.slice(0, at)) retention.push(chunk)
        const follower = retention.follow("oldest")
        const seen = [...follower.kept]
        for (const chunk of chunks.slice(at)) {
          retention.push(chunk)
          seen.push(follower.push(chunk))
        }
        retention.end(true)
        seen.push(follower.end(true))
        for (const chunk of chunks) whole.push(chunk)
        whole.end(true)
        assert.strictEqual(retention.text(), whole.text())
        const { cutter, lines: expected } = whole.handOver()
        assert.deepStrictEqual(marked(seen).map(({ line }) => line), [...expected, ...cutter.end(true)])
      }
    },
    often
  )

  it.prop(
    "marks each line by the byte after it: what is forgotten up to there leaves the rest as it was",
    [text, sizes, intBetween(0, 10), intBetween(0, 20)],
    ([text, sizes, at, which]) => {
      for (const [encoding, encode] of [["utf-8", utf8], ["utf-16le", utf16le]] as const) {
        const retention = Retention.make(unbounded, encoding, roomy)
        const all = encode(text)
        const chunks = chunked(all, sizes)
        for (const chunk of chunks.slice(0, at)) retention.push(chunk)
        const follower = retention.follow("oldest")
        const seen = [...follower.kept]
        for (const chunk of chunks.slice(at)) {
          retention.push(chunk)
          seen.push(follower.push(chunk))
        }
        const lines = marked(seen)
        if (lines.length === 0) return
        const { mark } = lines[which % lines.length] as (typeof lines)[number]
        const index = which % lines.length
        const pieces = text.split("\n")
        const left = pieces.slice(index + 1).join("\n")
        retention.forget(mark)
        assert.deepStrictEqual([...retention.bytes()], [...encode(left)])
      }
    },
    often
  )

  it.prop(
    "forgets nothing that comes after the mark, whatever the policy has dropped",
    [policy, sizes, intBetween(0, 60), intBetween(0, 12), intBetween(0, 12)],
    ([policy, sizes, bound, count, which]) => {
      for (const limits of [{ policy, bytes: bound, lines: Infinity }, { policy, bytes: Infinity, lines: bound }]) {
        const retention = Retention.make(limits, "utf-8", roomy)
        const all = Array.from({ length: count }, (_, i) => `line ${i}\n`)
        for (const chunk of chunked(utf8(all.join("")), sizes)) retention.push(chunk)
        const before = retention.follow("oldest").kept
        const seen = marked(before)
        const whole = seen.filter(({ line }) => all.includes(`${line}\n`))
        if (whole.length === 0) return
        const at = whole[which % whole.length] as (typeof whole)[number]
        retention.forget(at.mark)
        const after = marked(retention.follow("oldest").kept).map(({ line }) => line)
        assert.deepStrictEqual(after, seen.slice(seen.indexOf(at) + 1).map(({ line }) => line))
      }
    },
    often
  )

  it.prop(
    "of the last line sees the same tail as one of everything",
    [bytes, sizes, intBetween(0, 10)],
    ([bytes, sizes, at]) => {
      const retention = Retention.make(unbounded, "utf-8", roomy)
      const chunks = chunked(bytes, sizes)
      for (const chunk of chunks.slice(0, at)) retention.push(chunk)
      const followers = [retention.follow("oldest"), retention.follow("lastLine")] as const
      for (const chunk of chunks.slice(at)) {
        for (const follower of followers) follower.push(chunk)
        assert.strictEqual(followers[1].tail(), followers[0].tail())
      }
      assert.strictEqual(followers[1].tail(), followers[0].tail())
    },
    often
  )

  it("goes on in the middle of a character where lines are kept", () => {
    for (const [encoding, encode] of [["utf-8", utf8], ["utf-16le", utf16le]] as const) {
      const retention = Retention.make({ policy: "Tail", bytes: Infinity, lines: 5 }, encoding, roomy)
      const all = encode("a\n€b\nc\n")
      // UTF-16 loses the unit it was in, and nothing after it.
      const cut = encoding === "utf-8" ? 4 : 5
      retention.push(all.subarray(0, cut))
      const follower = retention.follow("oldest")
      const lines = follower.push(all.subarray(cut)).lines
      assert.deepStrictEqual(lines, encoding === "utf-8" ? ["€b", "c"] : ["b", "c"])
    }
  })
})
