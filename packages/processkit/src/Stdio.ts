/**
 * Destinations of a command's standard output and standard error.
 *
 * Beside the keywords there are two: a file, whose descriptor the program gets, so that nothing of it passes through this
 * process; and a tee, which captures the stream as usual and copies it to somebody else meanwhile.
 *
 * **Gotchas**
 *
 * - A tee gets the bytes that the program wrote, before anything is decoded, sanitized or redacted.
 * - What goes to a file is captured by nobody: a verb that gives the output of such a command fails with `InvalidInput`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Sink from "effect/Sink"

const TypeId = "~processkit/Stdio"

/**
 * A destination that is more than a keyword.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Destination =
  & { readonly [TypeId]: typeof TypeId }
  & (
    | { readonly _tag: "File"; readonly path: string; readonly append: boolean }
    | { readonly _tag: "Tee"; readonly receiver: Receiver }
  )

/**
 * Everything that `stdout` and `stderr` accept.
 *
 * **Details**
 *
 * - `"pipe"`, the default: read and kept.
 * - `"null"`: dropped by the operating system.
 * - `"inherit"`: the owner's own.
 * - {@link file}: written by the program itself. {@link tee}: kept, and copied.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Stdio = "pipe" | "null" | "inherit" | Destination

/**
 * What Node's writable streams have in common, as far as a tee needs it: `process.stdout`, a file, a socket.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Writable {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): unknown
  on(event: "error", listener: (error: unknown) => void): unknown
  off(event: "error", listener: (error: unknown) => void): unknown
}

/**
 * Who gets the copies of a tee.
 *
 * **Details**
 *
 * - A sink is run once for each run of the command, from its first byte to the end of the stream.
 * - A function is called with one chunk after the other; an effect or a promise that it gives is waited for.
 * - A writable stream is written to, and never ended.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Receiver =
  | Sink.Sink<unknown, Uint8Array, unknown, unknown>
  | ((chunk: Uint8Array) => unknown)
  | Writable

/**
 * Tells whether a value was made by this module.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isDestination = (u: unknown): u is Destination => Predicate.hasProperty(u, TypeId)

/**
 * Sends a stream to a file, as `>` and `>>` do in a shell.
 *
 * **Details**
 *
 * The file is opened for each start and handed to the program as a descriptor: nothing is read or kept here, and the
 * program may go on writing when its owner is gone. It is created where it does not exist, with the permissions that the
 * umask leaves of 0666, and emptied unless `append` is set. A relative path is relative to the owner's working directory.
 * Where both streams go to the same file in the same way, they share one position, so that neither overwrites the other.
 *
 * A file that is read and written by one command is empty before it is read, as in a shell.
 *
 * A start that does not find its program or its working directory leaves the file alone. One that the operating system
 * refuses later may have created or emptied it.
 *
 * **Errors**
 *
 * `IoFailed` where the file cannot be opened, `Unsupported` where it is a named pipe: opening one waits for its other end.
 *
 * **Example** (A log that grows)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 * import * as Stdio from "processkit/Stdio"
 *
 * export const server = Command.make("node", ["server.js"], {
 *   stdout: Stdio.file("server.log", { append: true }),
 *   stderr: Stdio.file("server.log", { append: true })
 * })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string, options?: { readonly append?: boolean | undefined }): Destination => {
  // Not what somebody added to `Object.prototype`.
  const append = Object.hasOwn(options ?? {}, "append") ? options?.append : undefined
  return { [TypeId]: TypeId, _tag: "File", path, append: append === undefined ? false : append }
}

/**
 * Captures a stream, and copies it to somebody else as it comes.
 *
 * **Details**
 *
 * The receiver gets every byte, in chunks of its own, before the run ends. Up to 256 KiB wait for it; above that the
 * program is held up until the receiver has caught up. It does not hurt the run: one that fails, throws or stops early
 * is given nothing more, and one that is still behind five seconds after the program's exit is interrupted. What is
 * captured is complete all the same, and the log has a warning. When the scope closes before the run has ended, the
 * receiver is interrupted with it.
 *
 * **Example** (Watching a build that is captured)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 * import * as Stdio from "processkit/Stdio"
 *
 * const sizes: Array<number> = []
 * export const build = Command.make("make", ["all"], { stdout: Stdio.tee((chunk) => sizes.push(chunk.length)) })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const tee = (receiver: Receiver): Destination => ({ [TypeId]: TypeId, _tag: "Tee", receiver })
