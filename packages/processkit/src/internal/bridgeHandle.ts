/** The handle that `effect/process` wants of a child, made of a running process of ours. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import * as Spawner from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as ProcessError from "../ProcessError.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as Signal from "../Signal.ts"
import * as StopPolicy from "../StopPolicy.ts"
import * as BridgeDescriptors from "./bridgeDescriptors.ts"
import * as BridgeInput from "./bridgeInput.ts"
import { inputConfig, outputConfig } from "./childProcess.ts"
import type { Descriptors } from "./descriptors.ts"
import { type Held, hold } from "./heldOutput.ts"
import * as Errors from "./platformErrors.ts"

/** A child that was started for the bridge, before its input is connected. */
export interface Bridged {
  readonly running: RunningProcess.RunningProcess
  readonly scope: Scope.Scope
  readonly inputFailure: BridgeInput.InputFailure
  readonly handle: Spawner.ChildProcessHandle
  /** Ends the tree, and keeps what it wrote before. */
  readonly end: Effect.Effect<void>
}

/**
 * Starts a child whose end belongs to the scope of the caller, until `unref` takes it out of that scope.
 *
 * The child has a scope of its own: closed with the caller's while it is referenced, and else when it ends by itself.
 */
export const open = (
  command: ChildProcess.StandardCommand,
  descriptors: Descriptors,
  start: Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, Scope.Scope>
): Effect.Effect<Bridged, PlatformError.PlatformError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.suspend(() => {
        const scope = Scope.makeUnsafe()
        return Effect.onError(Scope.provide(begin(command, descriptors, start, scope), scope), (cause) =>
          Scope.close(scope, Exit.failCause(cause)))
      }),
      ({ bridged, isReferenced, scope }, exit) =>
        isReferenced() ? Effect.andThen(bridged.end, Scope.close(scope, exit)) : outlive(bridged, scope)
    ),
    ({ bridged }) =>
      bridged
  )

/** Gives back what a child holds that outlived its caller, once it has ended. */
const outlive = ({ running }: Bridged, scope: Scope.Closeable): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDetach(Effect.ensuring(Effect.ignore(running.outcome), Scope.close(scope, Exit.void))))

const begin = Effect.fnUntraced(function*(
  command: ChildProcess.StandardCommand,
  descriptors: Descriptors,
  start: Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, Scope.Scope>,
  scope: Scope.Closeable
) {
  const running = yield* Effect.mapError(start, Errors.fromProcessError("spawn"))
  const inputFailure = Deferred.makeUnsafe<never, PlatformError.PlatformError>()
  let referenced = true
  const unref = Effect.sync((): Spawner.Reref => {
    referenced = false
    return Effect.sync(() => {
      referenced = true
    })
  })
  const stdout = yield* outputOf(running.stdoutChunks, command.options.stdout)
  const stderr = yield* outputOf(running.stderrChunks, command.options.stderr)
  const further = yield* BridgeDescriptors.connect(command, running.program, descriptors, inputFailure)
  yield* Effect.forkScoped(endAfterFailure(running))
  const handle = Spawner.makeHandle({
    pid: Spawner.ProcessId(running.pid ?? Number.NaN),
    exitCode: exitCode(running, inputFailure),
    isRunning: running.isRunning,
    kill: (options) => kill(running, options),
    stdin: stdinOf(running, command),
    stdout: stdout.stream,
    stderr: stderr.stream,
    all: Stream.merge(stdout.stream, stderr.stream),
    ...further,
    unref
  })
  const end = stdout.holdAll.pipe(
    Effect.andThen(stderr.holdAll),
    Effect.andThen(Effect.ignore(running.stop())),
    Effect.andThen(Effect.ignore(running.outcome))
  )
  return { bridged: { running, scope, inputFailure, handle, end }, scope, isReferenced: () => referenced }
})

/** What a child that failed leaves behind ends with it, and does not wait for the scope. */
const endAfterFailure = (running: RunningProcess.RunningProcess): Effect.Effect<void> =>
  Effect.ignore(
    Effect.flatMap(running.exit, (exit) => exit._tag === "Exited" && exit.code !== 0 ? running.stop() : Effect.void)
  )

const outputOf = (
  chunks: Stream.Stream<Uint8Array, ProcessError.ProcessError>,
  option: ChildProcess.CommandOptions["stdout"]
): Effect.Effect<Held<PlatformError.PlatformError>, never, Scope.Scope> => {
  const target = outputConfig(option)
  if (target === "ignore" || target === "inherit") return Effect.succeed({ stream: Stream.empty, holdAll: Effect.void })
  const held = hold(Stream.mapError(chunks, Errors.fromProcessError("read")))
  return typeof target === "string"
    ? held
    : Effect.map(held, ({ holdAll, stream }) => ({ stream: Stream.transduce(stream, target), holdAll }))
}

const stdinOf = (running: RunningProcess.RunningProcess, { options }: ChildProcess.StandardCommand) => {
  const { endOnDone, stream } = inputConfig(options.stdin)
  return stream === "ignore" || stream === "inherit" ? Sink.drain : BridgeInput.sink(running, endOnDone !== false)
}

/** The exit code of the leader, whatever becomes of its output; a failed source of input comes first. */
const exitCode = (
  running: RunningProcess.RunningProcess,
  inputFailure: BridgeInput.InputFailure
): Spawner.ChildProcessHandle["exitCode"] =>
  Effect.flatMap(
    Effect.raceFirst(
      Effect.mapError(running.exit, Errors.fromProcessError("exitCode")),
      Deferred.await(inputFailure)
    ),
    (exit) => {
      if (Deferred.isDoneUnsafe(inputFailure)) return Deferred.await(inputFailure)
      return exit._tag === "Exited"
        ? Effect.succeed(Spawner.ExitCode(exit.code))
        : Effect.fail(Errors.signaled(running.program, exit))
    }
  )

/** Ends the whole tree and waits for it; one that has ended is no failure. */
const kill = (
  running: RunningProcess.RunningProcess,
  options: ChildProcess.KillOptions | undefined
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.flatMap(
    Effect.mapError(
      running.stop({
        signal: (options?.killSignal ?? "SIGTERM") as Signal.Signal,
        grace: options?.forceKillAfter ?? Duration.toMillis(StopPolicy.defaultPolicy.grace)
      }),
      Errors.fromProcessError("kill")
    ),
    ({ survivors }) =>
      survivors.length === 0 ? Effect.void : Effect.fail(
        Errors.fromProcessError("kill")(
          ProcessError.make(new ProcessError.TeardownIncomplete({ program: running.program, pids: survivors }))
        )
      )
  )

/** Feeds a child whose command says from where. */
export const connectInput = (
  { handle, inputFailure, scope }: Bridged,
  { options }: ChildProcess.StandardCommand
): Effect.Effect<void> => {
  const source = BridgeInput.sourceOf(inputConfig(options.stdin))
  return source === undefined ? Effect.void : Scope.provide(BridgeInput.feed(source, handle.stdin, inputFailure), scope)
}

/** The output of a child that a pipeline takes; a name that means none is standard output. */
export const outputFrom = ({ handle }: Bridged, from: ChildProcess.PipeFromOption = "stdout") => {
  const fd = BridgeDescriptors.numberIn(from)
  if (fd !== undefined) return handle.getOutputFd(fd)
  return from === "stderr" ? handle.stderr : from === "all" ? handle.all : handle.stdout
}

/** Connects the output of a child to the input of the next. */
export const connect = (
  from: Bridged,
  to: Bridged,
  { from: stream }: ChildProcess.PipeOptions
): Effect.Effect<void> => {
  const output = outputFrom(from, stream)
  return Scope.provide(BridgeInput.relay(from.running, output, to.running, to.inputFailure), to.scope)
}

/** One handle for the stages of a pipeline: fed at the first, read at the last, ended as a whole. */
export const ofPipeline = (stages: ReadonlyArray<Bridged>): Spawner.ChildProcessHandle => {
  const handles = stages.map(({ handle }) => handle)
  const [first, last] = [handles[0], handles.at(-1)] as [Spawner.ChildProcessHandle, Spawner.ChildProcessHandle]
  return Spawner.makeHandle({
    ...last,
    stdin: first.stdin,
    kill: (options) =>
      Effect.forEach(handles.toReversed(), (handle) => Effect.ignore(handle.kill(options)), { discard: true }),
    unref: Effect.map(
      Effect.forEach(handles, (handle) => handle.unref),
      (rerefs) => Effect.forEach(rerefs.toReversed(), (reref) => reref, { discard: true })
    )
  })
}
