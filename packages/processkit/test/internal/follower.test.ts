import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Batch, Follower } from "../../src/internal/follower.ts"
import * as Retention from "../../src/internal/retention.ts"
import { bytes, chunked, intBetween, rules, sizes, text, utf16le, utf8 } from "../arbitraries.ts"

const unbounded = { policy: "Unbounded", bytes: Infinity, lines: Infinity } as const

const policy = Arbitrary.schema(Schema.Literals(["Unbounded", "Tail", "Head", "HeadTail", "FailAbove"]))

/** The lines of batches, each with its mark. */
const marked = (batches: Iterable<Batch>) =>
  [...batches].flatMap(({ lines, markAfter }) => lines.map((line, i) => ({ line, mark: markAfter(i) })))

const often = { arbitrary: { runs: 500 } }

/** Follows what is kept from one of the chunks on, to the last of them. */
const followed = (retention: Retention.Retention, chunks: ReadonlyArray<Uint8Array>, at: number) => {
  for (const chunk of chunks.slice(0, at)) retention.push(chunk)
  const follower = retention.follow()
  const seen = [...follower.kept()]
  for (const chunk of chunks.slice(at)) {
    retention.push(chunk)
    seen.push(follower.push(chunk))
  }
  return { follower, seen }
}

/** The ways to keep a stream of which somebody waits for a line. */
const kinds = [
  { limits: unbounded, textOnly: false, encoding: "utf-8", encode: utf8 },
  { limits: unbounded, textOnly: false, encoding: "utf-16le", encode: utf16le },
  { limits: unbounded, textOnly: true, encoding: "utf-8", encode: utf8 },
  { limits: { policy: "Tail", bytes: Infinity, lines: 1000 }, textOnly: false, encoding: "utf-8", encode: utf8 }
] as const

interface Wait {
  readonly limits: Retention.Limits
  readonly textOnly: boolean
  readonly encoding: string
  readonly lineTerminator: "newline" | "carriage-return"
  /** What is asked for after the wait: at once, or at the end. */
  readonly takes: "lines" | "text" | "another line"
  /** The line that is waited for. */
  readonly which: number
}

/** What is left of a stream for whoever takes it after a wait for one of its lines. */
const after = (
  chunks: Array<Uint8Array>,
  { encoding, limits, lineTerminator, takes, textOnly, which }: Wait
): ReadonlyArray<string> => {
  const retention = Retention.make(limits, rules({ encoding, lineTerminator }), textOnly)
  const push = (follower: Follower): ReadonlyArray<Batch> => {
    const chunk = chunks.shift()
    if (chunk !== undefined) retention.push(chunk)
    return [chunk === undefined ? follower.end(true) : follower.push(chunk)]
  }
  const find = (index: number): ReadonlyArray<string> => {
    const follower = retention.follow()
    const seen = marked(follower.kept())
    while (seen.length <= index && chunks.length > 0) seen.push(...marked(push(follower)))
    const found = seen[index]
    if (found === undefined) return []
    retention.forget(found.mark)
    return [found.line]
  }
  const first = find(which)
  if (takes === "another line" && first.length > 0) return [...first, ...find(0), ...left(retention, chunks)]
  if (takes === "lines") return [...first, ...left(retention, chunks)]
  for (const chunk of chunks) retention.push(chunk)
  retention.end(true)
  return [...first, retention.text()]
}

/** The lines of what is kept, and those that come. */
const left = (retention: Retention.Retention, chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<string> => {
  const { cutter, lines } = retention.handOver()
  return [...lines, ...chunks.flatMap((chunk) => cutter.push(chunk)), ...cutter.end(true)]
}

describe("a follower", () => {
  it.prop(
    "sees every line once, wherever it began to follow, and takes nothing",
    [bytes, sizes, intBetween(0, 10)],
    ([bytes, sizes, at]) => {
      for (const lines of [Infinity, 1_000_000]) {
        const make = () => Retention.make({ policy: "Unbounded", bytes: Infinity, lines }, rules())
        const [whole, retention] = [make(), make()]
        const chunks = chunked(bytes, sizes)
        const { follower, seen } = followed(retention, chunks, at)
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
        const retention = Retention.make(unbounded, rules({ encoding }))
        const all = encode(text)
        const chunks = chunked(all, sizes)
        const { seen } = followed(retention, chunks, at)
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

  // Where a CR ended a chunk and a line that was waited for, its LF came as an empty line to whoever read on.
  it.prop(
    "leaves the same lines and the same text behind the one that was found, whatever the chunks and the line ends",
    [text, sizes, intBetween(0, 6), Arbitrary.schema(Schema.Literals(["newline", "carriage-return"]))],
    ([text, sizes, which, lineTerminator]) => {
      for (const kind of kinds) {
        const whole = kind.encode(text)
        for (const takes of ["lines", "text", "another line"] as const) {
          const setting = { ...kind, lineTerminator, takes, which }
          assert.deepStrictEqual(after([...chunked(whole, sizes)], setting), after([whole], setting))
        }
      }
    },
    often
  )

  it.prop(
    "forgets nothing that comes after the mark, whatever the policy has dropped",
    [policy, sizes, intBetween(0, 60), intBetween(0, 12), intBetween(0, 12)],
    ([policy, sizes, bound, count, which]) => {
      for (const limits of [{ policy, bytes: bound, lines: Infinity }, { policy, bytes: Infinity, lines: bound }]) {
        const retention = Retention.make(limits, rules())
        const all = Array.from({ length: count }, (_, i) => `line ${i}\n`)
        for (const chunk of chunked(utf8(all.join("")), sizes)) retention.push(chunk)
        const before = [...retention.follow().kept()]
        const seen = marked(before)
        const whole = seen.filter(({ line }) => all.includes(`${line}\n`))
        if (whole.length === 0) return
        const at = whole[which % whole.length] as (typeof whole)[number]
        retention.forget(at.mark)
        const after = marked(retention.follow().kept()).map(({ line }) => line)
        assert.deepStrictEqual(after, seen.slice(seen.indexOf(at) + 1).map(({ line }) => line))
      }
    },
    often
  )

  it.prop(
    "of the last line end has what was printed since, wherever it began, whatever is kept and how",
    [text, sizes, intBetween(0, 10)],
    ([any, sizes, at]) => {
      const text = any.replaceAll("\ufeff", "?") // a mark at the beginning is none of the text
      for (const [encoding, encode] of [["utf-8", utf8], ["utf-16le", utf16le]] as const) {
        for (const lines of [Infinity, 3]) {
          const retention = Retention.make({ policy: "Tail", bytes: Infinity, lines }, rules({ encoding }))
          const chunks = chunked(encode(text), sizes)
          for (const chunk of chunks.slice(0, at)) retention.push(chunk)
          const tail = retention.tail()
          let ends = 0
          for (const chunk of chunks.slice(at)) ends += tail.push(chunk) ? 1 : 0
          const expected = text.split("\n").at(-1) ?? ""
          assert.strictEqual(tail.text, expected)
          assert.strictEqual(tail.length, expected.length)
          if (at === 0) assert.strictEqual(ends > 0, text.includes("\n"))
        }
      }
    },
    often
  )

  it("keeps the end of a tail without an end", () => {
    const retention = Retention.make(unbounded, rules())
    const tail = retention.tail()
    for (let i = 0; i < 200; i++) tail.push(utf8("x".repeat(10_000)))
    tail.push(utf8("> "))
    assert.strictEqual(tail.length, 2_000_002)
    assert.strictEqual(tail.text, `${"x".repeat(65_534)}> `)
    assert.isTrue(tail.push(utf8("\n> ")))
    assert.deepStrictEqual([tail.text, tail.length], ["> ", 2])
  })

  it("goes on in the middle of a character where lines are kept", () => {
    for (const [encoding, encode] of [["utf-8", utf8], ["utf-16le", utf16le]] as const) {
      const all = encode("a\n€b\nc\n")
      for (let cut = encoding === "utf-8" ? 2 : 4; cut < encode("a\n€b").length; cut++) {
        const retention = Retention.make({ policy: "Tail", bytes: Infinity, lines: 5 }, rules({ encoding }))
        retention.push(all.subarray(0, cut))
        const follower = retention.follow()
        assert.deepStrictEqual(follower.push(all.subarray(cut)).lines, ["€b", "c"])
      }
    }
  })
})
