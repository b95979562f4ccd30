/**
 * A container that is a cgroup directory, with a directory of its own for each child in it.
 *
 * A child is a member before its first instruction, because the kernel creates it there; so is whatever it starts. The
 * directory of a child tells its descendants from its siblings' and is removed when its last process has ended.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as path from "node:path"
import type { Containment } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Adoption from "../adoption.ts"
import * as Reserve from "../descriptorReserve.ts"
import type { HostChild } from "../host/hostAnswers.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import * as HostedChild from "../hosted/hostedChild.ts"
import { HostedLink } from "../hosted/hostedLink.ts"
import * as HostedStart from "../hosted/hostedStart.ts"
import type { Row } from "../processTable.ts"
import * as CgroupLimits from "./cgroupLimits.ts"
import * as CgroupTree from "./cgroupTree.ts"
import type { Reports } from "./emptiness.ts"
import * as Files from "./files.ts"
import * as Freezer from "./freezer.ts"
import * as LimitFiles from "./limitFiles.ts"

const failed = (operation: string, program: string | undefined) => (errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program, operation, errno }))

export const unsupported = (detail: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.Unsupported({ feature: "holding processes in a cgroup", mechanism: "cgroup-v2", detail })
  )

/** A directory for a container, not made yet, in that of the owner, which may be gone. */
export interface Place {
  readonly host: HostConnection
  readonly owner: string
  readonly directory: string
}

/** The directory of one child and its descendants. */
interface Leaf extends CgroupTree.State {
  /** Until its program runs a leaf is not frozen, or the start would wait for the end of the suspension. */
  starting: boolean
}

const suspendLeaf = (leaf: Leaf): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    leaf.suspended = true
    return Freezer.freeze(leaf.directory)
  })

const resumeLeaf = (leaf: Leaf): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    leaf.suspended = false
    return Freezer.thaw(leaf.directory)
  })

type Parts = ReturnType<typeof HostedChild.parts>

/** What is known of a start before it: its program, and what the kernel had counted for a limit of memory. */
interface Asked {
  readonly program: string
  readonly before: LimitFiles.OutOfMemory
}

/** What a start failed of that was killed on its way to its program: of the limit of memory, where that has killed. */
const starved = (
  error: ProcessError.ProcessError,
  before: LimitFiles.OutOfMemory,
  directory: string
): ProcessError.ProcessError => {
  const { reason } = error
  const isKilled = reason._tag === "SpawnFailed" && reason.errno === "UNKNOWN"
  return isKilled && LimitFiles.hasKilled(before, CgroupLimits.outOfMemory(directory))
    ? ProcessError.make(ProcessError.fromErrno(reason.program, "ENOMEM"))
    : error
}

type Elsewhere = (gone: Place) => Effect.Effect<Place, ProcessError.ProcessError>

class CgroupContainer {
  /** The directory is made when something is started in it, and for a child alone by the host. */
  readonly state: CgroupTree.State
  readonly pipes: HostedChild.OpenPipes = new Set()
  readonly #elsewhere: Elsewhere
  #place: Place
  /** The exits that have not been reported yet. */
  readonly #running = new Set<HostChild>()
  readonly #observers = new Set<() => void>()
  readonly #leaves = new Set<Leaf>()
  #suspended = false
  #children = 0

  constructor(place: Place, elsewhere: Elsewhere) {
    this.#place = place
    this.#elsewhere = elsewhere
    this.state = { directory: place.directory, suspended: false, killing: false, exists: false }
  }

  readonly limits = new CgroupLimits.CgroupLimits(() => ({
    owner: this.#place.owner,
    directory: this.state.directory
  }))

  /** Whoever is limited does not move: another directory would have no limits. */
  get #isLimited(): boolean {
    return this.limits.inForce !== undefined
  }

  get host(): HostConnection {
    return this.#place.host
  }

  #make(): Result.Result<void, string> {
    const { directory, exists } = this.state
    const made = exists ? Result.succeed(undefined) : Files.make(directory)
    this.state.exists ||= Result.isSuccess(made)
    return made
  }

  readonly prepare: Effect.Effect<void, ProcessError.ProcessError> = Effect.suspend(() =>
    this.#unlessMoved(
      Effect.suspend(() =>
        Effect.fromResult(
          Result.mapError(this.#make(), (errno) => unsupported(`a cgroup could not be made (${errno})`))
        )
      )
    )
  )

  readonly spawn = (
    request: ProcessBackend.SpawnRequest,
    alone = false
  ): Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError> => this.#unlessMoved(this.#spawn(request, alone))

  /**
   * Somebody may remove an empty directory that is not theirs. A container that nothing was started in then moves to
   * another one, once; asking first whether it is there would cost every run a look that nearly none needs.
   */
  #unlessMoved<A>(work: Effect.Effect<A, ProcessError.ProcessError>): Effect.Effect<A, ProcessError.ProcessError> {
    return Effect.catch(work, (error) => {
      const { host, owner } = this.#place
      if (this.#isLimited || this.#running.size > 0 || host.isLost() || Files.exists(owner)) return Effect.fail(error)
      return Effect.flatMap(this.#elsewhere(this.#place), (place) => {
        this.#place = place
        Object.assign(this.state, { directory: place.directory, exists: false })
        return work
      })
    })
  }

  #spawn(
    request: ProcessBackend.SpawnRequest,
    alone: boolean
  ): Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError> {
    return Effect.suspend(() => {
      const { host } = this.#place
      // The host that lends a terminal makes no directories, so its child gets one that is there.
      const isOwn = !HostedStart.hasTerminal(request)
      const isShared = !alone || !isOwn
      const made = isShared ? this.#make() : Result.succeed(undefined)
      // With the host the owner's directory may be gone, and the host's own failure is the one to tell.
      if (Result.isFailure(made) && !host.isLost()) {
        return Effect.fail(failed("making a cgroup", request.program)(made.failure))
      }
      Object.assign(this.state, { exists: true, killing: false })
      // Whoever has no siblings needs no other directory than the container's.
      const directory = isShared ? `${this.state.directory}/c${++this.#children}` : this.state.directory
      const leaf: Leaf = { directory, suspended: false, killing: false, exists: true, starting: true }
      this.#leaves.add(leaf)
      const ready = isOwn ? Result.succeed(undefined) : Files.make(directory)
      // Race: it may be killed for the limit before we hear of its start. Without a limit nobody was killed for one.
      const before = this.#isLimited ? CgroupLimits.outOfMemory(this.state.directory) : LimitFiles.nobodyKilled
      return Effect.fromResult(Result.mapError(ready, failed("making a cgroup", request.program))).pipe(
        Effect.andThen(HostedStart.start(host, request, { directory, isOwn })),
        Effect.mapError((error) => this.#isLimited ? starved(error, before, this.state.directory) : error),
        Effect.onError(() => this.#forget(leaf)),
        Effect.map((child) => this.#started(child, leaf, { program: request.program, before })),
        Effect.tap(() => this.#suspended ? Effect.ignore(suspendLeaf(leaf)) : Effect.void)
      )
    })
  }

  #started(child: HostChild, leaf: Leaf, { before, program }: Asked): ProcessBackend.Child {
    leaf.starting = false
    this.#running.add(child)
    const tree = CgroupTree.make(leaf, this.reportsOf(child))
    const parts = this.#watched(HostedChild.parts(child, program, this.pipes), before)
    child.onExit((exit) => this.#reported(child, leaf, Result.isSuccess(exit) && exit.success.cgroupRemoved))
    return { ...tree, ...parts }
  }

  /** A child whose exit tells whether the limit of memory was the reason: the kernel counts before it kills. */
  #watched(parts: Parts, before: LimitFiles.OutOfMemory): Parts {
    const { directory } = this.state
    const isOomKill = ({ exit }: ProcessBackend.ExitReport): boolean =>
      this.#isLimited && exit._tag === "Signaled" && exit.signal === "SIGKILL" &&
      LimitFiles.hasKilled(before, CgroupLimits.outOfMemory(directory))
    const judged = (exit: Parameters<Parameters<typeof parts.onExit>[0]>[0]) =>
      Exit.isSuccess(exit) && isOomKill(exit.value) ? Exit.succeed({ ...exit.value, oomKilled: true }) : exit
    return { ...parts, onExit: (observer) => parts.onExit((exit) => observer(judged(exit))) }
  }

  /** Takes in a process that somebody else has started, into a directory for all of those: nobody tells of their ends. */
  readonly adopt = (pid: number, startTime: string | undefined): Effect.Effect<void, ProcessError.ProcessError> =>
    Effect.flatMap(
      Adoption.candidate(pid, startTime),
      (row) => row === undefined ? Effect.void : Effect.andThen(this.prepare, Effect.suspend(() => this.#join(row)))
    )

  /**
   * Race: the process ends after it was identified, and a stranger gets its number before that is written. So it is
   * looked at again, and a stranger is put where it can do no harm: into our own cgroup, outside of every group.
   */
  #join(row: Row): Effect.Effect<void, ProcessError.ProcessError> {
    this.state.killing = false
    const directory = `${this.state.directory}/a`
    const made = Files.exists(directory) ? Result.succeed(undefined) : Files.make(directory)
    const joined = Result.flatMap(made, () => Files.join(directory, row.pid))
    if (Result.isFailure(joined)) return Effect.fail(Adoption.failed(joined.failure))
    if (!Adoption.isSame(row)) {
      Files.join(path.dirname(this.#place.owner), row.pid)
      return Effect.fail(Adoption.failed("ESRCH"))
    }
    const leaf: Leaf = [...this.#leaves].find((leaf) => leaf.directory === directory) ??
      { directory, suspended: false, killing: false, exists: true, starting: false }
    this.#leaves.add(leaf)
    return this.#suspended ? suspendLeaf(leaf) : Effect.void
  }

  /** A start that failed late may have left what it had started. */
  #forget(leaf: Leaf): Effect.Effect<void> {
    this.#leaves.delete(leaf)
    return CgroupTree.clear(leaf.directory)
  }

  /** Each leaf by itself, so that what is started meanwhile is frozen only once it runs. */
  readonly suspend: Effect.Effect<void, ProcessError.ProcessError> = Effect.suspend(() => {
    this.#suspended = true
    const running = [...this.#leaves].filter((leaf) => !leaf.starting)
    return Effect.forEach(running, suspendLeaf, { concurrency: "unbounded", discard: true })
  })

  readonly resume: Effect.Effect<void, ProcessError.ProcessError> = Effect.suspend(() => {
    this.#suspended = false
    return Effect.forEach([...this.#leaves].filter((leaf) => leaf.suspended), resumeLeaf, { discard: true })
  })

  /** The report of one child, or those of all. */
  readonly reportsOf = (child?: HostChild): Reports => ({
    due: () => child === undefined ? this.#running : new Set(this.#running.has(child) ? [child] : []),
    observers: this.#observers
  })

  #reported(child: HostChild, leaf: Leaf, isRemoved: boolean): void {
    this.#running.delete(child)
    if (isRemoved) this.#removed(leaf)
    // In a moment, because others are told of this exit after us, and a tree is empty only when all have been.
    queueMicrotask(() => {
      for (const observe of this.#observers) observe()
      // Fails where descendants are left; then the end of the container removes it.
      if (leaf.exists && Result.isSuccess(Files.remove(leaf.directory))) this.#removed(leaf)
    })
  }

  #removed(leaf: Leaf): void {
    leaf.exists = false
    this.#leaves.delete(leaf)
    if (leaf.directory === this.state.directory) this.state.exists = false
  }

  /** Removes what is left of the directory. */
  readonly remove: Effect.Effect<void> = Effect.suspend(() =>
    this.state.exists ? CgroupTree.remove(this.state.directory) : Effect.void
  )
}

/** Makes a container in a place, or elsewhere where that is gone. */
export const make = (
  place: Place,
  elsewhere: Elsewhere,
  containment: Containment
): ProcessBackend.Container => {
  const container = new CgroupContainer(place, elsewhere)
  Reserve.hold(container)
  const tree = CgroupTree.make(container.state, container.reportsOf())
  const { adopt, limits, pipes, prepare, resume, spawn, suspend } = container
  return {
    ...tree,
    containment,
    prepare,
    spawn,
    adopt,
    limits,
    openLink: Effect.sync(() => new HostedLink(container.host)),
    signal: (signal) => Effect.andThen(tree.signal(signal), signal === "SIGCONT" ? resume : Effect.void),
    suspend,
    resume,
    release: Effect.sync(() => HostedChild.closePipes(pipes)).pipe(
      Effect.andThen(container.remove),
      Effect.andThen(Effect.sync(() => Reserve.drop(container)))
    )
  }
}
