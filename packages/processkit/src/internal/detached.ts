/** Starts programs that nobody owns. */
import * as Effect from "effect/Effect"
import type * as Command from "../Command.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import * as InputRules from "./inputRules.ts"
import * as SpawnAttributes from "./spawnAttributes.ts"
import * as Telemetry from "./telemetry.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]

/** For backends that have nowhere to start such programs. */
const nowhere = ({ containment: { mechanism } }: Backend) =>
  Effect.fail(ProcessError.make(
    new ProcessError.Unsupported({
      feature: "starting a detached program",
      mechanism,
      detail: "everything that it starts ends with its owner"
    })
  ))

/**
 * Starts a command outside of every container, and gives its process id.
 *
 * Uninterruptible, like every start. But there is nothing that an interruption could end afterwards: a program that was
 * started meanwhile runs on, and only its id is lost.
 */
export const start = (backend: Backend, command: Command.Command): Effect.Effect<number, ProcessError.ProcessError> =>
  Effect.flatMap(
    Effect.fromResult(InputRules.prepareDetached(command)),
    (request) =>
      Effect.uninterruptible(Effect.withSpan(begin(backend, request), "processkit.detached", {
        attributes: Telemetry.startAttributes(request.program)
      }))
  )

const begin = Effect.fnUntraced(function*(
  backend: Backend,
  request: ProcessBackend.SpawnRequest
): Effect.fn.Return<number, ProcessError.ProcessError> {
  const { containment, spawn } = yield* (backend.outside ?? nowhere(backend))
  yield* Effect.fromResult(SpawnAttributes.check(request.attributes, containment))
  const pid = yield* spawn(request)
  yield* Telemetry.detached(containment.mechanism, pid)
  return pid
})
