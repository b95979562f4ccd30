/**
 * A look at the process table on behalf of some trees: who is in them now.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import * as LiveTrees from "./liveTrees.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable, Table } from "./processTable.ts"
import * as Signalling from "./signalling.ts"

/** Some trees, seen through one table. `trees` is asked anew at every look, because trees come and go. */
export interface Grove {
  readonly table: ProcessTable
  readonly trees: () => ReadonlyArray<LiveTrees.LiveTree>
}

/** Attributes a table to trees and records what it says. */
export const record = (
  trees: ReadonlyArray<LiveTrees.LiveTree>,
  table: Table
): ReadonlyArray<Membership.Attribution> => {
  Signalling.setOwnGroup(table.get(process.pid)?.pgid)
  const attributions = Membership.attribute(trees.map((tree) => tree.lineage), table, LiveTrees.isForeign)
  attributions.forEach((attribution, i) => {
    const tree = trees[i]
    if (tree !== undefined) LiveTrees.update(tree, attribution.lineage)
  })
  return attributions
}

/** Looks without an effect around it; answers with an errno where the table could not be read. */
export const request = (
  grove: Grove,
  done: (attributions: Result.Result<ReadonlyArray<Membership.Attribution>, string>) => void
): void => {
  if (grove.trees().length === 0) return done(Result.succeed([]))
  grove.table.read((reading) => done(Result.map(reading, (table) => record(grove.trees(), table))))
}

/** Wraps the errno of a table that could not be read. */
export const unreadable = (errno: string): ProcessError.ProcessError =>
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

/** Every living member of some attributions. */
export const membersOf = (attributions: ReadonlyArray<Membership.Attribution>) =>
  attributions.flatMap((attribution) => attribution.members)
