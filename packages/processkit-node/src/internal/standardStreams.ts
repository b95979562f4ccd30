/**
 * The three standard streams of a child, as `child_process.spawn` wants them.
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import type { Input, Output, SpawnRequest } from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import { errnoOf } from "./errno.ts"
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

const isSameFile = (one: Output, other: Output): boolean =>
  typeof one === "object" && typeof other === "object" && one.path === other.path && one.append === other.append

const flagsOf = (stream: { readonly append?: boolean }): number => {
  const { O_APPEND, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants
  return stream.append === undefined ? O_RDONLY : O_WRONLY | O_CREAT | (stream.append ? O_APPEND : O_TRUNC)
}

/** Node opens files with O_CLOEXEC (`uv__fs_open` in libuv 1.x), so no other child inherits the descriptor. */
const openFile = (stream: { readonly path: string; readonly append?: boolean }): number =>
  fs.openSync(stream.path, flagsOf(stream), 0o666)

const word = (stream: Input | Output, index: number, opened: Array<number>): "ignore" | "pipe" | number => {
  if (stream === "null") return "ignore"
  if (stream === "pipe") return "pipe"
  if (stream === "inherit") return index
  const fd = openFile(stream)
  opened.push(fd)
  return fd
}

const names = ["standard input", "standard output", "standard error"] as const

/**
 * Opens the files among the streams; relative paths are relative to the owner's directory. Output and error that name
 * the same file in the same way share one descriptor, and with it the position in the file.
 */
export const open = (
  streams: Pick<SpawnRequest, "program" | "stdin" | "stdout" | "stderr">
): Result.Result<StandardStreams, ProcessError.Reason> => {
  const { stderr, stdin, stdout } = streams
  const pipe = StreamFiles.refusal(streams)
  if (pipe !== undefined) return Result.fail(pipe)
  const opened: Array<number> = []
  const stdio: Array<"ignore" | "pipe" | number> = []
  try {
    stdio.push(word(stdin, 0, opened))
    stdio.push(word(stdout, 1, opened))
    stdio.push(isSameFile(stdout, stderr) ? stdio[1] ?? "ignore" : word(stderr, 2, opened))
    return Result.succeed({ stdio, opened })
  } catch (thrown) {
    close({ opened })
    return Result.fail(StreamFiles.notOpened(streams, errnoOf(thrown), names[stdio.length]))
  }
}
