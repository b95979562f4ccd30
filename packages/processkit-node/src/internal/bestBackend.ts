/**
 * The best backend that this machine offers, found by really using it.
 *
 * The mechanisms are tried in order, once in this Node process and when something is first started: a directory that can
 * be made is not yet one that a process can be born in. Whatever is refused is remembered with its reason, and reported
 * by the containment of the one that is taken. Before that, the containment is a prediction that has started nothing.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as fs from "node:fs"
import type { Containment, Refusal } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type { ProcessError } from "processkit/ProcessError"
import * as CgroupBackend from "./cgroup/cgroupBackend.ts"
import * as HostBinary from "./host/hostBinary.ts"
import * as ProcessGroupBackend from "./processGroupBackend.ts"
import * as SubreaperBackend from "./subreaper/subreaperBackend.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]

/** One mechanism: how to make its backend, and why it certainly cannot be had, as far as that shows without trying. */
export interface Rung {
  readonly make: () => Backend
  readonly refusal: () => string | undefined
}

const rungs: ReadonlyArray<Rung> = [
  { make: CgroupBackend.make, refusal: CgroupBackend.refusal },
  { make: SubreaperBackend.make, refusal: HostBinary.refusal },
  { make: ProcessGroupBackend.make, refusal: () => undefined }
]

/** A program that is there and ends at once. */
const harmless = (): ProcessBackend.SpawnRequest => {
  const host = HostBinary.installed()
  const program = host !== undefined && fs.existsSync(host) ? host : process.execPath
  return {
    program,
    args: ["--version"],
    cwd: undefined,
    env: { base: "empty", set: [] },
    preferLocal: [],
    stdin: "null",
    stdout: "null",
    stderr: "null"
  }
}

const startIn = (container: ProcessBackend.Container): Effect.Effect<void, ProcessError> =>
  Effect.flatMap(
    container.spawn(harmless()),
    (child) => Effect.callback<void, ProcessError>((resume) => child.onExit((exit) => resume(Effect.asVoid(exit))))
  )

/** Starts something in the smallest possible way, and says why that failed. */
const trial = (backend: Backend): Effect.Effect<void, Refusal> =>
  Effect.acquireUseRelease(backend.open, startIn, (container) => container.release).pipe(
    Effect.mapError(({ message }) => ({ mechanism: backend.containment.mechanism, reason: message }))
  )

const reporting = (backend: Backend, refused: ReadonlyArray<Refusal>): Backend => {
  if (refused.length === 0) return backend
  const containment: Containment = { ...backend.containment, refused }
  return { ...backend, containment, open: Effect.map(backend.open, (container) => ({ ...container, containment })) }
}

/** Tries one mechanism after the other; the last one is taken as it is. */
export const choose = Effect.fnUntraced(function*(ladder: ReadonlyArray<Rung>): Effect.fn.Return<Backend> {
  const refused: Array<Refusal> = []
  for (const { make } of ladder.slice(0, -1)) {
    const backend = make()
    const refusal = yield* Effect.match(trial(backend), { onSuccess: () => undefined, onFailure: (why) => why })
    if (refusal === undefined) return reporting(backend, refused)
    refused.push(refusal)
  }
  const last = ladder.at(-1)?.make() ?? ProcessGroupBackend.make()
  yield* Effect.logDebug(`processes are held by ${last.containment.mechanism}`, refused)
  return reporting(last, refused)
})

/** What the choice will be, as far as that shows without starting anything. */
export const predict = (ladder: ReadonlyArray<Rung>): Containment => {
  const refused: Array<Refusal> = []
  for (const { make, refusal } of ladder) {
    const { containment } = make()
    const reason = refusal()
    if (reason === undefined) return { ...containment, refused }
    refused.push({ mechanism: containment.mechanism, reason })
  }
  return { ...ProcessGroupBackend.make().containment, refused }
}

let chosen: Backend | undefined
const choosing = Semaphore.makeUnsafe(1)

const best: Effect.Effect<Backend> = Effect.suspend(() =>
  chosen === undefined
    ? choosing.withPermit(Effect.suspend(() =>
      chosen === undefined
        ? Effect.tap(choose(rungs), (backend) => Effect.sync(() => void (chosen = backend)))
        : Effect.succeed(chosen)
    ))
    : Effect.succeed(chosen)
)

/** What the best backend guarantees: known once something was started, predicted before. */
export const containment = (): Containment => chosen?.containment ?? predict(rungs)

/** Makes the backend. The choice is shared by all of this Node process. */
export const make = (): Backend => {
  const { resolve, sleep } = ProcessGroupBackend.make()
  return {
    get containment() {
      return containment()
    },
    open: Effect.flatMap(best, ({ open }) => open),
    resolve,
    sleep
  }
}
