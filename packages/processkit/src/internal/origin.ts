/**
 * The command that a start was asked for with, kept beside the bytes that a backend sees.
 *
 * Doubles match on it. It is not part of the request: a symbol is not sent anywhere, and a copy made by spreading keeps it.
 */
import type * as Command from "../Command.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"

const key: unique symbol = Symbol("processkit/origin")

interface Marked extends ProcessBackend.SpawnRequest {
  readonly [key]?: Command.Command | undefined
}

/** Says which command a request was made from. */
export const mark = <R extends ProcessBackend.SpawnRequest>(request: R, command: Command.Command): R =>
  Object.assign(request, { [key]: command })

/** The command that a request was made from; `undefined` for one that somebody made by hand. */
export const of = (request: ProcessBackend.SpawnRequest): Command.Command | undefined => (request as Marked)[key]
