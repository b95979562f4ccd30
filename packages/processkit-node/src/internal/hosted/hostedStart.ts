/**
 * Starts a process through the host: what a start means to the host, and what its refusals mean to us.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Input, Link, Output, SpawnRequest } from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import { isShortage } from "../descriptorReserve.ts"
import type { HostChild, NotEncodable, StartFailed } from "../host/hostAnswers.ts"
import type { HostConnection } from "../host/hostConnection.ts"
import type { Spawn, Stream } from "../host/hostProtocol.ts"
import { FileFlag } from "../host/hostProtocol.ts"
import type { Variables } from "../ownerEnvironment.ts"
import type { Located } from "../spawn.ts"
import { argvOf, locate } from "../spawn.ts"
import { argumentBytes, spawnFailure } from "../spawnFailure.ts"
import { isSameFile } from "../standardStreams.ts"
import * as StreamFiles from "../streamFiles.ts"
import * as WorkingDirectory from "../workingDirectory.ts"
import * as HostedAttributes from "./hostedAttributes.ts"
import { HostedLink } from "./hostedLink.ts"
import * as TerminalStart from "./terminalStart.ts"

const pipe: Stream = { _tag: "Pipe" }
const relay: Stream = { _tag: "Relay" }

const outputFlags = (append: boolean): number =>
  FileFlag.write | FileFlag.create | (append ? FileFlag.append : FileFlag.truncate)

const linksOf = ({ stderr, stdin, stdout }: SpawnRequest): ReadonlyArray<Link> =>
  [stdin, stdout, stderr].flatMap((stream) => typeof stream === "object" && stream._tag === "Link" ? [stream.link] : [])

const isOurs = (link: Link): link is HostedLink => link instanceof HostedLink

const isOf = (host: HostConnection) => (link: Link): link is HostedLink => isOurs(link) && link.host === host

const foreignLink = ProcessError.make(
  new ProcessError.Unsupported({
    feature: "a pipe to a child of another backend",
    mechanism: undefined,
    detail: "both ends of a link belong to children of the container that made it"
  })
)

const streamOf = (stream: Input | Output, pipe: Stream): Stream => {
  if (stream === "null") return { _tag: "Null" }
  if (stream === "pipe") return pipe
  if (stream === "inherit") return { _tag: "Inherit" }
  if (stream._tag === "Link") return isOurs(stream.link) ? { _tag: "Link", link: stream.link.number } : { _tag: "Null" }
  const flags = "append" in stream ? outputFlags(stream.append) : FileFlag.read
  return { _tag: "File", path: WorkingDirectory.resolve(stream.path), flags, mode: 0o666 }
}

/** Output and error that name the same file in the same way share one descriptor, and with it the position in it. */
const errorStream = ({ stderr, stdout }: SpawnRequest): Stream =>
  stderr === "stdout" || isSameFile(stdout, stderr) ? { _tag: "Same", stream: 1 } : streamOf(stderr, relay)

/** The same list for the same environment, of which most starts have that of the start before. */
const variables = (() => {
  let known: { readonly env: Variables; readonly texts: ReadonlyArray<string> } | undefined
  return (env: Variables): ReadonlyArray<string> => {
    if (known?.env !== env) {
      const texts = Object.entries(env).map(([name, value]) => `${name}=${value}`)
      known = { env, texts: Object.freeze(texts) }
    }
    return known.texts
  }
})()

/** Where a process is born; in its own directory, which the host makes and removes, or in one that is there. */
export interface Cgroup {
  readonly directory: string
  readonly isOwn: boolean
}

export const noCgroup: Cgroup = { directory: "", isOwn: false }

const directions = { input: "read", output: "write", duplex: "both" } as const

const descriptorsOf = ({ descriptors }: SpawnRequest) =>
  descriptors?.map(({ direction, fd }) => ({ fd, direction: directions[direction] }))

/** What a start says to whoever carries it out. */
export const messageOf = (
  request: SpawnRequest,
  { env, file }: Located,
  { directory: cgroup, isOwn: ownCgroup }: Cgroup
): Spawn => ({
  file,
  directory: WorkingDirectory.resolve(request.cwd),
  cgroup,
  arguments: argvOf(request),
  environment: variables(env),
  streams: [streamOf(request.stdin, pipe), streamOf(request.stdout, relay), errorStream(request)],
  attributes: { ...HostedAttributes.encode(request.attributes), ownCgroup, descriptors: descriptorsOf(request) }
})

/** Names the reason for a start that the host or the kernel refused. */
export const reasonOf = (
  failure: StartFailed | NotEncodable | ProcessError.ProcessError,
  request: SpawnRequest,
  env: Record<string, string>
): ProcessError.Reason => {
  const { program } = request
  const bytes = () => argumentBytes(argvOf(request), env)
  switch (failure._tag) {
    case "ProcessError":
      return failure.reason
    case "NotEncodable":
      return failure.problem === "is too long"
        ? new ProcessError.ArgumentListTooLong({ program, bytes: bytes() })
        : new ProcessError.InvalidInput({ program, field: failure.field, problem: "contains a NUL character" })
    case "StartFailed":
      return refusal(failure, request, bytes)
  }
}

const refusal = ({ errno, stage }: StartFailed, request: SpawnRequest, bytes: () => number): ProcessError.Reason => {
  const { program } = request
  if (isShortage(errno)) return ProcessError.fromErrno(program, errno) // whatever the descriptor was for
  if (stage === "directory") return new ProcessError.InvalidCwd({ program, cwd: request.cwd ?? "", errno })
  if (stage === "terminal") return TerminalStart.refusal(errno, program)
  if (stage === "stream") return StreamFiles.notOpened(request, errno)
  if (stage === "exec" || stage === "fork" || stage === "pipe") return spawnFailure(errno, { program, bytes })
  return HostedAttributes.refusal(stage, errno, program, request.attributes) ??
    new ProcessError.SpawnFailed({ program, errno })
}

/** What is found out before anybody is asked to start something. */
export const examine = (request: SpawnRequest): Result.Result<Located, ProcessError.Reason> =>
  Result.flatMap(locate(request), (located) => {
    const pipe = StreamFiles.refusal(request)
    return pipe === undefined ? Result.succeed(located) : Result.fail(pipe)
  })

/** Whether a child shall have our terminal; the host then makes no cgroup for it. */
export const hasTerminal = ({ attributes }: SpawnRequest): boolean => attributes.terminal !== undefined

/** Locates a program, has it started in a cgroup (or in none, for a monitored host), and gives the host's child. */
export const start = (
  host: HostConnection,
  request: SpawnRequest,
  cgroup: Cgroup
): Effect.Effect<HostChild, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const located = examine(request)
    if (Result.isFailure(located)) return Effect.fail(ProcessError.make(located.failure))
    const by = (host: HostConnection) => startBy(host, request, located.success, cgroup)
    return hasTerminal(request) ? TerminalStart.lend(host, request.program, by) : by(host)
  })

const startBy = (
  host: HostConnection,
  request: SpawnRequest,
  located: Located,
  cgroup: Cgroup
): Effect.Effect<HostChild, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const links = linksOf(request)
    if (!links.every(isOf(host))) return Effect.fail(foreignLink)
    for (const link of links) link.named()
    return Effect.mapError(
      Effect.tap(host.spawn(messageOf(request, located, cgroup)), () =>
        Effect.sync(() => {
          for (const link of links) link.taken()
        })),
      (failure) => ProcessError.make(reasonOf(failure, request, located.env))
    )
  })
