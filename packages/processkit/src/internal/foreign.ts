/** What a group is asked about processes that it lists, or has not started. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as Processes from "../Processes.ts"
import * as Pid from "./pid.ts"

type Container = ProcessBackend.Container

const unsupported = (feature: string, { containment }: Container, detail: string) =>
  Effect.fail(
    ProcessError.make(new ProcessError.Unsupported({ feature, mechanism: containment.mechanism, detail }))
  )

/**
 * Looks at every member.
 *
 * Race: a member ends after it was listed, and a stranger gets its number before it is looked at. So the members are
 * listed again, and who is not on both lists is left out.
 */
export const membersInfo = (
  container: Container,
  { inspect }: ProcessBackend.ProcessBackend["Service"]
): Effect.Effect<ReadonlyArray<Processes.ProcessInfo>, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    if (inspect === undefined) {
      return unsupported("looking at processes", container, "the backend has no table of processes")
    }
    return Effect.gen(function*() {
      const listed = yield* container.members
      const found = yield* Effect.forEach(listed, (pid) => inspect(pid))
      const still = new Set(yield* container.members)
      return found.flatMap((info) => info !== undefined && still.has(info.pid) ? [info] : [])
    })
  })

/** Takes a process in that somebody else has started. */
export const adopt = (
  container: Container,
  pid: number,
  startTime: string | undefined
): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.flatMap(
    Pid.checked(pid),
    (pid) =>
      container.adopt?.(pid, startTime) ??
        unsupported("adopting a process", container, "it can hold only what it has started, and what that starts")
  )
