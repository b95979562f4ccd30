/**
 * The end of a process: comes once, and is told to everybody, however late they ask.
 */
import * as Exit from "effect/Exit"
import type { ChildProcess } from "node:child_process"
import * as os from "node:os"
import * as Outcome from "processkit/Outcome"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Signal from "processkit/Signal"

type ExitResult = Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>

/**
 * Interprets what Node reports about an end.
 *
 * Node reports death by a real-time signal as exit code 0 without a signal (Node 20, 22 and 24), and nothing here can
 * tell the difference: see `realTimeSignals` of the containment.
 */
const exitOf = (code: number | null, signal: string | null): Outcome.Exit => {
  if (!Signal.isSignal(signal)) return Outcome.exited(code ?? 0)
  const numbers: Readonly<Record<string, number>> = os.constants.signals
  return Outcome.signaled(signal, numbers[signal] ?? 0)
}

/** `lose` ends the wait where the status will never come. */
export interface ExitLatch {
  readonly observe: (observer: (exit: ExitResult) => void) => void
  readonly isReaped: () => boolean
  readonly lose: () => void
}

/** What a latch needs of a child process. */
export type Ending = Pick<ChildProcess, "on" | "unref">

/** Latches the exit of a process; `noted` is called before any observer. */
export const make = (child: Ending, program: string, noted: () => void): ExitLatch => {
  let exit: ExitResult | undefined
  let observers: Array<(exit: ExitResult) => void> = []
  const settle = (result: ExitResult): void => {
    if (exit !== undefined) return
    exit = result
    noted()
    const told = observers
    observers = []
    for (const observer of told) observer(result)
  }
  child.on("error", () => {}) // nothing of ours makes Node emit one, and one without a listener would end the owner
  // "exit", not "close": a descendant that keeps a pipe open must not delay the news.
  child.on("exit", (code, signal) => settle(Exit.succeed({ exit: exitOf(code, signal), usage: undefined })))
  return {
    observe: (observer) => exit === undefined ? void observers.push(observer) : observer(exit),
    isReaped: () => exit !== undefined,
    lose: () => {
      child.unref() // Node waits for it in vain
      settle(Exit.fail(statusLost(program)))
    }
  }
}

const statusLost = (program: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program, operation: "waiting for the exit status", errno: "ECHILD" }))
