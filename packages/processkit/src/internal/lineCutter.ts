/**
 * Cuts a stream of bytes into lines.
 *
 * One streaming decoder per stream, so that no chunk boundary breaks a character and a byte order mark is dropped once.
 * A line ends at `\n`, and one `\r` before it belongs to the end; a lone `\r` is content. What is left at the end of the
 * stream is a line unless it is empty.
 *
 * A line is kept up to `maxBytes` and marked where it was cut; the rest of it is dropped, so that a stream without a
 * newline costs bounded memory and the next line starts where it should.
 */
import type { Cleaner } from "./capturePolicy.ts"
import { ChunkDecoder } from "./chunkDecoder.ts"
import { Tail } from "./tail.ts"
import * as Text from "./textHygiene.ts"

const carriageReturn = 13

export class LineCutter {
  readonly #decoder: ChunkDecoder
  readonly #maxBytes: number
  readonly #clean: Cleaner | undefined
  /** The pieces of the unfinished line, joined once at its end: a growing string would be copied for every chunk. */
  #pieces: Array<string> = []
  /** The length of the unfinished line, with what was dropped of it. */
  #length = 0
  /** Whether a line was cut so far. */
  hasCut = false

  constructor(encoding: string, maxBytes: number, clean?: Cleaner, decoder = new ChunkDecoder(encoding)) {
    this.#decoder = decoder
    this.#maxBytes = maxBytes
    this.#clean = clean
  }

  /** A cutter that goes on from here by itself. */
  fork(): LineCutter {
    const fork = new LineCutter("", this.#maxBytes, this.#clean, this.#decoder.fork())
    fork.#pieces = [...this.#pieces]
    fork.#length = this.#length
    return fork
  }

  /** What has arrived since the last line end, to be continued by itself. */
  forkTail(): Tail {
    return new Tail(this.#decoder.fork(), this.#pieces.join(""))
  }

  /** Whether bytes have arrived since the last line end. */
  get unfinished(): boolean {
    return this.#length > 0
  }

  /** The lines that the bytes complete. */
  push(bytes: Uint8Array): Array<string> {
    return this.#split(this.#decoder.decode(bytes))
  }

  /**
   * The lines that the end of the stream completes.
   *
   * After a clean end a dangling character becomes one U+FFFD. After a failed read it is dropped: the rest of it may
   * have been lost by us.
   */
  end(clean: boolean): Array<string> {
    const lines = clean ? this.#split(this.#decoder.end()) : []
    if (this.unfinished) lines.push(this.#finish("", false))
    return lines
  }

  #split(text: string): Array<string> {
    const lines: Array<string> = []
    let from = 0
    let at = text.indexOf("\n")
    while (at !== -1) {
      lines.push(this.unfinished ? this.#finish(text.slice(from, at), true) : this.#whole(text, from, at))
      from = at + 1
      at = text.indexOf("\n", from)
    }
    if (from < text.length) this.#keep(from === 0 ? text : text.slice(from))
    return lines
  }

  #whole(text: string, from: number, at: number): string {
    const end = at > from && text.charCodeAt(at - 1) === carriageReturn ? at - 1 : at
    return this.#bounded(text.slice(from, end))
  }

  #keep(piece: string): void {
    // A UTF-16 unit is at least one byte of UTF-8, so more units than bytes allowed is certainly too long.
    const room = this.#maxBytes + 1 - this.#length
    if (room > 0) this.#pieces.push(piece.length > room ? piece.slice(0, room) : piece)
    this.#length += piece.length
  }

  #finish(last: string, terminated: boolean): string {
    this.#keep(last)
    const line = this.#pieces.join("")
    // Where something was dropped, a CR at the end of what was kept is content.
    const whole = line.length === this.#length
    this.#pieces = []
    this.#length = 0
    return this.#bounded(terminated && whole ? stripReturn(line) : line)
  }

  #bounded(line: string): string {
    const cut = line.length * 3 <= this.#maxBytes ? line : Text.cut(line, this.#maxBytes)
    const isCut = cut !== line
    if (isCut) this.hasCut = true
    return this.#clean === undefined ? cut : this.#clean(cut, isCut)
  }
}

const stripReturn = (line: string): string =>
  line.charCodeAt(line.length - 1) === carriageReturn ? line.slice(0, -1) : line
