/** Turns a command into a run inside a container. */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Command from "../Command.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import * as Conclusion from "./conclusion.ts"
import * as InputRules from "./inputRules.ts"
import { Run, type Setting } from "./run.ts"
import * as SpawnAttributes from "./spawnAttributes.ts"
import * as Telemetry from "./telemetry.ts"

/** What a caller asks of a start beyond its command. */
export type Manner =
  & Pick<Setting, "isPrivate" | "sleep" | "probes" | "overflow" | "wants" | "onSettled" | "stage">
  & Pick<ProcessRunner.StartOptions, "buffer">

/**
 * Starts a command as a member of a container.
 *
 * Uninterruptible: either a run is handed over whose every listener is attached, or nothing was left behind.
 */
export const start = (
  command: Command.Command,
  container: Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError>,
  manner: Manner
): Effect.Effect<Run, ProcessError.ProcessError> => Effect.uninterruptible(begin(command, container, manner))

const begin = Effect.fnUntraced(function*(
  command: Command.Command,
  open: Effect.Effect<ProcessBackend.Container, ProcessError.ProcessError>,
  { buffer, ...manner }: Manner
): Effect.fn.Return<Run, ProcessError.ProcessError> {
  const prepared = yield* Effect.fromResult(InputRules.prepare(command, buffer))
  const { program } = prepared.request
  const { cancelOn, onStderrLine, onStdoutLine } = command.options
  if (cancelOn?.aborted === true) return yield* Effect.fail(Conclusion.cancelled(program, undefined))
  yield* takeSource(prepared)
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const span = yield* Effect.makeSpan("processkit.run", { attributes: Telemetry.startAttributes(program) })
  const notStarted = (cause: Cause.Cause<ProcessError.ProcessError>) =>
    Effect.sync(() => {
      giveBackSource(prepared)
      Telemetry.endSpan(context, span, clock, Exit.failCause(cause))
    })
  const container = yield* Effect.tapCause(open, notStarted)
  const supported = SpawnAttributes.check(prepared.request.attributes, container.containment)
  const child = yield* Effect.tapCause(
    Effect.flatMap(Effect.fromResult(supported), () => container.spawn(prepared.request, manner.isPrivate)),
    (cause) => Effect.andThen(notStarted(cause), manner.isPrivate ? container.release : Effect.void)
  )
  const run = new Run(prepared, child, { ...manner, container, cancelOn, onStderrLine, onStdoutLine }, {
    context,
    clock,
    span
  })
  run.begin()
  return run
})

/** Takes a one-shot source of input before the start, so that of two concurrent starts one fails and none feeds half. */
const takeSource = ({ payload, request }: InputRules.Prepared): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    if (payload._tag !== "Feed" || payload.once === undefined) return Effect.void
    if (payload.once.taken) {
      return Effect.fail(
        ProcessError.make(new ProcessError.AlreadyConsumed({ program: request.program, stream: "stdin" }))
      )
    }
    payload.once.taken = true
    return Effect.void
  })

/** A start that failed has consumed nothing. */
const giveBackSource = ({ payload }: InputRules.Prepared): void => {
  if (payload._tag === "Feed" && payload.once !== undefined) payload.once.taken = false
}
