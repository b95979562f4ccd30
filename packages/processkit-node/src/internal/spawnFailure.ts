/**
 * Names the reason for a start that the operating system refused.
 *
 * Node throws some of these failures and emits others, always as an error object whose text holds arguments; only the
 * errno gets here.
 */
import * as ProcessError from "processkit/ProcessError"

/** What a reason may need to know about the start. */
export interface Attempt {
  readonly program: string
  readonly bytes: () => number
}

/** Counts the bytes of arguments and environment as the kernel does, terminators included. Source: execve(2). */
export const argumentBytes = (argv: ReadonlyArray<string>, env: Readonly<Record<string, string>>): number => {
  let bytes = 0
  for (const argument of argv) bytes += Buffer.byteLength(argument) + 1
  for (const [name, value] of Object.entries(env)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2
  return bytes
}

/** Classifies the errno of a failed start. The working directory was checked before and is in order. */
export const spawnFailure = (errno: string, { bytes, program }: Attempt): ProcessError.Reason =>
  errno === "E2BIG"
    ? new ProcessError.ArgumentListTooLong({ program, bytes: bytes() })
    : ProcessError.fromErrno(program, errno)
