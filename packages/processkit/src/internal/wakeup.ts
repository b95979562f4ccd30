/**
 * Wakes the one fiber that waits for callbacks to bring something.
 */
import * as Effect from "effect/Effect"

export class Wakeup {
  #resume: ((effect: Effect.Effect<void>) => void) | undefined

  /** Waits until it is woken, unless there is no reason to. */
  readonly wait: Effect.Effect<void>

  /**
   * `isReady` is asked before the wait: the fiber may have yielded since it found nothing, and what came in between woke
   * nobody.
   */
  constructor(isReady: () => boolean) {
    const forget = Effect.sync(() => {
      this.#resume = undefined
    })
    this.wait = Effect.callback<void>((resume) => {
      if (isReady()) return resume(Effect.void)
      // Kept as it is. V8 puts a function that is written where it is assigned to a property among the old objects at
      // once (`CheckAssigningFunctionLiteralToProperty` in src/parsing/parser-base.h, V8 13.6), and there it keeps alive
      // whatever it refers to until the next full collection: here, what every chunk was made into.
      this.#resume = resume
      return forget
    })
  }

  wake(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.void)
  }
}
