/**
 * Keeps what an output buffer says of one stream, within its bounds.
 *
 * Two families: bytes as they came, and decoded lines; and decoded text, for whoever wants no bytes. All count
 * everything that passes, so that a policy of failure fires on the total and not on what happens to be kept.
 */
import type * as Effect from "effect/Effect"
import type * as OutputBuffer from "../OutputBuffer.ts"
import type { StartOptions } from "../ProcessRunner.ts"
import * as CapturePolicy from "./capturePolicy.ts"
import { ChunkDecoder } from "./chunkDecoder.ts"
import { ChunkQueue, joined } from "./chunkQueue.ts"
import { ByteFollower, type Follower, returnIn, type Segment } from "./follower.ts"
import { KeptLines } from "./keptLines.ts"
import { KeptText } from "./keptText.ts"
import { LineCounter } from "./lineCounter.ts"
import { LineCutter, type LineRules } from "./lineCutter.ts"
import { NewestBytes } from "./newestBytes.ts"
import * as Piece from "./piece.ts"
import { Tail } from "./tail.ts"

/** What went into a buffer that did not keep all of it. */
export interface Overflow {
  readonly maxLines: number | undefined
  readonly maxBytes: number | undefined
  /** The bound of a line that was cut, where nothing else was dropped. */
  readonly maxLineBytes?: number
  readonly totalLines: number | undefined
  readonly totalBytes: number
}

/** The lines that were kept, and the cutter that continues them. */
export interface HandedOver {
  readonly lines: Array<string>
  readonly cutter: LineCutter
}

export interface Retention {
  /** Whether it would keep the bytes themselves of a chunk of so many. */
  readonly keeps: (length: number) => boolean
  readonly push: (bytes: Uint8Array) => void
  readonly end: (clean: boolean) => void
  /** What the policy dropped something of, where it did. */
  readonly dropped: () => Overflow | undefined
  /** The same, where the policy is to fail then. */
  readonly overflow: () => Overflow | undefined
  readonly text: () => string
  readonly bytes: () => Uint8Array
  /** Hands over what was kept as lines, and the cutter that continues them; keeps nothing from then on. */
  readonly handOver: () => HandedOver
  /** Whether what is kept is the bytes that came, so that they can be handed over. */
  readonly hasBytes: boolean
  /** Hands over what was kept as it came, and keeps nothing from then on. */
  readonly handOverBytes: () => ReadonlyArray<Uint8Array>
  /** How many lines have come so far, kept or not, until whoever took them over takes bytes or leaves. */
  readonly lines: number
  /** How much was dropped: lines where the bound is in lines, otherwise bytes. */
  readonly droppedCount: number
  /** Whether it was handed over. */
  readonly released: boolean
  /** Reads along, from the oldest that is kept. */
  readonly follow: () => Follower
  /** Reads along, from the last line end. */
  readonly tail: () => Tail
  /** Keeps no longer what came before a mark of a follower. Bounds count on as if it were still there. */
  readonly forget: (mark: number) => void
}

/** Bounds of a policy in plain numbers; `Infinity` where there is none. */
export interface Limits {
  readonly policy: OutputBuffer.OutputBuffer["_tag"]
  readonly bytes: number
  readonly lines: number
}

/**
 * The bounds for a stream whose bytes are wanted: a bound in lines does not apply to it. Where there is no other one,
 * that of the default buffer does, so that memory stays bounded.
 */
export const wanted = (limits: Limits, stream: "stdout" | "stderr", wants: StartOptions["wants"]): Limits => {
  if (limits.lines === Infinity || (wants !== `${stream}Bytes` && wants !== `${stream}Chunks`)) return limits
  return { ...limits, lines: Infinity, bytes: Math.min(limits.bytes, defaultBytes) }
}

const defaultBytes = 64 * 1024 * 1024

/** What a command asks to be kept. */
interface Asked extends Omit<LineRules, "clean"> {
  readonly capture: CapturePolicy.CapturePolicy
  readonly retention: Limits
}

/** What is kept of a stream of a command; `warn` gets a warning where a line could not be cleaned. */
export const ofStream = (
  stream: "stdout" | "stderr",
  { capture, encoding, lineTerminator, maxLineBytes, retention }: Asked,
  wants: StartOptions["wants"],
  warn: (warning: Effect.Effect<void>) => void
): Retention => {
  // Whoever takes the bytes as they come takes them over from here, and leaves none for a result.
  const clean = wants === `${stream}Chunks` ? undefined : CapturePolicy.cleaner(capture, stream, warn)
  return make(wanted(retention, stream, wants), { encoding, lineTerminator, maxLineBytes, clean }, wants === "text")
}

/** `textOnly` promises that nobody will ask for bytes. */
export const make = (limits: Limits, rules: LineRules, textOnly = false): Retention => {
  // Lines that have to be cleaned are kept as such: a secret that a bound cuts in two would be one that nobody knows.
  if (limits.lines !== Infinity || rules.clean !== undefined) return new KeptLines(limits, rules)
  const keepsStart = limits.policy === "Unbounded" || limits.policy === "FailAbove"
  return textOnly && keepsStart ? new KeptText(limits, rules) : new KeptBytes(limits, rules)
}

const newline = 10

class KeptBytes implements Retention {
  readonly #limits: Limits
  readonly #rules: LineRules
  readonly #counter: LineCounter
  readonly #head = new ChunkQueue()
  #headRoom: number
  /** What the head has kept so far, forgotten or not. */
  #headTaken = 0
  readonly #tail: NewestBytes
  readonly #tailRoom: number
  readonly hasBytes = true
  #total = 0
  #droppedBytes = 0
  #dropped = false
  released = false
  /** Whether the stream has ended, and how. */
  #end: "cleanly" | "unread" | undefined
  /** How many bytes the counter has looked at: it does when some of them are to be dropped, or when somebody asks. */
  #counted = 0
  /** How many lines there are beside those that the cutter has given, once the lines were handed over. */
  #linesBefore = 0
  #cutter: LineCutter | undefined
  /** How many lines the cutter had given when it was handed over behind a beginning of a line of which nothing was kept. */
  #lostAt: number | undefined
  /** Where something was forgotten up to a CR, to which a LF would belong that comes next. */
  #openEnd: number | undefined

  constructor(limits: Limits, rules: LineRules) {
    this.#limits = limits
    this.#rules = rules
    this.#counter = new LineCounter(rules)
    this.#headRoom = limits.policy === "Tail"
      ? 0
      : limits.policy === "HeadTail"
      ? Math.ceil(limits.bytes / 2)
      : limits.bytes
    this.#tailRoom = limits.policy === "Tail"
      ? limits.bytes
      : limits.policy === "HeadTail"
      ? Math.floor(limits.bytes / 2)
      : 0
    this.#tail = new NewestBytes(this.#tailRoom)
  }

  keeps(length: number): boolean {
    return !this.released && (this.#headRoom > 0 || this.#tail.keeps(length))
  }

  push(bytes: Uint8Array): void {
    if (this.released) return
    this.#total += bytes.length
    const rest = this.#fillHead(bytes)
    if (rest.length > 0) this.#pushToTail(rest)
    this.#closeEnd()
  }

  #pushToTail(bytes: Uint8Array): void {
    const excess = this.#tail.total + bytes.length - this.#tailRoom
    if (excess > 0) {
      this.#dropped = true
      this.#droppedBytes += excess
      this.#count(this.#total - bytes.length)
      this.#counter.push(bytes)
      this.#counted = this.#total
    }
    this.#tail.push(bytes)
  }

  end(clean: boolean): void {
    this.#end ??= clean ? "cleanly" : "unread"
  }

  get lines(): number {
    if (this.#cutter !== undefined) {
      const isLost = this.#end !== undefined && this.#cutter.count === this.#lostAt
      return this.#linesBefore + this.#cutter.count + (isLost ? 1 : 0)
    }
    this.#count()
    if (this.#end !== undefined && !this.released) this.#counter.end(this.#end === "cleanly")
    return this.#counter.lines + this.#counter.unended
  }

  get droppedCount(): number {
    return this.#droppedBytes
  }

  dropped(): Overflow | undefined {
    return this.#dropped
      ? { maxLines: undefined, maxBytes: this.#limits.bytes, totalLines: undefined, totalBytes: this.#total }
      : undefined
  }

  overflow(): Overflow | undefined {
    return this.#limits.policy === "FailAbove" ? this.dropped() : undefined
  }

  bytes(): Uint8Array {
    return joined(this.#chunks())
  }

  text(): string {
    if (this.#total === 0 || this.released) return ""
    if (!this.#dropped) return decoded(this.#chunks(), new ChunkDecoder(this.#rules.encoding, this.#begin))
    const tail = joined(this.#tail.all())
    return Piece.first(this.#rules.encoding, joined(this.#head.all()), this.#begin > 0) +
      Piece.last(this.#rules.encoding, tail, this.#total - tail.length)
  }

  handOver(): HandedOver {
    const { cutter, lines } = this.#cut()
    if (this.#counted > 0) this.#count()
    this.#linesBefore = this.#counted > 0 ? this.#counter.lines - cutter.count : 0
    if (this.#dropped && this.#counter.unfinished && !cutter.unfinished) this.#lostAt = cutter.count
    this.#cutter = cutter
    this.#release()
    return { lines, cutter }
  }

  handOverBytes(): ReadonlyArray<Uint8Array> {
    this.#count()
    const chunks = this.#chunks()
    this.#release()
    return chunks
  }

  #release(): void {
    this.#head.clear()
    this.#tail.clear()
    this.released = true
  }

  follow(): Follower {
    return new ByteFollower(this.#rules, this.#segments())
  }

  tail(): Tail {
    const { chunks = [], from: start = 0 } = this.#segments().at(-1) ?? {}
    const tail = new Tail(new ChunkDecoder(this.#rules.encoding, start), "", this.#rules.lineTerminator)
    // Not the ones before the last line end, but for an encoding that has the byte of one in other characters.
    const from = this.#rules.encoding.startsWith("utf-16") ? 0 : chunks.findLastIndex((chunk) => chunk.includes(10))
    for (const chunk of chunks.slice(Math.max(0, from))) tail.push(chunk)
    return tail
  }

  forget(mark: number): void {
    this.#count()
    const before = this.#at(mark - this.#return.length, this.#return.length)
    const isOpen = this.#rules.lineTerminator === "carriage-return" &&
      this.#return.every((byte, i) => before[i] === byte)
    this.#trim(mark)
    this.#openEnd = isOpen ? mark : undefined
    this.#closeEnd()
  }

  /** How many bytes came before what is kept first and was not forgotten. */
  get #begin(): number {
    return (this.#dropped ? this.#headTaken : this.#total - this.#tail.total) - this.#head.total
  }

  #trim(mark: number): void {
    this.#head.trim(Math.max(0, this.#headTaken - mark))
    this.#tail.trim(Math.max(0, this.#total - mark))
  }

  get #return(): Uint8Array {
    return returnIn(this.#rules.encoding)
  }

  /** Once it is there, forgets the LF that belongs to a CR. */
  #closeEnd(): void {
    const end = this.#openEnd
    if (end === undefined) return
    const width = this.#return.length
    if (this.#total < end + width) return
    this.#openEnd = undefined
    const next = this.#at(end, width)
    if (!this.#return.every((byte, i) => next[i] === (byte === 0 ? 0 : newline))) return
    this.#count()
    this.#trim(end + width)
  }

  /** The bytes from a place on, as far as they are kept. */
  #at(from: number, length: number): Uint8Array {
    for (const segment of this.#segments()) {
      let start = segment.from
      const all: Array<Uint8Array> = []
      for (const chunk of segment.chunks) {
        if (start + chunk.length > from && start < from + length) all.push(chunk.subarray(Math.max(0, from - start)))
        start += chunk.length
      }
      if (segment.from <= from && all.length > 0) return joined(all).subarray(0, length)
    }
    return new Uint8Array(0)
  }

  /** What is kept, as pieces of the stream: one, or those on both sides of what was dropped. */
  #segments(): ReadonlyArray<Segment> {
    const afterReturn = this.#openEnd !== undefined
    if (!this.#dropped) return [{ from: this.#begin, chunks: this.#chunks(), afterReturn }]
    const kept = joined(this.#tail.all())
    const tail = Piece.fromCharacter(this.#rules.encoding, kept, this.#total - kept.length)
    return [
      { from: this.#begin, chunks: this.#head.all() },
      { from: this.#total - tail.length, chunks: [tail], afterReturn }
    ]
  }

  /** The lines of what is kept, of which none reaches across what was dropped, and the cutter that continues them. */
  #cut(): HandedOver {
    let cutter = new LineCutter(this.#rules)
    const lines = this.#segments().flatMap(({ afterReturn, chunks, from }) => {
      const before = cutter.end(false)
      cutter = new LineCutter(this.#rules, new ChunkDecoder(this.#rules.encoding, from), afterReturn)
      return before.concat(chunks.flatMap((chunk) => cutter.push(chunk)))
    })
    return { lines, cutter }
  }

  /** Has everything counted that was not yet: the newest bytes that are there, which end at a place in the stream. */
  #count(end = this.#total): void {
    if (this.released) return
    let missing = end - this.#counted
    const uncounted: Array<Uint8Array> = []
    const chunks = missing > 0 ? this.#chunks() : []
    for (let i = chunks.length - 1; i >= 0 && missing > 0; i--) {
      const chunk = chunks[i] as Uint8Array
      uncounted.push(chunk.subarray(Math.max(0, chunk.length - missing)))
      missing -= chunk.length
    }
    for (const chunk of uncounted.toReversed()) this.#counter.push(chunk)
    this.#counted = end
  }

  #chunks(): Array<Uint8Array> {
    return this.#head.all().concat(this.#tail.all())
  }

  #fillHead(bytes: Uint8Array): Uint8Array {
    if (this.#headRoom === 0) return bytes
    const taken = bytes.length <= this.#headRoom ? bytes : bytes.subarray(0, this.#headRoom)
    this.#head.push(taken)
    this.#headRoom -= taken.length
    this.#headTaken += taken.length
    return taken === bytes ? bytes.subarray(bytes.length) : bytes.subarray(taken.length)
  }
}

/** Decodes piece by piece: joined bytes would be that much fresh memory, and touching it is what large output costs. */
const decoded = (chunks: ReadonlyArray<Uint8Array>, decoder: ChunkDecoder): string => {
  const pieces = chunks.map((chunk) => decoder.decode(chunk))
  pieces.push(decoder.end())
  return pieces.join("")
}
