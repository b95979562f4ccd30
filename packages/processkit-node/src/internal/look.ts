/**
 * A look at the process table on behalf of some trees: who is in them now.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import * as LiveTrees from "./liveTrees.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable, Row, Table } from "./processTable.ts"
import * as Signalling from "./signalling.ts"

/** Some trees, seen through one table. `trees` is asked anew at every look, because trees come and go. */
export interface Grove {
  readonly table: ProcessTable
  readonly trees: () => ReadonlyArray<LiveTrees.LiveTree>
}

/** Trees with what was known of them when a reading of the table began. */
export interface Survey {
  readonly trees: ReadonlyArray<LiveTrees.LiveTree>
  readonly lineages: ReadonlyArray<Membership.Lineage>
}

/** Notes what is known at the beginning of a reading. */
export const survey = (grove: Grove): Survey => {
  const trees = grove.trees()
  return { trees, lineages: trees.map((tree) => tree.lineage) }
}

/**
 * Attributes a table to trees and records what it says.
 *
 * Race: `ps` lists a leader, the leader ends and is reaped, and only then its output arrives. By that output the reaped
 * leader would be a stranger with its pid, and the members it left would be given up. So a reading is judged by what
 * was known when it began, and of a tree that has changed since only the identities that were seen are kept.
 */
export const record = ({ lineages, trees }: Survey, table: Table): ReadonlyArray<Membership.Attribution> => {
  Signalling.setOwnGroup(table.get(process.pid)?.pgid)
  const attributions = Membership.attribute(lineages, table, LiveTrees.isForeign)
  trees.forEach((tree, i) => {
    const found = attributions[i]
    if (found === undefined) return
    const isCurrent = tree.lineage === lineages[i]
    LiveTrees.update(tree, isCurrent ? found.lineage : Membership.alsoSeen(tree.lineage, found.lineage.seen))
  })
  return attributions
}

/** Looks without an effect around it; answers with an errno where the table could not be read. */
export const request = (
  grove: Grove,
  done: (attributions: Result.Result<ReadonlyArray<Membership.Attribution>, string>) => void
): void => {
  if (grove.trees().length === 0) return done(Result.succeed([]))
  grove.table.read(() => {
    const known = survey(grove)
    return (reading) => done(Result.map(reading, (table) => record(known, table)))
  })
}

/** Wraps the errno of a table that could not be read. */
const unreadable = (errno: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.IoFailed({ program: undefined, operation: "reading the process table", errno })
  )

/** Looks at the trees. */
export const look = (
  grove: Grove
): Effect.Effect<ReadonlyArray<Membership.Attribution>, ProcessError.ProcessError> =>
  Effect.callback((resume) =>
    request(grove, (result) => resume(Effect.fromResult(Result.mapError(result, unreadable))))
  )

/** Every living member of some attributions, once: who was taken in may belong to another tree as well. */
export const membersOf = (attributions: ReadonlyArray<Membership.Attribution>): ReadonlyArray<Row> => {
  const found = new Map<number, Row>()
  for (const { members } of attributions) for (const row of members) found.set(row.pid, row)
  return [...found.values()]
}
