/** The descriptors of a bridged child above the standard ones: what is asked for, and what the handle makes of them. */
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import type * as Spawner from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as ProcessBackend from "../ProcessBackend.ts"
import { feed } from "./bridgeInput.ts"
import { joined } from "./chunkQueue.ts"
import { Descriptors } from "./descriptors.ts"
import { hold } from "./heldOutput.ts"
import * as Errors from "./platformErrors.ts"

type Configs = NonNullable<ChildProcess.CommandOptions["additionalFds"]>

type Config = Configs[keyof Configs]

/** Bounds of the native host (`DESCRIPTOR_LAST` and `DESCRIPTORS_MAX` of its `protocol.h`), the same for everybody. */
const last = 63
const most = 16

/** The number in the name of a descriptor; names that are none mean nothing, as in Effect's own spawner. */
export const numberIn = (name: string): number | undefined => {
  const digits = /^fd(\d+)$/.exec(name)?.[1]
  const fd = Number(digits)
  return digits !== undefined && fd >= 3 ? fd : undefined
}

const numbered = (configs: Configs = {}): ReadonlyArray<readonly [fd: number, config: Config]> =>
  Object.entries(configs)
    .flatMap(([name, config]) => {
      const fd = numberIn(name)
      return fd === undefined ? [] : [[fd, config] as const]
    })
    .toSorted(([one], [other]) => one - other)

const directions: ReadonlySet<unknown> = new Set(["input", "output", "duplex"])

/** What a command cannot ask for, with the descriptor that a pipeline feeds. */
export const problem = (
  command: ChildProcess.StandardCommand,
  { to = "stdin" }: ChildProcess.PipeOptions = {}
): string | undefined => {
  const target = numberIn(to)
  const { options } = target === undefined ? command : fed(command, target, Stream.empty)
  const all = numbered(options.additionalFds)
  if (all.length > most) return `More than ${most} descriptors above the standard ones are not supported`
  const high = all.find(([fd]) => fd > last)
  if (high !== undefined) return `The descriptor ${high[0]} is above ${last}, the last one that is supported`
  const odd = all.find(([, { type }]) => !directions.has(type))
  return odd === undefined ? undefined : `The descriptor ${odd[0]} is neither for input nor for output`
}

/** The descriptors for the start of a command. */
export const wanted = ({ options }: ChildProcess.StandardCommand): Descriptors =>
  new Descriptors(numbered(options.additionalFds).map(([fd, { type }]) => ({ fd, direction: type })))

/** The command with a stream that feeds one of its descriptors, as a pipeline does. */
export const fed = (
  command: ChildProcess.StandardCommand,
  fd: number,
  stream: Stream.Stream<Uint8Array, PlatformError.PlatformError>
): ChildProcess.StandardCommand => {
  const name = `fd${fd}` as const
  const configs = command.options.additionalFds ?? {}
  const config: Config = configs[name]?.type === "duplex" ? { ...configs[name], stream } : { type: "input", stream }
  return { ...command, options: { ...command.options, additionalFds: { ...configs, [name]: config } } }
}

const write = (
  program: string,
  fd: number,
  sink: ProcessBackend.ByteSink,
  chunks: ReadonlyArray<Uint8Array>
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.callback((resume) =>
    sink.write(joined(chunks), (errno) =>
      resume(
        errno === undefined ? Effect.void : Effect.fail(Errors.descriptorFailed(program, fd, "write", errno))
      ))
  )

/** Writes what it gets, and ends the input. */
const sinkOf = (
  program: string,
  fd: number,
  sink: ProcessBackend.ByteSink
): Sink.Sink<void, Uint8Array, never, PlatformError.PlatformError> =>
  Sink.ensuring(
    Sink.forEachArray((chunks: ReadonlyArray<Uint8Array>) => write(program, fd, sink, chunks)),
    Effect.sync(() => sink.end())
  )

type Faces = Pick<Spawner.ChildProcessHandle, "getInputFd" | "getOutputFd">

/** Feeds what is to be fed, begins to read, and gives what the handle has; everything is closed with the scope. */
export const connect = Effect.fnUntraced(function*(
  { options }: ChildProcess.StandardCommand,
  program: string,
  descriptors: Descriptors,
  inputFailure: Deferred.Deferred<never, PlatformError.PlatformError>
): Effect.fn.Return<Faces, never, Scope.Scope> {
  const inputs = new Map<number, ReturnType<Faces["getInputFd"]>>()
  const outputs = new Map<number, ReturnType<Faces["getOutputFd"]>>()
  yield* Effect.addFinalizer(() => descriptors.close)
  for (const [fd, config] of numbered(options.additionalFds)) {
    const source = descriptors.output(fd)
    if (source !== undefined && config.type !== "input") {
      const failed = (errno: string) => Errors.descriptorFailed(program, fd, "read", errno)
      const { stream } = yield* hold(Stream.mapError(source, failed))
      outputs.set(fd, config.sink === undefined ? stream : Stream.transduce(stream, config.sink))
    }
    const input = descriptors.input(fd)
    if (input !== undefined && config.type !== "output") {
      const sink = sinkOf(program, fd, input)
      if (config.stream !== undefined) yield* feed(config.stream, sink, inputFailure)
      inputs.set(fd, sink)
    }
  }
  return {
    getInputFd: (fd) => inputs.get(fd) ?? Sink.drain,
    getOutputFd: (fd) => outputs.get(fd) ?? Stream.empty
  }
})
