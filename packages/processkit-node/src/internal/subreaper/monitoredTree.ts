/**
 * The trees of children that the host holds behind a monitor each.
 *
 * A monitor is the reaper of everything its program starts (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so that a process that
 * leaves its session and loses its parents still has the monitor for an ancestor.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Ending from "../ending.ts"
import type { Answer, HostChild } from "../host/hostAnswers.ts"
import * as TreeStats from "../treeStats.ts"

/** The children of a tree that somebody of is left, asked anew each time. */
export type Living = () => ReadonlyArray<Watched>

/** A child whose tree is watched; `wakers` are called when nobody of it is left. */
export interface Watched {
  readonly child: HostChild
  readonly wakers: Set<() => void>
}

const failure = (operation: string, { errno }: Answer): Effect.Effect<void, ProcessError.ProcessError> =>
  errno === undefined || errno === "ESRCH"
    ? Effect.void
    : Effect.fail(ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation, errno })))

/** Asks every monitor at once; a tree that ends meanwhile has nothing to say. */
const each = <A>(
  living: Living,
  ask: (child: HostChild) => Effect.Effect<A, ProcessError.ProcessError>
): Effect.Effect<ReadonlyArray<A>, ProcessError.ProcessError> =>
  Effect.suspend(() => Effect.forEach(living(), ({ child }) => ask(child), { concurrency: "unbounded" }))

const act = (living: Living, operation: string, action: "signal" | "suspend" | "resume" | "kill", number?: number) =>
  Effect.asVoid(
    each(living, (child) => Effect.flatMap(child.act(action, number), (answer) => failure(operation, answer)))
  )

const members = (living: Living): Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError> =>
  Effect.map(each(living, (child) => child.members), (lists) => lists.flat())

const leaders = (living: Living): ReadonlyArray<number> => living().map(({ child }) => child.pid)

/** Waits for the reports of the monitors; `false` where the time was over before the last of them. */
const emptied = (living: Living, within: Duration.Duration): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    let timer: NodeJS.Timeout | undefined
    const watched = living()
    const settle = (empty: boolean): void => {
      clearTimeout(timer)
      for (const { wakers } of watched) wakers.delete(check)
      resume(Effect.succeed(empty))
    }
    const check = (): void => {
      if (living().length === 0) settle(true)
    }
    if (watched.length === 0) return settle(true)
    for (const { wakers } of watched) wakers.add(check)
    timer = setTimeout(() => settle(false), Math.min(Duration.toMillis(within), 2 ** 31 - 1))
    return Effect.sync(() => {
      clearTimeout(timer)
      for (const { wakers } of watched) wakers.delete(check)
    })
  })

export const make = (living: Living): ProcessBackend.Tree => ({
  members: members(living),
  signal: (signal) => Effect.flatMap(Ending.numberOf(signal), (number) => act(living, "signalling", "signal", number)),
  kill: act(living, "killing", "kill"),
  stats: TreeStats.look(members(living)),
  awaitEmpty: (within) =>
    Effect.flatMap(
      emptied(living, within),
      // Who cannot be listed is not taken for gone.
      (empty) => empty ? Effect.succeed([]) : Effect.orElseSucceed(members(living), () => leaders(living))
    )
})

export const suspend = (living: Living) => act(living, "suspending", "suspend")

export const resume = (living: Living) => act(living, "resuming", "resume")
