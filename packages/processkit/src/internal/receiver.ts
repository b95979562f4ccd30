/**
 * Makes a sink of whatever a tee copies to.
 *
 * A stream of Node says that a write failed twice: to the writer, and by an `error` event, which ends the owner where
 * nobody listens (Node, "Event: 'error'" of `stream.Writable`). One listener for all tees of a stream is there for as long
 * as one of them writes, and after a failed write until the event has come.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Sink from "effect/Sink"
import type * as Stdio from "../Stdio.ts"

type ByteSink = Sink.Sink<unknown, Uint8Array, unknown, unknown>

export const isReceiver = (u: unknown): u is Stdio.Receiver =>
  Sink.isSink(u) || typeof u === "function" || isWritable(u)

export const toSink = (receiver: Stdio.Receiver): ByteSink => {
  if (typeof receiver === "function") return Sink.forEach((chunk: Uint8Array) => called(receiver, chunk))
  return Sink.isSink(receiver) ? receiver as ByteSink : written(receiver)
}

const isWritable = (u: unknown): u is Stdio.Writable =>
  typeof u === "object" && u !== null &&
  ["write", "on", "off"].every((method) => typeof (u as Record<string, unknown>)[method] === "function")

const called = (receiver: (chunk: Uint8Array) => unknown, chunk: Uint8Array): Effect.Effect<unknown, unknown> =>
  Effect.suspend((): Effect.Effect<unknown, unknown> => {
    const answer = receiver(chunk)
    // What an effect needs beyond that nobody can give it; it fails like any other receiver then.
    if (Effect.isEffect(answer)) return answer as Effect.Effect<unknown, unknown>
    return Predicate.isPromiseLike(answer)
      ? Effect.tryPromise({ try: () => answer, catch: (error) => error })
      : Effect.void
  })

const written = (writable: Stdio.Writable): ByteSink =>
  Sink.unwrap(Effect.map(
    Effect.acquireRelease(Effect.sync(() => guardOf(writable)), (guard) => Effect.sync(() => guard.leave())),
    (guard) =>
      Sink.forEach((chunk: Uint8Array) =>
        Effect.callback<void, unknown>((resume) => {
          guard.enter()
          writable.write(chunk, (error) => {
            if (error == null) guard.leave()
            else guard.failed()
            resume(error == null ? Effect.void : Effect.fail(error))
          })
        })
      )
  ))

/** Listens to the errors of one stream for as long as somebody holds it. */
class ErrorGuard {
  readonly #writable: Stdio.Writable
  /** Tees that are open, and writes that are under way: an interrupted tee leaves one behind that may still fail. */
  #holders = 0
  /** Whether a write has failed whose event is still to come. */
  #owed = false

  constructor(writable: Stdio.Writable) {
    this.#writable = writable
  }

  enter(): void {
    if (this.#holders++ === 0 && !this.#owed) this.#writable.on("error", this.#onError)
  }

  leave(): void {
    this.#holders--
    this.#letGo()
  }

  failed(): void {
    this.#owed = true
    this.leave()
  }

  readonly #onError = (): void => {
    this.#owed = false
    this.#letGo()
  }

  #letGo(): void {
    if (this.#holders === 0 && !this.#owed) this.#writable.off("error", this.#onError)
  }
}

const guards = new WeakMap<Stdio.Writable, ErrorGuard>()

const guardOf = (writable: Stdio.Writable): ErrorGuard => {
  const guard = guards.get(writable) ?? new ErrorGuard(writable)
  guards.set(writable, guard)
  guard.enter()
  return guard
}
