/**
 * What can be done to the members of trees: signal, stop, continue, kill.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import type * as Signal from "processkit/Signal"
import * as Delivery from "./delivery.ts"
import type { LiveTree } from "./liveTrees.ts"
import type { Grove } from "./look.ts"
import { look, membersOf, record, survey } from "./look.ts"
import type { Attribution } from "./membership.ts"
import type { Row } from "./processTable.ts"
import * as Signalling from "./signalling.ts"
import { signalNumber } from "./signalNumber.ts"

/** How often we look again for members that appeared while others were being stopped or killed. */
const maxRounds = 100

/** The failure to signal a process that is there. */
export const notSignalled = (errno: string, program?: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program, operation: "signalling a process", errno }))

/** The failure to signal a process that belongs to somebody else. */
export const notPermitted = (program?: string): ProcessError.ProcessError => notSignalled("EPERM", program)

/** Gets the number of a signal, or fails where this system does not have it. */
export const numberOf = (signal: Signal.Signal): Effect.Effect<number, ProcessError.ProcessError> => {
  const number = signalNumber(signal)
  return number === undefined
    ? Effect.fail(ProcessError.make(
      new ProcessError.Unsupported({
        feature: `the signal ${signal}`,
        mechanism: "process-group",
        detail: `${process.platform} does not have it`
      })
    ))
    : Effect.succeed(number)
}

/** Sends a signal to every member alive now, once each. */
export const signal = Effect.fnUntraced(function*(grove: Grove, name: Signal.Signal) {
  const number = yield* numberOf(name)
  const attributions = yield* look(grove)
  const denied = Delivery.sendAll(Delivery.targets(attributions, () => true), number, grove.table)
  // What a group answers is not asked: macOS says EPERM for a group in which only zombies are left.
  if (denied.some((target) => target._tag === "process") || Delivery.isDeniedInGroups(attributions, grove.table)) {
    return yield* Effect.fail(notPermitted())
  }
})

/** One round: signals the members not dealt with yet and tells whether there were any. */
const round = (
  attributions: ReadonlyArray<Attribution>,
  number: number,
  done: Set<string>,
  grove: Grove
): boolean => {
  const isNew = (row: Row) => !done.has(Delivery.identity(row))
  const fresh = membersOf(attributions).filter(isNew)
  Delivery.sendAll(Delivery.targets(attributions, isNew), number, grove.table)
  for (const row of fresh) done.add(Delivery.identity(row))
  return fresh.length > 0
}

/** Signals until a look shows nobody who did not get it. */
const toFixpoint = Effect.fnUntraced(function*(grove: Grove, number: number) {
  const done = new Set<string>()
  for (let i = 0; i < maxRounds; i++) {
    if (!round(yield* look(grove), number, done, grove)) return
  }
})

/** Stops every member, and those that were forked meanwhile. */
export const suspend = (grove: Grove) => Effect.flatMap(numberOf("SIGSTOP"), (number) => toFixpoint(grove, number))

/** Stops a process that was started into suspended trees; it may have run for a moment. */
export const stopNewcomer = ({ lineage, table }: LiveTree): void => {
  const number = signalNumber("SIGSTOP")
  if (number !== undefined) Signalling.send({ _tag: "group", pgid: lineage.leader }, number, table.probe)
}

/** Lets every member run on. */
export const resume = (grove: Grove) => signal(grove, "SIGCONT")

/** Where no table can be had, the groups of leaders that are not reaped are still certain. */
const killGroups = (grove: Grove, number: number): void => {
  for (const { lineage } of grove.trees()) {
    if (lineage.phase === "running") {
      Signalling.send({ _tag: "group", pgid: lineage.leader }, number, grove.table.probe)
    }
  }
}

/**
 * Ends every member.
 *
 * Everybody is stopped before anybody is killed: a process that is killed while its child is not known yet takes the
 * link to the child with it. Members that may not be signalled are left to whoever waits for the end.
 */
export const kill = Effect.fnUntraced(function*(grove: Grove) {
  const number = yield* numberOf("SIGKILL")
  const everybody = Effect.andThen(suspend(grove), toFixpoint(grove, number))
  // Again after that: those whom it ended may be what kept the table from being read.
  yield* everybody.pipe(
    Effect.catch(() => Effect.andThen(Effect.sync(() => killGroups(grove, number)), everybody)),
    Effect.ignore
  )
})

/** The same at once and without an effect, for the exit hook of the owner. */
export const killNow = (grove: Grove): void => {
  for (const number of [signalNumber("SIGSTOP"), signalNumber("SIGKILL")]) {
    if (number !== undefined) toFixpointNow(grove, number)
  }
}

const toFixpointNow = (grove: Grove, number: number): void => {
  const done = new Set<string>()
  for (let i = 0; i < maxRounds; i++) {
    const known = survey(grove)
    const reading = grove.table.readNow()
    if (Result.isFailure(reading)) return killGroups(grove, number)
    if (!round(record(known, reading.success), number, done, grove)) return
  }
}

/** The pids of the members alive now. */
export const members = (grove: Grove): Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError> =>
  Effect.map(look(grove), (attributions) => membersOf(attributions).map((row) => row.pid))
