/**
 * Copies a stream to a receiver while it is captured, without letting the receiver hurt the capture.
 *
 * Chunks wait here until the receiver's sink pulls. More than 256 KiB of them hold the pipe up. A receiver that has
 * ended, whyever, takes nothing and holds nothing up.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import type * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { ownBytes } from "./ownBytes.ts"
import { Wakeup } from "./wakeup.ts"

const highWater = 256 * 1024

type ByteSink = Sink.Sink<unknown, Uint8Array, unknown, unknown>

/** Who reads the pipe, and hears when to go on. */
export interface Reader {
  /** There is room again, after a chunk that left none. */
  readonly room: () => void
  /** The receiver will take nothing more; called once. */
  readonly over: () => void
}

export class Tee {
  readonly #stream: string
  readonly #sink: ByteSink
  readonly #context: Context.Context<never>
  #waiting: Array<Uint8Array> = []
  #waitingBytes = 0
  #ended = false
  #reader: Reader | undefined
  readonly #arrival = new Wakeup(() => this.#waiting.length > 0 || this.#ended)
  #fiber: Fiber.Fiber<void> | undefined
  isOver = false

  constructor(stream: string, sink: ByteSink, context: Context.Context<never>) {
    this.#stream = stream
    this.#sink = sink
    this.#context = context
  }

  start(reader: Reader): void {
    this.#reader = reader
    this.#fiber = this.#fork(this.#copying)
    // It may have ended before there was a fiber to remember.
    if (this.isOver) this.#fiber.interruptUnsafe()
  }

  /** Takes a copy, since the receiver may keep or change it, and answers whether there is room for more. */
  chunk(bytes: Uint8Array): boolean {
    if (this.isOver) return true
    this.#waiting.push(ownBytes(bytes))
    this.#waitingBytes += bytes.length
    this.#arrival.wake()
    return this.#waitingBytes <= highWater
  }

  end(): void {
    this.#ended = true
    this.#arrival.wake()
  }

  /** Gives a receiver up that is not done yet, and says so where it is the receiver's fault. */
  abandon(isLate: boolean): void {
    if (this.isOver) return
    this.#over()
    this.#fiber?.interruptUnsafe()
    if (isLate) this.#warn("was still behind long after the exit and was interrupted")
  }

  /** Waits for the finalizers of the receiver. */
  get closed(): Effect.Effect<void> {
    return this.#fiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(this.#fiber))
  }

  get #copying(): Effect.Effect<void> {
    return Stream.run(Stream.fromPull(Effect.succeed(this.#pull)), this.#sink).pipe(
      Effect.exit,
      Effect.map((exit) => {
        if (this.isOver) return
        this.#over()
        if (Exit.isFailure(exit)) this.#warn("failed and gets nothing more", exit.cause)
      })
    )
  }

  readonly #pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>> = Effect.suspend(() => this.#next())

  #next(): Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>> {
    const [first, ...rest] = this.#waiting
    if (first !== undefined) {
      this.#waiting = []
      this.#waitingBytes = 0
      this.#reader?.room()
      return Effect.succeed([first, ...rest])
    }
    return this.#ended ? Exit.fail(Cause.Done()) : Effect.flatMap(this.#arrival.wait, () => this.#next())
  }

  #over(): void {
    this.isOver = true
    this.#waiting = []
    this.#waitingBytes = 0
    this.#reader?.over()
  }

  #warn(what: string, cause?: Cause.Cause<unknown>): void {
    const message = `a tee of ${this.#stream} ${what}; what is captured is complete`
    this.#fork(cause === undefined ? Effect.logWarning(message) : Effect.logWarning(message, cause))
  }

  #fork<A>(effect: Effect.Effect<A>): Fiber.Fiber<A> {
    return Effect.runForkWith(this.#context)(effect)
  }
}
