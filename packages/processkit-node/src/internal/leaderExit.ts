/**
 * What happens to a tree when its leader has been reaped.
 *
 * Most leaders leave nobody behind, and a run must not pay for a reading of the whole table to find that out. Who was
 * forked after the leader got a later pid, so a few numbers are looked up instead, where they are few.
 */
import * as Result from "effect/Result"
import * as LiveTrees from "./liveTrees.ts"
import { request } from "./look.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable, Row } from "./processTable.ts"
import * as Signalling from "./signalling.ts"

/** No more numbers than this are looked up one by one; a missing one costs about 2 µs. */
const maxProbes = 256

/**
 * A leader that lived longer gets a reading of the whole table, because pids may have gone round meanwhile: at least
 * 32,768 of them (`PID_MAX_DEFAULT` of `include/linux/threads.h`) would have to be given out in this time.
 */
const maxAge = 250

/**
 * The pids that can belong to descendants of a leader, given the pid that was given out last; undefined where there are
 * too many or the numbers have wrapped around.
 *
 * Linux gives pids out in rising order and starts again after the last (`alloc_pid` in `kernel/pid.c`,
 * `idr_alloc_cyclic`), so a descendant has a number after its leader's.
 */
export const laterPids = (leader: number, last: number | undefined): ReadonlyArray<number> | undefined =>
  last === undefined || last < leader || last - leader > maxProbes
    ? undefined
    : Array.from({ length: last - leader }, (_, i) => leader + 1 + i)

const isRelated = (row: Row, leader: number): boolean => row.pgid === leader || row.session === leader

/** The pids that can belong to descendants; undefined where only a reading of the whole table tells. */
const candidates = (tree: LiveTrees.LiveTree, table: ProcessTable): ReadonlyArray<number> | undefined =>
  performance.now() - tree.startedAt > maxAge ? undefined : laterPids(tree.lineage.leader, table.lastPid())

const hasGroup = (leader: number, table: ProcessTable): boolean =>
  Signalling.send({ _tag: "group", pgid: leader }, 0, table.probe) !== "gone"

/** Whether it is certain that the leader left nobody behind. */
const isCertainlyEmpty = (tree: LiveTrees.LiveTree, table: ProcessTable): boolean => {
  const { leader, seen } = tree.lineage
  for (const pid of seen.keys()) if (pid !== leader) return false
  const { probe } = table
  if (probe === undefined) return !hasGroup(leader, table)
  const pids = candidates(tree, table)
  // Nobody has been started since the leader: that is certain without a signal, whose refusal makes an error object.
  if (pids === undefined || pids.length === 0) return pids !== undefined
  return !hasGroup(leader, table) && pids.every((pid) => {
    if (LiveTrees.isLeader(pid)) return true
    const row = probe(pid)
    return Result.isSuccess(row) && (row.success === undefined || !isRelated(row.success, leader))
  })
}

/**
 * Notes that the leader of a tree was reaped, and looks at once who is left, so that they are known from now on.
 *
 * Race: libuv reaps all children that have ended before it reports the first of them, so the number of this leader was
 * free for as long as the exit handlers of others took. To be mistaken, we would have to see every other pid given out
 * within that time.
 */
export const noteExit = (tree: LiveTrees.LiveTree, table: ProcessTable): void => {
  if (isCertainlyEmpty(tree, table)) return LiveTrees.remove(tree)
  LiveTrees.update(tree, Membership.exited(tree.lineage))
  request({ table, trees: () => Membership.isGone(tree.lineage) ? [] : [tree] }, () => {})
}
