/**
 * What a program has printed since its last line end: a prompt, or the beginning of a line.
 *
 * Only the last 64 Ki characters of it are kept, since whoever waits for a prompt looks at its end.
 */
import type { LineTerminator } from "../Command.ts"
import type { ChunkDecoder } from "./chunkDecoder.ts"

const longest = 65_536

export class Tail {
  readonly #decoder: ChunkDecoder
  /** The end of what was printed since the last line end. */
  text: string
  /** How long all of that is. */
  length: number

  readonly #cutsAtReturns: boolean

  /** Continues a decoder, and the text that it gave since the last line end. */
  constructor(decoder: ChunkDecoder, text: string, lineTerminator: LineTerminator) {
    this.#decoder = decoder
    this.#cutsAtReturns = lineTerminator === "carriage-return"
    this.text = text.slice(-longest)
    this.length = text.length
  }

  /** Takes what comes next, and answers whether a line has ended in it. */
  push(bytes: Uint8Array): boolean {
    const more = this.#decoder.decode(bytes)
    const end = Math.max(more.lastIndexOf("\n"), this.#cutsAtReturns ? more.lastIndexOf("\r") : -1)
    const text = end === -1 ? this.text + more : more.slice(end + 1)
    this.length = end === -1 ? this.length + more.length : text.length
    this.text = text.slice(-longest)
    return end !== -1
  }
}
