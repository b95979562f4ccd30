/** Where cassettes lie: which paths are taken, and how a file is read and replaced without following links. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as ProcessError from "../../ProcessError.ts"
import type { Entry } from "./cassetteFormat.ts"
import { maxBytes, parse, render } from "./cassetteFormat.ts"

/** What tells whether a file is still the one that was read. */
type Stamp = string | undefined

/** The path of a cassette, or what is wrong with it. */
export const pathOf = (path: string, directory: string | undefined): Result.Result<string, string> => {
  if (typeof path !== "string" || path.includes("\0")) return Result.fail("its path is no path")
  const name = path.split(/[/\\]/).at(-1) ?? ""
  if (name === "" || name === "." || name === "..") return Result.fail("its path names no file")
  if (directory === undefined) return Result.succeed(path)
  return name === path ? Result.succeed(`${directory}/${name}`) : Result.fail("a name in a directory has no separators")
}

export const invalid = (cassette: string, problem: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.CassetteInvalid({ cassette, problem }))

/** One cassette file. */
export class CassetteFile {
  readonly path: string
  readonly #fs: FileSystem.FileSystem
  #stamp: Stamp

  constructor(path: string, fs: FileSystem.FileSystem) {
    this.path = path
    this.#fs = fs
  }

  /** The entries of the file; nothing where there is no file. */
  get read(): Effect.Effect<Option.Option<ReadonlyArray<Entry>>, ProcessError.ProcessError> {
    const whole = Effect.scoped(Effect.gen({ self: this }, function*() {
      const file = yield* this.#fs.open(this.path, { flag: "r", noFollow: true })
      const info = yield* file.stat
      this.#stamp = stampOf(info)
      if (info.type !== "File") return Result.fail("it is not a file")
      if (info.size > maxBytes) return Result.fail(`it is larger than ${maxBytes} bytes`)
      const bytes = new Uint8Array(Number(info.size))
      let filled = 0
      while (filled < bytes.length) {
        const count = Number(yield* file.read(bytes.subarray(filled)))
        if (count === 0) break
        filled += count
      }
      return Result.flatMap(textOf(bytes.subarray(0, filled)), parse)
    }))
    return whole.pipe(
      Effect.flatMap(Effect.fromResult),
      Effect.mapError((error) => typeof error === "string" ? invalid(this.path, error) : error),
      Effect.map(Option.some),
      Effect.catchTag(
        "PlatformError",
        (error) =>
          isMissing(error) ? Effect.as(this.#forget, Option.none()) : Effect.fail(invalid(this.path, problemOf(error)))
      )
    )
  }

  /** Notes what there is, for a recorder that does not read it. */
  get look(): Effect.Effect<void, ProcessError.ProcessError> {
    return Effect.flatMap(this.#currentStamp, (stamp) =>
      Effect.sync(() => {
        this.#stamp = stamp
      })).pipe(this.#typed)
  }

  /**
   * Replaces the file. What is written lies beside it first, under a name that only one writer can make: that is the lock.
   * A file that is no longer the one we knew was written by somebody else, whose entries would be lost.
   */
  write(entries: ReadonlyArray<Entry>): Effect.Effect<void, ProcessError.ProcessError> {
    const bytes = new TextEncoder().encode(render(entries))
    if (bytes.length > maxBytes) return Effect.fail(invalid(this.path, `it would be larger than ${maxBytes} bytes`))
    const beside = `${this.path}.lock`
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      yield* this.#makeDirectory
      const file = yield* this.#fs.open(beside, { flag: "wx", mode: 0o600 })
      return yield* Effect.onError(
        Effect.gen({ self: this }, function*() {
          const stamp = yield* this.#currentStamp
          if (stamp !== this.#stamp) return yield* Effect.fail(invalid(this.path, "another recorder has changed it"))
          yield* file.writeAll(bytes)
          yield* file.sync
          yield* this.#fs.rename(beside, this.path)
          this.#stamp = yield* this.#currentStamp
        }),
        () => Effect.ignore(this.#fs.remove(beside, { force: true }))
      )
    })).pipe(
      Effect.uninterruptible,
      this.#typed
    )
  }

  get #makeDirectory(): Effect.Effect<void, PlatformError> {
    const end = Math.max(this.path.lastIndexOf("/"), this.path.lastIndexOf("\\"))
    return end <= 0 ? Effect.void : this.#fs.makeDirectory(this.path.slice(0, end), { recursive: true })
  }

  get #forget(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#stamp = undefined
    })
  }

  /** Opened without following, so that a link is an error and not a file somewhere else. */
  get #currentStamp(): Effect.Effect<Stamp, PlatformError> {
    return Effect.scoped(
      Effect.flatMap(this.#fs.open(this.path, { flag: "r", noFollow: true }), (file) => Effect.map(file.stat, stampOf))
    ).pipe(Effect.catchIf(isMissing, () => Effect.succeed(undefined)))
  }

  readonly #typed = <A>(
    effect: Effect.Effect<A, PlatformError | ProcessError.ProcessError>
  ): Effect.Effect<A, ProcessError.ProcessError> =>
    Effect.mapError(effect, (error) => error._tag === "PlatformError" ? invalid(this.path, problemOf(error)) : error)
}

const stampOf = (info: FileSystem.File.Info): string =>
  [
    Option.getOrUndefined(info.ino),
    info.size,
    Option.getOrUndefined(info.mtime)?.getTime()
  ].join(" ")

const textOf = (bytes: Uint8Array): Result.Result<string, string> =>
  Result.mapError(
    Result.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
    () => "it is not UTF-8"
  )

const isMissing = (error: PlatformError): boolean => error.reason._tag === "NotFound"

/** Reasons in words that hold no path: the error names the cassette already. */
const problemOf = ({ reason }: PlatformError): string => {
  if (/ELOOP|symbolic/i.test(String(reason.cause ?? reason.message))) return "it is a symbolic link"
  return reason._tag === "AlreadyExists"
    ? "another recorder is writing it, or died doing so: remove the .lock file beside it"
    : `the file system says ${reason._tag}`
}
