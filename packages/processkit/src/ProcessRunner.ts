/**
 * The upper seam: what runs commands.
 *
 * Programs ask the context for a runner, by using any verb of `Command` or opening a `ProcessGroup`. The real one comes
 * from a platform package (`NodeProcessRunner.layer`), the one of a test from `processkit/testing`, and a group is one
 * too. Decorators wrap {@link mapStart} around any of them.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Command from "./Command.ts"
import type { Descriptors } from "./internal/descriptors.ts"
import * as Engine from "./internal/engine.ts"
import type { Stage } from "./internal/stage.ts"
import type * as OutputBuffer from "./OutputBuffer.ts"
import * as ProcessBackend from "./ProcessBackend.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as ProcessGroup from "./ProcessGroup.ts"
import type * as RunningProcess from "./RunningProcess.ts"

/**
 * What a verb asks of a start.
 *
 * **Details**
 *
 * `overflow` says what happens when a buffer that fails is full: `"end"` stops the program, `"fail"` drains it and
 * fails its result (the default), `"ignore"` drains it and forgets. `"whole"` is `"end"`, and also fails the result of a
 * run that worked where a buffer of another kind dropped something of standard output. `stage` is the place of the
 * command in a pipeline; a decorator that calls `start` itself hands it on unseen.
 *
 * `descriptors` are those that the bridge to `effect/process` gives a child above the standard ones; they are handed on
 * likewise.
 *
 * `wants` says what will be asked of the output: with `"text"` nothing but lines and the text of the result, which is
 * then decoded while it comes; with `"stdoutBytes"` also the bytes of that stream, to which a bound in lines does not
 * apply then; with `"stdoutChunks"` or `"stderrChunks"` that stream is taken as it comes, before anything
 * is made of its lines. `buffer` says what is kept of output where the command itself does not.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface StartOptions {
  readonly overflow?: "end" | "whole" | "fail" | "ignore" | undefined
  readonly stage?: Stage | undefined
  readonly descriptors?: Descriptors | undefined
  readonly wants?: "text" | "stdoutBytes" | "stdoutChunks" | "stderrChunks" | undefined
  readonly buffer?: OutputBuffer.OutputBuffer | undefined
}

/**
 * Runs commands.
 *
 * **Details**
 *
 * - `start`: starts a command that its scope ends, together with its descendants.
 * - `startDetached`: starts a command that nobody owns, not even a group that is this runner, and gives its process id.
 * - `openGroup`: opens a group that its scope closes.
 * - `resolve`: locates the program of a command exactly as a start would, without starting it.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class ProcessRunner extends Context.Service<ProcessRunner, {
  readonly start: (
    command: Command.Command,
    options?: StartOptions
  ) => Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, Scope.Scope>
  readonly startDetached: (command: Command.Command) => Effect.Effect<number, ProcessError.ProcessError>
  readonly openGroup: (
    options?: ProcessGroup.Options
  ) => Effect.Effect<ProcessGroup.ProcessGroup, ProcessError.ProcessError, Scope.Scope>
  readonly resolve: (command: Command.Command) => Effect.Effect<string, ProcessError.ProcessError>
}>()("processkit/ProcessRunner") {}

/**
 * Wraps a start: gets the start as an effect, and the command that is to be started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Decorator = <R>(
  start: Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, R>,
  command: Command.Command
) => Effect.Effect<RunningProcess.RunningProcess, ProcessError.ProcessError, R>

/**
 * Wraps a detached start: gets the start as an effect, and the command that is to be started.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type DetachedDecorator = <R>(
  start: Effect.Effect<number, ProcessError.ProcessError, R>,
  command: Command.Command
) => Effect.Effect<number, ProcessError.ProcessError, R>

/**
 * Makes a runner from a backend: the run engine of this library on somebody's processes.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromBackend = (backend: ProcessBackend.ProcessBackend["Service"]): ProcessRunner["Service"] =>
  Engine.make(backend)

/**
 * Provides the runner of the backend in the context.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layerBackend: Layer.Layer<ProcessRunner, never, ProcessBackend.ProcessBackend> = Layer.fresh(
  // Layers are remembered by identity: not fresh, this one would give every later backend the runner of the first.
  Layer.effect(ProcessRunner, Effect.map(ProcessBackend.ProcessBackend, fromBackend))
)

/**
 * Decorates every start of a runner, those inside its groups included; detached ones are for {@link mapDetached}.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const mapStart: {
  (decorator: Decorator): (self: ProcessRunner["Service"]) => ProcessRunner["Service"]
  (self: ProcessRunner["Service"], decorator: Decorator): ProcessRunner["Service"]
} = dual(
  2,
  (self: ProcessRunner["Service"], decorator: Decorator): ProcessRunner["Service"] => Engine.mapStart(self, decorator)
)

/**
 * Decorates every detached start of a runner, whether or not a group is the runner.
 *
 * @stability experimental
 * @category combinators
 * @since 0.1.0
 */
export const mapDetached: {
  (decorator: DetachedDecorator): (self: ProcessRunner["Service"]) => ProcessRunner["Service"]
  (self: ProcessRunner["Service"], decorator: DetachedDecorator): ProcessRunner["Service"]
} = dual(
  2,
  (self: ProcessRunner["Service"], decorator: DetachedDecorator): ProcessRunner["Service"] =>
    Engine.mapDetached(self, decorator)
)
