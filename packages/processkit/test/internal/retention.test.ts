import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { joined } from "../../src/internal/chunkQueue.ts"
import { LineCutter } from "../../src/internal/lineCutter.ts"
import * as Retention from "../../src/internal/retention.ts"
import { bytes, chunked, intBetween, rules, sizes, text, utf16le, utf8 } from "../arbitraries.ts"
import { timeOf } from "../processorTime.ts"

const roomy = 1_048_576

interface Setup {
  readonly policy: Retention.Limits["policy"]
  readonly bytes?: number
  readonly lines?: number
  readonly encoding?: string
  readonly maxLineBytes?: number
  readonly textOnly?: boolean
}

const make = (
  { bytes = Infinity, encoding = "utf-8", lines = Infinity, maxLineBytes = roomy, policy, textOnly = false }: Setup
) => Retention.make({ policy, bytes, lines }, rules({ encoding, maxLineBytes }), textOnly)

const kept = (setup: Setup, chunks: ReadonlyArray<Uint8Array>): Retention.Retention => {
  const retention = make(setup)
  for (const chunk of chunks) retention.push(chunk)
  retention.end(true)
  return retention
}

const isTruncated = (retention: Retention.Retention): boolean => retention.dropped() !== undefined

const textOf = (setup: Setup, ...pieces: ReadonlyArray<string>): string => kept(setup, pieces.map(utf8)).text()

const linesIn = (bytes: Uint8Array): Array<string> => {
  const cutter = new LineCutter(rules())
  return [...cutter.push(bytes), ...cutter.end(true)]
}

const linesOf = (retention: Retention.Retention): Array<string> => retention.handOver().lines

const size = (lines: ReadonlyArray<string>): number =>
  lines.reduce((total, line) => total + Math.max(1, utf8(line).length), 0)

const policy = Arbitrary.schema(Schema.Literals(["Tail", "Head", "HeadTail", "FailAbove"]))
const dropping = Arbitrary.schema(Schema.Literals(["Tail", "Head", "HeadTail"]))
const encodings = Arbitrary.schema(Schema.Literals(["utf-8", "utf-16le", "shift_jis", "iso-2022-jp"]))
const often = { arbitrary: { runs: 500 } }

describe("retention", () => {
  describe("of bytes", () => {
    it.prop("keeps everything without a bound", [bytes, sizes], ([bytes, sizes]) => {
      const retention = kept({ policy: "Unbounded" }, chunked(bytes, sizes))
      assert.deepStrictEqual([...retention.bytes()], [...bytes])
      assert.strictEqual(retention.text(), new TextDecoder().decode(bytes))
      assert.isFalse(isTruncated(retention))
    })

    it.prop(
      "keeps a prefix, a suffix, or both, never above the bound, and says whether something is missing",
      [policy, bytes, sizes, intBetween(0, 45)],
      ([policy, bytes, sizes, bound]) => {
        const retention = kept({ policy, bytes: bound }, chunked(bytes, sizes))
        assert.deepStrictEqual([...retention.bytes()], expectedBytes(policy, bytes, bound))
        assert.strictEqual(isTruncated(retention), bytes.length > bound)
      },
      often
    )

    it.prop(
      "fails exactly above its bound, with an exact total",
      [bytes, sizes, intBetween(0, 45)],
      ([bytes, sizes, bound]) => {
        const overflow = kept({ policy: "FailAbove", bytes: bound }, chunked(bytes, sizes)).overflow()
        const expected = { maxLines: undefined, maxBytes: bound, totalLines: undefined, totalBytes: bytes.length }
        assert.deepStrictEqual(overflow, bytes.length > bound ? expected : undefined)
      },
      often
    )

    it.prop("never fails where the policy is to drop", [dropping, bytes, sizes], ([policy, bytes, sizes]) => {
      assert.isUndefined(kept({ policy, bytes: 1 }, chunked(bytes, sizes)).overflow())
    })

    it.prop("gives text that holds no half of a character of its own making", [
      dropping,
      wide,
      sizes,
      intBetween(0, 40)
    ], (
      [policy, text, sizes, bound]
    ) => {
      assert.notInclude(kept({ policy, bytes: bound }, chunked(utf8(text), sizes)).text(), "\ufffd")
    }, often)

    it.prop(
      "gives UTF-16 text that is a piece of what was written, wherever the bytes were cut",
      [dropping, wide, sizes, intBetween(0, 40)],
      ([policy, text, sizes, bound]) => {
        const encoding = "utf-16le"
        const retained = kept({ policy, bytes: bound, encoding }, chunked(utf16le(text), sizes)).text()
        assert.notInclude(retained, "\ufffd")
        if (policy === "Head") assert.isTrue(text.startsWith(retained))
        if (policy === "Tail") assert.isTrue(text.endsWith(retained))
      },
      often
    )

    it("shows bytes that were never a character where they are, also at the start of a full head", () => {
      const retention = kept({ policy: "Head", bytes: 3 }, [Uint8Array.of(0x80, 0x80, 0x61, 0x62)])
      assert.strictEqual(retention.text(), "\ufffd\ufffda")
    })

    it("drops a byte order mark at the start and keeps one that only a drop brought there", () => {
      assert.strictEqual(textOf({ policy: "Head", bytes: 6 }, "\ufeffabcdef"), "abc")
      assert.strictEqual(textOf({ policy: "Tail", bytes: 4 }, "abc\ufeffd"), "\ufeffd")
    })

    it("keeps line ends as they came", () => {
      assert.strictEqual(textOf({ policy: "Tail", bytes: 100 }, "a\r\nb\n", "c"), "a\r\nb\nc")
    })

    // A tail copied its oldest chunk for every chunk that pushed a part of it out: 4 MiB for each of these bytes.
    it("takes constant time for each small chunk after a big one", () => {
      const retention = make({ policy: "Tail", bytes: 4_194_304 })
      retention.push(new Uint8Array(4_194_304))
      const used = timeOf(() => {
        for (let i = 0; i < 20_000; i++) retention.push(Uint8Array.of(i))
      })
      assert.isBelow(used, 1000)
      assert.strictEqual(retention.bytes().length, 4_194_304)
    })

    it("hands over what it kept as lines, with the line under way, and keeps nothing from then on", () => {
      const retention = make({ policy: "Head", bytes: 100 })
      retention.push(utf8("a\nb\nc"))
      const { cutter, lines } = retention.handOver()
      assert.deepStrictEqual(lines, ["a", "b"])
      assert.deepStrictEqual(cutter.push(utf8("d\n")), ["cd"])
      retention.push(utf8("more\n"))
      assert.strictEqual(retention.text(), "")
      assert.isFalse(isTruncated(retention))
    })
  })

  describe("of text", () => {
    it.prop(
      "is what is kept of bytes, with the same totals, whatever the chunks",
      [bytes, sizes, intBetween(0, 45), encodings],
      ([bytes, sizes, bound, encoding]) => {
        for (const setup of [{ policy: "FailAbove", bytes: bound }, { policy: "Unbounded" }] as const) {
          const [early, late] = [true, false].map((textOnly) =>
            kept({ ...setup, encoding, textOnly }, chunked(bytes, sizes))
          )
          // At the cut a character that is none is shown by the one and not by the other.
          const whole = early?.dropped() === undefined ? late?.text() : late?.text().slice(0, early.text().length)
          assert.strictEqual(early?.text(), whole)
          assert.deepStrictEqual([early?.overflow(), early?.dropped()], [late?.overflow(), late?.dropped()])
          assert.strictEqual(early?.droppedCount, late?.droppedCount)
          if (early?.dropped() === undefined) assert.strictEqual(early?.lines, late?.lines)
        }
      },
      often
    )

    it.prop("hands over what bytes hand over, at any moment", [text, sizes, intBetween(0, 20)], ([text, sizes, at]) => {
      const chunks = chunked(utf8(text), sizes)
      const [early, late] = [true, false].map((textOnly) => {
        const retention = make({ policy: "Unbounded", textOnly })
        for (const chunk of chunks.slice(0, at)) retention.push(chunk)
        const { cutter, lines } = retention.handOver()
        return lines.concat(chunks.slice(at).flatMap((chunk) => cutter.push(chunk)), cutter.end(true))
      })
      assert.deepStrictEqual(early, late)
    }, often)

    it("keeps what chunks of all sizes bring in their order", () => {
      const chunks = [1, 5000, 3, 4095, 4096, 9000, 2, 2, 70_000].map((size, i) => utf8(String(i % 10).repeat(size)))
      const retention = kept({ policy: "Unbounded", textOnly: true }, chunks)
      assert.strictEqual(retention.text(), chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""))
    })
  })

  describe("counts", () => {
    it.prop(
      "every line that came, kept or dropped, and what was dropped of them",
      [policy, text, sizes, intBetween(0, 30), intBetween(0, 6)],
      ([policy, text, sizes, bytes, lines]) => {
        const encoded = utf8(text)
        const ofBytes = kept({ policy, bytes }, chunked(encoded, sizes))
        assert.strictEqual(ofBytes.lines, linesIn(encoded).length)
        assert.strictEqual(ofBytes.droppedCount, encoded.length - ofBytes.bytes().length)
        const ofLines = kept({ policy, lines }, chunked(encoded, sizes))
        assert.strictEqual(ofLines.lines, linesIn(encoded).length)
        assert.strictEqual(ofLines.droppedCount, linesIn(encoded).length - linesOf(ofLines).length)
      },
      often
    )

    it.prop(
      "on after the lines were handed over",
      [policy, text, sizes, intBetween(0, 20), intBetween(0, 30)],
      ([policy, text, sizes, at, bytes]) => {
        const chunks = chunked(utf8(text), sizes)
        const retention = make({ policy, bytes })
        for (const chunk of chunks.slice(0, at)) retention.push(chunk)
        const { cutter } = retention.handOver()
        for (const chunk of chunks.slice(at)) cutter.push(chunk)
        const whole = new LineCutter(rules())
        for (const chunk of chunks) whole.push(chunk)
        assert.strictEqual(retention.lines, whole.count)
      },
      often
    )
  })

  // Of the last line nothing was kept, and whoever took the rest made one of the lines uncounted.
  it("counts a last line of which nothing was kept also after the lines were handed over", () => {
    for (const encoding of ["utf-8", "utf-16le"]) {
      for (const early of [false, true]) {
        const retention = make({ policy: "Head", bytes: 3, encoding })
        retention.push(encoding === "utf-8" ? utf8("one\ntwo\nthr") : utf16le("one\ntwo\nthr"))
        if (!early) retention.end(true)
        if (!early) assert.strictEqual(retention.lines, 3)
        const { cutter } = retention.handOver()
        cutter.end(true)
        if (early) retention.end(true)
        assert.strictEqual(retention.lines, 3)
      }
    }
  })

  it.prop(
    "counts on when whoever reads along has taken lines, and takes them for no loss",
    [text, sizes, intBetween(0, 20), intBetween(0, 5)],
    ([text, sizes, at, taken]) => {
      const chunks = chunked(utf8(text), sizes)
      for (
        const setup of [{ policy: "Unbounded" }, { policy: "Unbounded", textOnly: true }, {
          policy: "Tail",
          lines: 99
        }] as const
      ) {
        const retention = make(setup)
        for (const chunk of chunks.slice(0, at)) retention.push(chunk)
        const batches = [...retention.follow().kept()].filter(({ lines }) => lines.length > 0)
        const batch = batches[Math.min(taken, batches.length - 1)]
        if (batch !== undefined) retention.forget(batch.markAfter(batch.lines.length - 1))
        for (const chunk of chunks.slice(at)) retention.push(chunk)
        const whole = new LineCutter(rules())
        for (const chunk of chunks) whole.push(chunk)
        assert.deepStrictEqual([retention.lines, retention.droppedCount], [whole.count, 0])
        retention.handOver()
        assert.deepStrictEqual([retention.lines, retention.droppedCount], [whole.count, 0])
      }
    },
    often
  )

  it("hands over bytes as they came, and none where only lines or text are kept", () => {
    const chunks = [utf8("a\r\n"), Uint8Array.of(0xe2, 0xff), utf8("b")]
    const setups = [{ policy: "Unbounded" }, { policy: "Tail", lines: 3 }, {
      policy: "Unbounded",
      textOnly: true
    }] as const
    const [ofBytes, ofLines, ofText] = setups.map((setup) => {
      const retention = make(setup)
      for (const chunk of chunks) retention.push(chunk)
      return retention.hasBytes ? retention.handOverBytes().flatMap((chunk) => Array.from(chunk)) : undefined
    })
    assert.deepStrictEqual(ofBytes, chunks.flatMap((chunk) => Array.from(chunk)))
    assert.deepStrictEqual([ofLines, ofText], [undefined, undefined])
  })

  it("takes the bound of the default buffer where bytes are wanted of a stream that is bounded in lines", () => {
    const bounded = { policy: "Tail", lines: 5, bytes: Infinity } as const
    assert.deepStrictEqual(Retention.wanted(bounded, "stdout", "stdoutBytes"), {
      policy: "Tail",
      lines: Infinity,
      bytes: 67_108_864
    })
    for (const wants of ["stderrChunks", "text", undefined] as const) {
      assert.deepStrictEqual(Retention.wanted(bounded, "stdout", wants), bounded)
    }
  })

  describe("of bytes that become lines late", () => {
    // The bytes on both sides of the gap went through one decoder: a line made of two halves, and with UTF-16, where
    // the gap was odd, nothing but wrong characters from there on, also in what was still to come.
    it("makes no line of both sides of what was dropped", () => {
      const retention = make({ policy: "HeadTail", bytes: 8 })
      retention.push(utf8("one\ntwo\nthree\nfo"))
      const { cutter, lines } = retention.handOver()
      assert.deepStrictEqual(lines, ["one", "e"])
      assert.deepStrictEqual(cutter.push(utf8("ur\n")), ["four"])
    })

    it("stays in step with UTF-16 after an odd number of bytes was dropped", () => {
      const retention = make({ policy: "Tail", bytes: 7, encoding: "utf-16le" })
      retention.push(utf16le("one\ntwo\nth"))
      const { cutter, lines } = retention.handOver()
      assert.deepStrictEqual(lines, [""])
      assert.deepStrictEqual(cutter.push(utf16le("ree\n")), ["three"])
    })

    it("takes the LF that belongs to a CR that was waited for also where something was dropped before", () => {
      const late = Retention.make(
        { policy: "Tail", bytes: 6, lines: Infinity },
        rules({ lineTerminator: "carriage-return" })
      )
      late.push(utf8("dropped\rready\r"))
      const batches = [...late.follow().kept()]
      const last = batches.at(-1)
      assert.deepStrictEqual(last?.lines, ["ready"])
      late.forget(last?.markAfter(0) ?? 0)
      assert.deepStrictEqual(late.follow().push(utf8("x\r")).lines, ["x"])
      const { cutter } = late.handOver()
      assert.deepStrictEqual(cutter.push(utf8("\nmore\r")), ["more"])
    })

    // Nothing was kept behind the gap to tell where a character begins, and every line from there on was wrong.
    it("stays in step with UTF-16 where it drops everything up to the middle of a unit", () => {
      const [before, after] = [utf16le("one\ntwo\nth"), utf16le("ree\nfour\n")]
      for (const setup of [{ policy: "Head", bytes: 6 }, { policy: "Tail", bytes: 0 }] as const) {
        const late = make({ ...setup, encoding: "utf-16le" })
        const follower = make({ ...setup, encoding: "utf-16le" })
        for (const retention of [late, follower]) retention.push(joined([before, after.slice(0, 1)]))
        const { cutter } = late.handOver()
        assert.deepStrictEqual(cutter.push(after.slice(1)).slice(1), ["four"])
        const following = follower.follow()
        for (const _ of following.kept()) { /* seen */ }
        assert.deepStrictEqual(following.push(after.slice(1)).lines.slice(1), ["four"])
        const tail = follower.tail()
        tail.push(joined([after.slice(1), utf16le("? ")]))
        assert.strictEqual(tail.text, "? ")
      }
    })
  })

  describe("of lines", () => {
    it.prop(
      "keeps whole lines within both bounds",
      [policy, text, sizes, intBetween(0, 6), intBetween(0, 20)],
      ([policy, text, sizes, lines, bytes]) => {
        const retained = linesOf(kept({ policy, lines, bytes }, chunked(utf8(text), sizes)))
        assert.isAtMost(retained.length, lines)
        if (policy !== "FailAbove") assert.isAtMost(size(retained), bytes)
      },
      often
    )

    it.prop(
      "keeps a prefix, a suffix, or both, and says whether something is missing",
      [dropping, text, sizes, intBetween(0, 6), intBetween(0, 20)],
      ([policy, text, sizes, lines, bytes]) => {
        const retention = kept({ policy, lines, bytes }, chunked(utf8(text), sizes))
        const all = linesIn(utf8(text))
        const retained = linesOf(retention)
        assert.strictEqual(isTruncated(retention), retained.length < all.length)
        const joints = policy === "Head" ? [retained.length] : policy === "Tail" ? [0] : range(retained.length)
        assert.isTrue(joints.some((joint) => isEnds(all, retained, joint)), JSON.stringify([all, retained]))
      },
      often
    )

    it.prop(
      "drops nothing below its bounds",
      [policy, text, sizes, intBetween(0, 3), intBetween(0, 3)],
      ([policy, text, sizes, spareLines, spareBytes]) => {
        const encoded = utf8(text)
        const lines = Math.max(1, linesIn(encoded).length + spareLines)
        const bytes = Math.max(1, size(linesIn(encoded)), policy === "FailAbove" ? encoded.length : 0) + spareBytes
        const retention = kept({ policy, lines, bytes }, chunked(encoded, sizes))
        assert.deepStrictEqual(linesOf(retention), linesIn(encoded))
        assert.isFalse(isTruncated(retention))
      },
      often
    )

    it.prop(
      "joins what it kept with LF and adds no line end that was not there",
      [text, sizes],
      ([text, sizes]) => {
        const retained = kept({ policy: "Tail", lines: 100 }, chunked(utf8(text), sizes)).text()
        assert.strictEqual(retained, new TextDecoder().decode(utf8(text)).replaceAll("\r\n", "\n"))
      },
      often
    )

    it("adds no line end after a character that the end of the stream cut off", () => {
      assert.strictEqual(kept({ policy: "Tail", lines: 9 }, [utf8("a\n"), Uint8Array.of(0xe2)]).text(), "a\n\ufffd")
    })

    it.prop(
      "fails exactly above its bounds, with exact totals of lines and raw bytes",
      [text, sizes, intBetween(0, 8), intBetween(0, 30)],
      ([text, sizes, lines, bytes]) => {
        const encoded = utf8(text)
        const totals = { totalLines: linesIn(encoded).length, totalBytes: encoded.length }
        const overflow = kept({ policy: "FailAbove", lines, bytes }, chunked(encoded, sizes)).overflow()
        const fires = totals.totalLines > lines || totals.totalBytes > bytes
        assert.deepStrictEqual(overflow, fires ? { maxLines: lines, maxBytes: bytes, ...totals } : undefined)
      },
      often
    )

    it("keeps all that its program may print before it fails, also where decoding makes it longer", () => {
      const retention = kept({ policy: "FailAbove", lines: 9, bytes: 4, encoding: "windows-1252" }, [
        Uint8Array.of(0xe9, 0x80, 0xe9, 0x80)
      ])
      assert.isUndefined(retention.overflow())
      assert.strictEqual(retention.text(), "é€é€")
      assert.isFalse(isTruncated(retention))
    })

    it("takes no line end from a line that had one where the unfinished line after it is dropped", () => {
      assert.strictEqual(textOf({ policy: "Head", lines: 2 }, "1\n2\nlast"), "1\n2\n")
      assert.strictEqual(textOf({ policy: "Head", lines: 3 }, "1\n2\nlast"), "1\n2\nlast")
      assert.strictEqual(textOf({ policy: "FailAbove", lines: 1 }, "1\n", "last"), "1\n")
      assert.strictEqual(textOf({ policy: "HeadTail", lines: 4, bytes: 4 }, "1\n2\nlonger"), "1\n2\n")
      assert.strictEqual(textOf({ policy: "HeadTail", lines: 2 }, "1\n2\nlast"), "1\nlast")
      assert.strictEqual(textOf({ policy: "Tail", lines: 1 }, "1\n2\nlast"), "last")
    })

    it("seals a head with the first line that does not fit", () => {
      assert.strictEqual(textOf({ policy: "Head", lines: 9, bytes: 5 }, "ab\nlonger\nc\n"), "ab\n")
    })

    it("drops a line longer than the bound, and what came before it, from a tail", () => {
      assert.strictEqual(textOf({ policy: "Tail", lines: 9, bytes: 5 }, "ab\nlonger\nc\n"), "c\n")
    })

    it("gives the newest lines what the first lines left of the bound", () => {
      assert.strictEqual(textOf({ policy: "HeadTail", lines: 9, bytes: 10 }, "eight ch\n"), "eight ch\n")
      assert.strictEqual(textOf({ policy: "HeadTail", lines: 9, bytes: 10 }, "abc\ndef\nghi\n"), "abc\ndef\nghi\n")
      assert.strictEqual(textOf({ policy: "HeadTail", lines: 4 }, "1\n2\n3\n4\n5\n6\n"), "1\n2\n5\n6\n")
    })

    it("keeps no more empty lines than its bytes allow", () => {
      assert.strictEqual(textOf({ policy: "Tail", lines: 1000, bytes: 3 }, "\n".repeat(100)), "\n\n\n")
      assert.strictEqual(textOf({ policy: "Head", lines: 1000, bytes: 3 }, "\n".repeat(100)), "\n\n\n")
    })

    it("keeps nothing with a bound of zero, and says so", () => {
      for (const policy of ["Tail", "Head", "HeadTail", "FailAbove"] as const) {
        const retention = kept({ policy, lines: 0 }, [utf8("a\n")])
        assert.strictEqual(retention.text(), "")
        assert.isTrue(isTruncated(retention))
      }
    })

    // A line that maxLineBytes cut was kept with its mark and nothing else said so: a verb gave it as the whole output.
    it("says that something is missing where a line was cut", () => {
      const retention = kept({ policy: "FailAbove", lines: 9, maxLineBytes: 4 }, [utf8("abcdefgh\n"), utf8("ij\n")])
      assert.strictEqual(retention.text(), "abcd…\nij\n")
      assert.isTrue(isTruncated(retention))
    })

    // The bound of what is kept cut every line that somebody took, or waited for, as if it were maxLineBytes.
    it("cuts no line that is taken or followed at the bound of what it keeps", () => {
      for (const policy of ["Tail", "Head", "HeadTail", "FailAbove"] as const) {
        const retention = make({ policy, lines: 2, bytes: 3 })
        retention.push(utf8("begun well "))
        const following = retention.follow()
        assert.deepStrictEqual(following.push(utf8("before\n")).lines, ["begun well before"])
        const { cutter } = retention.handOver()
        assert.deepStrictEqual(cutter.push(utf8("before\nmuch longer\n")), ["begun well before", "much longer"])
      }
    })

    it("hands over what it kept, with the line under way, and keeps nothing from then on", () => {
      const retention = make({ policy: "Tail", lines: 2 })
      retention.push(utf8("a\nb\nc\nd"))
      const { cutter, lines } = retention.handOver()
      assert.deepStrictEqual(lines, ["b", "c"])
      assert.deepStrictEqual(cutter.push(utf8("e\n")), ["de"])
      assert.strictEqual(retention.text(), "")
      assert.strictEqual(retention.bytes().length, 0)
      assert.isTrue(isTruncated(retention))
    })
  })
})

/** Text without U+FFFD and without a byte order mark, every character of which takes several bytes. */
const wide = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals(["é", "€", "😀", "ab"])), { maxLength: 20 }),
  (pieces) => pieces.join("")
)

const expectedBytes = (policy: Retention.Limits["policy"], bytes: Uint8Array, bound: number): Array<number> => {
  const all = [...bytes]
  if (all.length <= bound) return all
  const head = policy === "Tail" ? 0 : policy === "HeadTail" ? Math.ceil(bound / 2) : bound
  return [...all.slice(0, head), ...all.slice(all.length - (bound - head))]
}

const range = (length: number): Array<number> => Array.from({ length: length + 1 }, (_, i) => i)

/** Whether the kept lines are the first `joint` lines and, for the rest, the last ones. */
const isEnds = (all: ReadonlyArray<string>, kept: ReadonlyArray<string>, joint: number): boolean => {
  const rest = kept.length - joint
  const ends = [...all.slice(0, joint), ...all.slice(all.length - rest)]
  return kept.length <= all.length && ends.every((line, i) => line === kept[i])
}
