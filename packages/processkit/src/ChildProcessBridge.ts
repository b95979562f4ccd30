/**
 * Effect's own `ChildProcessSpawner`, on the runner of this library.
 *
 * A program written for `effect/process` gets whole-tree containment, a bounded stop and typed failures by swapping one
 * layer. The other way round, `Command.fromChildProcess` takes a command of `effect/process` for a command of ours.
 *
 * **Details**
 *
 * Everything of `ChildProcess` is honoured, but for what would be done in silence only: `detached: false`, more than sixteen
 * `additionalFds` or one above 63 fail with `BadArgument` before anything is started, and any of them on a runner whose
 * `containment` has no `descriptors`. The guide `docs/bridge.md` lists where the bridge differs from Effect's Node layer, and why.
 *
 * **Gotchas**
 *
 * - `effect/process` is unstable in Effect 4, and so is this module.
 * - `unref` keeps a child beyond its scope, but not beyond its owner: what this library starts never outlives that.
 *
 * **Example** (An Effect program, contained)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as ChildProcess from "effect/process/ChildProcess"
 * import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
 * import * as ChildProcessBridge from "processkit/ChildProcessBridge"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const program = Effect.flatMap(
 *   ChildProcessSpawner.ChildProcessSpawner,
 *   (spawner) => spawner.lines(ChildProcess.make("git", ["branch"]))
 * )
 *
 * const runner = ScriptedRunner.layer(ScriptedRunner.on(["git"], Reply.lines(["main", "topic"])))
 * Effect.runPromise(Effect.provide(program, Layer.provide(ChildProcessBridge.layerSpawner, runner))) // => ["main", "topic"]
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import type * as ChildProcess from "effect/process/ChildProcess"
import * as Spawner from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import * as Command from "./Command.ts"
import * as Descriptors from "./internal/bridgeDescriptors.ts"
import * as Handle from "./internal/bridgeHandle.ts"
import { flatten, inputConfig, ours, outputConfig } from "./internal/childProcess.ts"
import * as Errors from "./internal/platformErrors.ts"
import * as ProcessRunner from "./ProcessRunner.ts"

/**
 * Makes a spawner from a runner, such as that of a group.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const makeSpawner = (
  runner: ProcessRunner.ProcessRunner["Service"]
): Spawner.ChildProcessSpawner["Service"] => Spawner.make((command) => spawn(runner, command))

/**
 * Provides Effect's spawner on the runner in the context.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerSpawner: Layer.Layer<Spawner.ChildProcessSpawner, never, ProcessRunner.ProcessRunner> = Layer.fresh(
  // Layers are remembered by identity: not fresh, this one would give every later runner the spawner of the first.
  Layer.effect(Spawner.ChildProcessSpawner, Effect.map(ProcessRunner.ProcessRunner, makeSpawner))
)

// -----------------------------------------------------------------------------

const spawn = Effect.fnUntraced(function*(
  runner: ProcessRunner.ProcessRunner["Service"],
  command: ChildProcess.Command
): Effect.fn.Return<Spawner.ChildProcessHandle, PlatformError.PlatformError, Scope.Scope> {
  const { links, stages } = flatten(command)
  const problem = stages.map((stage, i) => Descriptors.problem(stage, links[i - 1]))
    .find((found) => found !== undefined)
  if (problem !== undefined) return yield* Effect.fail(Errors.badArgument("spawn", problem))
  const children: Array<Handle.Bridged> = []
  for (const [i, given] of stages.entries()) {
    const link = links[i - 1] ?? {}
    const before = children.at(-1)
    // A pipeline feeds its stages, whatever the command of a stage says of its input.
    const to = before === undefined ? undefined : Descriptors.numberIn(link.to ?? "stdin")
    const stage = before === undefined || to === undefined
      ? given
      : Descriptors.fed(given, to, Handle.outputFrom(before, link.from))
    const descriptors = Descriptors.wanted(stage)
    const isPiped = before !== undefined && to === undefined
    const child = yield* Handle.open(stage, descriptors, runner.start(lowered(stage, isPiped), { descriptors }))
    yield* isPiped ? Handle.connect(before, child, link) : Handle.connectInput(child, stage)
    children.push(child)
  }
  return children.length === 1 && children[0] !== undefined ? children[0].handle : Handle.ofPipeline(children)
})

/** A stage as a command of ours whose pipes are all in our hands. */
const lowered = (stage: ChildProcess.StandardCommand, isPiped: boolean): Command.Command => {
  const { stderr, stdin, stdout } = stage.options
  const input = inputConfig(stdin).stream
  return Command.setOptions(Command.fromChildProcess(streamless(stage)), {
    stdin: isPiped || typeof input !== "string" ? "pipe" : ours(input),
    stdout: wordOf(outputConfig(stdout)),
    stderr: wordOf(outputConfig(stderr))
  })
}

/** The command without the streams that the bridge connects itself. */
const streamless = (stage: ChildProcess.StandardCommand): ChildProcess.StandardCommand => ({
  ...stage,
  options: { ...stage.options, stdin: "pipe", stdout: "pipe", stderr: "pipe", additionalFds: undefined }
})

const wordOf = (target: ChildProcess.CommandOutput): "pipe" | "null" | "inherit" =>
  typeof target === "string" ? ours(target) : "pipe"
