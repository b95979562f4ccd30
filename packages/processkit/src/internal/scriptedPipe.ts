/**
 * A pipe from a scripted program to us.
 *
 * It behaves as the kernel's does (pipe(7)): it holds 64 KiB, a write into a full one waits, end of file comes when the
 * last writer has left and everything was read, and a reader that left makes later writes vanish.
 */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"

/** The capacity of a pipe on Linux (pipe(7), "Pipe capacity"). */
const capacity = 65_536

export class ScriptedPipe {
  #waiting: Array<Uint8Array> = []
  #waitingBytes = 0
  #receiver: ProcessBackend.ByteReceiver | undefined
  #wanted = true
  #writers = 0
  /** Set once nothing may be delivered any more: after end of file, or after the reader closed. */
  #over = false
  #delivering = false
  /** Writers that wait for room. */
  #blocked: Set<() => void> | undefined

  /** The reader's end. */
  readonly source: ProcessBackend.ByteSource = {
    start: (receiver) => {
      this.#receiver = receiver
      this.#deliver()
    },
    resume: () => {
      this.#wanted = true
      this.#deliver()
    },
    close: () => {
      this.#over = true
      this.#waiting = []
      this.#waitingBytes = 0
      this.#unblock()
    }
  }

  /** One more process holds the writing end. */
  open(): void {
    this.#writers++
  }

  /** A process that held the writing end has gone. */
  leave(): void {
    this.#writers--
    this.#deliver()
  }

  /** Puts bytes into the pipe, without waiting for room. */
  push(bytes: Uint8Array): void {
    if (this.#over || bytes.length === 0) return
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#deliver()
  }

  /** Writes bytes, waiting for room as often as needed. */
  write(bytes: Uint8Array): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#over || bytes.length === 0) return Effect.void
      const room = capacity - this.#waitingBytes
      if (room <= 0) return Effect.andThen(this.#room, this.write(bytes))
      this.push(bytes.subarray(0, room))
      return bytes.length <= room ? Effect.void : this.write(bytes.subarray(room))
    })
  }

  get #room(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const wake = () => resume(Effect.void)
      const blocked = this.#blocked ??= new Set()
      blocked.add(wake)
      return Effect.sync(() => blocked.delete(wake))
    })
  }

  #unblock(): void {
    const woken = this.#blocked
    this.#blocked = undefined
    woken?.forEach((wake) => wake())
  }

  /** Hands over what the reader wants. A reader that resumes while it takes a chunk is served by the outer call. */
  #deliver(): void {
    if (this.#delivering || this.#receiver === undefined) return
    this.#delivering = true
    while (this.#wanted && !this.#over && this.#waiting.length > 0) this.#handOver(this.#receiver)
    this.#delivering = false
    if (!this.#wanted || this.#over || this.#writers > 0) return
    this.#over = true
    this.#receiver.end(undefined)
  }

  #handOver(receiver: ProcessBackend.ByteReceiver): void {
    const bytes = this.#waiting.shift()
    if (bytes === undefined) return
    this.#waitingBytes -= bytes.length
    this.#wanted = receiver.chunk(bytes)
    this.#unblock()
  }
}
