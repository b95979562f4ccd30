/**
 * A child of the host as the engine sees it, apart from its tree, which each mechanism holds in its own way.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Socket } from "node:net"
import * as os from "node:os"
import * as Outcome from "processkit/Outcome"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type { ProcessError } from "processkit/ProcessError"
import type * as Signal from "processkit/Signal"
import * as ByteSink from "../byteSink.ts"
import * as DescriptorEnds from "../descriptorEnds.ts"
import * as Ending from "../ending.ts"
import type { Exited, HostChild } from "../host/hostAnswers.ts"
import type { HostPipe } from "../host/hostPipe.ts"
import type { HostRelay } from "../host/hostRelay.ts"

const coreFlag = 0x80

/** glibc keeps 32 and 33 for itself (signal(7)); the kernel's numbers from 34 on are `SIGRTMIN+n` of programs. */
const firstRealTime = 34

const signalNames: ReadonlyMap<number, Signal.Signal> = new Map(
  // Aliases follow the name they stand for (SIGIOT after SIGABRT): the first one wins.
  Object.entries(os.constants.signals).toReversed().map(([name, number]) => [number, name as Signal.Signal])
)

const nameOf = (number: number): Signal.Signal => signalNames.get(number) ?? `SIGRTMIN+${number - firstRealTime}`

/** Reads a status as `wait4` gives it. Source: wait(2), "Feature test macros" and `bits/waitstatus.h` of glibc 2.36. */
export const exitOf = (status: number): Outcome.Exit => {
  const signal = status & 0x7f
  return signal === 0
    ? Outcome.exited((status >> 8) & 0xff)
    : Outcome.signaled(nameOf(signal), signal, (status & coreFlag) !== 0)
}

const usageOf = ({ peakBytes, systemMicros, userMicros }: Exited): ProcessBackend.Usage => ({
  userTime: Duration.micros(BigInt(userMicros)),
  systemTime: Duration.micros(BigInt(systemMicros)),
  peakMemoryBytes: peakBytes
})

/** Pipes of children that are still open on our side, to be closed when their container is released. */
export type OpenPipes = Set<{ readonly close: () => void }>

/** Makes the socket of a pipe, and remembers the pipe until it is closed. */
const opened = (pipe: HostPipe | undefined, open: OpenPipes): Socket | undefined => {
  if (pipe === undefined) return undefined
  open.add(pipe)
  return pipe.socket().once("close", () => open.delete(pipe))
}

/** Remembers an output until it is closed. */
const relayed = (relay: HostRelay | undefined, open: OpenPipes): ProcessBackend.ByteSource | undefined => {
  if (relay === undefined) return undefined
  const forget = () => open.delete(relay)
  open.add(relay)
  relay.onClose = forget
  return relay
}

/** Our ends of the descriptors above the standard ones. */
const endsOf = ({ pipes }: HostChild, open: OpenPipes): ProcessBackend.Child["descriptors"] => {
  if (pipes.length <= 3) return undefined
  const ends = new Map<number, ProcessBackend.DescriptorEnds>()
  for (const [fd, pipe] of pipes.entries()) {
    const socket = fd < 3 ? undefined : opened(pipe, open)
    if (pipe !== undefined && socket !== undefined) ends.set(fd, DescriptorEnds.make(socket, pipe.side))
  }
  return ends
}

/** Closes what nobody has read or written to its end. */
export const closePipes = (open: OpenPipes): void => {
  for (const pipe of open) pipe.close()
  open.clear()
}

const reportOf = (exit: Result.Result<Exited, ProcessError>): Exit.Exit<ProcessBackend.ExitReport, ProcessError> =>
  Result.isFailure(exit)
    ? Exit.fail(exit.failure)
    : Exit.succeed({ exit: exitOf(exit.success.status), usage: usageOf(exit.success) })

/** Everything of a child but its tree. */
export const parts = (
  child: HostChild,
  program: string,
  open: OpenPipes
): Omit<ProcessBackend.Child, keyof ProcessBackend.Tree> => {
  const stdin = opened(child.pipes[0], open)
  const descriptors = endsOf(child, open)
  let exited = false
  child.onExit(() => exited = true)
  const signalLeader = (signal: Signal.Signal): Effect.Effect<void, ProcessError> =>
    Effect.flatMap(Ending.numberOf(signal), (number) =>
      Effect.flatMap(
        child.signal(number),
        ({ errno }) =>
          errno === undefined || errno === "ESRCH" ? Effect.void : Effect.fail(Ending.notSignalled(errno, program))
      ))
  return {
    pid: child.pid,
    stdin: stdin === undefined ? undefined : ByteSink.make(stdin),
    stdout: relayed(child.relays[0], open),
    stderr: relayed(child.relays[1], open),
    descriptors,
    onExit: (observer) => child.onExit((exit) => observer(reportOf(exit))),
    signalLeader: (signal) => exited ? Effect.void : signalLeader(signal)
  }
}
