/**
 * The backend that holds processes in cgroup v2 directories, started by the native host.
 *
 * One host and one directory serve everybody in this Node process. They are made on first use; the host is told the
 * directory, and ends everything in it when this process ends, however it does.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as path from "node:path"
import type { Containment, LimitRefusal } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as SpawnAttributes from "processkit/SpawnAttributes"
import * as Reserve from "../descriptorReserve.ts"
import * as Host from "../host/host.ts"
import * as HostBinary from "../host/hostBinary.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import * as HostedOutside from "../hosted/hostedOutside.ts"
import { inspect } from "../inspection.ts"
import { sleep } from "../nativeSleep.ts"
import { probes } from "../probes.ts"
import * as Spawn from "../spawn.ts"
import * as CgroupContainer from "./cgroupContainer.ts"
import * as CgroupTree from "./cgroupTree.ts"
import * as Controllers from "./controllers.ts"
import * as Files from "./files.ts"
import * as LimitAdvice from "./limitAdvice.ts"
import * as OwnerDirectory from "./ownerDirectory.ts"

/** What all containers of this process share: alive for as long as the host is. */
interface Estate {
  readonly host: HostConnection
  readonly directory: string
}

const containment: Containment = {
  mechanism: "cgroup-v2",
  tree: "whole",
  ownerDeath: "whole",
  suspend: true,
  limits: [],
  attributes: SpawnAttributes.names,
  descriptors: true,
  realTimeSignals: true,
  escapes: "a process that has another service start something for it, or that may move itself out of its cgroup",
  refused: []
}

/** What can be limited depends on the controllers, which whoever has started us decides. */
const withLimits = (own: string | undefined): Containment =>
  own === undefined ? containment : { ...containment, ...Controllers.prediction(own) }

let estate: Estate | undefined
let groups = 0

const { unsupported } = CgroupContainer

/** What can be used as it is; a host that was lost takes its directory along. */
const usable = (): Estate | undefined => estate?.host.isLost() === true ? undefined : estate

/** One at a time, so that starts that come together share what the first one makes. */
const making = Semaphore.makeUnsafe(1)

/** A directory that the host has taken into care, or the reason why it has not. */
const guarded = Effect.fnUntraced(function*(host: HostConnection): Effect.fn.Return<string, ProcessError.ProcessError> {
  const made = OwnerDirectory.make()
  if (Result.isFailure(made)) return yield* Effect.fail(unsupported(made.failure))
  const directory = made.success
  const { errno } = yield* host.guard(directory)
  if (errno === undefined) return directory
  Files.remove(directory)
  return yield* Effect.fail(unsupported(`the host could not take its cgroup into care (${errno})`))
})

/**
 * Makes host and directory, or says why they cannot be had.
 *
 * When the host is lost everything in the directory is killed at once, since nobody would know of the exits any more,
 * and the next start makes both anew.
 */
const settle = Effect.fnUntraced(function*(): Effect.fn.Return<Estate, ProcessError.ProcessError> {
  const known = usable()
  if (known !== undefined) return known
  // The directory is looked for in files, and where none can be opened there seems to be no hierarchy.
  const shortage = Reserve.shortage()
  if (shortage !== undefined) return yield* Effect.fail(Host.notStarted(shortage))
  const obstacle = OwnerDirectory.refusal()
  if (obstacle !== undefined) return yield* Effect.fail(unsupported(obstacle))
  const host = yield* Effect.mapError(Host.acquire("direct"), (unavailable) => Host.failure(unavailable, unsupported))
  // Nobody else uses such a host, so it does not stay where there is nothing for it to do.
  const directory = yield* Effect.onError(guarded(host), () => Effect.sync(host.close))
  host.onLost(() => {
    // Killed at once; it empties within moments, and then its groups have mostly removed their own parts.
    Effect.runFork(CgroupTree.clear(directory))
  })
  return estate = { host, directory }
})

const found: Effect.Effect<Estate, ProcessError.ProcessError> = Effect.suspend(() => {
  const known = usable()
  return known === undefined ? making.withPermit(Effect.uninterruptible(settle())) : Effect.succeed(known)
})

const place = ({ directory, host }: Estate): CgroupContainer.Place => ({
  host,
  owner: directory,
  directory: `${directory}/g${++groups}`
})

/** Host and directory are made anew, together. */
const elsewhere = ({ host }: CgroupContainer.Place): Effect.Effect<CgroupContainer.Place, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    host.close()
    return Effect.map(found, place)
  })

const open = Effect.map(
  found,
  (made) => CgroupContainer.make(place(made), elsewhere, withLimits(path.dirname(made.directory)))
)

/** Makes the backend. */
export const make = (): ProcessBackend.ProcessBackend["Service"] => ({
  get containment() {
    return withLimits(OwnerDirectory.own())
  },
  open,
  outside: Effect.map(found, ({ host }) => HostedOutside.make(host, containment)),
  resolve: Spawn.resolve,
  sleep,
  probes,
  inspect
})

/** The limits of the mechanism, for the report of one that is taken instead; nothing where cgroups are not what is missing. */
export const refusedLimits = (): ReadonlyArray<LimitRefusal> | undefined => {
  const obstacle = OwnerDirectory.refusal()
  return obstacle === undefined ? undefined : LimitAdvice.refusedLimits(obstacle)
}

/** Why the mechanism cannot be had, as far as that shows without trying it. */
export const refusal = (): string | undefined => HostBinary.refusal() ?? OwnerDirectory.refusal()
