/**
 * When a program that was started is ready to be used.
 *
 * A readiness is data: what to look for. `RunningProcess.waitFor` waits for it, with a bound and without ever ending the
 * program; a supervisor uses the same values. The `waitFor…` methods of a running program are shorter ways to say the
 * simple ones.
 *
 * **Details**
 *
 * Lines and prompts are looked for in what the program has printed since its start and in what it prints from now on,
 * whether or not anything else happens. The others are looked at from outside, every 50 milliseconds, and once more
 * after the program has exited. Never two looks of one readiness are under way at a time.
 *
 * **Gotchas**
 *
 * - A port, a socket or an address may be served by somebody else: a left-over server of yesterday makes a program ready
 *   that has not even read its configuration. A line that the program prints cannot be mistaken that way.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

const TypeId = "~processkit/Readiness"

/**
 * Which text fits: one that contains the string, matches the expression, or is accepted by the function.
 *
 * **Gotchas**
 *
 * - An expression is tried anew on every text, also with the flags `g` and `y`; its `lastIndex` is neither read nor
 *   written.
 * - A function that throws is a defect of whoever waits.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Pattern = string | RegExp | ((text: string) => boolean)

/**
 * Which of the two output streams is looked at; standard output by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions {
  readonly stream?: "stdout" | "stderr" | undefined
}

/**
 * How a prompt is looked for.
 *
 * **Details**
 *
 * `fresh` leaves out what was there before the wait began.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface OutputOptions extends StreamOptions {
  readonly fresh?: boolean | undefined
}

/**
 * Where a port is looked for.
 *
 * **Details**
 *
 * Every address of `host` is tried; one that accepts is enough. By default `"localhost"`, which is `127.0.0.1` and
 * `::1`, whatever this machine's tables of names say (RFC 6761, 6.3).
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface PortOptions {
  readonly host?: string | undefined
}

/**
 * Which certificate a server may show that is asked over TLS.
 *
 * **Details**
 *
 * - `"trusted"`: one for this host name, signed by whom the owner's runtime trusts.
 * - `{ signedBy }`: one for this host name, signed by these certificates (PEM) and nobody else; a certificate that has
 *   signed itself may stand there.
 * - `"any"`: any at all. Nothing is verified then: whoever can answer at that address passes for the program.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Certificate = "trusted" | "any" | { readonly signedBy: string }

/**
 * What an answer over HTTP must be, and how long one request may take.
 *
 * **Details**
 *
 * `status` is a status, a list of them, or a function; by default from 200 to 399, as an orchestrator's probes have it.
 * `attempt` is when a request is given up and made anew; 5 seconds by default.
 *
 * `certificate` says whose word is taken for a server that is asked over `https:`, by default `"trusted"`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface HttpOptions {
  readonly status?: number | ReadonlyArray<number> | ((status: number) => boolean) | undefined
  readonly attempt?: Duration.Input | undefined
  readonly certificate?: Certificate | undefined
}

/**
 * What is looked for in the output of a program.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type TextCondition =
  | { readonly _tag: "Line"; readonly pattern: Pattern; readonly options: StreamOptions }
  | { readonly _tag: "Output"; readonly pattern: Pattern; readonly options: OutputOptions }

/**
 * What is looked for.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Condition<R = never> =
  | TextCondition
  | { readonly _tag: "Port"; readonly port: number; readonly options: PortOptions }
  | { readonly _tag: "Socket"; readonly path: string }
  | { readonly _tag: "Path"; readonly path: string }
  | { readonly _tag: "Http"; readonly url: string | URL; readonly options: HttpOptions }
  | { readonly _tag: "Effect"; readonly effect: Effect.Effect<unknown, unknown, R> }
  | { readonly _tag: "Once"; readonly of: Readiness<R> }
  | { readonly _tag: "All"; readonly of: ReadonlyArray<Readiness<R>> }
  | { readonly _tag: "Any"; readonly of: ReadonlyArray<Readiness<R>> }

/**
 * When a program is ready.
 *
 * **Details**
 *
 * Nothing is checked before it is waited for; an input that cannot be looked for then fails with `InvalidInput`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Readiness<out R = never> {
  readonly [TypeId]: typeof TypeId
  readonly condition: Condition<R>
}

/**
 * Tells whether a value is a readiness.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isReadiness = (u: unknown): u is Readiness<unknown> => Predicate.hasProperty(u, TypeId)

/**
 * Looks for a line of output, without its line end.
 *
 * **Details**
 *
 * The line that fits is taken from the output, together with every line before it: what reads the same stream later
 * begins after it. Nothing is taken where no line fits. Lines are seen as `redact` and `sanitizeTerminal` leave them.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const line = (pattern: Pattern, options: StreamOptions = {}): Readiness =>
  readiness({ _tag: "Line", pattern, options })

/**
 * Looks at what was printed after the last line end, such as a prompt, and takes nothing from it.
 *
 * **Details**
 *
 * Once its line ends, the text is a line and not looked at any more. The text is as the program wrote it.
 *
 * **Gotchas**
 *
 * A buffer that keeps lines keeps the beginning of one that is longer than lines may be, or than its bound in bytes. A prompt
 * at the end of such a line is seen by a wait that began before it was printed, and by no later one.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const output = (pattern: Pattern, options: OutputOptions = {}): Readiness =>
  readiness({ _tag: "Output", pattern, options })

/**
 * Looks whether a TCP port accepts connections.
 *
 * **Gotchas**
 *
 * The connection is closed at once, which a server may log. The operating system accepts for a server that listens, also
 * where that never looks at its connections.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const port = (port: number, options: PortOptions = {}): Readiness => readiness({ _tag: "Port", port, options })

/**
 * Looks whether a Unix socket accepts connections; a relative path is relative to the command's working directory.
 *
 * **Platform**
 *
 * Windows: a named pipe.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const socket = (path: string): Readiness => readiness({ _tag: "Socket", path })

/**
 * Looks whether something exists at a path; a relative one is relative to the command's working directory.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const path = (path: string): Readiness => readiness({ _tag: "Path", path })

/**
 * Looks whether a GET request is answered with the right status.
 *
 * **Details**
 *
 * Only the status counts: no redirect is followed and no body read. Every address of the host is asked, as by
 * {@link port}.
 *
 * **Gotchas**
 *
 * Over `https:` the certificate is verified. A server that is being developed rarely has one that can be trusted; say
 * with `certificate` whose word is taken instead.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const http = (url: string | URL, options: HttpOptions = {}): Readiness =>
  readiness({ _tag: "Http", url, options })

/**
 * Asks an effect: it is ready when the effect succeeds with anything but `false`.
 *
 * **Details**
 *
 * A failure means "not yet" and is the reason that is reported; a defect ends the wait. The effect runs again 50
 * milliseconds after it has ended, and is interrupted where the wait is over.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const effect = <A, E, R>(effect: Effect.Effect<A, E, R>): Readiness<R> => readiness({ _tag: "Effect", effect })

/**
 * Looks once, and not again and again: what was not found then is not ready.
 *
 * **Details**
 *
 * A health check asks so. Text is waited for all the same, since it comes when it comes.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const once = <R>(of: Readiness<R>): Readiness<R> => readiness({ _tag: "Once", of })

/**
 * Is ready when all of them have been, at whatever time each.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const all = <R = never>(of: ReadonlyArray<Readiness<R>>): Readiness<R> => readiness({ _tag: "All", of })

/**
 * Is ready when the first of them is; hopeless only when all are.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const any = <R = never>(of: ReadonlyArray<Readiness<R>>): Readiness<R> => readiness({ _tag: "Any", of })

// -----------------------------------------------------------------------------

const readiness = <R>(condition: Condition<R>): Readiness<R> => ({ [TypeId]: TypeId, condition })
