/**
 * What is checked and said about standard streams that are files, whoever opens them.
 */
import * as fs from "node:fs"
import type { SpawnRequest } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import { isShortage } from "./descriptorReserve.ts"

type Streams = Pick<SpawnRequest, "program" | "stdin" | "stdout" | "stderr">

const names = ["standard input", "standard output", "standard error"] as const

const files = ({ stderr, stdin, stdout }: Streams): ReadonlyArray<{ readonly name: string; readonly path: string }> =>
  [stdin, stdout, stderr].flatMap((stream, i) =>
    typeof stream === "object" && stream._tag === "File" ? [{ name: names[i] ?? "a stream", path: stream.path }] : []
  )

/** What cannot be looked at is no named pipe; opening it says what is wrong with it. */
const isNamedPipe = (path: string): boolean => {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
  } catch {
    return false
  }
}

/**
 * Refuses named pipes: opening one waits for its other end, which a start must not. Source: fifo(7), man-pages 6.7.
 * Relative paths are relative to the owner's directory here and where they are opened.
 */
export const refusal = (streams: Streams): ProcessError.Reason | undefined => {
  const pipe = files(streams).find(({ path }) => isNamedPipe(path))
  return pipe && new ProcessError.Unsupported({
    feature: `a named pipe as ${pipe.name}`,
    mechanism: undefined,
    detail: "it would block until its other end is opened; let the program open it"
  })
}

/** The failure to open a file; names every candidate where nobody says which of them it was. */
export const notOpened = (streams: Streams, errno: string, name?: string): ProcessError.Reason => {
  if (isShortage(errno)) return ProcessError.fromErrno(streams.program, errno)
  const names = name ?? files(streams).map((file) => file.name).join(" or ")
  return new ProcessError.IoFailed({ program: streams.program, operation: `opening the file for ${names}`, errno })
}
