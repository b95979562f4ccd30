/**
 * The files of a scripted backend: in memory, never on a disk.
 *
 * What a scripted program writes to a file is what a later one reads from it. A file that no scripted program wrote is
 * empty to its readers, so that a script needs no files of the real world.
 */
import * as Effect from "effect/Effect"
import { joined } from "./chunkQueue.ts"
import { ownBytes } from "./ownBytes.ts"
import type { ScriptedOutput } from "./scriptedProcess.ts"

export class ScriptedFiles {
  readonly #files = new Map<string, Array<Uint8Array>>()

  /** What a file holds now. */
  read(path: string): Uint8Array {
    return joined(this.#files.get(path) ?? [])
  }

  /** Opens a file for the output of a program. */
  write(path: string, append: boolean): ScriptedOutput {
    const held = this.#files.get(path)
    const content = held ?? []
    if (held === undefined) this.#files.set(path, content)
    else if (!append) held.length = 0
    // The caller may reuse its buffer.
    const push = (bytes: Uint8Array): void => void content.push(ownBytes(bytes))
    return { open: () => {}, leave: () => {}, push, write: (bytes) => Effect.sync(() => push(bytes)) }
  }
}
