/**
 * Says in the words of `effect/PlatformError` what went wrong with a process.
 *
 * The `ProcessError` stays as the cause, so nothing is lost. Unlike Effect's own spawner, no message holds arguments.
 */
import * as PlatformError from "effect/PlatformError"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessError from "../ProcessError.ts"

const module = "ChildProcess"

export const fromProcessError = (method: string) => (error: ProcessError.ProcessError): PlatformError.PlatformError => {
  const { reason } = error
  switch (reason._tag) {
    case "InvalidInput":
    case "Unsupported":
      return PlatformError.badArgument({ module, method, description: reason.message, cause: error })
    default:
      return PlatformError.systemError({
        _tag: tagOf(reason),
        module,
        method,
        description: reason.message,
        pathOrDescriptor: error.program,
        cause: error
      })
  }
}

/** Of the few tags there are, the one that fits. */
export const tagOf = (reason: ProcessError.Reason): PlatformError.SystemErrorTag => {
  switch (reason._tag) {
    case "NotFound":
      return "NotFound"
    case "PermissionDenied":
      return "PermissionDenied"
    case "InvalidCwd":
      return reason.errno === "ENOENT"
        ? "NotFound"
        : reason.errno === "EACCES"
        ? "PermissionDenied"
        : "BadResource"
    case "TimedOut":
      return "TimedOut"
    default:
      return "Unknown"
  }
}

/** A process that a signal ended has no exit code; worded as Effect's own spawner does. */
export const signaled = (program: string, { signal }: Outcome.Signaled): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: "Unknown",
    module,
    method: "exitCode",
    pathOrDescriptor: program,
    description: `killed by ${signal}`,
    cause: new Error(`Process interrupted due to receipt of signal: '${signal}'`)
  })

/** The program reads no more. */
export const brokenPipe = (program: string): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: "Unknown",
    module,
    method: "write(stdin)",
    syscall: "write",
    pathOrDescriptor: program,
    description: "EPIPE: the program does not read its standard input any more"
  })

/** A descriptor above the standard ones could not be read or written. */
export const descriptorFailed = (
  program: string,
  fd: number,
  syscall: "read" | "write",
  errno: string
): PlatformError.PlatformError =>
  PlatformError.systemError({
    _tag: "Unknown",
    module,
    method: `${syscall}(fd${fd})`,
    syscall,
    pathOrDescriptor: program,
    description: errno === "closed" ? `EPIPE: the program does not read descriptor ${fd} any more` : errno
  })

export const badArgument = (method: string, description: string): PlatformError.PlatformError =>
  PlatformError.badArgument({ module, method, description })
