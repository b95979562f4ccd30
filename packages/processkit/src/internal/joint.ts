/**
 * Where two stages of a pipeline meet: a pipe of the backend's where it has one, else a relay.
 *
 * The writing stage is started first and decides which of the two it is. What it leaves half connected, because the
 * reading stage could not be started, is given back when the pipeline ends.
 */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import { Relay, type RelayFailure } from "./relay.ts"

type Way = { readonly _tag: "Link"; readonly link: ProcessBackend.Link } | "pipe"

export class Joint {
  #way: Way | undefined
  #relay: Relay | undefined
  readonly #relays: boolean

  /** `relays` where one of the two cannot get an end of a pipe of the backend's: the host of a terminal has none. */
  constructor(relays = false) {
    this.#relays = relays
  }

  /** What the writing stage gets for its output. Asked again where its start is tried again. */
  readonly output = (container: ProcessBackend.Container): Effect.Effect<Way, ProcessError.ProcessError> =>
    Effect.suspend(() => {
      const made: Effect.Effect<Way, ProcessError.ProcessError> = this.#relays || container.openLink === undefined
        ? Effect.succeed("pipe")
        : Effect.map(container.openLink, (link) => ({ _tag: "Link", link }))
      return Effect.andThen(this.close, Effect.tap(made, (way) => Effect.sync(() => void (this.#way = way))))
    })

  /** What the reading stage gets for its input. */
  get input(): Way {
    return this.#way ?? "pipe"
  }

  /** The writing stage runs: what it writes is read from now on, if somebody has to. */
  written({ stdout }: ProcessBackend.Child): void {
    if (stdout !== undefined) this.#relay = new Relay(stdout)
  }

  /** The reading stage runs. */
  read({ stdin }: ProcessBackend.Child): void {
    if (stdin !== undefined) this.#relay?.connect(stdin)
  }

  /** Why a relay could not go on to the end. */
  get failure(): RelayFailure | undefined {
    return this.#relay?.failure
  }

  /** Gives back what nobody has taken, and ends a relay. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#relay?.close()
    this.#relay = undefined
    const way = this.#way
    this.#way = undefined
    return typeof way === "object" ? way.link.release : Effect.void
  })
}
