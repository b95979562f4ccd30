/**
 * Encodes the requests to the Linux host.
 */
import * as Result from "effect/Result"
import type { Attributes, Mode, Spawn, Stream, TreeAction, Unencodable } from "./hostProtocol.ts"
import { maxMessage, maxStrings, version } from "./hostProtocol.ts"

/** The environment of the last start, as a list that can never change, and in bytes. It holds no NUL. */
let last: { readonly values: ReadonlyArray<string>; readonly bytes: Buffer } = {
  values: Object.freeze([]),
  bytes: Buffer.alloc(8)
}

const isLast = (values: ReadonlyArray<string>): boolean => values === last.values

/** Builds one message; grows by doubling, and fills in the size at the end. */
class Writer {
  #bytes: Buffer
  #used = 4
  constructor(type: number, room: number) {
    this.#bytes = Buffer.allocUnsafe(room)
    this.u16(type)
  }
  #grow(size: number): void {
    if (this.#used + size <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + size))
    this.#bytes.copy(grown, 0, 0, this.#used)
    this.#bytes = grown
  }
  u8(value: number): this {
    this.#grow(1)
    this.#used = this.#bytes.writeUInt8(value, this.#used)
    return this
  }
  u16(value: number): this {
    this.#grow(2)
    this.#used = this.#bytes.writeUInt16LE(value, this.#used)
    return this
  }
  u32(value: number): this {
    this.#grow(4)
    this.#used = this.#bytes.writeUInt32LE(value >>> 0, this.#used)
    return this
  }
  u64(value: bigint): this {
    this.#grow(8)
    this.#used = this.#bytes.writeBigUInt64LE(value, this.#used)
    return this
  }
  bytes(value: Uint8Array): this {
    this.#grow(value.length)
    this.#bytes.set(value, this.#used)
    this.#used += value.length
    return this
  }
  /** A text with its terminator, behind its size. */
  text(value: string): this {
    const size = Buffer.byteLength(value)
    this.u32(size + 1)
    this.#grow(size + 1)
    this.#bytes.write(value, this.#used)
    this.#used += size
    return this.u8(0)
  }
  texts(values: ReadonlyArray<string>): this {
    this.u32(values.length)
    if (values.length === 0) return this.u32(0)
    return this.text(values.join("\0"))
  }
  /** As `texts`, from the bytes of the last environment where it is the same list. */
  environment(values: ReadonlyArray<string>): this {
    if (isLast(values)) return this.bytes(last.bytes)
    const start = this.#used
    this.texts(values)
    if (Object.isFrozen(values)) last = { values, bytes: Buffer.from(this.#bytes.subarray(start, this.#used)) }
    return this
  }
  finish(): Buffer {
    this.#bytes.writeUInt32LE(this.#used - 4, 0)
    return this.#bytes.subarray(0, this.#used)
  }
}

const modes = { direct: 0, monitored: 1 } as const
const actions = { list: 0, signal: 1, suspend: 2, resume: 3, kill: 4, foreground: 5 } as const

const message = (type: number, token: number): Writer => new Writer(type, 32).u32(token)

export const hello = (token: number, mode: Mode): Buffer => message(1, token).u16(version).u16(modes[mode]).finish()
export const guard = (token: number, directory: string): Buffer => message(2, token).text(directory).finish()
export const unguard = (token: number, directory: string): Buffer => message(3, token).text(directory).finish()
export const signal = (token: number, id: number, number: number): Buffer =>
  message(5, token).u32(id).u16(number).finish()
export const tree = (token: number, id: number, action: TreeAction, number: number): Buffer =>
  message(6, token).u32(id).u16(actions[action]).u16(number).finish()
export const ping = (token: number): Buffer => message(7, token).finish()
export const close = (token: number, id: number, stream: number): Buffer =>
  message(9, token).u32(id).u16(stream).finish()
export const unlink = (token: number, link: number): Buffer => message(8, token).u32(link).finish()

const writeStream = (writer: Writer, stream: Stream): void => {
  switch (stream._tag) {
    case "Null":
      writer.u8(0)
      break
    case "Pipe":
      writer.u8(1)
      break
    case "Inherit":
      writer.u8(2)
      break
    case "File":
      writer.u8(3).u32(stream.flags).u32(stream.mode).text(stream.path)
      break
    case "Link":
      writer.u8(4).u32(stream.link)
      break
    case "Same":
      writer.u8(5).u8(stream.stream)
      break
    case "Relay":
      writer.u8(6)
      break
  }
}

const directions = { read: 0, write: 1, both: 2 } as const

const presence = (attributes: Attributes): number =>
  [
    attributes.uid !== undefined,
    attributes.gid !== undefined,
    attributes.groups !== undefined,
    attributes.umask !== undefined,
    attributes.limits !== undefined,
    attributes.nice !== undefined,
    attributes.affinity !== undefined,
    attributes.ioPriority !== undefined,
    attributes.noNewPrivileges === true,
    attributes.session === true,
    attributes.keepDescriptors === true,
    attributes.ownCgroup === true,
    attributes.descriptors !== undefined
  ].reduce((bits, present, bit) => present ? bits | (1 << bit) : bits, 0)

const writeAttributes = (writer: Writer, attributes: Attributes): void => {
  const { affinity, descriptors, gid, groups, ioPriority, limits, nice, uid, umask } = attributes
  if (uid !== undefined) writer.u32(uid)
  if (gid !== undefined) writer.u32(gid)
  if (groups !== undefined) {
    writer.u32(groups.length)
    for (const group of groups) writer.u32(group)
  }
  if (umask !== undefined) writer.u32(umask)
  if (limits !== undefined) {
    writer.u32(limits.length)
    for (const { hard, resource, soft } of limits) writer.u32(resource).u64(soft).u64(hard)
  }
  if (nice !== undefined) writer.u32(nice)
  if (affinity !== undefined) writer.u32(affinity.length).bytes(affinity)
  if (ioPriority !== undefined) writer.u32(ioPriority)
  if (descriptors !== undefined) {
    writer.u32(descriptors.length)
    for (const { direction, fd } of descriptors) writer.u32(fd).u32(directions[direction])
  }
}

const holdsNul = (text: string): boolean => text.includes("\0")

/** The host ends a conversation over a text with a NUL in it, so the fields are looked at before. */
const nulIn = (request: Spawn): string | undefined => {
  if (holdsNul(request.file)) return "program"
  if (holdsNul(request.directory)) return "working directory"
  if (holdsNul(request.cgroup)) return "cgroup"
  const argument = request.arguments.findIndex(holdsNul)
  if (argument >= 0) return `argument ${argument}`
  const variable = isLast(request.environment) ? -1 : request.environment.findIndex(holdsNul)
  if (variable >= 0) return `environment variable ${variable + 1}`
  const stream = request.streams.findIndex((stream) => stream._tag === "File" && holdsNul(stream.path))
  return stream >= 0 ? `file of stream ${stream}` : undefined
}

/** Encodes a start. */
export const spawn = (id: number, request: Spawn): Result.Result<Buffer, Unencodable> => {
  const field = nulIn(request)
  if (field !== undefined) return Result.fail({ field, problem: "holds a NUL byte" })
  // Own fields only: a polluted `Object.prototype` must not choose the user that a child runs as.
  const attributes: Attributes = Object.assign(
    Object.create(null),
    Object.hasOwn(request, "attributes") ? request.attributes : undefined
  )
  const writer = new Writer(4, 8192).u32(id).u32(presence(attributes))
  writer.text(request.file).text(request.directory).text(request.cgroup)
  writer.texts(request.arguments).environment(request.environment)
  for (const stream of request.streams) writeStream(writer, stream)
  writeAttributes(writer, attributes)
  const bytes = writer.finish()
  const isTooLong = bytes.length - 4 > maxMessage || request.arguments.length + request.environment.length > maxStrings
  return isTooLong ? Result.fail({ field: "arguments and environment", problem: "is too long" }) : Result.succeed(bytes)
}
