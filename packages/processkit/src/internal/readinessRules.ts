/** Checks what is to be waited for, and says how each thing is looked at. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as Readiness from "../Readiness.ts"
import * as Amounts from "./amounts.ts"
import { checked, list, optional, own, record, refuse } from "./refusal.ts"

export { checked }

/** How long a wait may take where nobody says. */
const defaultWithin = Duration.seconds(30)

/** How long one request over HTTP may take where nobody says. */
const defaultAttempt = Duration.seconds(5)

export interface WaitOptions {
  readonly within?: Duration.Input | undefined
}

export interface TextCondition {
  readonly _tag: "Line" | "Output"
  readonly stream: "stdout" | "stderr"
  readonly fits: (text: string) => boolean
  readonly fresh: boolean
}

export interface Probe {
  readonly _tag: "Probe"
  /** What is looked at, for a message. */
  readonly what: string
  readonly attempt: Duration.Duration | undefined
  readonly look: (probes: ProcessBackend.Probes, cwd: string | undefined) => Effect.Effect<void, string>
}

export type Condition<R> =
  | TextCondition
  | Probe
  | { readonly _tag: "Effect"; readonly attempt: Effect.Effect<void, string, R> }
  | { readonly _tag: "Once"; readonly of: Condition<R> }
  | { readonly _tag: "All" | "Any"; readonly of: ReadonlyArray<Condition<R>> }

export const within = (options: WaitOptions | undefined): Duration.Duration => {
  const given = options === undefined ? undefined : own(record("the options", options), "within")
  return given === undefined ? defaultWithin : Amounts.duration("within", given)
}

export const readiness = <R>(self: Readiness.Readiness<R>): Condition<R> => {
  if (!Readiness.isReadiness(self)) return refuse("the readiness", "is none, and no effect")
  const { condition } = self
  switch (condition._tag) {
    case "Line":
    case "Output":
      return text(condition)
    case "Port":
      return port(condition.port, record("the options", condition.options))
    case "Socket":
      return onDisk("the socket", condition.path, (probes, path) => probes.socket(path))
    case "Path":
      return onDisk("the path", condition.path, (probes, path) => probes.path(path))
    case "Http":
      return http(condition.url, record("the options", condition.options))
    case "Effect":
      return { _tag: "Effect", attempt: asked(condition.effect) }
    case "Once":
      return { _tag: "Once", of: readiness(condition.of) }
    case "All":
    case "Any":
      return { _tag: condition._tag, of: several(condition.of) }
  }
}

export const text = ({ _tag, options: given, pattern }: Readiness.TextCondition): TextCondition => {
  const options: Readiness.OutputOptions = record("the options", given)
  const stream = own(options, "stream") ?? "stdout"
  if (stream !== "stdout" && stream !== "stderr") refuse("stream", "is neither \"stdout\" nor \"stderr\"")
  const fresh = optional("fresh", own(options, "fresh"), "boolean") ?? false
  return { _tag, stream, fits: fitting(pattern), fresh }
}

const fitting = (pattern: Readiness.Pattern): (text: string) => boolean => {
  if (typeof pattern === "string") return (text) => text.includes(pattern)
  if (typeof pattern === "function") return pattern
  if (!(pattern instanceof RegExp)) return refuse("the pattern", "is no text, no expression and no function")
  // A copy for this wait alone. With `g` or `y` a test begins where the last one matched, and after one that matches
  // nothing at the beginning again; the first match ends the wait.
  const copy = new RegExp(pattern)
  return (text) => copy.test(text)
}

const several = <R>(of: ReadonlyArray<Readiness.Readiness<R>>): ReadonlyArray<Condition<R>> => {
  const all = list("the list of readinesses", of)
  return all.length === 0 ? refuse("the list of readinesses", "is empty") : all.map(readiness)
}

const port = (port: number, options: Readiness.PortOptions): Probe => {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse("the port", "is not a number from 1 to 65535")
  const host = word("the host", own(options, "host") ?? "localhost")
  const what = `port ${port}`
  return probe(what, undefined, (probes) => probes.port(host, port))
}

const onDisk = (
  what: string,
  path: string,
  look: (probes: ProcessBackend.Probes, path: string) => Effect.Effect<void, string>
): Probe => {
  const given = word(what, path)
  return probe(what, undefined, (probes, cwd) => look(probes, below(cwd, given)))
}

/** A path as the program sees it: a relative one begins in its working directory. */
const below = (cwd: string | undefined, path: string): string =>
  cwd === undefined || isAbsolute(path) ? path : `${cwd}/${path}`

/** Absolute on a POSIX system, or with a drive or server on Windows. */
const isAbsolute = (path: string): boolean => path.startsWith("/") || /^(?:[a-z]:[\\/]|\\\\)/i.test(path)

const http = (address: string | URL, options: Readiness.HttpOptions): Probe => {
  const url = Result.getOrElse(Result.try(() => new URL(address)), () => refuse("the URL", "is not one"))
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    refuse("the URL", "begins with neither http: nor https:, and nothing else can be asked")
  }
  const attempt = own(options, "attempt")
  const trust = certificate(own(options, "certificate"))
  const accepts = accepting(own(options, "status"))
  return probe(
    // Without what may be a secret in it: credentials, path, query.
    url.host,
    attempt === undefined ? defaultAttempt : Amounts.duration("attempt", attempt),
    (probes) => probes.http(url, accepts, trust)
  )
}

const certificate = (given: Readiness.Certificate = "trusted"): Readiness.Certificate => {
  if (given === "trusted" || given === "any") return given
  return { signedBy: word("the certificate", own(record("the certificate", given), "signedBy") ?? "") }
}

const accepting = (status: Readiness.HttpOptions["status"]): (status: number) => boolean => {
  if (status === undefined) return (found) => found >= 200 && found < 400
  if (typeof status === "function") return status
  const accepted = typeof status === "number" ? [status] : list("status", status)
  return (found) => accepted.includes(found)
}

const probe = (what: string, attempt: Duration.Duration | undefined, look: Probe["look"]): Probe => ({
  _tag: "Probe",
  what,
  attempt,
  look: (probes, cwd) => Effect.mapError(look(probes, cwd), (why) => `${what}: ${why}`)
})

const asked = <R>(effect: Effect.Effect<unknown, unknown, R>): Effect.Effect<void, string, R> =>
  Effect.isEffect(effect)
    ? Effect.flatMap(
      Effect.mapError(effect, whyNot),
      (answer) => answer === false ? Effect.fail("the condition does not hold") : Effect.void
    )
    : refuse("the condition", "is not an effect")

/** What a condition says of its failure. */
const whyNot = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return "the condition failed"
  if ("message" in error && typeof error.message === "string" && error.message !== "") return error.message
  return "_tag" in error ? String(error._tag) : "the condition failed"
}

const word = (field: string, value: string): string => {
  if (typeof value !== "string" || value === "") return refuse(field, "is not a text with something in it")
  return value.includes("\0") ? refuse(field, "contains a NUL character") : value
}
