/**
 * Keeps what an output buffer says of one stream, within its bounds.
 *
 * Two families: bytes as they came, and decoded lines. Both count everything that passes, so that a policy of failure
 * fires on the total and not on what happens to be kept.
 */
import type * as OutputBuffer from "../OutputBuffer.ts"
import type { Cleaner } from "./capturePolicy.ts"
import { ChunkDecoder } from "./chunkDecoder.ts"
import { ChunkQueue, joined } from "./chunkQueue.ts"
import { ByteFollower, type Follower, LineFollower, type Segment } from "./follower.ts"
import { LineCutter } from "./lineCutter.ts"
import * as Piece from "./piece.ts"
import { Tail } from "./tail.ts"

/** What went into a buffer that did not keep all of it. */
export interface Overflow {
  readonly maxLines: number | undefined
  readonly maxBytes: number | undefined
  readonly totalLines: number | undefined
  readonly totalBytes: number
}

export interface Retention {
  readonly push: (bytes: Uint8Array) => void
  readonly end: (clean: boolean) => void
  /** What the policy dropped something of, where it did. */
  readonly dropped: () => Overflow | undefined
  /** The same, where the policy is to fail then. */
  readonly overflow: () => Overflow | undefined
  readonly text: () => string
  readonly bytes: () => Uint8Array
  /** Hands over what was kept as lines, and the cutter that continues them; keeps nothing from then on. */
  readonly handOver: () => { readonly lines: Array<string>; readonly cutter: LineCutter }
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

/** Lines that have to be cleaned are kept as such: a secret that a bound cuts in two would be one that nobody knows. */
export const make = (limits: Limits, encoding: string, maxLineBytes: number, clean?: Cleaner): Retention =>
  limits.lines === Infinity && clean === undefined
    ? new KeptBytes(limits, encoding, maxLineBytes)
    : new KeptLines(limits, encoding, maxLineBytes, clean)

/** A queue that keeps its newest items within a budget. */
class Newest<A> {
  readonly #cost: (item: A) => number
  #items: Array<A> = []
  #first = 0
  total = 0

  constructor(cost: (item: A) => number) {
    this.#cost = cost
  }
  get size(): number {
    return this.#items.length - this.#first
  }
  push(item: A): void {
    this.#items.push(item)
    this.total += this.#cost(item)
  }
  shift(): void {
    this.total -= this.#cost(this.#items[this.#first] as A)
    this.#first++
    // Compacting at half keeps a drop at constant cost on average.
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
  }
  clear(): void {
    this.#items = []
    this.#first = 0
    this.total = 0
  }
  all(): Array<A> {
    return this.#items.slice(this.#first)
  }
}

class KeptBytes implements Retention {
  readonly #limits: Limits
  readonly #encoding: string
  readonly #maxLineBytes: number
  readonly #head = new ChunkQueue()
  #headRoom: number
  /** What the head has kept so far, forgotten or not. */
  #headTaken = 0
  readonly #tail = new ChunkQueue()
  readonly #tailRoom: number
  #total = 0
  #dropped = false
  released = false

  constructor(limits: Limits, encoding: string, maxLineBytes: number) {
    this.#limits = limits
    this.#encoding = encoding
    this.#maxLineBytes = maxLineBytes
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
  }

  push(bytes: Uint8Array): void {
    if (this.released) return
    this.#total += bytes.length
    const rest = this.#fillHead(bytes)
    if (rest.length === 0) return
    if (this.#tailRoom === 0) {
      this.#dropped = true
      return
    }
    this.#tail.push(rest)
    this.#dropped ||= this.#tail.total > this.#tailRoom
    this.#tail.trim(this.#tailRoom)
  }

  end(): void {}

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
    if (!this.#dropped) return decoded(this.#chunks(), this.#encoding)
    const tail = joined(this.#tail.all())
    return Piece.first(this.#encoding, joined(this.#head.all())) +
      Piece.last(this.#encoding, tail, this.#total - tail.length)
  }

  handOver(): { lines: Array<string>; cutter: LineCutter } {
    const cutter = new LineCutter(this.#encoding, this.#maxLineBytes)
    const lines = this.#dropped ? this.#cutEnds(cutter) : this.#chunks().flatMap((chunk) => cutter.push(chunk))
    this.#head.clear()
    this.#tail.clear()
    this.released = true
    return { lines, cutter }
  }

  follow(): Follower {
    return new ByteFollower(this.#encoding, this.#maxLineBytes, this.#segments())
  }

  tail(): Tail {
    const tail = new Tail(new ChunkDecoder(this.#encoding), "")
    const chunks = this.#segments().at(-1)?.chunks ?? []
    // Not the ones before the last line end, but for an encoding that has the byte of one in other characters.
    const from = this.#encoding.startsWith("utf-16") ? 0 : chunks.findLastIndex((chunk) => chunk.includes(10))
    for (const chunk of chunks.slice(Math.max(0, from))) tail.push(chunk)
    return tail
  }

  forget(mark: number): void {
    this.#head.trim(Math.max(0, this.#headTaken - mark))
    this.#tail.trim(Math.max(0, this.#total - mark))
  }

  /** What is kept, as pieces of the stream: one, or those on both sides of what was dropped. */
  #segments(): ReadonlyArray<Segment> {
    const from = this.#total - this.#tail.total
    if (!this.#dropped) return [{ from: from - this.#head.total, chunks: this.#chunks() }]
    const head = { from: this.#headTaken - this.#head.total, chunks: this.#head.all() }
    if (this.#tailRoom === 0) return [head, { from: this.#total, chunks: [] }]
    const tail = joined(this.#tail.all())
    const whole = Piece.fromCharacter(this.#encoding, tail, from)
    return [head, { from: from + tail.length - whole.length, chunks: [whole] }]
  }

  /** The lines on both sides of what was dropped; the line before it ends there, and none is made of both. */
  #cutEnds(after: LineCutter): Array<string> {
    const before = new LineCutter(this.#encoding, this.#maxLineBytes)
    const tail = joined(this.#tail.all())
    return before.push(joined(this.#head.all())).concat(
      before.end(false),
      after.push(Piece.fromCharacter(this.#encoding, tail, this.#total - tail.length))
    )
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
const decoded = (chunks: ReadonlyArray<Uint8Array>, encoding: string): string => {
  const decoder = new ChunkDecoder(encoding)
  const pieces = chunks.map((chunk) => decoder.decode(chunk))
  pieces.push(decoder.end())
  return pieces.join("")
}

class KeptLines implements Retention {
  readonly #limits: Limits
  readonly #cutter: LineCutter
  readonly #head: Array<string> = []
  readonly #tail = new Newest<string>(cost)
  readonly #headLines: number
  readonly #headBytes: number
  readonly #hasTail: boolean
  #headCost = 0
  /** How many lines the head has kept so far, forgotten or not. */
  #headTaken = 0
  #sealed = false
  #totalLines = 0
  #totalBytes = 0
  #terminated = true
  #dropped = false
  released = false

  constructor(limits: Limits, encoding: string, maxLineBytes: number, clean: Cleaner | undefined) {
    const { lines, policy } = limits
    // The bound of a failure is in raw bytes, and no encoding takes more than three bytes of UTF-8 for one of its own.
    const bytes = policy === "FailAbove" ? limits.bytes * 3 : limits.bytes
    this.#limits = limits
    // A line that is cleaned counts as what is left of it, so it is read to its end first.
    this.#cutter = new LineCutter(encoding, clean ? maxLineBytes : Math.min(maxLineBytes, bytes + 1), clean)
    this.#hasTail = policy === "Tail" || policy === "HeadTail"
    this.#headLines = policy === "Tail" ? 0 : policy === "HeadTail" ? Math.ceil(lines / 2) : lines
    this.#headBytes = policy === "Tail" ? 0 : policy === "HeadTail" ? Math.ceil(bytes / 2) : bytes
  }

  push(bytes: Uint8Array): void {
    if (this.released) return
    this.#totalBytes += bytes.length
    this.#keepAll(this.#cutter.push(bytes))
    this.#terminated = !this.#cutter.unfinished
  }

  end(clean: boolean): void {
    if (this.released) return
    const last = this.#cutter.end(clean)
    this.#keepAll(last)
    if (last.length > 0) this.#terminated = false
  }

  dropped(): Overflow | undefined {
    return this.#dropped ? this.#facts() : undefined
  }

  overflow(): Overflow | undefined {
    const { bytes, lines, policy } = this.#limits
    return policy === "FailAbove" && (this.#totalLines > lines || this.#totalBytes > bytes) ? this.#facts() : undefined
  }

  #facts(): Overflow {
    const { bytes, lines } = this.#limits
    return {
      maxLines: lines === Infinity ? undefined : lines,
      maxBytes: bytes === Infinity ? undefined : bytes,
      totalLines: this.#totalLines,
      totalBytes: this.#totalBytes
    }
  }

  text(): string {
    const lines = this.#head.concat(this.#tail.all())
    return lines.length === 0 ? "" : lines.join("\n") + (this.#terminated ? "\n" : "")
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.text())
  }

  handOver(): { lines: Array<string>; cutter: LineCutter } {
    const lines = this.#head.concat(this.#tail.all())
    this.#head.length = 0
    this.#tail.clear()
    this.released = true
    return { lines, cutter: this.#cutter }
  }

  follow(): Follower {
    const head = { from: this.#headTaken - this.#head.length, lines: [...this.#head] }
    const tail = { from: this.#totalLines - this.#tail.size, lines: this.#tail.all() }
    return new LineFollower([head, tail], this.#cutter.fork(), this.#totalLines)
  }

  tail(): Tail {
    return this.#cutter.forkTail()
  }

  forget(mark: number): void {
    this.#head.splice(0, mark - (this.#headTaken - this.#head.length))
    while (this.#tail.size > 0 && this.#totalLines - this.#tail.size < mark) this.#tail.shift()
  }

  #keepAll(lines: ReadonlyArray<string>): void {
    for (const line of lines) this.#keep(line)
    if (this.#cutter.hasCut) this.#dropped = true
  }

  #keep(line: string): void {
    this.#totalLines++
    if (!this.#sealed && this.#headTaken < this.#headLines && this.#headCost + cost(line) <= this.#headBytes) {
      this.#head.push(detached(line))
      this.#headTaken++
      this.#headCost += cost(line)
      return
    }
    this.#sealed = true
    if (!this.#hasTail) {
      this.#dropped = true
      return
    }
    this.#tail.push(detached(line))
    // What the head left of the bound is the tail's, so that nothing is dropped that fits.
    const lines = this.#limits.lines - this.#headTaken
    const bytes = this.#limits.bytes - this.#headCost
    while (this.#tail.size > lines || this.#tail.total > bytes) {
      this.#tail.shift()
      this.#dropped = true
    }
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** A line costs its UTF-8 bytes and never nothing, so that a flood of empty lines is bounded as well. */
const cost = (line: string): number => {
  let bytes = line.length
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i)
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return Math.max(1, bytes)
}

/**
 * Copies a line out of the chunk it was cut from. V8 keeps the whole decoded chunk alive for as long as any substring
 * of more than 12 characters is (v8/src/objects/string.h, SlicedString::kMinLength = 13).
 */
const detached = (line: string): string => line.length < 13 ? line : decoder.decode(encoder.encode(line))
