/**
 * Lines that are kept from the first one on, as one text: a string for each of millions of short lines is most of what
 * they would cost, in memory and in time.
 */
import { ownText } from "./ownText.ts"

export class Oldest {
  #text = ""
  /** The lines, once there is one that a text of lines could not hold: what was made of a line may have a line end. */
  #lines: Array<string> | undefined
  size = 0

  /** Takes lines that may still be part of the chunk they were cut from. */
  push(lines: ReadonlyArray<string>): void {
    if (lines.length === 0) return
    this.size += lines.length
    // Joining copies, but for a single line.
    const text = lines.length === 1 ? ownText(lines[0] as string) : lines.join("\n")
    if (this.#lines === undefined && !isOf(lines.length, text)) this.#lines = this.#split()
    if (this.#lines === undefined) this.#text += `${text}\n`
    else for (const line of lines) this.#lines.push(ownText(line))
  }

  /** Forgets the oldest of them. */
  forget(count: number): void {
    if (count > 0) this.#become(this.all().slice(count))
  }

  clear(): void {
    this.#become([])
  }

  all(): Array<string> {
    return this.#lines === undefined ? this.#split() : [...this.#lines]
  }

  /** The lines, each with a line end. */
  get text(): string {
    return this.#lines === undefined ? this.#text : this.#lines.map((line) => `${line}\n`).join("")
  }

  #split(): Array<string> {
    return this.#text === "" ? [] : this.#text.slice(0, -1).split("\n")
  }

  #become(lines: ReadonlyArray<string>): void {
    this.#text = ""
    this.#lines = undefined
    this.size = 0
    this.push(lines)
  }
}

/** Whether a text of joined lines is of that many. */
const isOf = (count: number, text: string): boolean => {
  let ends = 0
  for (let at = text.indexOf("\n"); at !== -1 && ends < count; at = text.indexOf("\n", at + 1)) ends++
  return ends === count - 1
}
