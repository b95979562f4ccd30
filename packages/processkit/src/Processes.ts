/**
 * What can be known of processes that nobody here has started.
 *
 * A pid alone names nobody for long: the number goes to somebody else when its process has ended. A pid together with
 * the time of its start is an identity, also when both were saved and the program was started again.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pid from "./internal/pid.ts"
import * as ProcessBackend from "./ProcessBackend.ts"
import * as ProcessError from "./ProcessError.ts"

/**
 * A process that is alive.
 *
 * **Details**
 *
 * `name` is the short one that the system keeps, of at most 15 bytes on Linux, never arguments, and is `undefined` where
 * the system keeps none. `startTime` is a token to be kept and compared, not a time to be computed with.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProcessInfo {
  readonly pid: number
  readonly parentPid: number
  readonly name: string | undefined
  readonly startTime: string
}

/**
 * Looks at one process; `None` where there is none with this pid. A zombie is none.
 *
 * **Errors**
 *
 * `InvalidInput` for what is no pid. `IoFailed` where the process could not be looked at, which does not mean that it
 * is gone. `Unsupported` where the runner has no processes to look at.
 *
 * **Example** (Finding a process again)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Processes from "processkit/Processes"
 *
 * export const stillThere = Effect.gen(function*() {
 *   const found = yield* Processes.info(4711)
 *   return Option.isSome(found) && (yield* Processes.isAlive(4711, found.value.startTime))
 * })
 * ```
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const info = (
  pid: number
): Effect.Effect<Option.Option<ProcessInfo>, ProcessError.ProcessError, ProcessBackend.ProcessBackend> =>
  Effect.flatMap(
    ProcessBackend.ProcessBackend,
    ({ containment, inspect }) =>
      Effect.flatMap(Pid.checked(pid), (pid) =>
        inspect === undefined
          ? Effect.fail(ProcessError.make(
            new ProcessError.Unsupported({
              feature: "looking at processes",
              mechanism: containment.mechanism,
              detail: "the backend has no table of processes"
            })
          ))
          : Effect.map(inspect(pid), Option.fromUndefinedOr))
  )

/**
 * Tells whether the process with this pid is alive and is the one that was started then.
 *
 * **Errors**
 *
 * Those of {@link info}.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const isAlive = (
  pid: number,
  startTime: string
): Effect.Effect<boolean, ProcessError.ProcessError, ProcessBackend.ProcessBackend> =>
  Effect.map(info(pid), (found) => Option.isSome(found) && found.value.startTime === startTime)
