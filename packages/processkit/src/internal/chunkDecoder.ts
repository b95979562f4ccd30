/**
 * Decodes a stream of bytes chunk by chunk, so that no chunk boundary breaks a character, and a byte order mark is
 * dropped once.
 *
 * What `TextDecoder` does with `stream: true`, with one difference for UTF-8: whole characters are decoded without it.
 * In Node 22 the streaming mode takes seven times as long for ASCII and gives strings of two bytes a character, for
 * every line that is kept. Node 24 knows no difference.
 */
import { ownBytes } from "./ownBytes.ts"

/** The bytes that end a chunk in the middle of a character, as far as their first byte tells. */
const unfinished = (bytes: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number
    // The first byte of a character says how many follow it; every byte of 0xc0 and above begins anew.
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
    if (byte < 0x80) return 0
  }
  return 0
}

const byteOrderMark = 0xfeff

const none = new Uint8Array(0)

export class ChunkDecoder {
  #decoder: TextDecoder
  readonly #isUtf8: boolean
  readonly #unitBytes: 1 | 2
  #held: Uint8Array = none
  /** Whether a unit of two bytes was begun. */
  #isOdd = false
  /** The last three bytes, for the encodings other than UTF-8: the most that any of them waits for the end of. */
  #recent: Uint8Array = none
  /** Whether the place of a byte order mark is behind us; only the encodings of Unicode have one. */
  #started: boolean

  /** Whether the first byte is the second half of a unit. */
  #beginsHalf: boolean

  /** `from` says how many bytes of the stream came before: behind its beginning a mark is text. */
  constructor(encoding: string, from = 0) {
    this.#decoder = new TextDecoder(encoding, { ignoreBOM: true })
    this.#isUtf8 = this.#decoder.encoding === "utf-8"
    this.#unitBytes = this.#decoder.encoding.startsWith("utf-16") ? 2 : 1
    this.#beginsHalf = this.#unitBytes === 2 && from % 2 === 1
    this.#started = from > 0 || !this.#decoder.encoding.startsWith("utf-")
  }

  /**
   * A decoder that goes on from here by itself.
   *
   * The state of a `TextDecoder` cannot be copied. In UTF-16 it follows from the last bytes; in an encoding that is none
   * of Unicode a character that was begun is lost, and nothing after it.
   */
  fork(): ChunkDecoder {
    const fork = new ChunkDecoder(this.#decoder.encoding)
    fork.#held = this.#held
    fork.#started = this.#started
    fork.#isOdd = this.#isOdd
    fork.#beginsHalf = this.#beginsHalf
    fork.#recent = this.#recent
    const half = this.#isOdd ? 1 : 0
    if (this.#unitBytes === 2) {
      const rest = begun(fork.#decoder.encoding, this.#recent, (size) => size % 2 === half)
      fork.#decoder.decode(rest, { stream: true })
    }
    return fork
  }

  /** The characters that the bytes complete. */
  decode(bytes: Uint8Array): string {
    if (this.#beginsHalf && bytes.length > 0) {
      this.#beginsHalf = false
      return this.decode(bytes.subarray(1))
    }
    return this.#withoutMark(this.#isUtf8 ? this.#whole(bytes) : this.#streamed(bytes))
  }

  /**
   * Goes on at or behind a line end of UTF-8, without the bytes before it: no character reaches across one. Answers how
   * many bytes it had waited with for the rest of a character.
   */
  skip(): number {
    const { length } = this.#held
    this.#held = none
    this.#started = true
    return length
  }

  /** What the end of the stream makes of a character that was not finished. */
  end(): string {
    const held = this.#held
    this.#held = none
    return this.#withoutMark(this.#isUtf8 ? this.#decoder.decode(held) : this.#flushed())
  }

  /**
   * Node throws, though it was not asked to be strict, where a character that one chunk began turns out to be none in
   * the next: the replacement is one more character than it has room for (seen with gb18030, gbk and euc-jp in Node 20
   * and 24). A new decoder is given what was begun together with the rest.
   */
  #streamed(bytes: Uint8Array): string {
    if (this.#unitBytes === 2 && bytes.length % 2 === 1) this.#isOdd = !this.#isOdd
    const before = this.#recent
    this.#recent = appended(before, bytes.subarray(-3)).slice(-3)
    try {
      return this.#decoder.decode(bytes, { stream: true })
    } catch {
      this.#decoder = new TextDecoder(this.#decoder.encoding, { ignoreBOM: true })
      return this.#decoder.decode(appended(begun(this.#decoder.encoding, before), bytes), { stream: true })
    }
  }

  /** What Node throws for at the end is replaced in the same way. */
  #flushed(): string {
    try {
      return this.#decoder.decode()
    } catch {
      const { encoding } = this.#decoder
      return new TextDecoder(encoding, { ignoreBOM: true }).decode(begun(encoding, this.#recent))
    }
  }

  #whole(bytes: Uint8Array): string {
    const all = this.#held.length === 0 ? bytes : appended(this.#held, bytes)
    const rest = unfinished(all)
    // A copy, because a view would keep the whole chunk.
    this.#held = rest === 0 ? none : ownBytes(all.subarray(all.length - rest))
    return this.#decoder.decode(rest === 0 ? all : all.subarray(0, all.length - rest))
  }

  /**
   * Drops the byte order mark, once. The decoder would, but Node's drops a second one where the first came in two
   * chunks (seen with UTF-8 in Node 24).
   */
  #withoutMark(text: string): string {
    if (this.#started || text === "") return text
    this.#started = true
    return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text
  }
}

/** The last bytes of which a decoder has given nothing yet; of so many as there may be. */
const begun = (encoding: string, bytes: Uint8Array, fits = (_size: number): boolean => true): Uint8Array => {
  const starts = Array.from(bytes, (_, start) => bytes.subarray(start)).filter(({ length }) => fits(length))
  return starts.find((rest) => new TextDecoder(encoding).decode(rest, { stream: true }) === "") ?? none
}

const appended = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
