/**
 * The relayed streams of one conversation that the host may still say something of.
 */
import type { HostEvent, Spawn } from "./hostProtocol.ts"
import { HostRelay } from "./hostRelay.ts"

/** The relayed ones among the outputs of a child. */
export type Outputs = readonly [stdout: HostRelay | undefined, stderr: HostRelay | undefined]

/** A stream of a child as one number. */
const keyOf = (id: number, stream: number): number => 4 * id + stream

export class HostRelays {
  readonly #relays = new Map<number, HostRelay>()
  readonly #ask: (id: number, stream: number, answered: () => void) => void
  readonly #changed: () => void

  /** `ask` has the host close a stream, `changed` is called when there is one less. */
  constructor(ask: (id: number, stream: number, answered: () => void) => void, changed: () => void) {
    this.#ask = ask
    this.#changed = changed
  }

  get size(): number {
    return this.#relays.size
  }

  outputs(id: number, { streams }: Spawn): Outputs {
    return [this.#output(id, 1, streams), this.#output(id, 2, streams)]
  }

  #output(id: number, stream: 1 | 2, streams: Spawn["streams"]): HostRelay | undefined {
    if (streams[stream]._tag !== "Relay") return undefined
    const relay = new HostRelay(() =>
      // Until the host has answered, bytes may be on their way, or the pipe itself.
      this.#ask(id, stream, () => {
        if (!relay.isHanded) this.#forget(keyOf(id, stream))
      })
    )
    this.#relays.set(keyOf(id, stream), relay)
    return relay
  }

  event(event: HostEvent & { readonly _tag: "Output" | "Handed" }): void {
    this.change(event.id, event.stream, (relay) => event._tag === "Output" ? relay.told(event.bytes) : relay.handed())
  }

  /** Does something to a stream; answers whether there is one, and not that of a start that has failed. */
  change(id: number, stream: number, work: (relay: HostRelay) => void): boolean {
    const key = keyOf(id, stream)
    const relay = this.#relays.get(key)
    if (relay === undefined) return false
    work(relay)
    if (relay.isOver) this.#forget(key)
    return true
  }

  /** The start has failed, and the host says no more. */
  drop(id: number, outputs: Outputs): void {
    for (const [i, relay] of outputs.entries()) {
      this.#forget(keyOf(id, i + 1))
      relay?.drop()
    }
  }

  /** The host is lost, and what was in its pipes with it; the exit tells that. */
  lose(): void {
    const left = [...this.#relays.values()]
    this.#relays.clear()
    for (const relay of left) relay.end(undefined)
  }

  #forget(key: number): void {
    if (this.#relays.delete(key)) this.#changed()
  }
}
