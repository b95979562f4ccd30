/**
 * A pipe from us to a scripted program.
 *
 * It holds 64 KiB like the kernel's: a writer waits for its answer while the program is that far behind. Every byte that
 * went in is also kept, so that a test can say what a program was fed.
 */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import { ownBytes } from "./ownBytes.ts"
import { Wakeup } from "./wakeup.ts"

const capacity = 65_536

type Answer = (errno: string | undefined) => void

export class ScriptedInput {
  /** Everything that was fed, chunk by chunk. */
  readonly received: Array<Uint8Array> = []
  readonly #unread: Array<Uint8Array> = []
  #unreadBytes = 0
  #answers: Array<Answer> = []
  #ended = false
  #left = false
  readonly #arrival = new Wakeup(() => this.#unread.length > 0 || this.#ended)

  /** The writer's end. */
  readonly sink: ProcessBackend.ByteSink = {
    write: (bytes, done) => this.#write(bytes, done),
    end: () => {
      this.#ended = true
      this.#arrival.wake()
    },
    close: () => {
      this.#ended = true
      this.#answer("closed")
      this.#arrival.wake()
    }
  }

  /** The next bytes, or `undefined` at end of file. */
  readonly read: Effect.Effect<Uint8Array | undefined> = Effect.suspend(() => {
    const bytes = this.#unread.shift()
    if (bytes !== undefined) {
      this.#unreadBytes -= bytes.length
      if (this.#unreadBytes < capacity) this.#answer(undefined)
      return Effect.succeed(bytes)
    }
    return this.#ended ? Effect.succeed(undefined) : Effect.andThen(this.#arrival.wait, this.read)
  })

  /** The program has gone: whoever writes is told so. */
  leave(): void {
    this.#left = true
    this.#answer("closed")
  }

  #write(bytes: Uint8Array, done: Answer): void {
    if (this.#ended || this.#left) return done("closed")
    if (bytes.length > 0) {
      // The caller may reuse its buffer once it has its answer.
      const copy = ownBytes(bytes)
      this.received.push(copy)
      this.#unread.push(copy)
      this.#unreadBytes += copy.length
    }
    if (this.#unreadBytes < capacity) done(undefined)
    else this.#answers.push(done)
    this.#arrival.wake()
  }

  #answer(errno: string | undefined): void {
    const answers = this.#answers
    this.#answers = []
    for (const answer of answers) answer(errno)
  }
}
