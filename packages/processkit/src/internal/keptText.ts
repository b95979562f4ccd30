/**
 * Keeps the text of a stream, decoded while it comes, for a caller who asks for nothing else.
 *
 * The bytes are not kept, so a large output is there once and not twice, and decoding takes the time in which the
 * program writes.
 */
import { ChunkDecoder } from "./chunkDecoder.ts"
import { type Follower, LineFollower } from "./follower.ts"
import { LineCutter, type LineRules } from "./lineCutter.ts"
import type { HandedOver, Limits, Overflow, Retention } from "./retention.ts"
import type { Tail } from "./tail.ts"

/** V8 makes no longer string (v8/include/v8-primitive.h, String::kMaxLength). */
export const longestText = 2 ** 29 - 24

/** Chunks below this size are decoded together: a string made of characters costs 32 bytes for each of them. */
const small = 4096

const nothing = new Uint8Array(0)

export class KeptText implements Retention {
  readonly #rules: LineRules
  readonly #fails: boolean
  readonly #maxBytes: number
  readonly #decoder: ChunkDecoder
  readonly hasBytes = false
  #text = ""
  /** Small chunks that wait to be decoded, as far as the block is used. */
  #block = nothing
  #used = 0
  #total = 0
  #cutter: LineCutter | undefined
  #ended = false
  /** Whether what was forgotten ended in a CR, to which a LF would belong that comes next. */
  #afterReturn = false
  /** How many lines were forgotten, which are a mark to whoever reads along. */
  #forgotten = 0

  constructor(limits: Limits, rules: LineRules) {
    this.#rules = rules
    this.#maxBytes = Math.min(limits.bytes, longestText)
    this.#fails = limits.policy === "FailAbove" || limits.bytes > longestText
    this.#decoder = new ChunkDecoder(rules.encoding)
  }

  keeps(): false {
    return false
  }

  push(bytes: Uint8Array): void {
    if (this.#cutter !== undefined) return
    const room = this.#maxBytes - this.#total
    this.#total += bytes.length
    if (room <= 0) return
    const kept = bytes.length <= room ? bytes : bytes.subarray(0, room)
    if (kept.length < small) this.#gather(kept)
    else this.#decode(kept)
  }

  end(): void {
    this.#decode(nothing)
    this.#block = nothing
    if (!this.#ended && this.#total <= this.#maxBytes && this.#cutter === undefined) this.#append(this.#decoder.end())
    this.#ended = true
  }

  dropped(): Overflow | undefined {
    return this.droppedCount === 0
      ? undefined
      : { maxLines: undefined, maxBytes: this.#maxBytes, totalLines: undefined, totalBytes: this.#total }
  }

  overflow(): Overflow | undefined {
    return this.#fails ? this.dropped() : undefined
  }

  get droppedCount(): number {
    return Math.max(0, this.#total - this.#maxBytes)
  }

  /** Those of what is kept; the one under way counts at its end. */
  get lines(): number {
    if (this.#cutter !== undefined) return this.#forgotten + this.#cutter.count
    const { cutter } = this.#cut()
    return this.#forgotten + cutter.count + (this.#ended && cutter.unfinished ? 1 : 0)
  }

  get released(): boolean {
    return this.#cutter !== undefined
  }

  text(): string {
    this.#decode(nothing)
    return this.#text
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.text())
  }

  handOver(): HandedOver {
    const text = this.text()
    const cutter = this.#cutter = new LineCutter(this.#rules, this.#decoder, this.#afterReturn)
    this.#text = ""
    return { lines: cutter.pushText(text), cutter }
  }

  handOverBytes(): ReadonlyArray<never> {
    return []
  }

  follow(): Follower {
    const { cutter, lines } = this.#cut()
    return new LineFollower([{ from: this.#forgotten, lines }], cutter, this.#forgotten + lines.length)
  }

  tail(): Tail {
    return this.#cut().cutter.forkTail()
  }

  forget(mark: number): void {
    this.#decode(nothing)
    const end = this.#rules.lineTerminator === "newline" ? /\n/g : /\r\n|\r|\n/g
    let from = 0
    for (; this.#forgotten < mark; this.#forgotten++) {
      // The last line of all has no end.
      from = end.exec(this.#text) === null ? this.#text.length : end.lastIndex
    }
    if (from === 0) return
    const isWhole = from === this.#text.length
    this.#afterReturn = isWhole && this.#rules.lineTerminator === "carriage-return" && this.#text.endsWith("\r")
    this.#text = this.#text.slice(from)
  }

  /** The lines of what is kept, and a cutter of its own that continues them. */
  #cut(): HandedOver {
    this.#decode(nothing)
    const cutter = new LineCutter(this.#rules, this.#decoder.fork(), this.#afterReturn)
    return { lines: cutter.pushText(this.#text), cutter }
  }

  #gather(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#block.length) this.#decode(nothing)
    if (this.#block === nothing) this.#block = new Uint8Array(4 * small)
    this.#block.set(bytes, this.#used)
    this.#used += bytes.length
  }

  /** Decodes what waits, and the bytes after it. */
  #decode(bytes: Uint8Array): void {
    if (this.#used > 0) this.#append(this.#decoder.decode(this.#block.subarray(0, this.#used)))
    this.#used = 0
    if (bytes.length > 0) this.#append(this.#decoder.decode(bytes))
  }

  #append(text: string): void {
    if (text === "") return
    this.#text += this.#afterReturn && text.startsWith("\n") ? text.slice(1) : text
    this.#afterReturn = false
  }
}
