/**
 * The trees that are alive in this Node process, of all runners together, and what has to know about them.
 *
 * A tree is entered in the tick in which its leader was started and leaves when nothing of it is left or its container
 * was released. This module owns the state of every tree; others change it only through the functions here.
 */
import * as Reserve from "./descriptorReserve.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable, Row } from "./processTable.ts"

/** Hears of every change; `before` is undefined for a new tree, `after` for one that has left. */
export type Listener = (
  tree: LiveTree,
  before: Membership.Lineage | undefined,
  after: Membership.Lineage | undefined
) => void

/**
 * One started process and its descendants.
 *
 * `wakers` are called at the leader's exit and when nothing is left. `guarded` tells whether the guardian knows of it.
 * `onLost` is called where the leader has vanished and its exit was not reported.
 */
export interface LiveTree {
  readonly program: string
  readonly table: ProcessTable
  readonly guarded: boolean
  readonly startedAt: number
  readonly lineage: Membership.Lineage
  readonly wakers: Set<() => void>
  readonly onLost: () => void
}

interface Entry extends LiveTree {
  lineage: Membership.Lineage
  readonly onGone: () => void
}

const entries = new Map<LiveTree, Entry>()
const leaders = new Set<number>()
const foreign = new Set<number>()
const listeners = new Map<string, Listener>()

/** Adds a listener that lives as long as the Node process; a name has one listener. */
export const listen = (name: string, listener: Listener): void => {
  listeners.set(name, listener)
}

/** How many trees are alive. */
export const count = (): number => entries.size

/** Every tree alive, the oldest first. */
export const all = (): ReadonlyArray<LiveTree> => [...entries.keys()]

/** Tells whether a pid is the leader of a tree that is alive. */
export const isLeader = (pid: number): boolean => leaders.has(pid)

/** Tells whether a pid is the owner or one of its helpers, which are never members. */
export const isForeign = (pid: number): boolean => pid === process.pid || foreign.has(pid)

/** Excludes a helper process of ours from every tree. */
export const exclude = (pid: number): void => {
  foreign.add(pid)
}

/** Ends the exclusion of a helper that was reaped. */
export const include = (pid: number): void => {
  foreign.delete(pid)
}

/** Enters the tree of a process that was just started. */
export const add = (
  leader: number,
  options: Pick<Entry, "program" | "table" | "guarded" | "onGone" | "onLost">
): LiveTree => {
  leaders.add(leader)
  return enter(options, Membership.started(leader))
}

const enter = (
  options: Pick<Entry, "program" | "table" | "guarded" | "onGone" | "onLost">,
  lineage: Membership.Lineage
): LiveTree => {
  const tree: Entry = { ...options, startedAt: performance.now(), lineage, wakers: new Set() }
  if (entries.size === 0) Reserve.hold(entries)
  entries.set(tree, tree)
  tell(tree, undefined, tree.lineage)
  return tree
}

/** Enters a process that somebody else has started. */
export const adopt = (row: Row, options: Pick<Entry, "table" | "guarded" | "onGone">): LiveTree =>
  enter({ ...options, program: "", onLost: () => {} }, Membership.adopted(row))

/** Records what is now known of a tree; a tree of which nothing is left leaves. */
export const update = (tree: LiveTree, lineage: Membership.Lineage): void => {
  const entry = entries.get(tree)
  if (entry === undefined || entry.lineage === lineage) return
  if (Membership.isGone(lineage)) return remove(tree)
  const before = entry.lineage
  entry.lineage = lineage
  tell(tree, before, lineage)
  if (before.phase !== "running" || lineage.phase === "running") return
  leaders.delete(lineage.leader)
  wake(tree)
}

/** Takes a tree out, whether or not something of it is left. */
export const remove = (tree: LiveTree): void => {
  const entry = entries.get(tree)
  if (entry === undefined) return
  const before = entry.lineage
  entries.delete(tree)
  // Only while it is running: later the number may lead another tree of ours.
  if (before.phase === "running") leaders.delete(before.leader)
  entry.lineage = Membership.gone(before)
  if (entries.size === 0) Reserve.drop(entries)
  tell(tree, before, undefined)
  entry.onGone()
  wake(tree)
}

const tell: Listener = (tree, before, after) => {
  for (const listener of listeners.values()) listener(tree, before, after)
}

const wake = (tree: LiveTree): void => {
  for (const waker of tree.wakers) waker()
}
