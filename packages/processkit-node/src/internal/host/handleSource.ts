/**
 * Our end of a pipe that a child writes to, over a bare handle.
 *
 * Reads into memory of its own (`onread` of `net.Socket`, Node 22 to 26), which spares what Node does for every chunk of
 * a stream, and reads into the same memory again where nobody keeps what was read. Otherwise each 64 KiB are garbage
 * outside the heap, and V8 marks all of the heap every twenty megabytes of it.
 */
import * as net from "node:net"
import type { ByteReceiver, ByteSource } from "processkit/ProcessBackend"
import { endOf } from "../byteSource.ts"
import { errnoOf } from "../errno.ts"
import type { Handle } from "./hostPipe.ts"

/** What most streams live with, which bring a line now and then. */
const firstSize = 8192

/** What libuv reads at once by itself, and the capacity of a pipe (pipe(7)): for a stream that has filled a block. */
const fullSize = 65_536

type State = "idle" | "flowing" | "paused" | "ended" | "closed"

export class HandleSource implements ByteSource {
  readonly #socket: net.Socket
  #state: State = "idle"
  #receiver: ByteReceiver | undefined
  #ending: { readonly errno: string | undefined } | undefined
  #size = firstSize
  #block = Buffer.allocUnsafeSlow(firstSize)
  /** How much of the block somebody may keep. */
  #kept = 0

  constructor(handle: Handle) {
    const onread = { buffer: () => this.#free(), callback: (size: number) => this.#read(size) }
    // `net.Socket` accepts a handle (`lib/net.js`, Node 22 to 26); its declared options do not say so.
    this.#socket = Reflect.construct(net.Socket, [
      { handle, readable: true, writable: false, allowHalfOpen: true, pauseOnCreate: true, onread }
    ])
    // Attached for good: an error without a listener would end the owner.
    this.#socket.on("error", (error) => this.#finish(errnoOf(error)))
    this.#socket.on("end", () => this.#finish(undefined))
    this.#socket.on("close", () => this.#finish(undefined))
  }

  start(receiver: ByteReceiver): void {
    if (this.#state !== "idle") return
    this.#receiver = receiver
    this.#flow()
  }

  resume(): void {
    if (this.#state === "paused") this.#flow()
  }

  /** Only ever of the chunk that is being delivered, the last one in the block. */
  recycle(bytes: Uint8Array): void {
    if (bytes.buffer === this.#block.buffer) this.#kept = bytes.byteOffset
  }

  close(): void {
    this.#state = "closed"
    this.#receiver = undefined
    this.#socket.destroy()
  }

  #flow(): void {
    this.#state = "flowing"
    this.#settle()
    if (this.#state === "flowing") this.#socket.resume()
  }

  /** Where the next read goes: what nobody keeps of the block, or another block where that is less than half of one. */
  #free(): Buffer {
    if (this.#block.length - this.#kept < this.#size / 2) {
      this.#block = Buffer.allocUnsafeSlow(this.#size)
      this.#kept = 0
    }
    return this.#kept === 0 ? this.#block : this.#block.subarray(this.#kept)
  }

  /** Takes what was read into the block, and answers whether to read on. */
  #read(size: number): boolean {
    if (this.#state !== "flowing") return false
    const chunk = new Uint8Array(this.#block.buffer, this.#kept, size)
    this.#kept += size
    if (this.#kept === this.#block.length) this.#size = fullSize
    const isWanted = this.#receiver?.chunk(chunk)
    if (isWanted === false && this.#state === "flowing") this.#state = "paused"
    return this.#state === "flowing"
  }

  #finish(errno: string | undefined): void {
    this.#ending ??= { errno: endOf(errno) }
    this.#settle()
  }

  #settle(): void {
    if (this.#ending === undefined || this.#state !== "flowing") return
    this.#state = "ended"
    this.#receiver?.end(this.#ending.errno)
  }
}
