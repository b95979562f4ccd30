/**
 * Follows output while it comes, and gives it to one stream: that of one pump, or of two in the order of arrival.
 *
 * More than 256 KiB that a pump brought and nobody pulled holds that pump's pipe up, and no other; it flows again once
 * everything waiting was pulled.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Arrivals } from "./arrivals.ts"
import type { Pump, Subscriber } from "./pump.ts"

const highWater = 256 * 1024

/** How the bytes of a pump become items, and what was kept of them before anybody followed. */
export interface View<A> {
  readonly pump: Pump
  /** Whether items hold the bytes that they were made of. */
  readonly keeps: boolean
  readonly backlog: ReadonlyArray<A>
  readonly chunk: (bytes: Uint8Array) => ReadonlyArray<A>
  /** The items that the end completes. */
  readonly rest: (clean: boolean) => ReadonlyArray<A>
}

class Follower<A, E> implements Subscriber {
  readonly view: View<A>
  readonly #arrivals: Arrivals<A, E>
  readonly #onEnd: (errno: string | undefined) => void
  #waitingBytes = 0

  constructor(view: View<A>, arrivals: Arrivals<A, E>, onEnd: (errno: string | undefined) => void) {
    this.view = view
    this.#arrivals = arrivals
    this.#onEnd = onEnd
  }

  get keeps(): boolean {
    return this.view.keeps
  }

  chunk(bytes: Uint8Array): boolean {
    const items = this.view.chunk(bytes)
    if (items.length > 0) {
      this.#waitingBytes += bytes.length
      this.#arrivals.offer(items)
    }
    return this.#waitingBytes <= highWater
  }

  end(errno: string | undefined): void {
    this.#arrivals.offer(this.view.rest(errno === undefined))
    this.#onEnd(errno)
  }

  proceed(): void {
    this.#waitingBytes = 0
    this.view.pump.proceed()
  }
}

/** Follows pumps until all of them have ended; the first failure to read is reported after everything else. */
class Following<A, E> {
  readonly #followers: ReadonlyArray<Follower<A, E>>
  readonly arrivals: Arrivals<A, E>
  #flowing: number
  #failure: Exit.Exit<never, E> | undefined

  constructor(views: ReadonlyArray<View<A>>, onError: (pump: Pump, errno: string) => E) {
    this.#flowing = views.length
    this.arrivals = new Arrivals(() => {
      for (const follower of this.#followers) follower.proceed()
    })
    this.#followers = views.map((view) =>
      new Follower(view, this.arrivals, (errno) => {
        if (errno !== undefined) this.#failure ??= Exit.fail(onError(view.pump, errno))
        this.#flowing--
        if (this.#flowing === 0) this.arrivals.end(this.#failure ?? Exit.fail(Cause.Done()))
      })
    )
  }

  begin(first: ReadonlyArray<A>): void {
    this.arrivals.offer(first)
    for (const { view } of this.#followers) this.arrivals.offer(view.backlog)
    for (const follower of this.#followers) follower.view.pump.subscribe(follower)
  }

  leave(): void {
    for (const { view } of this.#followers) view.pump.unsubscribe()
  }
}

/**
 * What pumps bring from their beginning on, as far as it was kept, after the items that are given; leaving the stream
 * unsubscribes. `views` takes over what was kept: in the step in which the following begins, or what comes in between is
 * lost.
 *
 * One channel and nothing around it: what is put around a stream costs something for every chunk.
 */
export const stream = <A, E>(
  views: () => ReadonlyArray<View<A>>,
  onError: (pump: Pump, errno: string) => E,
  first: ReadonlyArray<A> = []
): Stream.Stream<A, E> =>
  Stream.fromChannel(Channel.fromTransform((_, scope) =>
    Effect.suspend(() => {
      let following: Following<A, E> | undefined
      // The way to leave is there before anything is taken: the fiber may be interrupted in between.
      return Effect.map(Scope.addFinalizer(scope, Effect.sync(() => following?.leave())), () => {
        following = new Following(views(), onError)
        following.begin(first)
        return following.arrivals.pull
      })
    })
  ))

/** What a stream brings, and after its end what an effect gives. */
export const endingWith = <A, E>(
  stream: Stream.Stream<A, E>,
  last: Effect.Effect<ReadonlyArray<A>, E>
): Stream.Stream<A, E> =>
  Stream.transformPull(stream, (pull) =>
    Effect.sync(() => {
      let isOver = false
      const end = Effect.flatMap(last, (items): Pull.Pull<Arr.NonEmptyReadonlyArray<A>> => {
        isOver = true
        return Arr.isReadonlyArrayNonEmpty(items) ? Effect.succeed(items) : Cause.done()
      })
      return Effect.suspend(() => isOver ? Cause.done() : Pull.catchDone(pull, () => end))
    }))

/** The lines of a pump, each made into an item. */
export const lines = <A>(pump: Pump, item: (lines: ReadonlyArray<string>) => ReadonlyArray<A>): View<A> => {
  const { cutter, lines } = pump.retention.handOver()
  return {
    pump,
    keeps: false,
    backlog: item(lines),
    chunk: (bytes) => item(cutter.push(bytes)),
    rest: (clean) => item(cutter.end(clean))
  }
}

/** The bytes of a pump as they come. */
export const chunks = (pump: Pump): View<Uint8Array> => ({
  pump,
  keeps: true,
  backlog: pump.retention.handOverBytes(),
  chunk: (bytes) => [bytes],
  rest: () => []
})
