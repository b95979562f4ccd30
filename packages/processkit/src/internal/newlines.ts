/**
 * Finds the newlines of a chunk in its bytes, at the speed of memory.
 */

const newline = 10

/** How many there are. Looks at four bytes at a time where they lie so that this is possible. */
export const newlinesIn = (bytes: Uint8Array): number => {
  if (bytes.length < 8) return bytes.reduce((count, byte) => byte === newline ? count + 1 : count, 0)
  const first = -bytes.byteOffset & 3
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + first, (bytes.length - first) >> 2)
  let count = 0
  for (let i = 0; i < words.length; i++) {
    // Zero where the byte is 10; the high bit of a byte is then set exactly where it is zero (no carry between bytes).
    const differing = (words[i] as number) ^ 0x0a0a0a0a
    const zeros = ~((((differing & 0x7f7f7f7f) + 0x7f7f7f7f) | differing) | 0x7f7f7f7f)
    if (zeros !== 0) count += bitsIn(zeros)
  }
  for (let i = 0; i < first; i++) if (bytes[i] === newline) count++
  for (let i = first + words.length * 4; i < bytes.length; i++) if (bytes[i] === newline) count++
  return count
}

const bitsIn = (word: number): number => {
  let bits = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++
  return bits
}

/** Where the newest lines that end in these bytes begin, if there are more of them than `most`. */
export const newestFrom = (bytes: Uint8Array, most: number): number => {
  let at = bytes.length
  for (let left = most + 1; left > 0 && at > 0;) if (bytes[--at] === newline) left--
  return at + 1
}
