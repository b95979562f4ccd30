/**
 * Chunks in the order of their arrival, which can be cut off at the front.
 *
 * Small chunks are copied together. A program that writes byte by byte sends a chunk for each of them, and every chunk
 * that is kept as it came costs some hundred bytes beside its own.
 */

/** A chunk of this size is worth its overhead. */
const large = 4096
const largestBlock = 65_536

/** Shared, since nobody can write into it: an array of its own costs an allocation outside the heap. */
const nothing = new Uint8Array(0)

export class ChunkQueue {
  #chunks: Array<Uint8Array> = []
  #first = 0
  /** Where the next small chunk goes; the last chunk is a view of it, as far as it is used. */
  #block = nothing
  #used = 0
  total = 0

  push(bytes: Uint8Array): void {
    this.total += bytes.length
    const last = this.#chunks.length > this.#first ? this.#chunks.at(-1) : undefined
    if (bytes.length >= large || last === undefined || last.length >= largestBlock) this.#chunks.push(bytes)
    else this.#append(last, bytes)
  }

  /** Drops from the front what is above the room. */
  trim(room: number): void {
    while (this.total > room) this.#dropFront(this.total - room)
  }

  clear(): void {
    this.#chunks = []
    this.#first = 0
    this.total = 0
  }

  all(): Array<Uint8Array> {
    return this.#chunks.slice(this.#first)
  }

  #append(last: Uint8Array, bytes: Uint8Array): void {
    const isOpen = last.buffer === this.#block.buffer
    if (!isOpen && last.length >= large) {
      this.#chunks.push(bytes)
      return
    }
    const length = last.length + bytes.length
    const start = isOpen ? last.byteOffset : 0
    if (!isOpen || start + length > this.#block.length) this.#open(last, length)
    const from = this.#used
    this.#block.set(bytes, from)
    this.#used += bytes.length
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(this.#used - length, this.#used)
  }

  /** Begins a block with what the last chunk holds, twice as large as needed, so that copying stays linear. */
  #open(last: Uint8Array, length: number): void {
    this.#block = new Uint8Array(Math.min(Math.max(2 * length, 256), 2 * largestBlock))
    this.#block.set(last)
    this.#used = last.length
  }

  #dropFront(excess: number): void {
    const oldest = this.#chunks[this.#first] as Uint8Array
    this.total -= Math.min(excess, oldest.length)
    // A view pins one chunk at most; a copy would cost a whole chunk for every small one that follows.
    if (excess < oldest.length) this.#chunks[this.#first] = oldest.subarray(excess)
    else this.#first++
    // Compacting at half keeps a drop at constant cost on average.
    if (this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first)
      this.#first = 0
    }
  }
}

/** The bytes of chunks as one; those of a single chunk are not copied. */
export const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  if (first === undefined) return nothing
  if (chunks.length === 1) return first
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
