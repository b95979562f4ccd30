/**
 * Sends a signal to every member of a cgroup directory, once each.
 *
 * A list of members is out of date as soon as it is read: a process that forks and exits in turn is missed by most
 * attempts. So the members are frozen, listed, signalled and thawed; what is frozen neither forks nor exits.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import * as Signalling from "../signalling.ts"
import * as Files from "./files.ts"
import * as Freezer from "./freezer.ts"

const failed = (operation: string, errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation, errno }))

const orFail = <A>(operation: string, answer: Result.Result<A, string>): Effect.Effect<A, ProcessError.ProcessError> =>
  Effect.fromResult(Result.mapError(answer, (errno) => failed(operation, errno)))

const signalMembers = (
  directory: string,
  number: number
): Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError> =>
  Effect.flatMap(orFail("listing members", Files.members(directory)), (pids) => {
    const deliveries = pids.map((pid) => Signalling.send({ _tag: "held", pid }, number, undefined))
    return deliveries.includes("denied") ? Effect.fail(failed("signalling a process", "EPERM")) : Effect.succeed(pids)
  })

/** Freezes, signals, and thaws again unless the group was suspended before; answers with those who were there. */
export const signal = (
  directory: string,
  number: number,
  staysFrozen: boolean
): Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError> =>
  Freezer.freeze(directory).pipe(
    Effect.andThen(signalMembers(directory, number)),
    Effect.ensuring(staysFrozen ? Effect.void : Effect.ignore(Freezer.thaw(directory))),
    Effect.uninterruptible
  )
