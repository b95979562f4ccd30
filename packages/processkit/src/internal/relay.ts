/**
 * Passes on what one child writes to the child that reads it, where the backend has no pipe between the two.
 *
 * No more than a bounded part of it is ever under way: a reader that is slow holds its writer up, as a pipe would. A
 * reader that has left is told to the writer as a pipe tells it, by a broken one at its next write.
 */
import type * as ProcessBackend from "../ProcessBackend.ts"

/** What may be on its way to the reader before the writer is held up; four times what a pipe holds on Linux (pipe(7)). */
const highWater = 256 * 1024

/** What ended the passage before its end of file. */
export interface RelayFailure {
  readonly side: "reading" | "writing"
  readonly errno: string
}

export class Relay {
  readonly #source: ProcessBackend.ByteSource
  #sink: ProcessBackend.ByteSink | undefined
  /** What came before there was anybody to pass it to: a chunk, since a source waits for its answer. */
  #held: Array<Uint8Array> = []
  #underWay = 0
  #paused = false
  #ended = false
  #closed = false
  failure: RelayFailure | undefined

  /** Begins to read, in the tick in which the writing child was handed over. */
  constructor(source: ProcessBackend.ByteSource) {
    this.#source = source
    source.start({ chunk: (bytes) => this.#take(bytes), end: (errno) => this.#end(errno) })
  }

  /** Names the reader. */
  connect(sink: ProcessBackend.ByteSink): void {
    if (this.#closed) return sink.close()
    this.#sink = sink
    const held = this.#held
    this.#held = []
    for (const bytes of held) this.#pass(bytes, sink)
    if (this.#ended) sink.end()
    else this.#proceed()
  }

  /** Ends the passage on both sides. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held = []
    this.#source.close()
    this.#sink?.close()
  }

  #take(bytes: Uint8Array): boolean {
    if (this.#closed) return true
    if (this.#sink === undefined) this.#held.push(bytes)
    else this.#pass(bytes, this.#sink)
    this.#paused = this.#sink === undefined || this.#underWay >= highWater
    return !this.#paused
  }

  #pass(bytes: Uint8Array, sink: ProcessBackend.ByteSink): void {
    this.#underWay += bytes.length
    sink.write(bytes, (errno) => {
      this.#underWay -= bytes.length
      if (errno === undefined) this.#proceed()
      else this.#stop(errno === "closed" ? undefined : { side: "writing", errno })
    })
  }

  /** The reader can take more. */
  #proceed(): void {
    if (!this.#paused || this.#closed || this.#underWay >= highWater) return
    this.#paused = false
    this.#source.resume()
  }

  #end(errno: string | undefined): void {
    this.#ended = true
    if (errno === undefined) this.#sink?.end()
    else this.#stop({ side: "reading", errno })
  }

  #stop(failure: RelayFailure | undefined): void {
    if (!this.#closed) this.failure ??= failure
    this.close()
  }
}
