/**
 * Starts one process: checks what only the operating system knows, starts it, and names the reason where it refuses.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChildProcess, SpawnOptions } from "node:child_process"
import { spawn as nodeSpawn } from "node:child_process"
import type { SpawnRequest } from "processkit/ProcessBackend"
import { resolveEnvironment } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import * as Reserve from "./descriptorReserve.ts"
import { errnoOf } from "./errno.ts"
import * as Executables from "./executables.ts"
import * as Identity from "./identity.ts"
import * as OwnerEnvironment from "./ownerEnvironment.ts"
import * as ProgramLookup from "./programLookup.ts"
import { argumentBytes, spawnFailure } from "./spawnFailure.ts"
import * as StandardStreams from "./standardStreams.ts"
import * as WorkingDirectory from "./workingDirectory.ts"

export interface Located {
  readonly file: string
  readonly env: OwnerEnvironment.Variables
}

/** What the program sees as its arguments, its own name first. */
export const argvOf = ({ args, attributes, program }: SpawnRequest): ReadonlyArray<string> => [
  attributes.argv0 ?? program,
  ...args
]

/** An environment that is inherited as it is stays the same object. */
const environmentOf = (env: SpawnRequest["env"]): OwnerEnvironment.Variables => {
  if (env.base !== "inherit") return resolveEnvironment(env, process.env)
  const owner = OwnerEnvironment.read()
  return env.set.length === 0 ? owner : resolveEnvironment(env, owner)
}

/** Finds the file that a request would execute, and makes sure that the kernel would execute it. */
export const locate = (request: SpawnRequest): Result.Result<Located, ProcessError.Reason> => {
  const { cwd, preferLocal, program } = request
  const invalid = WorkingDirectory.check(program, cwd)
  if (invalid !== undefined) return Result.fail(invalid)
  const env = environmentOf(request.env)
  const childDirectory = () => WorkingDirectory.resolve(cwd)
  const file = ProgramLookup.choose(
    program,
    ProgramLookup.candidates({
      program,
      preferLocal,
      path: env["PATH"],
      childDirectory,
      ownerDirectory: WorkingDirectory.owner
    }),
    Executables.inspect
  )
  if (Result.isFailure(file)) return Result.fail(file.failure)
  const reason = Executables.check(program, file.success, childDirectory)
  return reason === undefined ? Result.succeed({ file: file.success, env }) : Result.fail(reason)
}

/** Locates a program exactly as a start would. */
export const resolve = (request: SpawnRequest): Effect.Effect<string, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const located = locate(request)
    return Result.isSuccess(located)
      ? Effect.succeed(located.success.file)
      : Effect.fail(ProcessError.make(located.failure))
  })

/** The descriptors above the standard ones; those between that nobody asked for are /dev/null, as Node has no other way. */
const further = ({ descriptors = [] }: SpawnRequest): ReadonlyArray<"ignore" | "pipe"> => {
  const last = descriptors.at(-1)?.fd ?? 2
  return Array.from({ length: last - 2 }, (_, i) => descriptors.some(({ fd }) => fd === i + 3) ? "pipe" : "ignore")
}

/** Every option is spelt out on an object without prototype: a polluted `Object.prototype` must not add a shell. */
const optionsOf = (
  request: SpawnRequest,
  env: Record<string, string>,
  stdio: StandardStreams.StandardStreams["stdio"]
): SpawnOptions =>
  Object.assign(Object.create(null), {
    argv0: request.attributes.argv0 ?? request.program,
    cwd: request.cwd === undefined ? undefined : WorkingDirectory.resolve(request.cwd),
    detached: true,
    env,
    gid: request.attributes.gid,
    shell: false,
    stdio: [...stdio, ...further(request)],
    uid: request.attributes.uid,
    windowsHide: request.attributes.windowsHide ?? true
  })

/** Starts, and gives the child or the errno for which it could not be. */
const attempt = (
  request: SpawnRequest,
  located: Located,
  streams: StandardStreams.StandardStreams
): Result.Result<ChildProcess, string> => {
  try {
    const shortage = Reserve.shortage(request.descriptors?.length)
    if (shortage !== undefined) return Result.fail(shortage)
    return Result.succeed(nodeSpawn(located.file, [...request.args], optionsOf(request, located.env, streams.stdio)))
  } catch (thrown) {
    return Result.fail(errnoOf(thrown))
  } finally {
    StandardStreams.close(streams)
  }
}

/** Waits for the error that a child without pid is about to emit, and releases what Node made for it. */
const emittedErrno = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback((resume) => {
    // Streams are undefined where Node ran out of descriptors for them.
    for (const stream of child.stdio ?? [child.stdin, child.stdout, child.stderr]) {
      stream?.on("error", () => {})
      stream?.destroy()
    }
    child.once("error", (error) => resume(Effect.succeed(errnoOf(error))))
  })

/**
 * Starts a process and calls `adopt` in the same tick in which it exists.
 *
 * A pid says that the program is being executed: libuv waits until exec has succeeded or failed (`uv_spawn`, libuv 1.x).
 */
export const spawn = <A>(
  request: SpawnRequest,
  adopt: (child: ChildProcess, pid: number) => A
): Effect.Effect<A, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const located = locate(request)
    if (Result.isFailure(located)) return Effect.fail(ProcessError.make(located.failure))
    const refusal = Identity.refusal(request)
    if (refusal !== undefined) return Effect.fail(ProcessError.make(refusal))
    const streams = StandardStreams.open(request)
    if (Result.isFailure(streams)) return Effect.fail(ProcessError.make(streams.failure))
    const { env } = located.success
    const bytes = () => argumentBytes(argvOf(request), env)
    const failed = (errno: string) =>
      Effect.fail(ProcessError.make(spawnFailure(errno, { program: request.program, bytes })))
    const started = attempt(request, located.success, streams.success)
    if (Result.isFailure(started)) return failed(started.failure)
    const { pid } = started.success
    return pid === undefined
      ? Effect.flatMap(emittedErrno(started.success), failed)
      : Effect.succeed(adopt(started.success, pid))
  })
