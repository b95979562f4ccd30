/**
 * The newest bytes of a stream, as many as there is room for.
 *
 * They are kept as they came while all of them fit. From then on they are copied into blocks that are used over and over:
 * a flood that is kept chunk by chunk leaves its length in garbage outside the heap, which V8 collects when it pleases.
 */
import { ChunkQueue } from "./chunkQueue.ts"

const largestBlock = 65_536

export class NewestBytes {
  readonly #room: number
  readonly #blockSize: number
  /** What came while there was room for everything: older than all the blocks. */
  readonly #first = new ChunkQueue()
  /** Full, but for the newest. */
  #blocks: Array<Uint8Array> = []
  /** How much of the oldest block is dropped. */
  #dropped = 0
  /** How much of the newest block is used. */
  #used = 0
  /** Blocks whose bytes were dropped. */
  readonly #spare: Array<Uint8Array> = []
  /** How many of the oldest blocks somebody has seen and may keep. */
  #lent = 0
  /** How many bytes are kept. */
  total = 0

  constructor(room: number) {
    this.#room = room
    this.#blockSize = Math.min(room, largestBlock)
  }

  /** Whether it would keep the bytes themselves of a chunk of so many. */
  keeps(length: number): boolean {
    return this.#blocks.length === 0 && this.total + length <= this.#room
  }

  push(bytes: Uint8Array): void {
    if (this.keeps(bytes.length)) this.#first.push(bytes)
    else this.#replace(bytes.subarray(Math.max(0, bytes.length - this.#room)))
    this.total += Math.min(bytes.length, this.#room)
  }

  /** Drops the oldest above the room. */
  trim(room: number): void {
    const excess = this.total - room
    if (excess <= 0) return
    this.total = room
    const first = this.#first.total
    this.#first.trim(Math.max(0, first - excess))
    this.#dropped += Math.max(0, excess - first)
    while (this.#dropped >= this.#blockSize && this.#blocks.length > 1) this.#dropOldest()
  }

  clear(): void {
    this.#first.clear()
    this.#blocks = []
    this.#dropped = 0
    this.#lent = 0
    this.total = 0
  }

  /** What is kept; it stays what it is, whatever comes after it. */
  all(): Array<Uint8Array> {
    this.#lent = this.#blocks.length
    const newest = this.#blocks.length - 1
    const blocks = this.#blocks.map((block, i) =>
      block.subarray(i === 0 ? this.#dropped : 0, i === newest ? this.#used : block.length)
    )
    return this.#first.all().concat(blocks.filter(({ length }) => length > 0))
  }

  /** Copies bytes into blocks, once there is room for them. */
  #replace(bytes: Uint8Array): void {
    this.trim(this.#room - bytes.length)
    for (let at = 0; at < bytes.length;) {
      const block = this.#open()
      const piece = bytes.subarray(at, at + block.length - this.#used)
      block.set(piece, this.#used)
      this.#used += piece.length
      at += piece.length
    }
  }

  /** The block that the next bytes go to. */
  #open(): Uint8Array {
    const newest = this.#blocks.at(-1)
    if (newest !== undefined && this.#used < newest.length) return newest
    const block = this.#spare.pop() ?? new Uint8Array(this.#blockSize)
    this.#blocks.push(block)
    this.#used = 0
    return block
  }

  #dropOldest(): void {
    const oldest = this.#blocks.shift() as Uint8Array
    this.#dropped -= this.#blockSize
    if (this.#lent > 0) this.#lent--
    else this.#spare.push(oldest)
  }
}
