/**
 * Reads along with a stream, line by line, and takes nothing from it.
 *
 * A follower is seeded with what a retention keeps, so that it sees the stream from there on, however late it comes.
 * Every line has a mark: the place in the stream right after it. A retention told to forget up to a mark keeps what
 * comes after that line, to the byte.
 */
import { ChunkDecoder } from "./chunkDecoder.ts"
import { joined } from "./chunkQueue.ts"
import { LineCutter, type LineRules } from "./lineCutter.ts"
import { ownBytes } from "./ownBytes.ts"

const newline = 10
const carriageReturn = 13

/** Lines that were completed together. */
export interface Batch {
  readonly lines: ReadonlyArray<string>
  /** The place right after one of the lines. */
  readonly markAfter: (index: number) => number
}

export interface Follower {
  /** The lines that were there before, cut as they are asked for; to be taken once, and to its end before anything else. */
  readonly kept: () => Iterable<Batch>
  readonly push: (bytes: Uint8Array) => Batch
  readonly end: (clean: boolean) => Batch
}

/** A piece of a stream, and where it begins. */
export interface Segment {
  readonly from: number
  readonly chunks: ReadonlyArray<Uint8Array>
  /** Whether a CR that ended a line came right before it. */
  readonly afterReturn?: boolean
}

/** How an encoding spells a CR that ends a line. */
export const returnIn = (encoding: string): Uint8Array =>
  Uint8Array.from(
    encoding === "utf-16le" ? [carriageReturn, 0] : encoding === "utf-16be" ? [0, carriageReturn] : [
      carriageReturn
    ]
  )

/** The last bytes that tell where in a unit the next one begins, and whether the unit before it was a CR. */
const recentOf = (before: Uint8Array, bytes: Uint8Array): Uint8Array =>
  ownBytes(bytes.length >= 3 ? bytes.subarray(-3) : joined([before, bytes]).subarray(-3))

const nothing = new Uint8Array(0)

/** Follows bytes; a mark is how many of them came before it. A line does not reach across two segments. */
export class ByteFollower implements Follower {
  readonly #rules: LineRules
  readonly #segments: ReadonlyArray<Segment>
  #cutter: LineCutter
  #offset = 0
  #recent: Uint8Array = nothing

  constructor(rules: LineRules, segments: ReadonlyArray<Segment>) {
    this.#rules = rules
    this.#segments = segments
    this.#cutter = new LineCutter(rules)
  }

  *kept(): Iterable<Batch> {
    for (const { afterReturn = false, chunks, from } of this.#segments) {
      if (this.#cutter.unfinished) yield this.end(false)
      this.#cutter = new LineCutter(this.#rules, new ChunkDecoder(this.#rules.encoding, from), afterReturn)
      this.#offset = from
      this.#recent = afterReturn ? returnIn(this.#rules.encoding) : nothing
      for (const chunk of chunks) yield this.push(chunk)
    }
  }

  push(bytes: Uint8Array): Batch {
    const [from, before] = [this.#offset, this.#recent]
    this.#offset += bytes.length
    this.#recent = recentOf(before, bytes)
    return {
      lines: this.#cutter.push(bytes),
      markAfter: (index) => from + lineEnd(this.#rules, { bytes, before, from }, index)
    }
  }

  end(clean: boolean): Batch {
    const offset = this.#offset
    return { lines: this.#cutter.end(clean), markAfter: () => offset }
  }
}

/** Lines that stand together, and how many came before them. */
export interface Stretch {
  readonly from: number
  readonly lines: ReadonlyArray<string>
}

/** Follows lines that somebody else cut before; a mark is how many lines came before it. */
export class LineFollower implements Follower {
  readonly #kept: ReadonlyArray<Stretch>
  readonly #cutter: LineCutter
  #count: number

  /** The cutter continues after as many lines as `count` says. */
  constructor(kept: ReadonlyArray<Stretch>, cutter: LineCutter, count: number) {
    this.#kept = kept
    this.#cutter = cutter
    this.#count = count
  }

  kept(): Iterable<Batch> {
    return this.#kept.map(batchOf)
  }

  push(bytes: Uint8Array): Batch {
    return this.#next(this.#cutter.push(bytes))
  }

  end(clean: boolean): Batch {
    return this.#next(this.#cutter.end(clean))
  }

  #next(lines: ReadonlyArray<string>): Batch {
    const from = this.#count
    this.#count += lines.length
    return batchOf({ from, lines })
  }
}

const batchOf = ({ from, lines }: Stretch): Batch => ({ lines, markAfter: (index) => from + index + 1 })

/** A chunk, the last bytes before it, and where it begins. */
interface Place {
  readonly bytes: Uint8Array
  readonly before: Uint8Array
  readonly from: number
}

/**
 * Where, in a chunk, the line ends that is the n-th to end there, counting from 0.
 *
 * Of the encodings of the Encoding Standard only UTF-16 has the byte of a newline in other characters or spells one with
 * two bytes: every other one has bytes above 0x20 only after the first of a character.
 */
const lineEnd = ({ encoding, lineTerminator }: LineRules, { before, bytes, from }: Place, index: number): number => {
  if (lineTerminator === "carriage-return") return endAtReturn(encoding, { before, bytes, from }, index)
  const isUtf16 = encoding.startsWith("utf-16")
  const [first, second] = encoding === "utf-16be" ? [0, newline] : [newline, 0]
  let ends = 0
  for (let at = 0; at < bytes.length; at++) {
    const ended = isUtf16
      ? (from + at) % 2 === 1 && bytes[at] === second && (at === 0 ? before.at(-1) : bytes[at - 1]) === first
      : bytes[at] === newline
    if (ended && ends++ === index) return at + 1
  }
  return bytes.length
}

/** The same where CR ends lines too; a LF after the CR belongs to the end. A unit ends where its last byte is. */
const endAtReturn = (encoding: string, { before, bytes, from }: Place, index: number): number => {
  const width = encoding.startsWith("utf-16") ? 2 : 1
  const low = encoding === "utf-16be" ? 1 : 0
  const all = joined([before, bytes])
  const unit = (at: number): number | undefined => {
    const byte = all[at + low]
    return width === 1 ? byte : byte === undefined || all[at + 1 - low] !== 0 ? undefined : byte
  }
  let ends = 0
  let last: number | undefined
  for (let at = (from - before.length) % width; at + width <= all.length; at += width) {
    const now = unit(at)
    const isEnd = now === carriageReturn || (now === newline && last !== carriageReturn)
    if (isEnd && at + width > before.length && ends++ === index) {
      const hasMore = now === carriageReturn && unit(at + width) === newline
      return at + (hasMore ? 2 * width : width) - before.length
    }
    last = now
  }
  return bytes.length
}
