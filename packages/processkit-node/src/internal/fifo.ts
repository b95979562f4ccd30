/**
 * Pipes of the kernel's between two children, made with nothing but Node and `mkfifo`.
 *
 * Node can open descriptors and hand them to children, and cannot make a pipe. A named pipe that is opened at both ends
 * and then loses its name is one: the children hold its ends like those of any other, and the owner holds none. What
 * Node makes for `"pipe"` is a socket pair, of which the owner has to keep one end and read it from the first moment on
 * (`createSocket` in lib/internal/child_process.js, Node 22 and 24), so that it cannot be handed to a later child whole.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Link } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"
import * as Executables from "./executables.ts"
import * as ProgramLookup from "./programLookup.ts"

export type Side = "reading" | "writing"

interface Ends {
  readonly reading: number
  readonly writing: number
}

/** The two ends, until a start takes them. */
export class Fifo implements Link {
  readonly #ends: Map<Side, number>

  constructor({ reading, writing }: Ends) {
    this.#ends = new Map([["reading", reading], ["writing", writing]])
  }

  /** Gives one end away, to be closed by the caller once a child has it; nothing where somebody has taken it before. */
  take(side: Side): number | undefined {
    const end = this.#ends.get(side)
    this.#ends.delete(side)
    return end
  }

  readonly release: Effect.Effect<void> = Effect.sync(() => {
    for (const end of this.#ends.values()) fs.closeSync(end)
    this.#ends.clear()
  })
}

/**
 * Opens both ends so that neither open can block: the first does not wait by its flag, and each of the others finds
 * somebody at the other end (open() in POSIX.1-2017, O_NONBLOCK). The ends are blocking, as programs expect them to be.
 */
const openEnds = (file: string): Ends => {
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants
  const opened: Array<number> = []
  try {
    opened.push(fs.openSync(file, O_RDONLY | O_NONBLOCK))
    const writing = fs.openSync(file, O_WRONLY)
    opened.push(writing)
    const reading = fs.openSync(file, O_RDONLY)
    return { reading, writing: opened.pop() ?? writing }
  } finally {
    for (const fd of opened) fs.closeSync(fd)
  }
}

/** Runs `mkfifo` and gives the errno with which that failed. Node throws some of those, and emits the others. */
const run = (program: string, file: string): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const options = Object.assign(Object.create(null), { stdio: "ignore", shell: false, env: process.env })
    const child = Result.try(() => spawn(program, ["-m", "600", file], options))
    if (Result.isFailure(child)) return resume(Effect.succeed(errnoOf(child.failure)))
    child.success.once("error", (error) => resume(Effect.succeed(errnoOf(error))))
    child.success.once("close", (code) => resume(Effect.succeed(code === 0 ? undefined : "EIO")))
  })

const failed = (errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation: "making a pipe", errno }))

/** Makes a directory that nobody else may enter (mkdtemp(3): mode 0700). */
const directoryIn = (place: string): Effect.Effect<string, ProcessError.ProcessError> =>
  attempt(() => fs.mkdtempSync(path.join(place, "processkit-")))

/** A name stands for a moment only. Where nothing is to be written in `/tmp`, Linux has shared memory (shm_overview(7)). */
const ownDirectory: Effect.Effect<string, ProcessError.ProcessError> = Effect.suspend(() =>
  Effect.catch(directoryIn(os.tmpdir()), (error) => Effect.mapError(directoryIn("/dev/shm"), () => error))
)

/** Gives the path of a file that does not exist yet to somebody who makes it, and removes it afterwards. */
const withFile = <A>(
  use: (file: string) => Effect.Effect<A, ProcessError.ProcessError>
): Effect.Effect<A, ProcessError.ProcessError> =>
  Effect.acquireUseRelease(
    ownDirectory,
    (directory) => use(path.join(directory, "pipe")),
    (directory) =>
      // Without listing it, which would need a descriptor where there may be none left.
      Effect.andThen(
        Effect.ignore(attempt(() => fs.unlinkSync(path.join(directory, "pipe")))),
        Effect.ignore(attempt(() => fs.rmdirSync(directory)))
      )
  )

const attempt = <A>(work: () => A): Effect.Effect<A, ProcessError.ProcessError> =>
  Effect.suspend(() => Effect.fromResult(Result.mapError(Result.try(work), (thrown) => failed(errnoOf(thrown)))))

const makeWith = (program: string): Effect.Effect<Link, ProcessError.ProcessError> =>
  withFile((file) =>
    Effect.flatMap(
      run(program, file),
      (errno) => errno === undefined ? attempt(() => new Fifo(openEnds(file))) : Effect.fail(failed(errno))
    )
  )

let maker: Result.Result<string, ProcessError.Reason> | undefined

/** How to make a pipe; nothing where this system has no `mkfifo`. */
export const open = (): Effect.Effect<Link, ProcessError.ProcessError> | undefined => {
  maker ??= ProgramLookup.choose(
    "mkfifo",
    { paths: ["/usr/bin/mkfifo", "/bin/mkfifo"], searched: [] },
    Executables.inspect
  )
  return Result.isSuccess(maker) ? makeWith(maker.success) : undefined
}
