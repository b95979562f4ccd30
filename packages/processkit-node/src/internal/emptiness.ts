/**
 * Waits until the operating system says that nothing is left of some trees.
 *
 * The exits of leaders are events. Other members are not our children, so they are asked for: the known ones one by one
 * at first, and the whole table only when none of them is left. Native timers: a wait that ends a process must not
 * depend on Effect's Clock, which tests stop.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { LiveTree } from "./liveTrees.ts"
import type { Grove } from "./look.ts"
import { membersOf, request } from "./look.ts"
import type { ProcessTable } from "./processTable.ts"

const firstDelay = 1
const lastDelay = 20
/** Without cheap probes every question costs a process. */
const lastDelayWithoutProbes = 200
/** setTimeout takes no longer delay. */
const maxTimeout = 2 ** 31 - 1

/** The next pause between two questions. */
export const nextDelay = (delay: number, hasProbes: boolean): number =>
  Math.min(delay * 2, hasProbes ? lastDelay : lastDelayWithoutProbes)

const isKnownAlive = (table: ProcessTable, pid: number, start: string): boolean => {
  if (table.probe === undefined) return false
  const row = table.probe(pid)
  return Result.isFailure(row) || (row.success !== undefined && row.success.alive && row.success.start === start)
}

/** Whether at least one member is certainly alive, without reading the table. */
const isCertainlyAlive = (grove: Grove, tree: LiveTree): boolean => {
  const { lineage } = tree
  if (lineage.phase === "running") return true
  for (const [pid, start] of lineage.seen) if (isKnownAlive(grove.table, pid, start)) return true
  return false
}

/** What is left according to the last look, for when no other can be had. */
const lastKnown = (grove: Grove): ReadonlyArray<number> => {
  const pids = new Set<number>()
  for (const { lineage } of grove.trees()) {
    if (lineage.phase === "running") pids.add(lineage.leader)
    for (const [pid, start] of lineage.seen) {
      if (grove.table.probe === undefined || isKnownAlive(grove.table, pid, start)) pids.add(pid)
    }
  }
  return [...pids]
}

class Wait {
  private timer: NodeJS.Timeout | undefined
  private ended = false
  private looking = false
  private readonly watched = new Set<LiveTree>()
  private delay = firstDelay
  private readonly deadline: number

  private readonly grove: Grove
  private readonly done: (survivors: ReadonlyArray<number>) => void

  constructor(grove: Grove, within: number, done: (survivors: ReadonlyArray<number>) => void) {
    this.grove = grove
    this.done = done
    this.deadline = performance.now() + within
  }

  readonly check = (): void => {
    if (this.ended || this.looking) return
    const trees = this.grove.trees()
    if (trees.length === 0) return this.end([])
    const isOver = performance.now() >= this.deadline
    if (!isOver && trees.some((tree) => isCertainlyAlive(this.grove, tree))) return this.again(trees)
    this.looking = true
    request(this.grove, (result) => {
      this.looking = false
      if (this.ended) return
      const left = Result.isSuccess(result) ? membersOf(result.success).map((row) => row.pid) : lastKnown(this.grove)
      if (isOver || (left.length === 0 && this.grove.trees().length === 0)) return this.end(left)
      this.again(this.grove.trees())
    })
  }

  readonly cancel = (): void => {
    this.ended = true
    clearTimeout(this.timer)
    for (const tree of this.watched) tree.wakers.delete(this.check)
  }

  /** Race: a tree leaves before the observers of its leader's exit are told, in the same turn; they come first. */
  private end(survivors: ReadonlyArray<number>): void {
    this.cancel()
    queueMicrotask(() => this.done(survivors))
  }

  private again(trees: ReadonlyArray<LiveTree>): void {
    for (const tree of trees) {
      this.watched.add(tree)
      tree.wakers.add(this.check)
    }
    clearTimeout(this.timer)
    const remaining = Math.min(Math.max(0, this.deadline - performance.now()), maxTimeout)
    // While every tree has its leader, only an exit event can end the wait.
    const isEventful = trees.every((tree) => tree.lineage.phase === "running")
    this.timer = setTimeout(this.check, isEventful ? remaining : Math.min(remaining, this.delay))
    this.delay = nextDelay(this.delay, this.grove.table.probe !== undefined)
  }
}

/** Waits for the end of every member, and answers with those that are alive when the time is over. */
export const awaitEmpty = (grove: Grove, within: Duration.Duration): Effect.Effect<ReadonlyArray<number>> =>
  Effect.callback((resume) => {
    const wait = new Wait(grove, Duration.toMillis(within), (survivors) => resume(Effect.succeed(survivors)))
    wait.check()
    return Effect.sync(wait.cancel)
  })
