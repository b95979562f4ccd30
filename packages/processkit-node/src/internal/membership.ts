/**
 * Who belongs to a started process: the rule, as a pure function of a process table.
 *
 * A started process (the leader) leads its own session and process group, both numbered like itself. To its tree
 * belong: the members of that group and that session, every descendant that is linked to a member by living parents,
 * and every process that was a member at an earlier look and has not changed its identity since.
 *
 * Numbers are only as good as what keeps them from being given out again. A pid stays reserved while its process is not
 * reaped, and as long as any process is in a group or session of that number (Linux `kernel/pid.c`, `__change_pid`:
 * a number is freed when no task uses it as pid, thread group, process group or session; XNU `forkproc` skips numbers
 * in use as any of these). Therefore:
 *
 * - while the leader is not reaped, group and session are trusted;
 * - afterwards they are trusted as long as somebody who was seen in them is still there, because then the number was
 *   never free;
 * - once nobody is, they are dissolved for ever, and whoever has the number later is a stranger.
 */
import type { Row, Table } from "./processTable.ts"

/**
 * How far the numbers of the leader can be trusted.
 *
 * - `running`: the leader is not reaped.
 * - `exited`: it was reaped a moment ago and nobody has looked since; its numbers are trusted for one look.
 * - `orphaned`: members outlive it; trusted as long as one that was seen is still in the group or session.
 * - `dissolved`: not trusted any more.
 */
export type Phase = "running" | "exited" | "orphaned" | "dissolved"

/** What is known about one tree from the looks so far; `seen` maps the pid of each member to its start. */
export interface Lineage {
  readonly leader: number
  readonly phase: Phase
  readonly seen: ReadonlyMap<number, string>
}

/**
 * What one look at the table says about one tree.
 *
 * `members` are alive; `group` tells whether the process group numbered like the leader may be signalled.
 */
export interface Attribution {
  readonly lineage: Lineage
  readonly members: ReadonlyArray<Row>
  readonly group: boolean
}

/** Makes the lineage of a process that was just started. */
export const started = (leader: number): Lineage => ({ leader, phase: "running", seen: new Map() })

/** Makes the lineage of a process that somebody else has started: it leads nothing that is ours, and is known by itself. */
export const adopted = ({ pid, start }: Row): Lineage => ({
  leader: 0,
  phase: "dissolved",
  seen: new Map([[pid, start]])
})

/** Notes that the leader was reaped. */
export const exited = (self: Lineage): Lineage => self.phase === "running" ? { ...self, phase: "exited" } : self

/** Notes that nothing is left at all. */
export const gone = (self: Lineage): Lineage => ({ leader: self.leader, phase: "dissolved", seen: new Map() })

/** Adds members that an earlier reading of the table has shown; the same lineage where that says nothing new. */
export const alsoSeen = (self: Lineage, seen: ReadonlyMap<number, string>): Lineage => {
  const added = [...seen].filter(([pid]) => !self.seen.has(pid))
  return added.length === 0 || isGone(self) ? self : { ...self, seen: new Map([...self.seen, ...added]) }
}

/** Tells whether nothing can come back: the numbers are not ours any more, and nobody is known to be left. */
export const isGone = (self: Lineage): boolean => self.phase === "dissolved" && self.seen.size === 0

const isIn = (row: Row, leader: number): boolean => row.pgid === leader || row.session === leader

/** Rows that were members before and are still the same processes; zombies count, since they reserve numbers too. */
const stillThere = (self: Lineage, table: Table): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  for (const [pid, start] of self.seen) {
    // Once the leader is reaped, whoever has its pid is a stranger, even one that a coarse start time cannot tell apart.
    if (pid === self.leader && self.phase !== "running") continue
    const row = table.get(pid)
    if (row !== undefined && row.start === start) rows.push(row)
  }
  return rows
}

/** Tells whether the number of the leader cannot have been given to anybody else. */
const isReserved = (self: Lineage, table: Table, known: ReadonlyArray<Row>): boolean => {
  switch (self.phase) {
    case "running":
      return true
    case "exited":
      return !table.has(self.leader)
    case "orphaned":
      return !table.has(self.leader) && known.some((row) => isIn(row, self.leader))
    case "dissolved":
      return false
  }
}

const nextPhase = (self: Lineage, reserved: boolean, rows: Iterable<Row>): Phase => {
  if (self.phase === "running") return "running"
  if (reserved) { for (const row of rows) if (isIn(row, self.leader)) return "orphaned" }
  return "dissolved"
}

interface Index {
  readonly byParent: ReadonlyMap<number, ReadonlyArray<Row>>
  readonly byLeader: ReadonlyMap<number, ReadonlyArray<Row>>
}

const append = (index: Map<number, Array<Row>>, key: number, row: Row): void => {
  const rows = index.get(key)
  if (rows === undefined) index.set(key, [row])
  else rows.push(row)
}

const indexed = (table: Table, leaders: ReadonlySet<number>): Index => {
  const byParent = new Map<number, Array<Row>>()
  const byLeader = new Map<number, Array<Row>>()
  for (const row of table.values()) {
    append(byParent, row.ppid, row)
    if (leaders.has(row.pgid)) append(byLeader, row.pgid, row)
    if (row.session !== undefined && row.session !== row.pgid && leaders.has(row.session)) {
      append(byLeader, row.session, row)
    }
  }
  return { byParent, byLeader }
}

/** Everything reachable from the seeds by living parents; what is foreign is neither taken nor passed through. */
const closure = (
  seeds: Iterable<Row>,
  index: Index,
  isForeign: (pid: number) => boolean
): ReadonlyMap<number, Row> => {
  const found = new Map<number, Row>()
  const queue = [...seeds]
  for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
    if (row.pid <= 1 || found.has(row.pid) || isForeign(row.pid)) continue
    found.set(row.pid, row)
    for (const child of index.byParent.get(row.pid) ?? []) queue.push(child)
  }
  return found
}

const attributeOne = (
  self: Lineage,
  table: Table,
  index: Index,
  isForeign: (pid: number) => boolean
): Attribution => {
  const known = stillThere(self, table)
  const reserved = isReserved(self, table, known)
  const leader = self.phase === "running" ? table.get(self.leader) : undefined
  const inside = reserved ? index.byLeader.get(self.leader) ?? [] : []
  const rows = closure([...inside, ...known, ...leader === undefined ? [] : [leader]], index, isForeign)
  const seen = new Map<number, string>()
  const members: Array<Row> = []
  for (const row of rows.values()) {
    seen.set(row.pid, row.start)
    if (row.alive) members.push(row)
  }
  // Nobody alive and the leader reaped: a zombie neither forks nor joins a group, so nothing can come back.
  if (members.length === 0 && self.phase !== "running") return { lineage: gone(self), members, group: false }
  const phase = nextPhase(self, reserved, rows.values())
  return { lineage: { leader: self.leader, phase, seen }, members, group: reserved && phase !== "dissolved" }
}

/**
 * Attributes the rows of a table to trees, in the order of the lineages.
 *
 * `isForeign` names processes that are never members, whatever they are linked to: the owner and its helpers.
 */
export const attribute = (
  lineages: ReadonlyArray<Lineage>,
  table: Table,
  isForeign: (pid: number) => boolean
): ReadonlyArray<Attribution> => {
  const index = indexed(table, new Set(lineages.map((lineage) => lineage.leader)))
  return lineages.map((lineage) => attributeOne(lineage, table, index, isForeign))
}
