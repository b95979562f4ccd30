/**
 * Decodes the events of the Linux host.
 */
import type { HostEvent, Refusal } from "./hostProtocol.ts"
import { stages } from "./hostProtocol.ts"

const refusals: ReadonlyArray<Refusal> = ["unknown", "oversized", "malformed", "order", "version"]

/** The longest event there is, without its size. */
const maxEvent = 8188

const nothing = new Uint8Array(0)

/** A copy, because a view would keep everything that was received with it. */
const copyOf = (bytes: Uint8Array, from: number): Uint8Array =>
  from === bytes.length ? nothing : new Uint8Array(bytes.subarray(from))

const decodeBody = (bytes: Buffer): HostEvent | undefined => {
  const u16 = (at: number): number => bytes.readUInt16LE(at)
  const u32 = (at: number): number => bytes.readUInt32LE(at)
  const u64 = (at: number): number => Number(bytes.readBigUInt64LE(at))
  switch (u16(0)) {
    case 1:
      return { _tag: "Welcome", token: u32(2), version: u16(6), features: u16(8), pid: u32(10) }
    case 2:
      return { _tag: "Done", token: u32(2), errno: u32(6), count: u32(10) }
    case 3:
      return { _tag: "Spawned", id: u32(2), pid: u32(6) }
    case 4:
      return { _tag: "Failed", id: u32(2), stage: stages[u16(6)] ?? "request", handles: u16(8), errno: u32(10) }
    case 5:
      return {
        _tag: "Exited",
        id: u32(2),
        status: u32(6),
        userMicros: u64(10),
        systemMicros: u64(18),
        peakBytes: u64(26),
        cgroupRemoved: u16(34) === 1
      }
    case 6:
      return { _tag: "Emptied", id: u32(2) }
    case 7:
      return { _tag: "Lost", id: u32(2) }
    case 8:
      return {
        _tag: "Members",
        token: u32(2),
        pids: Array.from({ length: (bytes.length - 6) >> 2 }, (_, i) => u32(6 + 4 * i))
      }
    case 9:
      return { _tag: "Refused", why: refusals[u16(2)] ?? "unknown" }
    case 10:
      return { _tag: "Output", id: u32(2), stream: u16(6), bytes: copyOf(bytes, 8) }
    case 11:
      return { _tag: "Handed", id: u32(2), stream: u16(6) }
    case 12:
      return { _tag: "Stopped", id: u32(2), signal: u16(6) }
    default:
      return undefined
  }
}

const sizes = [0, 14, 14, 10, 14, 36, 6, 6, undefined, 4, undefined, 8, 8] as const

/** Whether so many bytes are pids behind a token, or output behind its stream. */
const fitsList = (type: number, length: number): boolean =>
  type === 8 ? length >= 6 && (length - 6) % 4 === 0 : type === 10 && length >= 8

const decodeOne = (bytes: Buffer): HostEvent | undefined => {
  const type = bytes.readUInt16LE(0)
  const size = sizes[type]
  const fits = size === undefined ? fitsList(type, bytes.length) : bytes.length === size
  return fits ? decodeBody(bytes) : undefined
}

/** Cuts a stream of bytes into events, however the bytes arrive. */
export interface Decoder {
  /** Gives `false` where the bytes are no events; nothing that follows can be understood then. */
  readonly push: (chunk: Buffer, receive: (event: HostEvent) => void) => boolean
}

/** Makes a decoder. */
export const decoder = (): Decoder => {
  let rest: Buffer | undefined
  let broken = false

  /** Answers how many bytes were used. */
  const consume = (bytes: Buffer, receive: (event: HostEvent) => void): number => {
    let at = 0
    while (bytes.length - at >= 4) {
      const size = bytes.readUInt32LE(at)
      broken ||= size < 2 || size > maxEvent
      if (broken || bytes.length - at - 4 < size) return at
      const event = decodeOne(bytes.subarray(at + 4, at + 4 + size))
      broken ||= event === undefined
      if (event === undefined) return at
      at += 4 + size
      receive(event)
    }
    return at
  }

  return {
    push: (chunk, receive) => {
      if (broken) return false
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
      rest = undefined
      const used = consume(bytes, receive)
      // A copy, so that the rest does not keep the whole chunk.
      if (used < bytes.length) rest = Buffer.from(bytes.subarray(used))
      return !broken
    }
  }
}
