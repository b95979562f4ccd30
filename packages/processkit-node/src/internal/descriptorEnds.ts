/**
 * Our end of a descriptor of a child above the standard ones, over a socket of Node's.
 */
import type { Socket } from "node:net"
import type { Descriptor, DescriptorEnds } from "processkit/ProcessBackend"
import * as ByteSink from "./byteSink.ts"
import * as ByteSource from "./byteSource.ts"

/** What a direction, as the child sees it, makes of our end. */
export const sideOf = ({ direction }: Descriptor): "readable" | "writable" | "duplex" =>
  direction === "input" ? "writable" : direction === "output" ? "readable" : direction

/** Makes the ends of a socket that nobody has listened to yet. */
export const make = (socket: Socket, side: "readable" | "writable" | "duplex"): DescriptorEnds => ({
  sink: side === "readable" ? undefined : ByteSink.make(socket),
  source: side === "writable" ? undefined : ByteSource.make(socket)
})
