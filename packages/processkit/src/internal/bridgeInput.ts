/** The standard input of a bridged child: a sink for the handle, a feed for a stream, a relay between two stages. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as RunningProcess from "../RunningProcess.ts"
import { joined } from "./chunkQueue.ts"
import * as Errors from "./platformErrors.ts"

type Input = Stream.Stream<Uint8Array, PlatformError.PlatformError>

/** Fails when a stream that feeds the child does, since the child then saw a part of its input only. */
export type InputFailure = Deferred.Deferred<never, PlatformError.PlatformError>

/** Writes to the child, and fails once it does not read any more, so that a source without end stops. */
const write = (
  { program, stdin }: RunningProcess.RunningProcess,
  chunks: ReadonlyArray<Uint8Array | string>
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.mapError(stdin.write(joined(chunks.map(bytesOf))), Errors.fromProcessError("write(stdin)")).pipe(
    Effect.andThen(stdin.isOpen),
    Effect.flatMap((isOpen) => isOpen ? Effect.void : Effect.fail(Errors.brokenPipe(program)))
  )

const encoder = new TextEncoder()

/** Text is no part of the types, and Node's writers take it all the same. */
const bytesOf = (chunk: Uint8Array | string): Uint8Array => typeof chunk === "string" ? encoder.encode(chunk) : chunk

/** What the handle offers: writes what it gets, then ends the input unless that was ruled out. */
export const sink = (
  running: RunningProcess.RunningProcess,
  endOnDone: boolean
): Sink.Sink<void, Uint8Array, never, PlatformError.PlatformError> => {
  const writing = Sink.forEachArray((chunks: ReadonlyArray<Uint8Array>) => write(running, chunks))
  return endOnDone ? Sink.ensuring(writing, running.stdin.end) : writing
}

/** Feeds a stream, beside everything else the child does, and remembers when the source fails. */
export const feed = (
  source: Input,
  into: Sink.Sink<void, Uint8Array, never, PlatformError.PlatformError>,
  failure: InputFailure
): Effect.Effect<void, never, Scope.Scope> => {
  const watched = Stream.tapCause(
    source,
    (cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : Deferred.failCause(failure, cause)
  )
  return Effect.asVoid(Effect.forkScoped(Effect.ignoreCause(Stream.run(watched, into))))
}

/**
 * Passes the output of one stage on to the next.
 *
 * Where the next one reads no more, the stage before it gets what the kernel would send it: `SIGPIPE`, when it writes
 * again and not before. What still writes after its leader has gone is stopped.
 */
export const relay = (
  from: RunningProcess.RunningProcess,
  output: Input,
  to: RunningProcess.RunningProcess,
  failure: InputFailure
): Effect.Effect<void, never, Scope.Scope> => {
  let isBroken = false
  const pass = (chunks: ReadonlyArray<Uint8Array>) =>
    Effect.suspend(() => {
      if (isBroken) return breakOff(from)
      return Effect.catch(write(to, chunks), () =>
        Effect.sync(() => {
          isBroken = true
        }))
    })
  const passing = Stream.runForEachArray(output, pass).pipe(
    Effect.onExit((exit) =>
      Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
        ? Effect.void
        : Effect.asVoid(Deferred.failCause(failure, exit.cause))
    ),
    Effect.ensuring(to.stdin.end)
  )
  return Effect.asVoid(Effect.forkScoped(Effect.ignoreCause(passing)))
}

const breakOff = (from: RunningProcess.RunningProcess): Effect.Effect<void> =>
  Effect.flatMap(from.isRunning, (isRunning) => Effect.ignore(isRunning ? from.signal("SIGPIPE") : from.stop()))

/** Where the input of a command comes from: a stream to feed, or nothing of ours. */
export const sourceOf = ({ stream }: ChildProcess.StdinConfig): Input | undefined =>
  Stream.isStream(stream) ? stream : undefined
