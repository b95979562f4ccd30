/**
 * What scripted programs can be reached by: ports, sockets, paths and addresses, each for as long as somebody holds it.
 *
 * A program that ends closes its ports, sockets and addresses, as the kernel does for a real one. What it has put at a
 * path stays.
 */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"

/** One way to reach a program. */
export type Door =
  | { readonly port: number }
  | { readonly socket: string }
  | { readonly path: string }
  | { readonly http: string; readonly status?: number | undefined }

/** Every door that is open, whoever holds it. */
export class ScriptedDoors {
  readonly #open = new Map<string, { readonly holder: object; readonly status: number }>()

  open(door: Door, holder: object): void {
    this.#open.set(keyOf(door), { holder, status: "http" in door ? door.status ?? 200 : 200 })
  }

  /** Closes what somebody held who is gone. */
  leave(holder: object): void {
    for (const [key, door] of this.#open) {
      if (door.holder === holder && !key.startsWith("path ")) this.#open.delete(key)
    }
  }

  /** Refuses as Linux does: nobody listens at a port, nothing is at a path. */
  readonly probes: ProcessBackend.Probes = {
    port: (_, port) => this.#look({ port }, "ECONNREFUSED"),
    socket: (socket) => this.#look({ socket }, "ENOENT"),
    path: (path) => this.#look({ path }, "ENOENT"),
    http: (url, accepts) =>
      Effect.suspend(() => {
        const status = this.#open.get(keyOf({ http: url.href }))?.status
        if (status === undefined) return Effect.fail("ECONNREFUSED")
        return accepts(status) ? Effect.void : Effect.fail(`status ${status}`)
      })
  }

  #look(door: Door, errno: string): Effect.Effect<void, string> {
    return Effect.suspend(() => this.#open.has(keyOf(door)) ? Effect.void : Effect.fail(errno))
  }
}

const keyOf = (door: Door): string => {
  if ("port" in door) return `port ${door.port}`
  if ("socket" in door) return `socket ${door.socket}`
  return "path" in door ? `path ${door.path}` : `http ${new URL(door.http).href}`
}
