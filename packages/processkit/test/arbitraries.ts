/** Generated input that several tests share: text with every trap of line cutting, bytes, and ways to chunk them. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { LineRules } from "../src/internal/lineCutter.ts"

const pick = <const A extends string>(items: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.schema(Schema.Literals(items))

export const intBetween = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Characters of one to four bytes, everything that some splitter takes for a line end, and real line ends. */
export const text: Arbitrary.Arbitrary<string> = Arbitrary.map(
  Arbitrary.array(
    pick(["a", "bc", "é", "€", "😀", "\r", "\n", "\r\n", "\0", "\u0085", "\u2028", "\v\f", "\ufeff", " ", "\x1b[1m"]),
    { maxLength: 30 }
  ),
  (pieces) => pieces.join("")
)

/** Any bytes, with more line ends, lead bytes and byte order marks than chance would give. */
export const bytes: Arbitrary.Arbitrary<Uint8Array> = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([intBetween(0, 255), intBetween(0, 9)]), { maxLength: 40 }),
  (pairs) => Uint8Array.from(pairs, ([byte, kind]) => common[kind] ?? byte)
)

const common = [0x0a, 0x0d, 0xe2, 0x82, 0xf0]

/** Where to cut, as sizes of chunks that are used round and round. */
export const sizes: Arbitrary.Arbitrary<Array<number>> = Arbitrary.array(intBetween(1, 6), {
  minLength: 1,
  maxLength: 8
})

/** The same bytes, or the same text, in pieces of the given sizes; those of a text may end in the middle of a character. */
export const chunked = <A extends string | Uint8Array>(whole: A, sizes: ReadonlyArray<number>): Array<A> => {
  const chunks: Array<A> = []
  for (let at = 0, i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(whole.slice(at, at + size) as A)
    at += size
  }
  return chunks
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

export const utf16le = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "utf16le"))

/** Rules for lines that bound nothing a test would notice, unless it says otherwise. */
export const rules = (more: Partial<LineRules> = {}): LineRules => ({
  encoding: "utf-8",
  maxLineBytes: 1_048_576,
  lineTerminator: "newline",
  ...more
})
