/**
 * Makes text from outside safe to show on one line: in messages, logs and spans.
 *
 * What a child wrote, or what a caller named a program, may hold terminal escapes, forged log lines or text direction
 * overrides. Everything that could act on the reader's terminal becomes U+FFFD.
 */

// C0 but tab, DEL, C1, line and paragraph separators, and the bidirectional controls of Unicode 15 (UAX #9, table 3).
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

const messageBytes = 200

/** Replaces every character that is not safe on one line. */
export const oneLine = (text: string): string => text.replace(unsafe, "\ufffd")

/** Cuts text to a number of UTF-8 bytes, at a code point, and marks the cut with an ellipsis. */
export const cut = (text: string, maxBytes = messageBytes): string => {
  let bytes = 0
  for (let i = 0; i < text.length;) {
    const point = text.codePointAt(i) ?? 0
    const width = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    if (bytes + width > maxBytes) return `${text.slice(0, i)}…`
    bytes += width
    i += point > 0xffff ? 2 : 1
  }
  return text
}

/** Shows text from outside inside a message: one line, at most 200 bytes and the mark of a cut. */
export const shown = (text: string): string => cut(oneLine(text.slice(0, messageBytes + 1)))

/**
 * The last line of a text that says something, ready for a message; empty where there is none.
 *
 * Scans from the end and looks at no more than the last 64 Ki characters, so that a huge capture costs nothing.
 */
export const lastLine = (text: string): string => {
  const lines = text.slice(-65_536).replace(/^[\udc00-\udfff]/, "").split(/\r\n|\r|\n/)
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = (lines[i] ?? "").trim()
    if (line !== "") return shown(line)
  }
  return ""
}

/** What a person would look at first: standard error where it says something, else standard output. */
export const diagnosis = (stdout: string, stderr: string): string => lastLine(stderr) || lastLine(stdout)
