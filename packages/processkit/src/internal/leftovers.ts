/**
 * Ends the descendants that outlived a program.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type { Pump } from "./pump.ts"
import type { Stage } from "./stage.ts"
import type { StopLadder } from "./stopLadder.ts"

const atOnce = { signal: "SIGKILL", grace: Duration.zero, escalate: true } as const

/**
 * How long descendants may stay: those of a stage may write into the pipe to the next one for as long as into a pipe that
 * we read. Where a pipe of ours was closed before its end, they have had that time.
 */
export const patienceOf = (stage: Stage | undefined, pumps: ReadonlyArray<Pump>): Duration.Duration =>
  stage === undefined || pumps.some(({ cut }) => cut) ? Duration.zero : stage.patience

/**
 * Ends the members of a tree, after a stop under way and after the patience that they are granted, and counts those who
 * had to be ended. Members that cannot be listed are ended all the same, and counted by nobody.
 */
export const end = (
  tree: ProcessBackend.Tree,
  ladder: StopLadder,
  patience: Duration.Duration
): Effect.Effect<number> => {
  const listed = Effect.option(tree.members)
  const spared = Effect.flatMap(listed, (left) =>
    Duration.isZero(patience) || isEmpty(left)
      ? Effect.succeed(left)
      : Effect.andThen(tree.awaitEmpty(patience), listed))
  return Effect.suspend(() => ladder.underWay ?? Effect.void).pipe(
    Effect.andThen(spared),
    Effect.tap((left) => isEmpty(left) ? Effect.void : ladder.stop(atOnce)),
    Effect.map((left) => Option.isSome(left) ? left.value.length : 0)
  )
}

const isEmpty = (left: Option.Option<ReadonlyArray<number>>): boolean =>
  Option.exists(left, (members) => members.length === 0)
