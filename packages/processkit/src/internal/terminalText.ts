/**
 * Takes out of a line what acts on a terminal, and leaves its text.
 *
 * A control sequence is whatever a terminal of the VT500 family would not print (ECMA-48, 5th edition, 5.3 to 5.6; the
 * states of such a terminal: https://vt100.net/emu/dec_ansi_parser): its 7-bit form after ESC, and its 8-bit form, which
 * terminals accept as U+0080 to U+009F too. One that the line does not finish ends with the line, so that an opened title
 * or device string swallows no line but its own. Of all controls only the tab stays.
 *
 * Nothing is replaced, only left out: a result is never longer, and has nothing left that a second pass would take.
 */

/** C0 controls and DEL, which a terminal carries out within a sequence; not CAN and SUB, which end it, nor ESC. */
const within = String.raw`\x00-\x17\x19\x1c-\x1f\x7f`

const cancels = String.raw`\x18\x1a`

/** `ESC`, then a character that opens a longer sequence; or the one control that stands for both. */
const opened = (second: string, eightBit: string) => `(?:\\x1b[${within}]*[${second}]|[${eightBit}])`

/** Parameters and intermediates, then the final character. */
const control = `${opened(String.raw`\[`, String.raw`\x9b`)}[${within}\\x20-\\x3f]*[\\x40-\\x7e${cancels}]?`

/** A string up to its end, which for a title may be BEL. ESC and 8-bit controls end it as well, and begin anew. */
const string = (opening: string, bell: string) =>
  `${opening}[^${bell}${cancels}\\x1b\\x80-\\x9f]*[${bell}${cancels}\\x9c]?`

const title = string(opened(String.raw`\]`, String.raw`\x9d`), String.raw`\x07`)

const deviceString = string(opened("PX^_", String.raw`\x90\x98\x9e\x9f`), "")

const escape = `\\x1b[${within}\\x20-\\x2f]*[\\x30-\\x7e${cancels}]?`

const single = String.raw`[\x00-\x08\x0a-\x1f\x7f-\x9f]`

const sequences = new RegExp([control, title, deviceString, escape, single].join("|"), "g")

const hasControl = new RegExp(single)

/** The text of a line. Takes time in proportion to its length, whatever it holds. */
export const stripped = (line: string): string => hasControl.test(line) ? line.replace(sequences, "") : line
