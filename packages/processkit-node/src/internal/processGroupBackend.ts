/**
 * The backend that holds processes by process groups, sessions and parent chains: for systems without anything better.
 */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import type { Containment } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Adoption from "./adoption.ts"
import * as Child from "./child.ts"
import * as Emptiness from "./emptiness.ts"
import * as Ending from "./ending.ts"
import * as ExitHook from "./exitHook.ts"
import * as ExitLatch from "./exitLatch.ts"
import * as Fifo from "./fifo.ts"
import * as Guardian from "./guardian.ts"
import * as Identity from "./identity.ts"
import { inspect } from "./inspection.ts"
import { noteExit } from "./leaderExit.ts"
import * as LiveTrees from "./liveTrees.ts"
import * as LostExits from "./lostExits.ts"
import { sleep } from "./nativeSleep.ts"
import * as PermissionModel from "./permissionModel.ts"
import { probes } from "./probes.ts"
import type { ProcessTable, Row } from "./processTable.ts"
import * as ProcTable from "./procTable.ts"
import * as PsTable from "./psTable.ts"
import * as Spawn from "./spawn.ts"
import * as TreeStats from "./treeStats.ts"

/** How the backend gets at its means; everything has a default. */
export interface Options {
  readonly table?: "proc" | "ps" | undefined
  readonly guardian?: boolean | undefined
  readonly guardianShell?: Guardian.Options["shell"] | undefined
}

const containmentWith = (guardian: boolean): Containment => ({
  mechanism: "process-group",
  tree: "linked",
  ownerDeath: guardian ? "linked" : "none",
  suspend: true,
  limits: [],
  attributes: Identity.attributes,
  descriptors: true,
  realTimeSignals: false,
  escapes: "a process that leaves its session and whose parent ends before anybody looked at the process table" +
    (guardian ? "; where the owner is killed, also a program that it was just starting" : ""),
  refused: []
})

interface Means {
  readonly table: ProcessTable
  readonly guardian: Guardian.Options | undefined
}

const container = ({ guardian, table }: Means, containment: Containment): ProcessBackend.Container => {
  const trees = new Map<LiveTrees.LiveTree, ChildProcess | undefined>()
  let isSuspended = false
  const noting = (value: boolean, work: Effect.Effect<void, ProcessError.ProcessError>) =>
    Effect.suspend(() => {
      isSuspended = value
      return work
    })
  const grove = { table, trees: () => [...trees.keys()] }
  const adopt = ({ descriptors, program }: ProcessBackend.SpawnRequest) =>
  (
    process: ChildProcess,
    pid: number
  ): ProcessBackend.Child => {
    const latch = ExitLatch.make(process, program, () => noteExit(tree, table))
    const tree = LiveTrees.add(pid, {
      program,
      table,
      guarded: guardian !== undefined,
      onGone: () => trees.delete(tree),
      onLost: latch.lose
    })
    trees.set(tree, process)
    if (isSuspended) Ending.stopNewcomer(tree)
    return Child.make({ process, descriptors, pid, latch, tree, table })
  }
  const take = (row: Row | undefined): Effect.Effect<void, ProcessError.ProcessError> => {
    if (row === undefined) return Effect.void
    const tree = LiveTrees.adopt(row, { table, guarded: guardian !== undefined, onGone: () => trees.delete(tree) })
    trees.set(tree, undefined)
    return isSuspended ? Ending.suspend({ table, trees: () => [tree] }) : Effect.void
  }
  return {
    containment,
    spawn: (request) => {
      const start = Spawn.spawn(request, adopt(request))
      return guardian === undefined ? start : Effect.andThen(Guardian.ensure(request.program, guardian), start)
    },
    openLink: Fifo.open(),
    adopt: (pid, startTime) =>
      Effect.andThen(
        guardian === undefined ? Effect.void : Guardian.ensure("adopting a process", guardian),
        Effect.flatMap(Adoption.candidateIn(table, pid, startTime), take)
      ),
    members: Ending.members(grove),
    // Whoever continues everybody has ended the suspension, as under the other mechanisms.
    signal: (signal) => signal === "SIGCONT" ? noting(false, Ending.resume(grove)) : Ending.signal(grove, signal),
    kill: Ending.kill(grove),
    awaitEmpty: (within) => Emptiness.awaitEmpty(grove, within),
    stats: TreeStats.look(Ending.members(grove)),
    suspend: noting(true, Ending.suspend(grove)),
    resume: noting(false, Ending.resume(grove)),
    release: Effect.sync(() => {
      for (const [tree, process] of trees) {
        process?.unref() // what could not be ended must not keep us alive
        LiveTrees.remove(tree)
      }
    })
  }
}

/** Not entered as a tree, so that neither the end of the owner nor the guardian looks at it. */
const outside = (containment: Containment): ProcessBackend.Outside => ({
  containment,
  spawn: (request) =>
    Spawn.spawn(request, (process, pid) => {
      process.unref()
      return pid
    })
})

/** Why nothing can be started here at all, whatever it is. */
const obstacle = (): string | undefined =>
  process.platform === "win32" ? "it needs a POSIX system" : PermissionModel.refusal()

const unsupported = (detail: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({ feature: "starting processes", mechanism: "process-group", detail })
  )

const unlessObstructed = <A>(make: () => A): Effect.Effect<A, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const detail = obstacle()
    return detail === undefined ? Effect.sync(make) : Effect.fail(unsupported(detail))
  })

/** Makes the backend. One instance serves any number of fibers. */
export const make = (options: Options = {}): ProcessBackend.ProcessBackend["Service"] => {
  const containment = containmentWith(options.guardian !== false)
  let means: Means | undefined
  const theMeans = () => means ??= meansWith(options)
  return {
    containment,
    open: unlessObstructed(() => container(theMeans(), containment)),
    outside: unlessObstructed(() => outside(containment)),
    resolve: Spawn.resolve,
    sleep,
    probes,
    inspect
  }
}

const meansWith = (options: Options): Means => {
  ExitHook.install()
  LostExits.install()
  const name = options.table ?? (ProcTable.isOurs() ? "proc" : "ps")
  return {
    table: name === "proc" ? ProcTable.make() : PsTable.make(),
    guardian: options.guardian === false ? undefined : { table: name, shell: options.guardianShell ?? ["/bin/sh"] }
  }
}
