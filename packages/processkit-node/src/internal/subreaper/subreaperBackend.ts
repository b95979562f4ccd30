/**
 * The backend for Linux without a writable cgroup hierarchy: every program behind a monitor of the native host.
 */
import * as Effect from "effect/Effect"
import type { Containment } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as SpawnAttributes from "processkit/SpawnAttributes"
import * as Host from "../host/host.ts"
import type { HostChild } from "../host/hostAnswers.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import * as HostedChild from "../hosted/hostedChild.ts"
import { HostedLink } from "../hosted/hostedLink.ts"
import * as HostedOutside from "../hosted/hostedOutside.ts"
import * as HostedStart from "../hosted/hostedStart.ts"
import { inspect } from "../inspection.ts"
import { sleep } from "../nativeSleep.ts"
import { probes } from "../probes.ts"
import * as Spawn from "../spawn.ts"
import type { Watched } from "./monitoredTree.ts"
import * as MonitoredTree from "./monitoredTree.ts"

const containment: Containment = {
  mechanism: "subreaper",
  tree: "whole",
  ownerDeath: "whole",
  suspend: true,
  limits: [],
  attributes: SpawnAttributes.names,
  descriptors: true,
  realTimeSignals: true,
  escapes: "a process of another user, which may not be signalled, and whatever another service starts on request",
  refused: []
}

const container = (host: HostConnection): ProcessBackend.Container => {
  const watched = new Set<Watched>()
  const pipes: HostedChild.OpenPipes = new Set()
  const living = () => [...watched]
  const tree = MonitoredTree.make(living)
  let suspended = false
  /** Noted first: what is started while the monitors are asked would be missed by both. */
  const noting = (value: boolean, work: Effect.Effect<void, ProcessError.ProcessError>) =>
    Effect.suspend(() => {
      suspended = value
      return work
    })

  const watch = (child: HostChild): Watched => {
    const one: Watched = { child, wakers: new Set() }
    const ended = (): void => {
      watched.delete(one)
      for (const wake of one.wakers) wake()
    }
    watched.add(one)
    child.onEmptied(ended)
    // A lost host has killed everything it could, and nobody will tell of the rest.
    child.onExit(() => {
      if (child.isHostLost()) ended()
    })
    return one
  }

  const spawn = (
    request: ProcessBackend.SpawnRequest
  ): Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError> =>
    Effect.flatMap(HostedStart.start(host, request, HostedStart.noCgroup), (child) => {
      const one = watch(child)
      const itself = () => watched.has(one) ? [one] : []
      const parts = { ...MonitoredTree.make(itself), ...HostedChild.parts(child, request.program, pipes) }
      return Effect.as(suspended ? Effect.ignore(MonitoredTree.suspend(itself)) : Effect.void, parts)
    })

  return {
    ...tree,
    containment,
    spawn: (request) => spawn(request),
    openLink: Effect.sync(() => new HostedLink(host)),
    signal: (signal) => signal === "SIGCONT" ? noting(false, tree.signal(signal)) : tree.signal(signal),
    suspend: noting(true, MonitoredTree.suspend(living)),
    resume: noting(false, MonitoredTree.resume(living)),
    release: Effect.sync(() => HostedChild.closePipes(pipes))
  }
}

const unsupported = (detail: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({ feature: "holding processes behind a subreaper", mechanism: "subreaper", detail })
  )

const theHost = Effect.mapError(Host.acquire("monitored"), (unavailable) => Host.failure(unavailable, unsupported))

/** Makes the backend. */
export const make = (): ProcessBackend.ProcessBackend["Service"] => ({
  containment,
  open: Effect.map(theHost, container),
  outside: Effect.map(theHost, (host) => HostedOutside.make(host, containment)),
  resolve: Spawn.resolve,
  sleep,
  probes,
  inspect
})
