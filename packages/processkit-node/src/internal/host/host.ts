/**
 * The host of this Node process: started on first use, one per mode, shared by everybody, replaced after a loss only
 * when somebody asks again.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import type { HostChild } from "./hostAnswers.ts"
import type { Candidate, Rejected } from "./hostBinary.ts"
import * as HostBinary from "./hostBinary.ts"
import type { HostConnection } from "./hostConnection.ts"
import * as Connections from "./hostConnection.ts"
import type { HostProcess } from "./hostProcess.ts"
import * as HostProcesses from "./hostProcess.ts"
import type { HostEvent, Mode, Role, Spawn } from "./hostProtocol.ts"
import { version } from "./hostProtocol.ts"
import * as Requests from "./hostRequests.ts"
import { type Patience, patience as defaultSilence } from "./hostWatchdog.ts"

/** No host can be had: which files were tried, and what was wrong with each. */
export interface HostUnavailable {
  readonly _tag: "HostUnavailable"
  readonly rejected: ReadonlyArray<Rejected>
}

/** What a host was not started for. */
export const notStarted = (errno: string): ProcessError.ProcessError =>
  ProcessError.make(ProcessError.fromErrno(HostProcesses.title, errno))

/** A shortage passes; everything else says that this machine cannot do it, as `refused` says with the details. */
export const failure = (
  { rejected }: HostUnavailable,
  refused: (detail: string) => ProcessError.ProcessError
): ProcessError.ProcessError =>
  rejected.map(({ errno }) => notStarted(errno ?? "")).find(({ reason }) => reason._tag === "ResourceExhausted") ??
    refused(rejected.map(({ path, why }) => `${path} ${why}`).join("; "))

type Candidates = Iterable<Result.Result<Candidate, Rejected>>

/** A host that says nothing for so long never will: a stopped process, or another program. */
const patience = 10_000

const helloToken = 0

const isWelcome = (event: HostEvent): event is HostEvent & { readonly _tag: "Welcome" } =>
  event._tag === "Welcome" && event.token === helloToken && event.version === version

/** A rejection, and whether the file was executed: another copy of it would be rejected likewise then. */
interface Attempted extends Rejected {
  readonly executed: boolean
}

/** Starts one file and waits until it has said welcome. */
const greet = (
  file: string,
  mode: Mode,
  silence: Patience,
  role: Role = "host"
): Effect.Effect<HostConnection, Attempted> =>
  Effect.callback((resume) => {
    // In a moment, because whoever waits for the end of the last child is still to be told of it.
    const onIdle = (): void => void setImmediate(() => process?.close())
    const connection = Connections.make(mode, silence, role === "terminal" ? onIdle : undefined)
    let process: HostProcess | undefined
    let settled = false
    const settle = (result: Effect.Effect<HostConnection, Attempted>): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      resume(result)
    }
    const timer = setTimeout(() => process?.abandon("it does not answer"), patience)
    const receiver: HostProcesses.Receiver = {
      ...connection.receiver,
      event: (event) => {
        if (settled) connection.receiver.event(event)
        else if (!isWelcome(event) || process === undefined) process?.abandon("it does not speak our language")
        else settle(Effect.succeed(connection.open(process)))
      },
      lost: (detail) => {
        if (!settled) process?.abandon(detail)
        settle(Effect.fail({ path: file, why: `was started, but ${detail}`, executed: true }))
        connection.receiver.lost(detail)
      }
    }
    HostProcesses.start(file, role, receiver, (started) => {
      if ("errno" in started) {
        const { errno } = started
        return settle(Effect.fail({ path: file, why: `cannot be executed (${errno})`, executed: false, errno }))
      }
      process = started
      started.send(Requests.hello(helloToken, mode))
    })
  })

/** The host's own program, which prints a line. */
const selfDescription = (executable: string): Spawn => ({
  file: executable,
  directory: "/",
  cgroup: "",
  arguments: [HostProcesses.title, "--version"],
  environment: [],
  streams: [{ _tag: "Null" }, { _tag: "Pipe" }, { _tag: "Null" }]
})

const printedSomething = (host: HostConnection) => (child: HostChild): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    let size = 0
    const socket = child.pipes[1]?.socket()
    socket?.on("error", () => {})
    socket?.on("data", (chunk: Uint8Array) => size += chunk.length)
    socket?.on("close", () => resume(Effect.succeed(size > 0 && !host.isLost())))
    host.onLost(() => socket?.destroy())
  })

/**
 * Makes one real start, with a pipe. The form in which handles travel is Node's own affair, and a Node that changed it
 * would leave every start waiting; better to find that out here, and to have no host.
 */
const tryOut = (host: HostConnection): Effect.Effect<void, { readonly problem: string; readonly errno?: string }> =>
  Effect.gen(function*() {
    const timer = setTimeout(host.close, patience)
    const printed = yield* Effect.ensuring(
      Effect.flatMap(host.spawn(selfDescription(host.executable)), printedSomething(host)),
      Effect.sync(() => clearTimeout(timer))
    )
    if (!printed) return yield* Effect.fail("a child's pipe brought nothing")
    return undefined
  }).pipe(Effect.mapError((error) => {
    if (typeof error === "string") return { problem: error }
    if (error._tag === "StartFailed") {
      return { problem: `a start failed (${error.stage}, ${error.errno})`, errno: error.errno }
    }
    return { problem: error._tag === "NotEncodable" ? "its path cannot be sent" : "a start was not answered" }
  }))

const attempt = (file: string, mode: Mode, silence: Patience): Effect.Effect<HostConnection, Attempted> =>
  Effect.flatMap(greet(file, mode, silence), (host) =>
    tryOut(host).pipe(
      Effect.as(host),
      Effect.mapError(({ errno, problem }): Attempted => {
        host.close()
        return { path: file, why: `was started, but ${problem}`, executed: true, errno }
      })
    ))

/** Tries one file after the other. */
const tryAll = (
  candidates: Candidates,
  mode: Mode,
  silence: Patience
): Effect.Effect<HostConnection, HostUnavailable> =>
  Effect.gen(function*() {
    const rejected: Array<Rejected> = []
    for (const candidate of candidates) {
      if (Result.isFailure(candidate)) {
        rejected.push(candidate.failure)
        continue
      }
      const { discard, path } = candidate.success
      const connection = yield* Effect.result(Effect.ensuring(attempt(path, mode, silence), Effect.sync(discard)))
      if (Result.isSuccess(connection)) return connection.success
      rejected.push(connection.failure)
      if (connection.failure.executed) break
    }
    return yield* Effect.fail<HostUnavailable>({ _tag: "HostUnavailable", rejected })
  })

/** Starts a host of one's own. */
export const connect = (
  mode: Mode,
  candidates: () => Candidates = HostBinary.candidates,
  silence: Patience = defaultSilence
): Effect.Effect<HostConnection, HostUnavailable> =>
  Effect.uninterruptible(Effect.suspend(() => tryAll(candidates(), mode, silence)))

/**
 * Starts a host that lends our terminal to one child, from the binary that another host runs. It ends with that child.
 */
export const lendTerminal = (host: HostConnection): Effect.Effect<HostConnection, Rejected> =>
  Effect.uninterruptible(Effect.suspend(() => greet(host.executable, "monitored", defaultSilence, "terminal")))

type Waiting = Array<(result: Effect.Effect<HostConnection, HostUnavailable>) => void>

const current = new Map<Mode, HostConnection | Waiting>()

const begin = (mode: Mode, waiting: Waiting): void => {
  Effect.runFork(connect(mode)).addObserver((exit) => {
    if (exit._tag === "Success") {
      current.set(mode, exit.value)
      exit.value.onLost(() => current.get(mode) === exit.value && current.delete(mode))
    } else current.delete(mode)
    for (const resume of waiting) resume(exit)
  })
}

/** Gives the host of this process, and starts it where there is none. */
export const acquire = (mode: Mode): Effect.Effect<HostConnection, HostUnavailable> =>
  Effect.callback((resume) => {
    const found = current.get(mode)
    if (found !== undefined && !Array.isArray(found)) return resume(Effect.succeed(found))
    const waiting = found ?? []
    waiting.push(resume)
    if (found !== undefined) return
    current.set(mode, waiting)
    begin(mode, waiting)
  })

/** The host of this process, where one runs. */
export const running = (mode: Mode): HostConnection | undefined => {
  const found = current.get(mode)
  return found === undefined || Array.isArray(found) ? undefined : found
}
