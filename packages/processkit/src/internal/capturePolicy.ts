/**
 * What is made of a line before a run keeps it or gives it to a consumer: escapes out first, then secrets.
 *
 * Fails closed. A line that the caller's function cannot be asked about, because it throws, gives no text or would see
 * only the beginning of the line, is not shown at all.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as TerminalText from "./terminalText.ts"

/** What a command asks for. */
export interface CapturePolicy {
  readonly redact: ((line: string, stream: "stdout" | "stderr") => string) | undefined
  readonly sanitizeTerminal: boolean
}

/** Makes of a line what may be seen of it; told whether the line was cut, and so is not all there. */
export type Cleaner = (line: string, isCut: boolean) => string

/** The mark of a cut, without the text before it: half a secret is a secret that no pattern fits. */
const withheld = "…"

/** The cleaner for one stream, where there is anything to do; `warn` gets a warning, once, where a line had to be blanked. */
export const cleaner = (
  { redact, sanitizeTerminal }: CapturePolicy,
  stream: "stdout" | "stderr",
  warn: (warning: Effect.Effect<void>) => void
): Cleaner | undefined => {
  const sanitize = sanitizeTerminal ? TerminalText.stripped : (line: string) => line
  if (redact === undefined) return sanitizeTerminal ? sanitize : undefined
  let hasWarned = false
  const blank = (): string => {
    if (!hasWarned) warn(blanked(stream))
    hasWarned = true
    return ""
  }
  return (line, isCut) => isCut ? withheld : redacted(redact, sanitize(line), stream) ?? blank()
}

const blanked = (stream: string): Effect.Effect<void> =>
  Effect.logWarning(`redact gave no text for a line of ${stream}: lines that it cannot redact are left blank`)

const redacted = (
  redact: NonNullable<CapturePolicy["redact"]>,
  line: string,
  stream: "stdout" | "stderr"
): string | undefined => {
  try {
    const text: unknown = redact(line, stream)
    // Nobody waits for a promise, and a rejection that nobody hears would end the owner and show what was thrown.
    if (Predicate.isPromiseLike(text)) text.then(undefined, () => {})
    return typeof text === "string" ? text : undefined
  } catch {
    // What was thrown may quote the line.
    return undefined
  }
}
