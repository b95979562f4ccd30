/**
 * A started process as the engine sees it.
 */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import { Socket } from "node:net"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type { SpawnRequest } from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import type * as Signal from "processkit/Signal"
import * as ByteSink from "./byteSink.ts"
import * as ByteSource from "./byteSource.ts"
import * as DescriptorEnds from "./descriptorEnds.ts"
import * as Emptiness from "./emptiness.ts"
import * as Ending from "./ending.ts"
import type { ExitLatch } from "./exitLatch.ts"
import type { LiveTree } from "./liveTrees.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable } from "./processTable.ts"
import * as Signalling from "./signalling.ts"
import * as TreeStats from "./treeStats.ts"

/**
 * Signals the leader and nobody else.
 *
 * Race: libuv reaps all children that have ended and then reports one after the other, so inside another child's exit
 * handler a process can be reaped without our knowing. Waiting for the next turn of the event loop lets every report
 * through first.
 */
const signalLeader = (pid: number, latch: ExitLatch, signal: Signal.Signal, program: string) =>
  Effect.flatMap(Ending.numberOf(signal), (number) =>
    Effect.callback<void, ProcessError.ProcessError>((resume) => {
      const turn = setImmediate(() => {
        const delivery = Signalling.send({ _tag: "leader", pid, isReaped: latch.isReaped }, number, undefined)
        resume(delivery === "denied" ? Effect.fail(Ending.notPermitted(program)) : Effect.void)
      })
      return Effect.sync(() => clearImmediate(turn))
    }))

/** Node makes a socket pair of each, so one that both write to may be half closed. */
const endsOf = (
  process: ChildProcess,
  descriptors: SpawnRequest["descriptors"]
): ProcessBackend.Child["descriptors"] => {
  if (descriptors === undefined) return undefined
  const ends = new Map<number, ProcessBackend.DescriptorEnds>()
  for (const descriptor of descriptors) {
    const socket = process.stdio[descriptor.fd]
    if (!(socket instanceof Socket)) continue
    socket.allowHalfOpen = true
    ends.set(descriptor.fd, DescriptorEnds.make(socket, DescriptorEnds.sideOf(descriptor)))
  }
  return ends
}

/** Makes the engine's view of a process that was just started and entered as a tree. */
export const make = (options: {
  readonly process: ChildProcess
  readonly descriptors: SpawnRequest["descriptors"]
  readonly pid: number
  readonly latch: ExitLatch
  readonly tree: LiveTree
  readonly table: ProcessTable
}): ProcessBackend.Child => {
  const { descriptors, latch, pid, process, table, tree } = options
  const grove = { table, trees: () => Membership.isGone(tree.lineage) ? [] : [tree] }
  return {
    pid,
    stdin: process.stdin === null ? undefined : ByteSink.make(process.stdin),
    stdout: process.stdout === null ? undefined : ByteSource.make(process.stdout),
    stderr: process.stderr === null ? undefined : ByteSource.make(process.stderr),
    descriptors: endsOf(process, descriptors),
    onExit: latch.observe,
    signalLeader: (signal) => signalLeader(pid, latch, signal, tree.program),
    members: Ending.members(grove),
    signal: (signal) => Ending.signal(grove, signal),
    kill: Ending.kill(grove),
    awaitEmpty: (within) => Emptiness.awaitEmpty(grove, within),
    stats: TreeStats.look(Ending.members(grove))
  }
}
