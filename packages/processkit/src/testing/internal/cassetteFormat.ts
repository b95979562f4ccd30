/**
 * What a cassette file holds, and how it is read: strictly, through a schema, so that a file is either what a recorder
 * wrote or refused.
 *
 * Output is kept whole for each stream, as text where it is text and as base64 where it is not, so that a person can
 * read it; the timeline says how it was cut, and what happened between. A cassette is data: nothing in it is run,
 * opened or looked up.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The version that is written. Older ones will be read as long as there are any. */
const version = 1

/** The largest file that is read or written. */
export const maxBytes = 64 * 1_048_576

const Count = Schema.Int.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0)))

const Millis = Schema.Finite.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0)))

const Secret = Schema.Struct({ redacted: Schema.Literal(true) })

const Argument = Schema.Union([Schema.String, Secret])

/** What a program was given to read: what is known before the start is compared, the rest only by its kind. */
const Input = Schema.Union([
  Schema.Literals(["none", "inherit", "interactive", "stream"]),
  Schema.Struct({ sha256: Schema.String, bytes: Count }),
  Schema.Struct({ file: Schema.String })
])

const Content = Schema.Union([Schema.Struct({ text: Schema.String }), Schema.Struct({ base64: Schema.String })])

/**
 * What happened, in milliseconds since the start: bytes written by the program, bytes written to it, the end of its
 * input, a signal sent to it.
 */
const Event = Schema.Union([
  Schema.Tuple([Millis, Schema.Literals(["stdout", "stderr", "stdin"]), Count]),
  Schema.Tuple([Millis, Schema.Literal("stdin end")]),
  Schema.Tuple([Millis, Schema.Literal("signal"), Schema.String])
])

const End = Schema.Union([
  Schema.Struct({ code: Schema.Int }),
  Schema.Struct({ signal: Schema.String, number: Schema.Int, coreDumped: Schema.optionalKey(Schema.Boolean) })
])

const start = {
  program: Schema.String,
  args: Schema.Array(Argument),
  stdin: Input,
  cwd: Schema.optionalKey(Schema.String),
  env: Schema.Array(Schema.String)
}

const Run = Schema.Struct({
  ...start,
  stdout: Content,
  stderr: Content,
  timeline: Schema.Array(Event),
  end: End,
  deadline: Schema.optionalKey(Schema.Literals(["deadline", "inactivity"])),
  duration: Millis
})

const Failure = Schema.Struct({
  ...start,
  failure: Schema.Struct({
    reason: Schema.Literals([
      "NotFound",
      "PermissionDenied",
      "ExecFormat",
      "ResourceExhausted",
      "InvalidCwd",
      "ArgumentListTooLong",
      "SpawnFailed"
    ]),
    errno: Schema.String
  })
})

const File = Schema.Struct({ version: Schema.Literal(version), entries: Schema.Array(Schema.Union([Run, Failure])) })

export type Argument = typeof Argument.Type
export type Input = typeof Input.Type
export type Content = typeof Content.Type
export type Event = typeof Event.Type
export type Run = typeof Run.Type
export type Failure = typeof Failure.Type
export type Entry = Run | Failure

export const isRun = (entry: Entry): entry is Run => "end" in entry

/** Reads the text of a file, or says what is wrong with it. */
export const parse = (text: string): Result.Result<ReadonlyArray<Entry>, string> =>
  Result.flatMap(
    Result.mapError(Result.try((): unknown => JSON.parse(text)), () => "it is not JSON"),
    (json) => {
      const found = versionOf(json)
      if (found !== version) return Result.fail(wrongVersion(found))
      if (hasTwinKeys(text, json)) return Result.fail("an object in it has the same key twice")
      return Result.flatMap(
        Result.mapError(
          Schema.decodeUnknownResult(File)(json, { onExcessProperty: "error" }),
          () => "it does not have the form of a cassette"
        ),
        ({ entries }) => {
          const wrong = entries.findIndex((entry) => isRun(entry) && !isWhole(entry))
          return wrong === -1
            ? Result.succeed(entries)
            : Result.fail(`the timeline of entry ${wrong + 1} does not fit its output`)
        }
      )
    }
  )

/** The text of a file with these entries. */
export const render = (entries: ReadonlyArray<Entry>): string => `${JSON.stringify({ version, entries }, null, 2)}\n`

const versionOf = (json: unknown): unknown =>
  typeof json === "object" && json !== null && Object.hasOwn(json, "version")
    ? (json as { readonly version: unknown }).version
    : undefined

const wrongVersion = (found: unknown): string =>
  typeof found === "number" && Number.isFinite(found)
    ? `it has version ${found}, and this library reads version ${version}`
    : "it has no version"

/** Whether `JSON.parse` has dropped a key: as many keys must be left as the text has. */
const hasTwinKeys = (text: string, json: unknown): boolean => {
  const colon = /\s*:/y
  let keys = 0
  for (let at = text.indexOf("\""); at !== -1; at = text.indexOf("\"", at + 1)) {
    at = endOfString(text, at)
    colon.lastIndex = at + 1
    if (colon.test(text)) keys++
  }
  return keys !== countKeys(json)
}

/** Where a string ends. Not by an expression: V8 runs out of stack in a string of a few million escapes. */
const endOfString = (text: string, start: number): number => {
  for (let end = start + 1;; end++) {
    end = text.indexOf("\"", end)
    let slashes = 0
    while (text[end - 1 - slashes] === "\\") slashes++
    if (slashes % 2 === 0) return end
  }
}

/** By a list of what is left to look at, since a file may be nested deeper than the stack. */
const countKeys = (json: unknown): number => {
  const left: Array<unknown> = [json]
  let keys = 0
  for (let next = left.pop(); left.length > 0 || next !== undefined; next = left.pop()) {
    if (typeof next !== "object" || next === null) continue
    const values = Object.values(next)
    if (!Array.isArray(next)) keys += values.length
    for (const value of values) left.push(value)
  }
  return keys
}

/** Whether the chunks of a timeline make up both outputs. */
const isWhole = ({ stderr, stdout, timeline }: Run): boolean =>
  ([["stdout", stdout], ["stderr", stderr]] as const).every(([stream, content]) => {
    const bytes = bytesOf(content)
    return bytes !== undefined && bytes.length === timeline.reduce((sum, event) => sum + bytesIn(event, stream), 0)
  })

/** How many bytes of a stream an event stands for. */
export const bytesIn = (event: Event, stream: "stdout" | "stderr" | "stdin"): number =>
  event[1] === stream ? event[2] : 0

/** The bytes of an output; `undefined` for what is not base64. */
export const bytesOf = (content: Content): Uint8Array | undefined =>
  "text" in content
    ? new TextEncoder().encode(content.text)
    : Result.getOrUndefined(Base64.decode(content.base64))

/** Bytes as text where that loses nothing. */
export const contentOf = (bytes: Uint8Array): Content => {
  const text = textOf(bytes)
  return text === undefined ? { base64: Base64.encode(bytes) } : { text }
}

/** The text that bytes are, byte for byte; a byte order mark is part of it. */
export const textOf = (bytes: Uint8Array): string | undefined =>
  Result.getOrUndefined(Result.try(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)))
