/**
 * Cuts a stream of bytes into lines.
 *
 * One streaming decoder per stream, so that no chunk boundary breaks a character and a byte order mark is dropped once.
 * A line ends at `\n`, and one `\r` before it belongs to the end; a lone `\r` is content. Where carriage returns end lines
 * too, each of `\n`, `\r` and `\r\n` is one end, also where the two come in different chunks: the line is given at the
 * `\r`, and a `\n` that follows it is dropped. What is left at the end of the stream is a line unless it is empty.
 *
 * A line is kept up to `maxBytes` and marked where it was cut; the rest of it is dropped, so that a stream without a
 * newline costs bounded memory and the next line starts where it should.
 */
import type * as Command from "../Command.ts"
import type { Cleaner } from "./capturePolicy.ts"
import { ChunkDecoder } from "./chunkDecoder.ts"
import { newestFrom, newlinesIn } from "./newlines.ts"
import { Tail } from "./tail.ts"
import * as Text from "./textHygiene.ts"

const newline = 10
const carriageReturn = 13

const anyEnd = /\r\n|\r|\n/

/** How a stream of bytes becomes lines. */
export interface LineRules {
  /** The name of an encoding as `TextDecoder` spells it. */
  readonly encoding: string
  readonly maxLineBytes: number
  readonly lineTerminator: Command.LineTerminator
  /** Cleans each line, and is told whether it was cut. */
  readonly clean?: Cleaner | undefined
}

/** Lines of a chunk, and how many of the chunk came before them. */
export interface Cut {
  readonly skipped: number
  readonly lines: Array<string>
}

export class LineCutter {
  readonly #decoder: ChunkDecoder
  readonly #maxBytes: number
  readonly #rules: LineRules
  readonly #cutsAtReturns: boolean
  /** The pieces of the unfinished line, joined once at its end: a growing string would be copied for every chunk. */
  #pieces: Array<string> = []
  /** The length of the unfinished line, with what was dropped of it. */
  #length = 0
  /** Whether the last character was a `\r` that ended a line, so that a `\n` belongs to it. */
  #afterReturn: boolean
  /** Whether a line was cut so far. */
  hasCut = false
  /** How many lines were given. */
  count = 0

  constructor(rules: LineRules, decoder = new ChunkDecoder(rules.encoding), afterReturn = false) {
    this.#rules = rules
    this.#decoder = decoder
    this.#afterReturn = afterReturn
    this.#maxBytes = rules.maxLineBytes
    this.#cutsAtReturns = rules.lineTerminator === "carriage-return"
  }

  /** A cutter that goes on from here by itself. */
  fork(): LineCutter {
    const fork = new LineCutter(this.#rules, this.#decoder.fork(), this.#afterReturn)
    fork.#pieces = [...this.#pieces]
    fork.#length = this.#length
    return fork
  }

  /** What has arrived since the last line end, to be continued by itself: nothing where only its beginning is there. */
  forkTail(): Tail {
    const begun = this.#pieces.join("")
    const text = begun.length === this.#length ? begun : ""
    return new Tail(this.#decoder.fork(), text, this.#rules.lineTerminator)
  }

  /** Whether bytes have arrived since the last line end. */
  get unfinished(): boolean {
    return this.#length > 0
  }

  /** The lines that the bytes complete. */
  push(bytes: Uint8Array): Array<string> {
    return this.pushText(this.#decoder.decode(this.#isFull ? this.#fromEnd(bytes) : bytes))
  }

  /**
   * The lines that the bytes complete, for somebody who keeps the newest `most` of them.
   *
   * Where it can be seen in the bytes which they are, and nobody has to look at each line, those before them are neither
   * decoded nor made: a flood costs what is kept of it.
   */
  pushNewest(bytes: Uint8Array, most: number): Cut {
    const skipped = this.#seesEnds ? newlinesIn(bytes) - most : 0
    if (skipped <= 0) return { skipped: 0, lines: this.push(bytes) }
    this.count += skipped
    this.#pieces = []
    this.#length = 0
    this.#decoder.skip()
    return { skipped, lines: this.push(bytes.subarray(newestFrom(bytes, most))) }
  }

  get #seesEnds(): boolean {
    return this.#seesNewlines && this.#rules.clean === undefined
  }

  /** Whether the byte of a newline ends a line, and is nothing else. */
  get #seesNewlines(): boolean {
    return this.#rules.encoding === "utf-8" && !this.#cutsAtReturns
  }

  /** Whether nothing of what is still to come of the unfinished line is kept, and its end can be seen in the bytes. */
  get #isFull(): boolean {
    return this.#length > this.#maxBytes && this.#seesNewlines
  }

  /** The bytes from the end of the unfinished line on: those before it are dropped without a look at their text. */
  #fromEnd(bytes: Uint8Array): Uint8Array {
    const end = bytes.indexOf(newline)
    const rest = end === -1 ? bytes.subarray(bytes.length) : bytes.subarray(end)
    this.#length += bytes.length - rest.length + this.#decoder.skip()
    return rest
  }

  /** The lines that decoded text completes. */
  pushText(text: string): Array<string> {
    const lines = this.#cutsAtReturns ? this.#splitAtAny(text) : this.#splitAtNewlines(text)
    this.count += lines.length
    return lines
  }

  /**
   * The lines that the end of the stream completes.
   *
   * After a clean end a dangling character becomes one U+FFFD. After a failed read it is dropped: the rest of it may
   * have been lost by us.
   */
  end(clean: boolean): Array<string> {
    const lines = clean ? this.pushText(this.#decoder.end()) : []
    if (this.unfinished) {
      lines.push(this.#finish("", false))
      this.count++
    }
    return lines
  }

  #splitAtNewlines(text: string): Array<string> {
    const lines = text.split("\n")
    // One search of the chunk spares a look at the end of every line.
    if (lines.length > 1 && text.includes("\r")) {
      for (let i = this.unfinished ? 1 : 0; i < lines.length - 1; i++) lines[i] = stripReturn(lines[i] as string)
    }
    return this.#completed(lines, text.length)
  }

  #splitAtAny(text: string): Array<string> {
    if (text === "") return []
    const rest = this.#afterReturn && text.startsWith("\n") ? text.slice(1) : text
    this.#afterReturn = text.endsWith("\r")
    return this.#completed(rest.split(anyEnd), rest.length)
  }

  /** Takes what the splitting left behind the last line end away, and puts what was there before to the first line. */
  #completed(lines: Array<string>, length: number): Array<string> {
    const rest = lines.pop() as string
    const isContinued = this.unfinished && lines.length > 0
    if (isContinued) lines[0] = this.#finish(lines[0] as string, true)
    if (length * 3 > this.#maxBytes || this.#rules.clean !== undefined) {
      for (let i = isContinued ? 1 : 0; i < lines.length; i++) lines[i] = this.#bounded(lines[i] as string)
    }
    if (rest !== "") this.#keep(rest)
    return lines
  }

  #keep(piece: string): void {
    // A UTF-16 unit is at least one byte of UTF-8, so more units than bytes allowed is certainly too long.
    const room = this.#maxBytes + 1 - this.#length
    if (room > 0) this.#pieces.push(piece.length > room ? piece.slice(0, room) : piece)
    this.#length += piece.length
  }

  #finish(last: string, terminated: boolean): string {
    this.#keep(last)
    const line = this.#pieces.join("")
    // Where something was dropped, a CR at the end of what was kept is content.
    const whole = line.length === this.#length
    this.#pieces = []
    this.#length = 0
    return this.#bounded(terminated && whole && !this.#cutsAtReturns ? stripReturn(line) : line)
  }

  #bounded(line: string): string {
    const cut = line.length * 3 <= this.#maxBytes ? line : Text.cut(line, this.#maxBytes)
    const isCut = cut !== line
    if (isCut) this.hasCut = true
    return this.#rules.clean === undefined ? cut : this.#rules.clean(cut, isCut)
  }
}

const stripReturn = (line: string): string =>
  line.charCodeAt(line.length - 1) === carriageReturn ? line.slice(0, -1) : line
