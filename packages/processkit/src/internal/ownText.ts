/**
 * Texts that stand by themselves.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * Copies a line out of the chunk it was cut from. V8 keeps the whole decoded chunk alive for as long as any substring
 * of more than 12 characters is (v8/src/objects/string.h, SlicedString::kMinLength = 13).
 */
export const ownText = (line: string): string => {
  if (line.length < 13) return line
  // No more than three bytes for a unit of UTF-16; one piece of memory serves all lines that are not very long.
  if (line.length * 3 > scratch.length) return decoder.decode(encoder.encode(line))
  return decoder.decode(scratch.subarray(0, encoder.encodeInto(line, scratch).written))
}

const scratch = new Uint8Array(4096)
