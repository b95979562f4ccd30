/**
 * A program that prints 100 000 lines of 80 bytes, as fast as a pipe takes them: `cat` of a file made for the occasion.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const lineCount = 100_000

/** The length of all lines together, in bytes and in characters. */
export const length = lineCount * 80

/** The line ends are among the 80 bytes. */
const text = (): string =>
  Array.from({ length: lineCount }, (_, i) => `line ${i} `.padEnd(79, "abcdefghijklmnopqrstuvwxyz")).join("\n") + "\n"

let file: string | undefined

/** The arguments of `cat`. The file is gone when this process ends. */
export const args = (): ReadonlyArray<string> => {
  if (file === undefined) {
    const directory = mkdtempSync(join(tmpdir(), "processkit-benchmark-"))
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }))
    file = join(directory, "lines.txt")
    writeFileSync(file, text())
  }
  return [file]
}
