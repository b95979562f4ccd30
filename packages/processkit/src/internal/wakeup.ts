/**
 * Wakes the one fiber that waits for callbacks to bring something.
 */
import * as Effect from "effect/Effect"

export class Wakeup {
  #wake: (() => void) | undefined

  /** Waits until it is woken, unless there is no reason to. */
  readonly wait: Effect.Effect<void>

  /**
   * `isReady` is asked before the wait: the fiber may have yielded since it found nothing, and what came in between woke
   * nobody.
   */
  constructor(isReady: () => boolean) {
    this.wait = Effect.callback<void>((resume) => {
      if (isReady()) return resume(Effect.void)
      this.#wake = () => resume(Effect.void)
      return Effect.sync(() => {
        this.#wake = undefined
      })
    })
  }

  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
