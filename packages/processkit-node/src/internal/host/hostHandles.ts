/**
 * Has the host read what Node writes for each handle that it takes.
 *
 * Node acknowledges every handle with a line on the channel that it came over, and the host reads those lines when a
 * message comes over the other one. Some 270 of them fill the socket (Linux counts what each costs the kernel: socket(7),
 * SO_SNDBUF). After the last of many starts no message follows, and what waits behind a full socket would keep this
 * process from ever ending.
 */

/** So many lines fit into the socket however small its buffer is, so that one question empties it of as many. */
const unreadAtMost = 64

export class UnreadHandles {
  readonly #ask: (answered: () => void) => void
  #count = 0
  #isAsking = false

  /** Asks the host for anything, which has it read; `answered` is not called by a host that is lost. */
  constructor(ask: (answered: () => void) => void) {
    this.#ask = ask
  }

  came(): void {
    this.#count++
    this.#haveRead()
  }

  /** Again and again: what waits behind the socket gets into it only when there is room. */
  #haveRead(): void {
    if (this.#isAsking || this.#count < unreadAtMost) return
    this.#isAsking = true
    this.#ask(() => {
      this.#isAsking = false
      this.#count -= unreadAtMost
      this.#haveRead()
    })
  }
}
