/**
 * The runners of Node: real processes, held by the best mechanism that this machine offers.
 *
 * `layer` is what programs use. It starts nothing by itself: a program that imports it and runs no command pays
 * nothing. The pinned layers are for those who want one mechanism or an error.
 *
 * **Details**
 *
 * On Linux programs are started by a native host, one for this process: in cgroups of their own (`cgroup-v2`) where this
 * user may make them, else below a monitor each (`subreaper`). Where there is no host, and on macOS, every program gets a
 * session of its own, and what it starts is found again by group, session, chain of living parents, and by having been
 * seen before (`process-group`). The choice is made with the first start and reported with the reasons for it.
 *
 * **Gotchas**
 *
 * - What escapes each mechanism is said by `containment`, in words and as data. Under `process-group` that is a process
 *   that leaves its session and whose parent ends before anybody looked.
 * - Under `process-group` a death by a real-time signal is reported as exit code 0, because that is all that Node says.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Containment } from "processkit/Containment"
import * as ProcessBackend from "processkit/ProcessBackend"
import type { ProcessError } from "processkit/ProcessError"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as BestBackend from "./internal/bestBackend.ts"
import * as AdoptScope from "./internal/cgroup/adoptScope.ts"
import * as CgroupBackend from "./internal/cgroup/cgroupBackend.ts"
import * as ProcessGroupBackend from "./internal/processGroupBackend.ts"
import * as SubreaperBackend from "./internal/subreaper/subreaperBackend.ts"

/**
 * How the mechanism `process-group` works.
 *
 * **Details**
 *
 * `table` is where processes are looked up: `/proc`, or the output of `ps`, which is what macOS has. By default `/proc`
 * where it exists. `guardian` is whether a small shell process ends what is left when this program is killed; it is
 * started with the first command, and is on by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProcessGroupOptions {
  readonly table?: "proc" | "ps" | undefined
  readonly guardian?: boolean | undefined
}

/**
 * What a runner layer provides: the runner, and the backend below it for whoever decorates that, such as a cassette.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Provided = ProcessRunner.ProcessRunner | ProcessBackend.ProcessBackend

/**
 * Provides a runner with the best mechanism available.
 *
 * **Example** (Running a command)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
 *
 * const greeting = Command.run(Command.make`echo hello`)
 * await Effect.runPromise(Effect.provide(greeting, NodeProcessRunner.layer)) // => "hello"
 * ```
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Provided> = Layer.suspend(() =>
  Layer.provideMerge(ProcessRunner.layerBackend, layerBackend)
)

/**
 * Provides the backend under {@link layer}, for decorators of backends.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerBackend: Layer.Layer<ProcessBackend.ProcessBackend> = Layer.sync(
  ProcessBackend.ProcessBackend,
  () => BestBackend.make()
)

/**
 * Provides a runner that holds processes by process group, session and parent chain.
 *
 * **Platform**
 *
 * Linux and macOS. On Windows every start fails with `Unsupported`.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerProcessGroup = (options?: ProcessGroupOptions): Layer.Layer<Provided> =>
  Layer.provideMerge(ProcessRunner.layerBackend, layerProcessGroupBackend(options))

/**
 * Provides the backend under {@link layerProcessGroup}, for decorators of backends and for contract tests.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerProcessGroupBackend = (
  options?: ProcessGroupOptions
): Layer.Layer<ProcessBackend.ProcessBackend> =>
  Layer.sync(ProcessBackend.ProcessBackend, () => ProcessGroupBackend.make(options))

/**
 * Provides a runner that holds processes in cgroups.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerCgroup: Layer.Layer<Provided> = Layer.suspend(() =>
  Layer.provideMerge(ProcessRunner.layerBackend, layerCgroupBackend)
)

/**
 * Provides the backend under {@link layerCgroup}.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerCgroupBackend: Layer.Layer<ProcessBackend.ProcessBackend> = Layer.sync(
  ProcessBackend.ProcessBackend,
  () => CgroupBackend.make()
)

/**
 * Provides a runner that holds processes behind a subreaper.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSubreaper: Layer.Layer<Provided> = Layer.suspend(() =>
  Layer.provideMerge(ProcessRunner.layerBackend, layerSubreaperBackend)
)

/**
 * Provides the backend under {@link layerSubreaper}.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSubreaperBackend: Layer.Layer<ProcessBackend.ProcessBackend> = Layer.sync(
  ProcessBackend.ProcessBackend,
  () => SubreaperBackend.make()
)

/**
 * Makes room for the controllers that limits need, by moving every process of our cgroup into one below it.
 *
 * **Details**
 *
 * For a program in a scope of its own (`systemd-run --user --scope -p Delegate=yes`) or in a container with a writable
 * hierarchy, which is in the way of its own limits. Does nothing where the limits can be had already. Whoever else is in
 * the cgroup, such as the shell that has started the program, is moved as well, and a later program of that shell uses the
 * same room. What the cgroup has no controller for stays in `refusedLimits`.
 *
 * **Errors**
 *
 * `Unsupported` where the cgroup is not ours to change, or has no memory controller; then nobody was moved.
 *
 * **Gotchas**
 *
 * From then on nobody can be put into that cgroup itself; `docker exec` into such a container fails.
 *
 * @stability experimental
 * @category resources
 * @since 0.1.0
 */
export const adoptScope: Effect.Effect<void, ProcessError> = AdoptScope.adoptScope

/**
 * Predicts what {@link layer} will guarantee, without starting anything.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const containment: Effect.Effect<Containment> = Effect.sync(() => BestBackend.containment())
