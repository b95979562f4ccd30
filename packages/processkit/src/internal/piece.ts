/**
 * Decodes a piece of a stream that was cut out at some byte.
 *
 * A cut falls anywhere, so the half character at it is dropped: it would be shown as a character that the program never
 * wrote. Where an encoding does not let its characters be found from the middle, the text after a cut may start with a
 * wrong one.
 */

/** The text of the first bytes of a stream, or of what follows those that were forgotten. */
export const first = (encoding: string, bytes: Uint8Array, isMiddle: boolean): string =>
  new TextDecoder(encoding, { ignoreBOM: isMiddle }).decode(bytes, { stream: true })

/** The text of the last bytes of a stream, of which `offset` bytes came before them. */
export const last = (encoding: string, bytes: Uint8Array, offset: number): string =>
  new TextDecoder(encoding, { ignoreBOM: true }).decode(fromCharacter(encoding, bytes, offset))

/** The last bytes of a stream from the first whole character on. */
export const fromCharacter = (encoding: string, bytes: Uint8Array, offset: number): Uint8Array => {
  switch (encoding) {
    case "utf-8":
      return bytes.subarray(utf8Start(bytes))
    case "utf-16le":
      return bytes.subarray(utf16Start(bytes, offset, 1))
    case "utf-16be":
      return bytes.subarray(utf16Start(bytes, offset, 0))
    default:
      return bytes
  }
}

/** Skips the continuation bytes of a character whose start was dropped. */
const utf8Start = (bytes: Uint8Array): number => {
  let start = 0
  while (start < 3 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
  return start
}

/** Skips half a unit, and the second half of a surrogate pair; `high` is where in a unit its high byte is. */
const utf16Start = (bytes: Uint8Array, offset: number, high: 0 | 1): number => {
  const start = offset % 2
  return ((bytes[start + high] ?? 0) & 0xfc) === 0xdc ? start + 2 : start
}
