/**
 * A runner that runs nothing and says what it would have run.
 *
 * Every command is checked as for a real start, then succeeds without output. What it would have been is kept as a
 * person would type it, secrets replaced, and told to whoever wants to print it.
 *
 * **When to use**
 *
 * A `--dry-run` flag: swap the layer, and the program prints its plan.
 *
 * **Gotchas**
 *
 * The program goes on with empty output, so it takes the path that empty output leads to. Where a decision depends on
 * what a program says, script it with `ScriptedRunner`.
 *
 * **Example** (A plan)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import { DryRunRunner } from "processkit/testing"
 *
 * const deploy = Effect.andThen(Command.runUnit(Command.make`npm run build`), Command.runUnit(Command.make`rsync -a dist/ web:`))
 *
 * const plan = Effect.provide(Effect.andThen(deploy, DryRunRunner.commands), DryRunRunner.layer())
 * Effect.runPromise(plan) // => ["npm run build", "rsync -a dist/ web:"]
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Command from "../Command.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import { CallsDiffer } from "./CallsDiffer.ts"
import * as Invocation from "./Invocation.ts"
import * as Reply from "./Reply.ts"
import * as ScriptedRunner from "./ScriptedRunner.ts"

/**
 * What would have been run.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class DryRunRunner extends Context.Service<DryRunRunner, {
  readonly commands: Effect.Effect<ReadonlyArray<string>>
}>()("processkit/testing/DryRunRunner") {}

/**
 * How a dry run is told.
 *
 * **Details**
 *
 * `onCommand` is called with each start, in the tick of the start. `reply` is what every command gets: success without
 * output by default.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly onCommand?: ((invocation: Invocation.Invocation) => void) | undefined
  readonly reply?: Reply.Reply | undefined
}

/**
 * Provides a runner that runs nothing.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<ProcessRunner.ProcessRunner | DryRunRunner> =>
  Layer.effectContext(Effect.sync(() => {
    const commands: Array<string> = []
    const told =
      (isDetached: boolean) =>
      <A, R>(start: Effect.Effect<A, ProcessError.ProcessError, R>, command: Command.Command) =>
        Effect.tap(start, () =>
          Effect.sync(() => {
            const invocation = Invocation.fromCommand(command, isDetached)
            commands.push(String(invocation))
            options.onCommand?.(invocation)
          }))
    const scripted = ScriptedRunner.make(ScriptedRunner.fallback(options.reply ?? Reply.ok()))
    const runner = ProcessRunner.mapDetached(ProcessRunner.mapStart(scripted, told(false)), told(true))
    const plan = { commands: Effect.sync(() => [...commands]) }
    return Context.add(Context.make(ProcessRunner.ProcessRunner, runner), DryRunRunner, plan)
  }))

/**
 * Every command that would have been run, in order, as a person would type it.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const commands: Effect.Effect<ReadonlyArray<string>, never, DryRunRunner> = Effect.flatMap(
  DryRunRunner,
  (plan) => plan.commands
)

/**
 * The one command that would have been run.
 *
 * **Errors**
 *
 * `CallsDiffer` where there was none, or more than one.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const onlyCommand: Effect.Effect<string, CallsDiffer, DryRunRunner> = Effect.flatMap(
  commands,
  ([command, ...more]) =>
    command === undefined || more.length > 0
      ? Effect.fail(CallsDiffer.of(["exactly one command"], command === undefined ? [] : [command, ...more]))
      : Effect.succeed(command)
)
