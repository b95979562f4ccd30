/**
 * A started process as the engine sees it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ChildProcess } from "node:child_process"
import * as os from "node:os"
import * as Outcome from "processkit/Outcome"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as Signal from "processkit/Signal"
import * as ByteSink from "./byteSink.ts"
import * as ByteSource from "./byteSource.ts"
import * as Emptiness from "./emptiness.ts"
import * as Ending from "./ending.ts"
import type { LiveTree } from "./liveTrees.ts"
import * as Membership from "./membership.ts"
import type { ProcessTable } from "./processTable.ts"
import * as Signalling from "./signalling.ts"

type ExitResult = Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>

/**
 * Interprets what Node reports about an end.
 *
 * Node reports death by a real-time signal as exit code 0 without a signal (Node 20, 22 and 24), and nothing here can
 * tell the difference: see `realTimeSignals` of the containment.
 */
export const exitOf = (code: number | null, signal: string | null): Outcome.Exit => {
  if (!Signal.isSignal(signal)) return Outcome.exited(code ?? 0)
  const numbers: Readonly<Record<string, number>> = os.constants.signals
  return Outcome.signaled(signal, numbers[signal] ?? 0)
}

/** An end that comes once and is told to everybody, however late they ask. */
export interface ExitLatch {
  readonly observe: (observer: (exit: ExitResult) => void) => void
  readonly isReaped: () => boolean
}

/** Latches the exit of a process; `noted` is called before any observer. */
export const latchExit = (child: ChildProcess, noted: () => void): ExitLatch => {
  let exit: ExitResult | undefined
  let observers: Array<(exit: ExitResult) => void> = []
  // "exit", not "close": a descendant that keeps a pipe open must not delay the news.
  child.on("exit", (code, signal) => {
    if (exit !== undefined) return
    const latched: ExitResult = Exit.succeed({ exit: exitOf(code, signal), usage: undefined })
    exit = latched
    noted()
    const told = observers
    observers = []
    for (const observer of told) observer(latched)
  })
  return {
    observe: (observer) => exit === undefined ? void observers.push(observer) : observer(exit),
    isReaped: () => exit !== undefined
  }
}

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

/** Makes the engine's view of a process that was just started and entered as a tree. */
export const make = (options: {
  readonly process: ChildProcess
  readonly pid: number
  readonly latch: ExitLatch
  readonly tree: LiveTree
  readonly table: ProcessTable
}): ProcessBackend.Child => {
  const { latch, pid, process, table, tree } = options
  const grove = { table, trees: () => Membership.isGone(tree.lineage) ? [] : [tree] }
  return {
    pid,
    stdin: process.stdin === null ? undefined : ByteSink.make(process.stdin),
    stdout: process.stdout === null ? undefined : ByteSource.make(process.stdout),
    stderr: process.stderr === null ? undefined : ByteSource.make(process.stderr),
    onExit: latch.observe,
    signalLeader: (signal) => signalLeader(pid, latch, signal, tree.program),
    members: Ending.members(grove),
    signal: (signal) => Ending.signal(grove, signal),
    kill: Ending.kill(grove),
    awaitEmpty: (within) => Emptiness.awaitEmpty(grove, within)
  }
}
