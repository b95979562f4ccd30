/**
 * Lends the terminal of this process to one child: what it takes besides the start, and what has to be done while the child
 * has it.
 *
 * The child runs in our session, as the foreground job of the terminal, started by a second host that is in our session
 * too. That host does what a shell does for a job; what is left to us is to let a job go on that the terminal has stopped
 * together with us.
 */
import * as Effect from "effect/Effect"
import * as os from "node:os"
import * as ProcessError from "processkit/ProcessError"
import * as Host from "../host/host.ts"
import type { HostChild } from "../host/hostAnswers.ts"
import type { Rejected } from "../host/hostBinary.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import { spawnFailure } from "../spawnFailure.ts"

const { SIGTSTP, SIGTTIN, SIGTTOU } = os.constants.signals

/**
 * How long we may run on after the child was stopped before it is continued. We are stopped by then, unless nobody could
 * continue us (`get_signal` of `kernel/signal.c`: an orphaned group) or we handle SIGTSTP, and then the child would wait
 * for ever.
 */
const patience = 50

const refused = (detail: string): ProcessError.Reason =>
  new ProcessError.Unsupported({ feature: "sharing the terminal", mechanism: undefined, detail })

/** Why the terminal cannot be lent, by the errno of the host. */
export const refusal = (errno: string, program: string): ProcessError.Reason => {
  switch (errno) {
    case "ENXIO":
      return refused("this process has no terminal; leave the option out where nobody sits before one")
    case "EBUSY":
      return refused("this process does not have the foreground of its terminal: another program has it")
    case "ENOSYS":
      return refused("this kernel does not list the children of a process")
    default:
      return new ProcessError.SpawnFailed({ program, errno })
  }
}

const taken = ProcessError.make(refused("another command of this process has it; run one after the other"))

/** One at a time has the terminal. */
let isLent = false

const giveBack = (): void => {
  isLent = false
}

/**
 * Lets the child go on, in the foreground where we have that, whenever we were continued ourselves. Whoever has continued
 * us in the background leaves the child there too: it stops again when it touches the terminal, and we with it.
 */
const followJob = (child: HostChild): void => {
  let timer: NodeJS.Timeout | undefined
  const goOn = (): void => void Effect.runFork(Effect.ignore(child.act("foreground")))
  child.onStopped((signal) => {
    if (signal !== SIGTSTP && signal !== SIGTTIN && signal !== SIGTTOU) return
    clearTimeout(timer)
    timer = setTimeout(goOn, patience)
  })
  process.on("SIGCONT", goOn)
  child.onExit(() => {
    clearTimeout(timer)
    process.off("SIGCONT", goOn)
    giveBack()
  })
}

/** A shortage passes; everything else says that this machine cannot do it. */
const unavailable = (program: string) => ({ errno, path, why }: Rejected): ProcessError.ProcessError => {
  const reason = errno === undefined ? undefined : spawnFailure(errno, { program, bytes: () => 0 })
  return ProcessError.make(reason?._tag === "ResourceExhausted" ? reason : refused(`${path} ${why}`))
}

/** Starts a child with the terminal, by a start that is given the host to do it. */
export const lend = (
  host: HostConnection,
  program: string,
  start: (host: HostConnection) => Effect.Effect<HostChild, ProcessError.ProcessError>
): Effect.Effect<HostChild, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    if (isLent) return Effect.fail(taken)
    isLent = true
    return Effect.mapError(Host.lendTerminal(host), unavailable(program)).pipe(
      Effect.flatMap((lender) => Effect.onError(start(lender), () => Effect.sync(lender.close))),
      Effect.tap((child) => Effect.sync(() => followJob(child))),
      Effect.onError(() => Effect.sync(giveBack))
    )
  })
