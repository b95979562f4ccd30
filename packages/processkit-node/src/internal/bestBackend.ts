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
import type { Containment, LimitRefusal, Refusal } from "processkit/Containment"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type { ProcessError } from "processkit/ProcessError"
import * as ProcessErrors from "processkit/ProcessError"
import * as CgroupBackend from "./cgroup/cgroupBackend.ts"
import * as HostBinary from "./host/hostBinary.ts"
import * as ProcessGroupBackend from "./processGroupBackend.ts"
import * as SubreaperBackend from "./subreaper/subreaperBackend.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]

/** One mechanism: how to make its backend, and why it certainly cannot be had, as far as that shows without trying. */
export interface Rung {
  readonly make: () => Backend
  readonly refusal: () => string | undefined
  /** Its limits, with what to run to get them, for the report of a mechanism that is taken instead. */
  readonly refusedLimits?: (() => ReadonlyArray<LimitRefusal> | undefined) | undefined
}

const rungs: ReadonlyArray<Rung> = [
  { make: CgroupBackend.make, refusal: CgroupBackend.refusal, refusedLimits: CgroupBackend.refusedLimits },
  { make: SubreaperBackend.make, refusal: HostBinary.refusal },
  { make: ProcessGroupBackend.make, refusal: () => undefined }
]

const isExecutable = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A program that is there and ends at once. The host may run from a copy, so its file need not be executable. */
const harmless = (): ProcessBackend.SpawnRequest => {
  const host = HostBinary.installed()
  const program = host !== undefined && isExecutable(host) ? host : process.execPath
  return {
    program,
    args: ["--version"],
    cwd: "/", // where we are may have been removed, which says nothing of a mechanism
    env: { base: "empty", set: [] },
    preferLocal: [],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    attributes: {}
  }
}

const startIn = (container: ProcessBackend.Container): Effect.Effect<void, ProcessError> =>
  Effect.flatMap(
    container.spawn(harmless()),
    (child) => Effect.callback<void, ProcessError>((resume) => child.onExit((exit) => resume(Effect.asVoid(exit))))
  )

/** Why a mechanism was not taken, and whether it may be had in a moment. */
interface Setback {
  readonly refusal: Refusal
  readonly passes: boolean
}

/** Too little of something at the moment: no reason to hold processes less well for ever. */
const passing = /\b(?:EAGAIN|EMFILE|ENFILE|ENOMEM)\b/

const setback = (backend: Backend, { message, reason }: ProcessError): Setback => ({
  refusal: { mechanism: backend.containment.mechanism, reason: message },
  passes: reason._tag === "ResourceExhausted" || passing.test(message)
})

/** Starts something in the smallest possible way, and says why that failed. */
const trial = (backend: Backend): Effect.Effect<void, Setback> =>
  Effect.acquireUseRelease(backend.open, startIn, (container) => container.release).pipe(
    Effect.mapError((error) => setback(backend, error))
  )

/** What a mechanism guarantees, why nothing better is had, and what to run for limits where those above have some. */
const described = (
  containment: Containment,
  refused: ReadonlyArray<Refusal>,
  above: ReadonlyArray<Rung>
): Containment => {
  const [refusedLimits] = above.flatMap((rung) => {
    const limits = rung.refusedLimits?.()
    return limits === undefined ? [] : [limits]
  })
  return { ...containment, refused, ...(refusedLimits === undefined ? {} : { refusedLimits }) }
}

const reporting = (backend: Backend, refused: ReadonlyArray<Refusal>, above: ReadonlyArray<Rung>): Backend => {
  if (refused.length === 0) return backend
  const containment = described(backend.containment, refused, above)
  return { ...backend, containment, open: Effect.map(backend.open, (container) => ({ ...container, containment })) }
}

/** The backend that was chosen, and whether the choice holds from now on. */
export interface Choice {
  readonly backend: Backend
  readonly isFinal: boolean
}

/** Tries one mechanism after the other; the last one is taken as it is. */
export const choose = Effect.fnUntraced(function*(ladder: ReadonlyArray<Rung>): Effect.fn.Return<Choice> {
  const setbacks: Array<Setback> = []
  const choice = (backend: Backend): Choice => ({
    backend: reporting(backend, setbacks.map(({ refusal }) => refusal), ladder.slice(0, setbacks.length)),
    isFinal: !setbacks.some(({ passes }) => passes)
  })
  for (const { make } of ladder.slice(0, -1)) {
    const backend = make()
    const failed = yield* Effect.match(trial(backend), { onSuccess: () => undefined, onFailure: (why) => why })
    if (failed === undefined) return choice(backend)
    setbacks.push(failed)
  }
  const last = choice(ladder.at(-1)?.make() ?? ProcessGroupBackend.make())
  yield* Effect.logDebug(`processes are held by ${last.backend.containment.mechanism}`, setbacks)
  return last
})

/** What the choice will be, as far as that shows without starting anything. */
export const predict = (ladder: ReadonlyArray<Rung>): Containment => {
  const refused: Array<Refusal> = []
  for (const { make, refusal } of ladder) {
    const { containment } = make()
    const reason = refusal()
    if (reason === undefined) return described(containment, refused, ladder.slice(0, refused.length))
    refused.push({ mechanism: containment.mechanism, reason })
  }
  return described(ProcessGroupBackend.make().containment, refused, ladder)
}

let chosen: Backend | undefined
const choosing = Semaphore.makeUnsafe(1)

const best: Effect.Effect<Backend> = Effect.suspend(() =>
  chosen === undefined
    ? choosing.withPermit(Effect.suspend(() =>
      chosen === undefined
        ? Effect.map(choose(rungs), ({ backend, isFinal }) => {
          if (isFinal) chosen = backend
          return backend
        })
        : Effect.succeed(chosen)
    ))
    : Effect.succeed(chosen)
)

/** What the best backend guarantees: known once something was started, predicted before. */
export const containment = (): Containment => chosen?.containment ?? predict(rungs)

const nowhere = ({ mechanism }: Containment) =>
  ProcessErrors.make(
    new ProcessErrors.Unsupported({
      feature: "starting a detached program",
      mechanism,
      detail: "everything that it starts ends with its owner"
    })
  )

/** Makes the backend. The choice is shared by all of this Node process. */
export const make = (): Backend => {
  const { inspect, probes, resolve, sleep } = ProcessGroupBackend.make()
  return {
    get containment() {
      return containment()
    },
    open: Effect.flatMap(best, ({ open }) => open),
    outside: Effect.flatMap(best, ({ containment, outside }) => outside ?? Effect.fail(nowhere(containment))),
    resolve,
    sleep,
    probes,
    inspect
  }
}
