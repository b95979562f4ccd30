/**
 * Our end of a pipe that the host made for a child, as it arrives over Node's channel.
 *
 * It arrives as the bare handle of libuv. A socket is put around it only when somebody reads or writes, because most
 * of what a socket costs is paid at its making.
 */
import * as net from "node:net"
import type { Spawn } from "./hostProtocol.ts"

/** What is used of Node's `Pipe`. */
export interface Handle {
  readonly close: (done?: () => void) => void
}

/** What we do with our end. */
export type Side = "readable" | "writable" | "duplex"

export interface HostPipe {
  readonly side: Side
  /** Makes the socket, which starts reading at once: listeners are to be attached in the same tick. */
  readonly socket: () => net.Socket
  /** Releases the descriptor. Idempotent. */
  readonly close: () => void
}

/** `net.Socket` accepts a handle (`lib/net.js`, Node 22 to 26); its declared options do not say so. */
const wrap = (handle: Handle, side: Side): net.Socket =>
  Reflect.construct(net.Socket, [{
    handle,
    readable: side !== "writable",
    writable: side !== "readable",
    allowHalfOpen: true
  }])

const sides = { read: "writable", write: "readable", both: "duplex" } as const

/** How many pipes of a start arrive as handles, come what may. */
export const countIn = ({ attributes, streams }: Spawn): number =>
  streams.filter((stream) => stream._tag === "Pipe").length + (attributes?.descriptors?.length ?? 0)

/** Our side of a pipe of a start; nothing where it has no such pipe. */
export const sideIn = ({ attributes }: Spawn) => (stream: number): Side | undefined => {
  if (stream < 3) return stream === 0 ? "writable" : "readable"
  const direction = attributes?.descriptors?.find(({ fd }) => fd === stream)?.direction
  return direction === undefined ? undefined : sides[direction]
}

/** Whether a value is a handle. */
export const isHandle = (value: unknown): value is Handle =>
  typeof value === "object" && value !== null && "close" in value && typeof value.close === "function" &&
  "readStart" in value

/** Makes one end of a handle that nobody uses yet. */
export const make = (handle: Handle, side: Side): HostPipe => {
  let socket: net.Socket | undefined
  let closed = false
  return {
    side,
    socket: () => {
      if (socket !== undefined) return socket
      socket = closed ? new net.Socket().destroy() : wrap(handle, side)
      return socket
    },
    close: () => {
      if (closed) return
      closed = true
      if (socket === undefined) handle.close()
      else socket.destroy()
    }
  }
}
