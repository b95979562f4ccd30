/**
 * Limits of one group, as files of its cgroup directory.
 *
 * Limits of the directory hold for everything below it, so that the children's own directories need none.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { InForce, Name } from "processkit/Limits"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Controllers from "./controllers.ts"
import * as Files from "./files.ts"
import * as LimitFiles from "./limitFiles.ts"

const { names } = LimitFiles

const unenforceable = (limit: Name, detail: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.ResourceLimit({ limit, why: "unenforceable", detail }))

/** Writes one limit; lifting what no controller holds is done already. */
const write = (directory: string, name: Name, limits: InForce): Result.Result<void, string> => {
  for (const { file, optional, text } of LimitFiles.writes(name, limits)) {
    const path = `${directory}/${file}`
    if (!Files.exists(path) && (optional === true || limits[name] === undefined)) continue
    const written = Files.write(path, text)
    if (Result.isFailure(written)) return Result.fail(`${file} could not be written (${written.failure})`)
  }
  return Result.succeed(undefined)
}

/** Where the directory is, asked anew each time. */
export interface Where {
  readonly owner: string
  readonly directory: string
}

/** Enables what is needed, and only then writes anything; where one is refused, those before hold again. */
const set = (
  { directory, owner }: Where,
  before: InForce,
  limits: InForce
): Result.Result<void, ProcessError.ProcessError> => {
  for (const name of names) {
    const enabled = limits[name] === undefined ? Result.succeed(undefined) : Controllers.enable(owner, name)
    if (Result.isFailure(enabled)) return Result.fail(unenforceable(name, enabled.failure))
  }
  for (const name of names) {
    const written = write(directory, name, limits)
    if (Result.isSuccess(written)) continue
    for (const changed of names.slice(0, names.indexOf(name) + 1)) write(directory, changed, before)
    return Result.fail(unenforceable(name, written.failure))
  }
  return Result.succeed(undefined)
}

const reader = (directory: string) => (file: string): string =>
  Result.getOrElse(Files.read(`${directory}/${file}`), () => "")

/** What the kernel has counted for the limit of memory of a directory. */
export const outOfMemory = (directory: string): LimitFiles.OutOfMemory =>
  LimitFiles.outOfMemory(reader(directory)) ?? LimitFiles.nobodyKilled

const none: InForce = { memory: undefined, processes: undefined, cpus: undefined }

/** The limits of a directory that was made. */
export class CgroupLimits implements ProcessBackend.Enforcement {
  readonly #where: () => Where
  #leastProcesses = Infinity
  /** Those that were set last. */
  inForce: InForce | undefined

  constructor(where: () => Where) {
    this.#where = where
  }

  readonly set = (limits: InForce): Effect.Effect<void, ProcessError.ProcessError> =>
    Effect.suspend(() => {
      const done = set(this.#where(), this.inForce ?? none, limits)
      if (Result.isFailure(done)) return Effect.fail(done.failure)
      this.inForce = limits
      this.#leastProcesses = Math.min(this.#leastProcesses, limits.processes ?? Infinity)
      return Effect.void
    })

  readonly evidence = Effect.sync(() => LimitFiles.evidence(reader(this.#where().directory), this.#leastProcesses))
}
