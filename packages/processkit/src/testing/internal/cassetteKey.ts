/** Which start an entry of a cassette is for: program, arguments and what it is given to read. */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Origin from "../../internal/origin.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import * as Stdin from "../../Stdin.ts"
import type { Argument, Entry, Input } from "./cassetteFormat.ts"
import { textOf } from "./cassetteFormat.ts"

/** Replaces in a text what must not be kept. */
export type Redact = (text: string) => string

/** A start, as an entry knows it. */
export interface Key {
  readonly program: string
  readonly args: ReadonlyArray<Argument>
  readonly stdin: Input
}

/** The key of a start; what a redactor replaces is replaced here too, so that a recording and its replay agree. */
export const keyOf = (request: ProcessBackend.SpawnRequest, redact: Redact): Effect.Effect<Key> => {
  const command = Origin.of(request)
  const args = request.args.map((arg, i): Argument =>
    Redacted.isRedacted(command?.args[i]) ? { redacted: true } : redact(arg)
  )
  return Effect.map(
    inputOf(request, command?.options.stdin, redact),
    (stdin) => ({ program: redact(request.program), args, stdin })
  )
}

const inputOf = (
  request: ProcessBackend.SpawnRequest,
  stdin: Stdin.Stdin | undefined,
  redact: Redact
): Effect.Effect<Input> => {
  if (typeof request.stdin === "object") {
    // A link is no input that anybody could give again; containers that are recorded make none.
    return Effect.succeed(request.stdin._tag === "File" ? { file: redact(request.stdin.path) } : "interactive")
  }
  if (request.stdin !== "pipe") return Effect.succeed(request.stdin === "null" ? "none" : request.stdin)
  if (stdin === "pipe") return Effect.succeed("interactive")
  if (typeof stdin === "string") return digest(new TextEncoder().encode(redact(stdin)))
  if (stdin instanceof Uint8Array) return digest(redacted(stdin, redact))
  if (Stdin.isSource(stdin) && stdin._tag === "Text") return digest(new TextEncoder().encode(redact(stdin.text)))
  return Effect.succeed(Stdin.isSource(stdin) || Stream.isStream(stdin) ? "stream" : "interactive")
}

const redacted = (bytes: Uint8Array, redact: Redact): Uint8Array => {
  const text = textOf(bytes)
  return text === undefined ? bytes : new TextEncoder().encode(redact(text))
}

/** Nothing to read is the same whether it was said or not. */
const digest = (bytes: Uint8Array): Effect.Effect<Input> =>
  bytes.length === 0 ? Effect.succeed("none") : Digest.Digest.pipe(
    Effect.flatMap(({ digestHex }) => digestHex(Digest.sha256, bytes)),
    Effect.map((sha256): Input => ({ sha256, bytes: bytes.length })),
    Effect.provide(Digest.layerWebCrypto)
  )

/** Whether two starts are the same to a cassette. */
export const sameKey = (first: Key, second: Key): boolean =>
  first.program === second.program && first.args.length === second.args.length &&
  differingArguments(first, second).length === 0 && sameInput(first.stdin, second.stdin)

const sameInput = (first: Input, second: Input): boolean => {
  if (typeof first === "string" || typeof second === "string") return first === second
  if ("file" in first || "file" in second) return "file" in first && "file" in second && first.file === second.file
  return first.sha256 === second.sha256 && first.bytes === second.bytes
}

const sameArgument = (first: Argument | undefined, second: Argument | undefined): boolean =>
  typeof first === "object" && typeof second === "object" ? true : first === second

/** The positions of the arguments in which two starts differ, counted from 1. */
const differingArguments = ({ args: first }: Key, { args: second }: Key): ReadonlyArray<number> =>
  Array.from({ length: Math.max(first.length, second.length) }, (_, i) => i)
    .filter((i) => !sameArgument(first[i], second[i]))
    .map((i) => i + 1)

/** In what the entry that comes closest to a start differs from it, in words that hold no value. */
export const nearestDifference = (key: Key, entries: ReadonlyArray<Entry>): string | undefined => {
  const same = entries.filter((entry) => entry.program === key.program)
  const [nearest] = same.toSorted((a, b) => distance(key, a) - distance(key, b))
  if (nearest === undefined) return undefined
  const positions = differingArguments(key, nearest)
  const parts = [
    ...(positions.length === 0 ? [] : [`argument ${positions.join(", ")}`]),
    ...(sameInput(key.stdin, nearest.stdin) ? [] : ["standard input"])
  ]
  return parts.length === 0 ? "nothing: it was played already" : parts.join(" and ")
}

const distance = (key: Key, entry: Entry): number =>
  differingArguments(key, entry).length * 2 + (sameInput(key.stdin, entry.stdin) ? 0 : 1)
