/**
 * Sources of a command's standard input.
 *
 * Plain strings, byte arrays and secrets are sources by themselves, and so is any `Stream`; this module adds files, lines, and
 * the two spellings that a plain value cannot express: text that equals a keyword, and a stream that must not run twice.
 *
 * **Gotchas**
 *
 * - A stream is taken for a description that can run again, as Effect's streams are. Wrap one that cannot with
 *   {@link once}: a second run is then refused instead of feeding nothing.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

const TypeId = "~processkit/Stdin"

/**
 * A source that is more than a plain value.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Source =
  & { readonly [TypeId]: typeof TypeId }
  & (
    | { readonly _tag: "Text"; readonly text: string }
    | { readonly _tag: "File"; readonly path: string }
    | {
      readonly _tag: "Feed"
      readonly stream: Stream.Stream<string | Uint8Array, unknown>
      readonly once: Taken | undefined
    }
  )

/** Whether a one-shot source was taken; shared by all copies of the command that holds it. */
interface Taken {
  taken: boolean
}

/**
 * Everything that `stdin` accepts.
 *
 * **Details**
 *
 * - `"null"`, the default: the program reads end of file at once.
 * - `"inherit"`: the owner's own standard input.
 * - `"pipe"`: an interactive writer, `RunningProcess.stdin`; verbs close it at once.
 * - any other string: text, as UTF-8. Bytes: as they are. A secret: what it hides, which no error shows.
 * - a stream: fed as the program reads.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Stdin =
  | "null"
  | "inherit"
  | "pipe"
  | (string & {})
  | Uint8Array
  | Redacted.Redacted<string | Uint8Array>
  | Stream.Stream<string | Uint8Array, unknown>
  | Source

/**
 * Tells whether a value was made by this module.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isSource = (u: unknown): u is Source => Predicate.hasProperty(u, TypeId)

/**
 * Feeds text, also where it equals one of the keywords.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const text = (text: string): Source => ({ [TypeId]: TypeId, _tag: "Text", text })

/**
 * Lets the program read a file, opened anew at every start and handed over as a descriptor.
 *
 * **Details**
 *
 * A relative path is relative to the owner's working directory, as in a shell's redirection, not to the command's.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): Source => ({ [TypeId]: TypeId, _tag: "File", path })

/**
 * Feeds lines: each item followed by a newline.
 *
 * **Details**
 *
 * An array or another re-iterable is fed anew at every run. An iterator, such as a running generator, counts as
 * {@link once}.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const lines = (lines: Iterable<string>): Source => {
  // What holds no lines becomes a source without a stream, which a start refuses: making a command never throws.
  if (!Predicate.isIterable(lines)) return feed(undefined as never, undefined)
  const stream = Stream.map(Stream.fromIterable(lines), (line) => `${line}\n`)
  return isOneShot(lines) ? once(stream) : feed(stream, undefined)
}

/**
 * Feeds a stream that can be consumed only one time, such as one over a socket.
 *
 * **Details**
 *
 * The first start takes it. A second start of the same command, or of a copy of it, fails with `AlreadyConsumed`
 * before anything is started. A retry repeats a start that failed, which has taken nothing, and no run.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const once = (stream: Stream.Stream<string | Uint8Array, unknown>): Source => feed(stream, { taken: false })

/**
 * Feeds a stream anew at every run; what a plain stream as `stdin` means.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const replayable = (stream: Stream.Stream<string | Uint8Array, unknown>): Source & { readonly _tag: "Feed" } =>
  feed(stream, undefined)

// -----------------------------------------------------------------------------

const feed = (
  stream: Stream.Stream<string | Uint8Array, unknown>,
  once: Taken | undefined
): Source & { readonly _tag: "Feed" } => ({
  [TypeId]: TypeId,
  _tag: "Feed",
  stream,
  once
})

/** Whoever hands out the same iterator twice has only one. */
const isOneShot = (lines: Iterable<string>): boolean => lines[Symbol.iterator]() === lines[Symbol.iterator]()
