/**
 * A container that is a cgroup directory, with a directory of its own for each child in it.
 *
 * A child is a member before its first instruction, because the kernel creates it there; so is whatever it starts. The
 * directory of a child tells its descendants from its siblings' and is removed when its last process has ended.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Containment } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import type { HostConnection } from "../host/hostConnection.ts"
import * as HostedChild from "../hosted/hostedChild.ts"
import * as HostedStart from "../hosted/hostedStart.ts"
import * as CgroupTree from "./cgroupTree.ts"
import * as Files from "./files.ts"
import * as Freezer from "./freezer.ts"

const failed = (operation: string, program: string | undefined) => (errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program, operation, errno }))

const refused = ProcessError.make(
  new ProcessError.Unsupported({
    feature: "starting a command in a suspended group",
    mechanism: "cgroup-v2",
    detail: "the kernel would stop it before its first instruction; resume the group first"
  })
)

class CgroupContainer {
  readonly directory: string
  readonly state = { suspended: false }
  readonly pipes: HostedChild.OpenPipes = new Set()
  readonly #host: HostConnection
  /** The exits that have not been reported yet. */
  readonly #running = new Set<number>()
  #wakers: Array<() => void> = []
  #children = 0

  constructor(directory: string, host: HostConnection) {
    this.directory = directory
    this.#host = host
  }

  readonly spawn = (
    request: ProcessBackend.SpawnRequest
  ): Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError> =>
    Effect.suspend(() => {
      if (this.state.suspended) return Effect.fail(refused)
      const leaf = `${this.directory}/c${++this.#children}`
      const made = Files.make(leaf)
      if (Result.isFailure(made)) return Effect.fail(failed("making a cgroup", request.program)(made.failure))
      return HostedStart.start(this.#host, request, leaf).pipe(
        Effect.onError(() => CgroupTree.remove(leaf)),
        Effect.map((child) => {
          this.#running.add(child.id)
          const tree = CgroupTree.make(leaf, this.state)
          const parts = HostedChild.parts(child, request.program, this.pipes)
          child.onExit(() => this.#reported(child.id, leaf))
          return { ...tree, ...parts, awaitEmpty: (within) => this.#awaitEmpty(tree, (id) => id === child.id, within) }
        })
      )
    })

  readonly awaitEmpty = (tree: ProcessBackend.Tree): ProcessBackend.Tree["awaitEmpty"] => (within) =>
    this.#awaitEmpty(tree, () => true, within)

  /** Nobody is left, and what the kernel knows of the exits has been reported. The reports are on their way by then. */
  #awaitEmpty(
    tree: ProcessBackend.Tree,
    mine: (id: number) => boolean,
    within: Parameters<ProcessBackend.Tree["awaitEmpty"]>[0]
  ) {
    return Effect.flatMap(
      tree.awaitEmpty(within),
      (survivors) => survivors.length > 0 ? Effect.succeed(survivors) : Effect.as(this.#allReported(mine), [])
    )
  }

  #allReported(mine: (id: number) => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const check = (): void => {
        if ([...this.#running].some(mine)) this.#wakers.push(check)
        else resume(Effect.void)
      }
      check()
    })
  }

  #reported(id: number, leaf: string): void {
    this.#running.delete(id)
    // Fails where descendants are left; then the end of the container removes it.
    Files.remove(leaf)
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}

/** Makes a container of a directory that exists and is empty. */
export const make = (
  directory: string,
  host: HostConnection,
  containment: Containment
): ProcessBackend.Container => {
  const container = new CgroupContainer(directory, host)
  const { state } = container
  const tree = CgroupTree.make(directory, state)
  const noting = (suspended: boolean, work: Effect.Effect<void, ProcessError.ProcessError>) =>
    Effect.tap(work, () =>
      Effect.sync(() => {
        state.suspended = suspended
      }))
  return {
    ...tree,
    containment,
    spawn: container.spawn,
    awaitEmpty: container.awaitEmpty(tree),
    suspend: noting(true, Freezer.freeze(directory)),
    resume: noting(false, Freezer.thaw(directory)),
    release: Effect.andThen(Effect.sync(() => HostedChild.closePipes(container.pipes)), CgroupTree.remove(directory))
  }
}
