/**
 * A pipe between two children of the host, known by its number.
 *
 * The host makes it with the start that names it first and gives each end out once. An end that no start has taken stays
 * open there until it is given back.
 */
import * as Effect from "effect/Effect"
import type { Link } from "processkit/ProcessBackend"
import type { HostConnection } from "../host/hostConnection.ts"

export class HostedLink implements Link {
  readonly number: number
  readonly host: HostConnection
  #isNamed = false
  #taken = 0

  constructor(host: HostConnection) {
    this.host = host
    this.number = host.newLink()
  }

  /** A start that names the link is on its way to the host. */
  named(): void {
    this.#isNamed = true
  }

  /** A child has one of the ends. */
  taken(): void {
    this.#taken++
  }

  /** Asks the host only where it may still hold an end: a start that fails may have taken its own or not. */
  readonly release: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#isNamed || this.#taken === 2) return Effect.void
    this.#isNamed = false
    return Effect.ignore(this.host.unlink(this.number))
  })
}
