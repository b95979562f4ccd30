/**
 * Counts the lines of a stream without decoding it: what a {@link LineCutter} would give, at the speed of memory.
 *
 * In UTF-8 and in nearly every other encoding a byte of a line end is never part of another character. The others are
 * decoded after all.
 */
import { LineCutter, type LineRules } from "./lineCutter.ts"
import { newlinesIn } from "./newlines.ts"

const newline = 10
const carriageReturn = 13

/** Encodings in which the byte 10 may be half of a character, or no character at all (WHATWG Encoding, 12.2 and 14). */
const opaque = /^(utf-16|iso-2022|replacement)/

const byteOrderMark = [0xef, 0xbb, 0xbf]

export class LineCounter {
  readonly #cutter: LineCutter | undefined
  readonly #atReturns: boolean
  readonly #hasMark: boolean
  #last = newline
  #total = 0
  /** How many of the first bytes are those of a byte order mark, which is no text. */
  #mark = 0
  /** The lines that have ended. */
  lines = 0
  /** One where the stream has ended without the end of its last line. */
  unended: 0 | 1 = 0

  constructor(rules: LineRules) {
    this.#cutter = opaque.test(rules.encoding) ? new LineCutter({ ...rules, maxLineBytes: 0 }) : undefined
    this.#atReturns = rules.lineTerminator === "carriage-return"
    this.#hasMark = rules.encoding === "utf-8"
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#cutter !== undefined) {
      this.lines += this.#cutter.push(bytes).length
      return
    }
    if (this.#hasMark && this.#total < 3) this.#lookForMark(bytes)
    this.lines += this.#atReturns ? endsIn(bytes, this.#last) : newlinesIn(bytes)
    this.#total += bytes.length
    this.#last = bytes[bytes.length - 1] as number
  }

  /** Whether the last line has no end so far. */
  get unfinished(): boolean {
    if (this.#cutter !== undefined) return this.unended === 1 || this.#cutter.unfinished
    const isEnded = this.#last === newline || (this.#atReturns && this.#last === carriageReturn)
    return !isEnded && this.#total > (this.#mark === 3 ? 3 : 0)
  }

  end(clean: boolean): void {
    const isUnended = this.#cutter === undefined ? this.unfinished : this.#cutter.end(clean).length > 0
    if (isUnended) this.unended = 1
  }

  #lookForMark(bytes: Uint8Array): void {
    for (let i = 0; this.#total + i < 3 && i < bytes.length; i++) {
      const at = this.#total + i
      if (this.#mark === at && bytes[i] === byteOrderMark[at]) this.#mark++
    }
  }
}

/** The ends among the bytes where each of LF, CR and CRLF is one; `before` is the byte that came before them. */
const endsIn = (bytes: Uint8Array, before: number): number => {
  let count = 0
  let last = before
  for (const byte of bytes) {
    if (byte === carriageReturn || (byte === newline && last !== carriageReturn)) count++
    last = byte
  }
  return count
}
