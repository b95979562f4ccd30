/**
 * Our end of a pipe that a child writes to, over the socket that Node made for it.
 */
import type { Readable } from "node:stream"
import type { ByteReceiver, ByteSource } from "processkit/ProcessBackend"
import { errnoOf } from "./errno.ts"

// A socket pair whose other end vanished with unread data says ECONNRESET, a pipe EPIPE, a terminal EIO: all of them
// mean that nobody writes any more. The others are Node's own words for a socket that we have closed.
const cleanErrnos: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "EIO",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED"
])

/** The errno that the end of a stream is reported with. */
export const endOf = (errno: string | undefined): string | undefined =>
  errno === undefined || cleanErrnos.has(errno) ? undefined : errno

type State = "idle" | "flowing" | "paused" | "ended" | "closed"

/** Makes a byte source of a readable side. */
export const make = (socket: Readable): ByteSource => {
  let state: State = "idle"
  let receiver: ByteReceiver | undefined
  let held: Array<Uint8Array> = []
  let ending: { readonly errno: string | undefined } | undefined

  const isFlowing = () => state === "flowing"
  const deliver = (chunk: Uint8Array): void => {
    if (receiver?.chunk(chunk) === false && state === "flowing") state = "paused"
  }
  const settle = (): void => {
    if (ending === undefined || held.length > 0 || state !== "flowing") return
    state = "ended"
    receiver?.end(ending.errno)
  }
  const finish = (errno: string | undefined): void => {
    ending ??= { errno: endOf(errno) }
    settle()
  }

  socket.pause() // or the listener below would set it flowing
  // Attached for good: an error without a listener would end the owner.
  socket.on("error", (error) => finish(errnoOf(error)))
  socket.on("end", () => finish(undefined))
  socket.on("close", () => finish(undefined))
  socket.on("data", (buffer: Uint8Array) => {
    // No `Buffer`, whose `slice` is a view where that of every other array of bytes is a copy.
    const chunk = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    if (state === "flowing") {
      deliver(chunk)
      if (state !== "flowing") socket.pause()
    } else if (state === "paused" || state === "idle") {
      // Node resumes the streams of a child that has exited, whatever they are used for (`flushStdio` in
      // lib/internal/child_process.js, Node 22 and 24). What comes unasked is held back and the socket paused again.
      held.push(chunk)
      socket.pause()
    }
  })

  return {
    start: (given) => {
      if (state !== "idle") return
      receiver = given
      state = "flowing"
      settle()
      if (state === "flowing") socket.resume()
    },
    resume: () => {
      if (state !== "paused") return
      state = "flowing"
      while (isFlowing()) {
        const chunk = held.shift()
        if (chunk === undefined) break
        deliver(chunk)
      }
      settle()
      if (state === "flowing") socket.resume()
    },
    close: () => {
      state = "closed"
      held = []
      receiver = undefined
      socket.destroy()
    }
  }
}
