/**
 * A backend in which things go wrong, each at an occasion of your choice.
 *
 * It decorates any backend, scripted or real, so that what a program makes of a failed start, a broken pipe, a late exit
 * or a lost host can be seen at will. {@link sweep} lets the same fault happen at the first occasion, the second and so
 * on, until there is none left.
 *
 * **Details**
 *
 * Occasions are counted from 1, for each kind of fault by itself. Nothing survives: a kill always reaches the programs.
 *
 * **Example** (The second start fails)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Command from "processkit/Command"
 * import { FaultyBackend, Reply, ScriptedRunner } from "processkit/testing"
 *
 * const runner = FaultyBackend.layer(FaultyBackend.spawnFails({ at: 2 })).pipe(
 *   Layer.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok("done"))))
 * )
 * const twice = Effect.all([Command.run(Command.make`a`), Command.run(Command.make`b`)]).pipe(Effect.flip)
 *
 * const error = await Effect.runPromise(Effect.provide(twice, runner))
 * error.message // => "b could not be started: the operating system answered EAGAIN"
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import * as Faults from "./internal/faults.ts"

/**
 * Something that goes wrong.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | { readonly _tag: "SpawnFails"; readonly at: number; readonly errno: string }
  | { readonly _tag: "OperationFails"; readonly at: number; readonly errno: string }
  | { readonly _tag: "HostLost"; readonly at: number }
  | { readonly _tag: "StdoutBreaks"; readonly at: number; readonly after: number; readonly errno: string }
  | { readonly _tag: "StderrBreaks"; readonly at: number; readonly after: number; readonly errno: string }
  | { readonly _tag: "StdinBreaks"; readonly at: number; readonly after: number; readonly errno: string }
  | { readonly _tag: "ExitDelayed"; readonly by: Duration.Input }
  | { readonly _tag: "ChunksSplit"; readonly bytes: number }

/**
 * When a fault happens: at the first occasion by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Occasion {
  readonly at?: number | undefined
}

/**
 * When a pipe breaks: at its first byte by default, and with `EIO`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Break extends Occasion {
  readonly after?: number | undefined
  readonly errno?: string | undefined
}

/**
 * A start fails with an errno, `EAGAIN` by default.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const spawnFails = (
  { at = 1, errno = "EAGAIN" }: Occasion & { readonly errno?: string | undefined } = {}
): Fault => ({
  _tag: "SpawnFails",
  at,
  errno
})

/**
 * Something asked of the backend fails with an errno, `EIO` by default.
 *
 * **Details**
 *
 * Every opening of a container, start, list of members, signal, suspension and resumption is an occasion.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const operationFails = (
  { at = 1, errno = "EIO" }: Occasion & { readonly errno?: string | undefined } = {}
): Fault => ({ _tag: "OperationFails", at, errno })

/**
 * The backend is lost for good: runs under way fail with `HostLost`, and so does everything that is asked of it later.
 *
 * **Details**
 *
 * The occasions are those of {@link operationFails}.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const hostLost = ({ at = 1 }: Occasion = {}): Fault => ({ _tag: "HostLost", at })

/**
 * Reading standard output fails after so many bytes. Every standard output that is a pipe is an occasion.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const stdoutBreaks = (options: Break = {}): Fault => ({ _tag: "StdoutBreaks", ...breaking(options) })

/**
 * Reading standard error fails after so many bytes. Every standard error that is a pipe is an occasion.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const stderrBreaks = (options: Break = {}): Fault => ({ _tag: "StderrBreaks", ...breaking(options) })

/**
 * Writing standard input fails after so many bytes; with the errno `"closed"` as where nobody reads any more.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const stdinBreaks = (options: Break = {}): Fault => ({ _tag: "StdinBreaks", ...breaking(options) })

/**
 * Every exit is told late, by a time on Effect's clock.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const exitDelayed = (by: Duration.Input): Fault => ({ _tag: "ExitDelayed", by })

/**
 * All output comes in pieces of at most so many bytes, one byte by default.
 *
 * @stability experimental
 * @category faults
 * @since 0.1.0
 */
export const chunksSplit = (bytes = 1): Fault => ({ _tag: "ChunksSplit", bytes })

/**
 * What has gone wrong so far.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class FaultyBackend extends Context.Service<FaultyBackend, {
  readonly fired: Effect.Effect<ReadonlyArray<Fault>>
}>()("processkit/testing/FaultyBackend") {}

/**
 * Puts faults into the backend in the context, anew each time the layer is built.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  ...faults: ReadonlyArray<Fault>
): Layer.Layer<
  ProcessRunner.ProcessRunner | ProcessBackend.ProcessBackend | FaultyBackend,
  never,
  ProcessBackend.ProcessBackend
> =>
  Layer.effectContext(Effect.map(ProcessBackend.ProcessBackend, (below) => {
    const { backend, fired } = Faults.make(below, faults)
    return Context.make(ProcessBackend.ProcessBackend, backend).pipe(
      Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(backend)),
      Context.add(FaultyBackend, { fired: Effect.sync(fired) })
    )
  }))

/**
 * What has gone wrong so far.
 *
 * @stability experimental
 * @category accessors
 * @since 0.1.0
 */
export const fired: Effect.Effect<ReadonlyArray<Fault>, never, FaultyBackend> = Effect.flatMap(
  FaultyBackend,
  (faulty) => faulty.fired
)

/**
 * Runs a program with a fault at the first occasion, the second and so on, until it does not happen any more, and gives
 * the ends of all those runs. The last one is that of an undisturbed run.
 *
 * **Gotchas**
 *
 * A program that always finds one more occasion is run for ever; an undisturbed run has to end.
 *
 * **Example** (Every operation may fail, and it is always a `ProcessError`)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import { FaultyBackend, Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Command.run(Command.make`git status`)
 * const ends = FaultyBackend.sweep(program, (at) => FaultyBackend.operationFails({ at })).pipe(
 *   Effect.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok("clean"))))
 * )
 * const last = await Effect.runPromise(Effect.map(ends, (ends) => ends.at(-1)))
 * last?._tag // => "Success"
 * ```
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const sweep = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  fault: (at: number) => Fault
): Effect.Effect<
  ReadonlyArray<Exit.Exit<A, E>>,
  never,
  | Exclude<R, ProcessRunner.ProcessRunner | ProcessBackend.ProcessBackend | FaultyBackend>
  | ProcessBackend.ProcessBackend
> => {
  const from = (at: number, ends: ReadonlyArray<Exit.Exit<A, E>>): ReturnType<typeof sweep<A, E, R>> =>
    Effect.flatMap(
      Effect.provide(Effect.all([Effect.exit(program), fired]), layer(fault(at)), { local: true }),
      ([end, happened]) => happened.length === 0 ? Effect.succeed([...ends, end]) : from(at + 1, [...ends, end])
    )
  return Effect.suspend(() => from(1, []))
}

// -----------------------------------------------------------------------------

const breaking = ({ after = 0, at = 1, errno = "EIO" }: Break) => ({ after, at, errno })
