/**
 * Starts a program through `child_process.spawn` and the host's launcher role, for what only Node can give: a
 * terminal's foreground group, Node's own channel, descriptors of the caller, a parent that is not the host.
 *
 * The launcher joins the cgroup and applies the attributes in the process that Node made, and says what failed. The
 * child is Node's, so Node reports its exit, and what `child_process.spawn` costs is paid.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChildProcess, StdioOptions } from "node:child_process"
import { spawn } from "node:child_process"
import * as net from "node:net"
import { errnoOf } from "../errno.ts"
import { errnoName } from "./errnoName.ts"
import type { NotEncodable, StartFailed } from "./hostAnswers.ts"
import type { Spawn, Stream } from "./hostProtocol.ts"
import { stages } from "./hostProtocol.ts"
import * as Requests from "./hostRequests.ts"

/** A start whose streams are what Node makes of them. */
export interface Launch extends Omit<Spawn, "streams"> {
  /** What the launcher makes of those in turn: each stays, is opened by it, or is the same as one before. */
  readonly reopened?: Spawn["streams"] | undefined
  /** At least three entries, as `child_process.spawn` takes them; further ones stay open in the child. */
  readonly stdio: Exclude<StdioOptions, string>
}

const inherit: Stream = { _tag: "Inherit" }
const inherited = [inherit, inherit, inherit] as const

export type LaunchFailed = StartFailed | NotEncodable

/** A record of the launcher: eight bytes, a stage and an errno; for the stage of success, the pid. */
const failureIn = (records: Buffer): StartFailed | undefined => {
  const last = records.length - 8
  if (last < 0) return { _tag: "StartFailed", stage: "killed", errno: "UNKNOWN" }
  const stage = stages[records.readUInt32LE(last)] ?? "request"
  return stage === "executing"
    ? undefined
    : { _tag: "StartFailed", stage, errno: errnoName(records.readInt32LE(last + 4)) }
}

/** Everything that was said until the launcher became the program, or ended. */
const collect = (socket: net.Socket, done: (records: Buffer) => void): void => {
  const chunks: Array<Buffer> = []
  socket.on("data", (chunk: Buffer) => chunks.push(chunk))
  socket.on("error", () => {}) // told by its close
  socket.on("close", () => done(Buffer.concat(chunks)))
  socket.on("end", () => socket.destroy())
}

const launchProcess = (executable: string, { arguments: [argv0], stdio }: Launch): ChildProcess =>
  spawn(
    executable,
    ["launch", `${stdio.length}`],
    Object.assign(Object.create(null), {
      argv0,
      env: Object.create(null),
      shell: false,
      stdio: [...stdio, "pipe"]
    })
  )

/**
 * Starts a program by way of the launcher in `executable`. Calls `adopt` in the same tick in which Node's child exists,
 * because Node throws away what a child printed that exits before anybody listens; succeeds once the program runs.
 *
 * With `"ipc"` in `stdio` the environment must hold `NODE_CHANNEL_FD`, because the child's comes from the request alone.
 */
export const launch = <A>(
  executable: string,
  request: Launch,
  adopt: (child: ChildProcess, pid: number) => A
): Effect.Effect<A, LaunchFailed> =>
  Effect.uninterruptible(Effect.callback((resume) => {
    const attributes = { ...request.attributes, keepDescriptors: request.stdio.length > 3 }
    const bytes = Requests.spawn(0, { ...request, attributes, streams: request.reopened ?? inherited })
    if (Result.isFailure(bytes)) return resume(Effect.fail({ _tag: "NotEncodable", ...bytes.failure }))
    const fail = (errno: string): void => resume(Effect.fail({ _tag: "StartFailed", stage: "fork", errno }))
    try {
      const child = launchProcess(executable, request)
      const socket = child.stdio[request.stdio.length]
      if (child.pid === undefined || !(socket instanceof net.Socket)) {
        for (const stream of child.stdio ?? []) stream?.on("error", () => {}).destroy()
        child.once("error", (error) => fail(errnoOf(error)))
        return
      }
      const adopted = adopt(child, child.pid)
      collect(socket, (records) => {
        const failure = failureIn(records)
        resume(failure === undefined ? Effect.succeed(adopted) : Effect.fail(failure))
      })
      socket.write(bytes.success)
    } catch (thrown) {
      fail(errnoOf(thrown))
    }
  }))
