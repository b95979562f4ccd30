/**
 * Output of a child that the host tells of as long as it is little, and whose pipe comes after it where it is more.
 *
 * Two things are on their way over two channels that have no order between them: the word that the pipe was handed over,
 * behind the last bytes that the host has read, and the pipe itself. Its bytes come after those, whichever is here first.
 */
import type { ByteReceiver, ByteSource } from "processkit/ProcessBackend"
import { HandleSource } from "./handleSource.ts"
import type { Handle } from "./hostPipe.ts"

type State = "idle" | "flowing" | "paused" | "delegated" | "ended" | "closed"

export class HostRelay implements ByteSource {
  readonly #abandon: () => void
  #state: State = "idle"
  #receiver: ByteReceiver | undefined
  /** What came while nobody wanted it; the host tells of a few thousand bytes at most. */
  #held: Array<Uint8Array> = []
  #ending: { readonly errno: string | undefined } | undefined
  #handed = false
  #rest: HandleSource | "closed" | "lost" | undefined
  /** Called when nobody wants more. */
  onClose: (() => void) | undefined

  /** `abandon` is called where the stream is closed before its end, to tell the host. */
  constructor(abandon: () => void) {
    this.#abandon = abandon
  }

  /** Whether the host has nothing more to say of this stream, and nothing of it is on its way. */
  get isOver(): boolean {
    return this.#ending !== undefined || (this.#handed && this.#rest !== undefined)
  }

  get isHanded(): boolean {
    return this.#handed
  }

  /** The word came, and the pipe waits for its turn: many of them take long to send, and longer where we are busy. */
  isComing(): boolean {
    return this.#handed && !this.isOver && this.#state !== "closed"
  }

  told(bytes: Uint8Array): void {
    if (this.#state === "closed") return
    if (bytes.length === 0) return this.end(undefined)
    this.#held.push(bytes)
    this.#proceed()
  }

  end(errno: string | undefined): void {
    this.#ending ??= { errno }
    this.#proceed()
  }

  /** The host has told all that it will, and the pipe has the rest. */
  handed(): void {
    this.#handed = true
    this.#join()
  }

  /** The pipe itself; undefined where there was no descriptor for it here. */
  take(handle: Handle | undefined): void {
    if (handle === undefined) this.#rest = "lost"
    else if (this.#state === "closed") {
      handle.close()
      this.#rest = "closed"
    } else this.#rest = new HandleSource(handle)
    this.#join()
  }

  start(receiver: ByteReceiver): void {
    if (this.#state !== "idle") return
    this.#receiver = receiver
    this.#state = "flowing"
    this.#proceed()
  }

  resume(): void {
    if (this.#state === "delegated" && typeof this.#rest === "object") this.#rest.resume()
    if (this.#state !== "paused") return
    this.#state = "flowing"
    this.#proceed()
  }

  /** What the host told is in no memory that could be read into. */
  recycle(bytes: Uint8Array): void {
    if (typeof this.#rest === "object") this.#rest.recycle(bytes)
  }

  close(): void {
    if (this.#state === "closed") return
    const isHosted = !this.isOver && !this.#handed
    this.drop()
    if (isHosted) this.#abandon()
  }

  /** Closes without a word to the host, which knows already or is gone. */
  drop(): void {
    this.#state = "closed"
    this.#held = []
    this.#receiver = undefined
    if (typeof this.#rest === "object") this.#rest.close()
    this.onClose?.()
  }

  #join(): void {
    if (!this.isOver) return
    if (this.#rest === "lost") this.#ending ??= { errno: "EMFILE" }
    this.#proceed()
  }

  #proceed(): void {
    while (this.#state === "flowing" && this.#held.length > 0) {
      const chunk = this.#held.shift()
      // The receiver may close this source, or stop it.
      if (chunk !== undefined && this.#receiver?.chunk(chunk) === false) this.#pause()
    }
    if (this.#state !== "flowing") return
    if (this.#ending !== undefined) {
      this.#state = "ended"
      this.#receiver?.end(this.#ending.errno)
    } else if (this.#receiver !== undefined && this.#handed && typeof this.#rest === "object") {
      this.#state = "delegated"
      this.#rest.start(this.#receiver)
    }
  }

  #pause(): void {
    if (this.#state === "flowing") this.#state = "paused"
  }
}
