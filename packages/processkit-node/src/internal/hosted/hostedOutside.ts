/**
 * Starts programs that nobody owns: by way of the launcher, and so as children of Node.
 *
 * A child of the host would end with it, and would be taken for somebody whom a lost monitor has left behind. A child of
 * Node is in Node's own cgroup, which is none of ours; Node reaps it, and when Node is gone whoever reaps orphans does.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChildProcess } from "node:child_process"
import type { Containment } from "processkit/Containment"
import type { Outside, SpawnRequest } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Reserve from "../descriptorReserve.ts"
import type { StartFailed } from "../host/hostAnswers.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import * as HostLaunch from "../host/hostLaunch.ts"
import type { Stream } from "../host/hostProtocol.ts"
import type { Located } from "../spawn.ts"
import * as HostedStart from "./hostedStart.ts"

/** Node opens what is nothing, the launcher what is a file. */
const launched = (stream: Stream): Stream => stream._tag === "Null" ? { _tag: "Inherit" } : stream

const launchOf = (request: SpawnRequest, located: Located): HostLaunch.Launch => {
  const message = HostedStart.messageOf(request, located, HostedStart.noCgroup)
  const [stdin, stdout, stderr] = message.streams
  return {
    ...message,
    attributes: { ...message.attributes, session: true },
    reopened: [launched(stdin), launched(stdout), launched(stderr)],
    stdio: ["ignore", "ignore", "ignore"]
  }
}

/** From the tick on in which it exists it keeps nobody alive; until it is known to run, the launcher's channel does. */
const disown = (child: ChildProcess, pid: number): number => {
  child.unref()
  return pid
}

/**
 * Race: the host is lost between the question for it and the start, and its file with it. That is not the program's fault,
 * which has been found before.
 */
const isHostGone = (failure: HostLaunch.LaunchFailed): boolean =>
  failure._tag === "StartFailed" && failure.stage === "fork" && failure.errno === "ENOENT"

const hostGone = (program: string): ProcessError.Reason =>
  new ProcessError.HostLost({ program, detail: "it ended while a program was started" })

const shortage: Effect.Effect<void, StartFailed> = Effect.suspend(() => {
  const errno = Reserve.shortage()
  return errno === undefined ? Effect.void : Effect.fail({ _tag: "StartFailed", stage: "fork", errno })
})

/** Makes what starts detached programs with the binary that a host runs. */
export const make = (host: HostConnection, containment: Containment): Outside => ({
  containment,
  spawn: (request) =>
    Effect.suspend(() => {
      const located = HostedStart.examine(request)
      if (Result.isFailure(located)) return Effect.fail(ProcessError.make(located.failure))
      const started = HostLaunch.launch(host.executable, launchOf(request, located.success), disown)
      return Effect.mapError(Effect.andThen(shortage, started), (failure) =>
        ProcessError.make(
          isHostGone(failure)
            ? hostGone(request.program)
            : HostedStart.reasonOf(failure, request, located.success.env)
        ))
    })
})
