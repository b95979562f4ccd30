/**
 * Shows every line of a stream to a callback, without letting the callback hurt the run.
 *
 * Lines come in order, and all of them before the run ends. A callback that throws is logged once and not called again.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { LineCutter } from "./lineCutter.ts"

export class LineObserver {
  readonly #cutter: LineCutter
  readonly #context: Context.Context<never>
  #callback: ((line: string) => void) | undefined

  constructor(callback: (line: string) => void, cutter: LineCutter, context: Context.Context<never>) {
    this.#callback = callback
    this.#cutter = cutter
    this.#context = context
  }

  chunk(bytes: Uint8Array): void {
    if (this.#callback !== undefined) this.#show(this.#cutter.push(bytes))
  }

  end(errno: string | undefined): void {
    if (this.#callback !== undefined) this.#show(this.#cutter.end(errno === undefined))
  }

  #show(lines: ReadonlyArray<string>): void {
    try {
      for (const line of lines) this.#callback?.(line)
    } catch (defect) {
      this.#callback = undefined
      Effect.runForkWith(this.#context)(Effect.logWarning("a line callback threw and is not called again", defect))
    }
  }
}
