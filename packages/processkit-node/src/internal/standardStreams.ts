/**
 * The three standard streams of a child, as `child_process.spawn` wants them.
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import type { Input, Link, Output, SpawnRequest } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"
import { Fifo, type Side } from "./fifo.ts"
import * as StreamFiles from "./streamFiles.ts"

/** Descriptors and words for the child, and the descriptors to close after the start. */
export interface StandardStreams {
  readonly stdio: ReadonlyArray<"ignore" | "pipe" | number>
  readonly opened: ReadonlyArray<number>
}

/** Closes what was opened for a start. */
export const close = ({ opened }: Pick<StandardStreams, "opened">): void => {
  for (const fd of opened) fs.closeSync(fd)
}

/** Whether two outputs name the same file in the same way. */
export const isSameFile = (one: Output, other: Output): boolean =>
  typeof one === "object" && typeof other === "object" && one._tag === "File" && other._tag === "File" &&
  one.path === other.path && one.append === other.append

const names = ["standard input", "standard output", "standard error"] as const

type Streams = Pick<SpawnRequest, "program" | "stdin" | "stdout" | "stderr">

/** Node makes each stream a socket pair of its own, and passes none of them on twice. */
const sharedPipe: ProcessError.Reason = new ProcessError.Unsupported({
  feature: "standard error in the pipe of standard output",
  mechanism: "process-group",
  detail: "Node gives no pipe to two streams, and this system has no mkfifo to make one with"
})

const flagsOf = (stream: { readonly append?: boolean }): number => {
  const { O_APPEND, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants
  return stream.append === undefined ? O_RDONLY : O_WRONLY | O_CREAT | (stream.append ? O_APPEND : O_TRUNC)
}

/** Node opens files with O_CLOEXEC (`uv__fs_open` in libuv 1.x), so no other child inherits the descriptor. */
const openFile = (stream: { readonly path: string; readonly append?: boolean }): number =>
  fs.openSync(stream.path, flagsOf(stream), 0o666)

const foreignLink: ProcessError.Reason = new ProcessError.Unsupported({
  feature: "a pipe between two children",
  mechanism: "process-group",
  detail: "both ends of a link belong to children of the container that made it"
})

const isForeign = (stream: Input | Output | "stdout"): boolean =>
  typeof stream === "object" && stream._tag === "Link" && !(stream.link instanceof Fifo)

/** What a start cannot be given at all. */
const refusal = (streams: Streams): ProcessError.Reason | undefined => {
  const { stderr, stdin, stdout } = streams
  if ([stdin, stdout, stderr].some(isForeign)) return foreignLink
  if (stderr === "stdout" && stdout === "pipe") return sharedPipe
  return StreamFiles.refusal(streams)
}

/** An end that is in nobody else's hands, or the errno of the host for one that was given out. */
const endOf = (link: Link, side: Side): number => {
  const end = link instanceof Fifo ? link.take(side) : undefined
  if (end === undefined) throw Object.assign(new Error("the end of a link was given out before"), { code: "EALREADY" })
  return end
}

const word = (stream: Input | Output, index: number, opened: Array<number>): "ignore" | "pipe" | number => {
  if (stream === "null" || stream === "pipe") return stream === "null" ? "ignore" : stream
  if (stream === "inherit") return index
  const fd = stream._tag === "File" ? openFile(stream) : endOf(stream.link, index === 0 ? "reading" : "writing")
  opened.push(fd)
  return fd
}

/**
 * Opens the files among the streams; relative paths are relative to the owner's directory. Output and error that name
 * the same file in the same way share one descriptor, and with it the position in the file.
 */
export const open = (
  streams: Streams
): Result.Result<StandardStreams, ProcessError.Reason> => {
  const { stderr, stdin, stdout } = streams
  const opened: Array<number> = []
  const stdio: Array<"ignore" | "pipe" | number> = []
  try {
    const refused = refusal(streams)
    if (refused !== undefined) return Result.fail(refused)
    stdio.push(word(stdin, 0, opened))
    stdio.push(word(stdout, 1, opened))
    const isShared = stderr === "stdout" || isSameFile(stdout, stderr)
    stdio.push(isShared ? stdio[1] ?? "ignore" : word(stderr, 2, opened))
    return Result.succeed({ stdio, opened })
  } catch (thrown) {
    close({ opened })
    return Result.fail(StreamFiles.notOpened(streams, errnoOf(thrown), names[stdio.length]))
  }
}
