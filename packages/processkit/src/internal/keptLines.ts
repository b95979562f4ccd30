/**
 * Keeps decoded lines within bounds of lines, bytes or both.
 */
import { type Follower, LineFollower } from "./follower.ts"
import { LineCutter, type LineRules } from "./lineCutter.ts"
import { Newest } from "./newest.ts"
import { Oldest } from "./oldest.ts"
import { ownText } from "./ownText.ts"
import type { HandedOver, Limits, Overflow, Retention } from "./retention.ts"
import type { Tail } from "./tail.ts"

export class KeptLines implements Retention {
  readonly #limits: Limits
  readonly #rules: LineRules
  readonly #cutter: LineCutter
  readonly #head = new Oldest()
  readonly #tail: Newest<string>
  readonly #cost: (line: string) => number
  readonly #headLines: number
  readonly #headBytes: number
  readonly #hasTail: boolean
  #headCost = 0
  /** How many lines the head has kept so far, forgotten or not. */
  #headTaken = 0
  /** How many of the newest lines are still part of the chunk they came in. */
  #attached = 0
  #droppedLines = 0
  #sealed = false
  #totalLines = 0
  #totalBytes = 0
  #terminated = true
  #dropped = false
  readonly hasBytes = false
  released = false

  constructor(limits: Limits, rules: LineRules) {
    const { lines, policy } = limits
    // The bound of a failure is in raw bytes. No encoding has more characters than bytes; what cleaning adds has room.
    const bytes = policy === "FailAbove" ? limits.bytes * 3 : limits.bytes
    this.#limits = limits
    this.#rules = rules
    this.#cost = bytes === Infinity ? () => 0 : policy === "FailAbove" ? ({ length }) => length : cost
    this.#tail = new Newest(this.#cost)
    // Cuts at no other bound than that of lines: somebody may still take the line that is under way.
    this.#cutter = new LineCutter(rules)
    this.#hasTail = policy === "Tail" || policy === "HeadTail"
    this.#headLines = policy === "Tail" ? 0 : policy === "HeadTail" ? Math.ceil(lines / 2) : lines
    this.#headBytes = policy === "Tail" ? 0 : policy === "HeadTail" ? Math.ceil(bytes / 2) : bytes
  }

  keeps(): false {
    return false
  }

  push(bytes: Uint8Array): void {
    if (this.released) return
    this.#totalBytes += bytes.length
    this.#keepAll(this.#sealed ? this.#newest(bytes) : this.#cutter.push(bytes))
    this.#terminated = !this.#cutter.unfinished
  }

  end(clean: boolean): void {
    if (this.released) return
    const last = this.#cutter.end(clean)
    this.#keepAll(last)
    // The newest line that is kept is the last one, unless nobody had room for that.
    this.#terminated = last.length === 0 || (this.#sealed && this.#tail.size === 0)
  }

  dropped(): Overflow | undefined {
    if (!this.#dropped) return undefined
    const isCut = this.#droppedLines === 0 && this.overflow() === undefined
    const { maxLineBytes } = this.#rules
    return isCut ? { ...this.#facts(), maxLines: undefined, maxBytes: undefined, maxLineBytes } : this.#facts()
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
    const text = this.#head.text + this.#tail.all().map((line) => `${line}\n`).join("")
    return this.#terminated || text === "" ? text : text.slice(0, -1)
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.text())
  }

  handOver(): HandedOver {
    const lines = this.#head.all().concat(this.#tail.all())
    this.#head.clear()
    this.#tail.clear()
    this.released = true
    return { lines, cutter: this.#cutter }
  }

  follow(): Follower {
    const head = { from: this.#headTaken - this.#head.size, lines: this.#head.all() }
    const tail = { from: this.#totalLines - this.#tail.size, lines: this.#tail.all() }
    return new LineFollower([head, tail], this.#cutter.fork(), this.#totalLines)
  }

  tail(): Tail {
    return this.#cutter.forkTail()
  }

  forget(mark: number): void {
    this.#head.forget(mark - (this.#headTaken - this.#head.size))
    while (this.#tail.size > 0 && this.#totalLines - this.#tail.size < mark) this.#tail.shift()
  }

  handOverBytes(): ReadonlyArray<never> {
    return []
  }

  get lines(): number {
    return this.#cutter.count
  }

  get droppedCount(): number {
    return this.#droppedLines
  }

  /** Once the head is full, lines that the same chunk pushes out again are only counted. */
  #newest(bytes: Uint8Array): ReadonlyArray<string> {
    const { lines, skipped } = this.#cutter.pushNewest(bytes, this.#hasTail ? this.#limits.lines - this.#headTaken : 0)
    this.#totalLines += skipped
    this.#droppedLines += skipped
    this.#dropped ||= skipped > 0
    return lines
  }

  /** Lines of the tail are copied when the next ones come: most of those of a flood are dropped by then. */
  #keepAll(lines: ReadonlyArray<string>): void {
    if (lines.length === 0) return
    const taken = this.#fillHead(lines)
    for (let i = taken; i < lines.length; i++) this.#keepNewest(lines[i] as string)
    this.#totalLines += lines.length
    this.#tail.replace(this.#attached, lines.length - taken, ownText)
    this.#attached = lines.length - taken
    if (this.#cutter.hasCut) this.#dropped = true
  }

  /** Gives the head what fits, and answers how many lines that were: the first that does not seals it. */
  #fillHead(lines: ReadonlyArray<string>): number {
    if (this.#sealed) return 0
    let taken = 0
    for (; taken < lines.length && this.#headTaken + taken < this.#headLines; taken++) {
      const cost = this.#cost(lines[taken] as string)
      if (this.#headCost + cost > this.#headBytes) break
      this.#headCost += cost
    }
    this.#sealed = taken < lines.length
    this.#headTaken += taken
    this.#head.push(this.#sealed ? lines.slice(0, taken) : lines)
    return taken
  }

  #keepNewest(line: string): void {
    if (!this.#hasTail) {
      this.#dropped = true
      this.#droppedLines++
      return
    }
    this.#tail.push(line)
    // What the head left of the bound is the tail's, so that nothing is dropped that fits.
    const lines = this.#limits.lines - this.#headTaken
    const bytes = this.#limits.bytes - this.#headCost
    while (this.#tail.size > lines || this.#tail.total > bytes) {
      this.#tail.shift()
      this.#dropped = true
      this.#droppedLines++
    }
  }
}

/** A line costs its UTF-8 bytes and never nothing, so that a flood of empty lines is bounded as well. */
const cost = (line: string): number => {
  let bytes = line.length
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i)
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return Math.max(1, bytes)
}
