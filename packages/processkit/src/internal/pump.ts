/**
 * Reads one output stream of a child to its end, whoever is interested.
 *
 * Every chunk goes to the retention, to a tee where there is one, and to at most one subscriber. The pipe is always
 * drained: only a subscriber or a tee that is behind holds it up, and only for as long as it is there.
 */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type { StreamEnd } from "./conclusion.ts"
import type { LineObserver } from "./lineObserver.ts"
import { ownBytes } from "./ownBytes.ts"
import type * as Retention from "./retention.ts"
import type { Tee } from "./tee.ts"

/** Somebody who consumes a stream while it flows. */
export interface Subscriber {
  /** Whether a chunk may be used after it was taken. */
  readonly keeps: boolean
  /** Takes a chunk and answers whether it wants more at once. */
  readonly chunk: (bytes: Uint8Array) => boolean
  readonly end: (errno: string | undefined) => void
}

/** Somebody who reads along without taking anything. */
export interface Watcher {
  readonly chunk: (bytes: Uint8Array) => void
  readonly end: (errno: string | undefined) => void
}

/** Whose stream it is. */
export interface Owner {
  /** What is to be kept of a stream, and how; asked once, when there is something or somebody looks. */
  readonly retain: (stream: "stdout" | "stderr") => Retention.Retention
  /** A chunk was kept. */
  readonly onChunk: (pump: Pump) => void
  /** The stream has ended, or its tee has got all of it. */
  readonly onEnd: () => void
}

export class Pump {
  readonly #stream: "stdout" | "stderr"
  readonly #source: ProcessBackend.ByteSource
  readonly #owner: Owner
  readonly #observer: LineObserver | undefined
  readonly #tee: Tee | undefined
  #retention: Retention.Retention | undefined
  #subscriber: Subscriber | undefined
  #watchers: ReadonlyArray<Watcher> = []
  bytesSeen = 0
  ended = false
  /** Set where the pipe was closed by us before its end of file. */
  cut = false
  errno: string | undefined
  paused = false
  /** Whether the tee holds the pipe up. */
  held = false
  /** Whether somebody consumes the stream, or has done so. */
  isTaken = false

  constructor(options: {
    readonly stream: "stdout" | "stderr"
    readonly source: ProcessBackend.ByteSource
    readonly owner: Owner
    readonly observer: LineObserver | undefined
    readonly tee?: Tee | undefined
  }) {
    this.#stream = options.stream
    this.#source = options.source
    this.#owner = options.owner
    this.#observer = options.observer
    this.#tee = options.tee
  }

  /** What is kept, made when it is first needed: most programs never write to one of their streams, and many to none. */
  get retention(): Retention.Retention {
    if (this.#retention !== undefined) return this.#retention
    const retention = this.#retention = this.#owner.retain(this.#stream)
    if (this.ended) retention.end(this.errno === undefined)
    return retention
  }

  /** What is kept, where there ever was something to keep or somebody to look. */
  get kept(): Retention.Retention | undefined {
    return this.#retention
  }

  /** Whether the stream has ended and its tee has got all of it. */
  get finished(): boolean {
    return this.ended && this.#tee?.isOver !== false
  }

  /** Whether there is output that has not reached us, and nobody but us keeps it back. */
  get isComing(): boolean {
    return !this.ended && this.#source.isComing?.() === true
  }

  start(): void {
    this.#tee?.start({ room: () => this.#release(), over: () => this.#teeIsOver() })
    this.#source.start({ chunk: (bytes) => this.#take(bytes), end: (errno) => this.#end(errno) })
  }

  /** Lets a subscriber follow from here on; past output is the retention's to hand over. */
  subscribe(subscriber: Subscriber): void {
    this.#subscriber = subscriber
    if (this.ended) subscriber.end(this.errno)
  }

  /** The subscriber left: the rest is read and dropped, so that the child never blocks on it. */
  unsubscribe(): void {
    this.#subscriber = undefined
    this.proceed()
  }

  /** Lets somebody read along from here on, until the answer is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers = [...this.#watchers, watcher]
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher)
    }
  }

  /** The subscriber can take more. */
  proceed(): void {
    if (!this.paused) return
    this.paused = false
    if (!this.held) this.#source.resume()
  }

  /** The tee can take more. */
  #release(): void {
    if (!this.held) return
    this.held = false
    if (!this.paused) this.#source.resume()
  }

  #teeIsOver(): void {
    this.#release()
    if (this.ended) this.#owner.onEnd()
  }

  /** Ends the stream, and waits for nobody who has not got all of it. */
  giveUp(): void {
    this.close()
    this.abandonTee(false)
  }

  /** Gives up a tee that has not got everything. */
  abandonTee(isLate: boolean): void {
    this.#tee?.abandon(isLate)
  }

  /** Waits for the finalizers of the tee. */
  get teeClosed(): Effect.Effect<void> {
    return this.#tee?.closed ?? Effect.void
  }

  /** Ends the stream without waiting for its end of file. */
  close(): void {
    if (this.ended) return
    this.cut = true
    this.#source.close()
    this.#end(undefined)
  }

  #take(chunk: Uint8Array): boolean {
    if (this.ended) return true
    this.bytesSeen += chunk.length
    const subscriber = this.#subscriber
    const isKept = this.retention.keeps(chunk.length) || subscriber?.keeps === true
    const bytes = isKept && isSmallPart(chunk) ? ownBytes(chunk) : chunk
    this.retention.push(bytes)
    this.#observer?.chunk(bytes)
    this.held = this.#tee?.chunk(bytes) === false
    this.paused = subscriber !== undefined && !subscriber.chunk(bytes)
    this.#owner.onChunk(this)
    // Last: whoever waits for a line goes on within this call, and may subscribe to what comes after it.
    for (const watcher of this.#watchers) watcher.chunk(bytes)
    if (!isKept || bytes !== chunk) this.#source.recycle?.(chunk)
    return !this.paused && !this.held
  }

  #end(errno: string | undefined): void {
    if (this.ended) return
    this.ended = true
    this.paused = false
    this.held = false
    this.errno = errno
    this.#retention?.end(errno === undefined)
    this.#source.close()
    this.#observer?.end(errno)
    this.#tee?.end()
    this.#subscriber?.end(errno)
    for (const watcher of this.#watchers) watcher.end(errno)
    this.#owner.onEnd()
  }
}

/** Whether there is room for another such chunk in its memory: what is kept as it came has that memory for itself. */
const isSmallPart = ({ buffer, length }: Uint8Array): boolean => length * 2 <= buffer.byteLength

/** What became of a stream, for whoever concludes what the run was. */
export const streamEnd = (name: "stdout" | "stderr", pump: Pump | undefined): StreamEnd | undefined =>
  pump === undefined ? undefined : {
    name,
    errno: pump.errno,
    cut: pump.cut,
    totalBytes: pump.bytesSeen,
    dropped: pump.kept?.dropped(),
    overflow: pump.kept?.overflow()
  }
