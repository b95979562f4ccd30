/**
 * Reads along with a stream, line by line, and takes nothing from it.
 *
 * A follower is seeded with what a retention keeps, so that it sees the stream from there on, however late it comes.
 * Every line has a mark: the place in the stream right after it. A retention told to forget up to a mark keeps what
 * comes after that line, to the byte.
 */
import { LineCutter } from "./lineCutter.ts"

/** Lines that were completed together. */
export interface Batch {
  readonly lines: ReadonlyArray<string>
  /** The place right after one of the lines. */
  readonly markAfter: (index: number) => number
}

export interface Follower {
  /** The lines that were there before. */
  readonly kept: ReadonlyArray<Batch>
  readonly push: (bytes: Uint8Array) => Batch
  readonly end: (clean: boolean) => Batch
  /** What came after the last line end. */
  readonly tail: () => string
}

/** A piece of a stream, and where it begins. */
export interface Segment {
  readonly from: number
  readonly chunks: ReadonlyArray<Uint8Array>
}

/** Follows bytes; a mark is how many of them came before it. A line does not reach across two segments. */
export class ByteFollower implements Follower {
  readonly #encoding: string
  readonly #maxLineBytes: number
  #cutter: LineCutter
  #offset = 0
  #lastByte: number | undefined
  readonly kept: Array<Batch> = []

  constructor(encoding: string, maxLineBytes: number, segments: ReadonlyArray<Segment>) {
    this.#encoding = encoding
    this.#maxLineBytes = maxLineBytes
    this.#cutter = this.#newCutter()
    for (const segment of segments) this.#see(segment)
  }

  push(bytes: Uint8Array): Batch {
    const [from, before] = [this.#offset, this.#lastByte]
    this.#offset += bytes.length
    this.#lastByte = bytes.at(-1) ?? before
    return {
      lines: this.#cutter.push(bytes),
      markAfter: (index) => from + lineEnd(this.#encoding, { bytes, before, from }, index)
    }
  }

  end(clean: boolean): Batch {
    const offset = this.#offset
    return { lines: this.#cutter.end(clean), markAfter: () => offset }
  }

  tail(): string {
    return this.#cutter.tail
  }

  #see({ chunks, from }: Segment): void {
    if (this.#cutter.unfinished) this.kept.push(this.end(false))
    this.#cutter = this.#newCutter()
    this.#offset = from
    this.#lastByte = undefined
    for (const chunk of chunks) this.kept.push(this.push(chunk))
  }

  #newCutter(): LineCutter {
    return new LineCutter(this.#encoding, this.#maxLineBytes)
  }
}

/** Follows lines that somebody else cut before; a mark is how many lines came before it. */
export class LineFollower implements Follower {
  readonly #cutter: LineCutter
  #count: number
  readonly kept: ReadonlyArray<Batch>

  constructor(
    kept: ReadonlyArray<{ readonly from: number; readonly lines: ReadonlyArray<string> }>,
    cutter: LineCutter
  ) {
    this.#cutter = cutter
    this.#count = 0
    this.kept = kept.map(({ from, lines }) => {
      this.#count = from
      return this.#batch(lines)
    })
  }

  push(bytes: Uint8Array): Batch {
    return this.#batch(this.#cutter.push(bytes))
  }

  end(clean: boolean): Batch {
    return this.#batch(this.#cutter.end(clean))
  }

  tail(): string {
    return this.#cutter.tail
  }

  #batch(lines: ReadonlyArray<string>): Batch {
    const from = this.#count
    this.#count += lines.length
    return { lines, markAfter: (index) => from + index + 1 }
  }
}

/** A chunk, the byte before it, and where it begins. */
interface Place {
  readonly bytes: Uint8Array
  readonly before: number | undefined
  readonly from: number
}

const newline = 10

/**
 * Where, in a chunk, the line ends that is the n-th to end there, counting from 0.
 *
 * Of the encodings of the Encoding Standard only UTF-16 has the byte of a newline in other characters or spells one with
 * two bytes: every other one has bytes above 0x20 only after the first of a character.
 */
const lineEnd = (encoding: string, { before, bytes, from }: Place, index: number): number => {
  const isUtf16 = encoding.startsWith("utf-16")
  const [first, second] = encoding === "utf-16be" ? [0, newline] : [newline, 0]
  let ends = 0
  for (let at = 0; at < bytes.length; at++) {
    const ended = isUtf16
      ? (from + at) % 2 === 1 && bytes[at] === second && (at === 0 ? before : bytes[at - 1]) === first
      : bytes[at] === newline
    if (ended && ends++ === index) return at + 1
  }
  return bytes.length
}
