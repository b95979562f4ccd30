/**
 * Our end of the pipe that a child reads from, over the socket that Node made for it.
 */
import type { Writable } from "node:stream"
import type { ByteSink } from "processkit/ProcessBackend"
import { errnoOf } from "./errno.ts"

// ECANCELED is what a write under way is answered with when we close the socket, because the child has exited.
const closedErrnos: ReadonlySet<string> = new Set([
  "ECANCELED",
  "EPIPE",
  "ECONNRESET",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
  "ERR_STREAM_PREMATURE_CLOSE"
])

/** What a failed write is reported as: `closed` where the child does not read any more. */
export const writeResult = (errno: string | undefined): string | undefined =>
  errno !== undefined && closedErrnos.has(errno) ? "closed" : errno

/** Makes a byte sink of a writable side. */
export const make = (socket: Writable): ByteSink => {
  let open = true
  // Attached for good: an error without a listener would end the owner. Each write hears of it by its own callback.
  socket.on("error", () => {})
  return {
    write: (bytes, done) => {
      // Not left to the socket: a write after the end would destroy it, and with it what was written before the end.
      if (!open || socket.destroyed) return done("closed")
      socket.write(bytes, (error) => done(writeResult(error == null ? undefined : errnoOf(error))))
    },
    end: () => {
      if (!open) return
      open = false
      socket.end()
    },
    close: () => {
      open = false
      socket.destroy()
    }
  }
}
