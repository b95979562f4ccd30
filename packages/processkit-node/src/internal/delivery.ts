/**
 * Sends one signal to trees that were just looked at: through the process group where that was verified, one by one
 * to members outside of it, and to nobody twice.
 */
import type { Attribution } from "./membership.ts"
import type { ProcessTable, Row } from "./processTable.ts"
import * as Signalling from "./signalling.ts"

/** An identity as text, for sets of members that were dealt with. */
export const identity = (row: Row): string => `${row.pid}:${row.start}`

/**
 * Groups and processes that a signal must be sent to in order to reach the members that pass the filter.
 *
 * A whole group gets the signal at once, because Linux makes a group signal atomic against forks (a fork with a signal
 * pending is restarted: `copy_process` in `kernel/fork.c`). A group is addressed only if all its members pass, since
 * nobody may get a signal twice.
 */
export const targets = (
  attributions: ReadonlyArray<Attribution>,
  wanted: (row: Row) => boolean
): ReadonlyArray<Signalling.Target> => {
  const list: Array<Signalling.Target> = []
  // Who was taken in may belong to another tree as well.
  const done = new Set<number>()
  const isDue = (row: Row) => wanted(row) && !done.has(row.pid)
  for (const { group, lineage, members } of attributions) {
    const inside = members.filter((row) => row.pgid === lineage.leader)
    const whole = group && inside.length > 0 && inside.every(isDue)
    if (whole) list.push({ _tag: "group", pgid: lineage.leader })
    for (const row of members) {
      if (isDue(row) && !(whole && row.pgid === lineage.leader)) list.push({ _tag: "process", row })
      done.add(row.pid)
    }
  }
  return list
}

/** Sends to every target; answers with those that may not be signalled by us. */
export const sendAll = (
  list: ReadonlyArray<Signalling.Target>,
  number: number,
  table: ProcessTable
): ReadonlyArray<Signalling.Target> =>
  list.filter((target) => Signalling.send(target, number, table.probe) === "denied")

/**
 * Tells whether members of signalled groups did not get the signal because they belong to somebody else.
 *
 * A group signal succeeds as soon as it reached one process (kill(2), man-pages 6.7), so each is asked with signal 0,
 * which delivers nothing.
 */
export const isDeniedInGroups = (attributions: ReadonlyArray<Attribution>, table: ProcessTable): boolean =>
  attributions.some(({ group, lineage, members }) =>
    group &&
    members.some((row) =>
      row.pgid === lineage.leader && Signalling.send({ _tag: "process", row }, 0, table.probe) === "denied"
    )
  )
