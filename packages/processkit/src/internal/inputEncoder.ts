/**
 * Makes bytes of the text and bytes that a source gives.
 *
 * Text is encoded as one stream: a character whose two UTF-16 units come in two pieces is still one character.
 */
import { joined } from "./chunkQueue.ts"

const encoder = new TextEncoder()

const endsInHalf = /[\ud800-\udbff]$/

export class InputEncoder {
  /** The first half of a character whose second half may still come. */
  #half = ""

  encode(items: ReadonlyArray<string | Uint8Array>): Uint8Array {
    if (items.every((item) => typeof item === "string")) return this.#text(items.join(""))
    return joined(items.map((item) => typeof item === "string" ? this.#text(item) : this.#bytes(item)))
  }

  /** What is left of a text that ended in the middle of a character. */
  end(): Uint8Array {
    const half = this.#half
    this.#half = ""
    return encoder.encode(half)
  }

  #text(piece: string): Uint8Array {
    const text = this.#half + piece
    this.#half = endsInHalf.test(text) ? text.slice(-1) : ""
    return encoder.encode(this.#half === "" ? text : text.slice(0, -1))
  }

  #bytes(item: Uint8Array): Uint8Array {
    if (!(item instanceof Uint8Array)) {
      throw new TypeError("a source of standard input gave what is neither text nor bytes")
    }
    return this.#half === "" ? item : joined([this.end(), item])
  }
}
