/**
 * The lower seam: what an operating system, a remote host or a test double must offer for commands to run on it.
 *
 * A backend knows bytes, exits and signals. It knows nothing of text, deadlines, retries or policy: those live in the
 * run engine above it, which every backend shares. Users meet this module only when they write a backend.
 *
 * **Details**
 *
 * Bytes and exits cross the seam by plain callbacks, not as streams or fibers: they are the hot path, and a callback
 * costs nothing that the engine does not ask for. Everything else is an `Effect`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Containment from "./Containment.ts"
import type * as Limits from "./Limits.ts"
import type * as Outcome from "./Outcome.ts"
import type * as ProcessError from "./ProcessError.ts"
import type * as Processes from "./Processes.ts"
import type * as Readiness from "./Readiness.ts"
import type * as Signal from "./Signal.ts"
import type * as SpawnAttributes from "./SpawnAttributes.ts"
import type * as Stats from "./Stats.ts"

/**
 * Where the environment of a child comes from, in the order of application.
 *
 * **Details**
 *
 * `base` is what the owner's environment contributes: all of it, nothing, or the named variables as they are at the
 * time of the start. `set` goes on top; `undefined` removes.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly base: "inherit" | "empty" | ReadonlyArray<string>
  readonly set: ReadonlyArray<readonly [name: string, value: string | undefined]>
}

/**
 * A pipe between two children of one container, whose bytes never pass through the owner.
 *
 * **Details**
 *
 * One start names it as an output, then another one as its input. `release` gives back the ends that no child has
 * taken, so that whoever holds the other one learns of it; it is idempotent and ends nobody.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly release: Effect.Effect<void>
}

/**
 * Where a child's standard input comes from. A link is one that the same container made.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Input =
  | "null"
  | "inherit"
  | "pipe"
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Link"; readonly link: Link }

/**
 * Where a child's standard output or standard error goes. A link is one that the same container made.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Output =
  | "null"
  | "inherit"
  | "pipe"
  | { readonly _tag: "File"; readonly path: string; readonly append: boolean }
  | { readonly _tag: "Link"; readonly link: Link }

/**
 * A descriptor of a child above the standard ones, as the child sees it: it reads `"input"` and writes `"output"`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Descriptor {
  readonly fd: number
  readonly direction: "input" | "output" | "duplex"
}

/**
 * A start, validated and free of secrets' wrappers: what the child shall see, byte for byte.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SpawnRequest {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string | undefined
  readonly env: Environment
  /** Directories searched before PATH, for bare names; relative ones are relative to the owner's directory. */
  readonly preferLocal: ReadonlyArray<string>
  readonly stdin: Input
  readonly stdout: Output
  /** `"stdout"` is the descriptor of standard output once more, so that both keep the order of their writes. */
  readonly stderr: Output | "stdout"
  /** None that the containment of the backend does not list. */
  readonly attributes: SpawnAttributes.SpawnAttributes
  /** From 3 to 63, at most sixteen, ascending; none where the containment of the backend has no `descriptors`. */
  readonly descriptors?: ReadonlyArray<Descriptor> | undefined
}

/**
 * Receives what a child writes.
 *
 * **Details**
 *
 * `chunk` answers whether it wants more at once; after `false` the source stays silent until `resume`. `end` comes
 * exactly once: with `undefined` at end of file, with the errno where reading failed.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ByteReceiver {
  readonly chunk: (bytes: Uint8Array) => boolean
  readonly end: (errno: string | undefined) => void
}

/**
 * Our end of a pipe that a child writes to.
 *
 * **Details**
 *
 * `start` is called once, in the same tick in which the child is handed over; nothing is delivered before it. `close`
 * releases the descriptor at once and is idempotent; no `chunk` and no `end` follow it.
 *
 * A source whose pipe may reach us after the exit of the child has `isComing`, which answers whether that is so: what the
 * child wrote is then waited for however long that takes, and not for as long as a descendant may hold a pipe. It has to
 * become false, whatever happens to whoever brings the pipe.
 *
 * A chunk belongs to its receiver for good. A source that would rather read into the same memory again has `recycle`,
 * which is called during the delivery of a chunk that nobody keeps: nobody at all, or nobody but in a copy, which is what
 * becomes of a chunk that fills no more than half of its memory. Whoever stands between a source and its receiver and keeps
 * chunks has none.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ByteSource {
  readonly start: (receiver: ByteReceiver) => void
  readonly resume: () => void
  readonly isComing?: () => boolean
  readonly recycle?: (bytes: Uint8Array) => void
  readonly close: () => void
}

/**
 * Our end of the pipe that a child reads from.
 *
 * **Details**
 *
 * `write` answers once the bytes have left for the pipe: with `undefined`, with `"closed"` where the child does not
 * read any more (EPIPE, ECONNRESET, or after `end`), or with another errno. `end` lets the child see end of file after
 * what was written. `close` drops what was not written yet. Both are idempotent.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ByteSink {
  readonly write: (bytes: Uint8Array, done: (errno: string | undefined) => void) => void
  readonly end: () => void
  readonly close: () => void
}

/**
 * Our ends of a descriptor above the standard ones: `sink` where the child reads it, `source` where it writes it.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DescriptorEnds {
  readonly sink: ByteSink | undefined
  readonly source: ByteSource | undefined
}

/**
 * Processes that can be counted, signalled and ended together.
 *
 * **Details**
 *
 * - `members`: the process ids alive now. A zombie is not alive.
 * - `signal`: to every member alive now, once each. A member that vanishes meanwhile is no error; a live one that may
 *   not be signalled is.
 * - `kill`: ends every member so that none can fork past it.
 * - `awaitEmpty`: waits until the operating system says that nothing is left, on the backend's own monotonic time,
 *   never on Effect's `Clock`; answers with the members still alive when the time is over. Ends as soon as it is empty, which includes that the
 *   exit of every child in it has been reported.
 * - `stats`: what the members use, where the backend can tell more than their number. A member that vanishes meanwhile
 *   is no error, and what is not known is `undefined`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  readonly members: Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError>
  readonly signal: (signal: Signal.Signal) => Effect.Effect<void, ProcessError.ProcessError>
  readonly kill: Effect.Effect<void, ProcessError.ProcessError>
  readonly awaitEmpty: (within: Duration.Duration) => Effect.Effect<ReadonlyArray<number>>
  readonly stats?: Effect.Effect<Stats.ProcessGroupStats, ProcessError.ProcessError> | undefined
}

/**
 * What a run used, where the mechanism can tell.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly userTime: Duration.Duration
  readonly systemTime: Duration.Duration
  readonly peakMemoryBytes: number
}

/**
 * The end of a child as the operating system reported it.
 *
 * **Details**
 *
 * `deadline` is for backends that know of a deadline from elsewhere, such as one that replays a run: the child was
 * ended because it passed. The run has then timed out, as if its own deadline had passed. `oomKilled` says that the system
 * killed it because its group had reached its limit of memory.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ExitReport {
  readonly exit: Outcome.Exit
  readonly usage: Usage | undefined
  readonly deadline?: "deadline" | "inactivity" | undefined
  readonly oomKilled?: boolean | undefined
}

/**
 * A started process, together with the descendants that the mechanism can attribute to it.
 *
 * **Details**
 *
 * `onExit` calls back exactly once, also where the exit came before the call; a failure means that the status was
 * lost. `signalLeader` reaches the process itself and nobody else, and does nothing once it has exited. The streams are
 * `undefined` where they are not pipes. `concluded` is for a backend that keeps records: it is told once what the run
 * engine made of the end.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Child extends Tree {
  readonly pid: number | undefined
  readonly stdin: ByteSink | undefined
  readonly stdout: ByteSource | undefined
  readonly stderr: ByteSource | undefined
  /** By the numbers that the start named. */
  readonly descriptors?: ReadonlyMap<number, DescriptorEnds> | undefined
  readonly onExit: (observer: (exit: Exit.Exit<ExitReport, ProcessError.ProcessError>) => void) => void
  readonly signalLeader: (signal: Signal.Signal) => Effect.Effect<void, ProcessError.ProcessError>
  readonly concluded?: ((outcome: Outcome.Outcome) => void) | undefined
}

/**
 * Limits the members of a container.
 *
 * **Details**
 *
 * `set` replaces all limits, also before anything was started, and fails with `ResourceLimit` where one cannot be had; what
 * was set before then holds on. `evidence` says what the system's own counters say, and nothing that was concluded from exits.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Enforcement {
  readonly set: (limits: Limits.InForce) => Effect.Effect<void, ProcessError.ProcessError>
  readonly evidence: Effect.Effect<Limits.Evidence>
}

/**
 * Holds every process started in it, and their descendants.
 *
 * **Details**
 *
 * `spawn` either gives a child that is already a member, or fails and leaves nothing behind: no process, no
 * descriptor. It is called in an uninterruptible region and must not wait for the child. `alone` promises that nothing
 * else will be started in this container, so that the child needs no tree of its own beside the container's. `openLink`
 * is there where the backend can connect two children with a pipe of the kernel's. `release` gives back what the
 * container itself holds; it is called once, last, whether or not processes survived.
 *
 * A container may put off to its first start what that start can do cheaper. `prepare` makes it at once: it is called
 * first, where the container is to be a group, so that a refusal is told by the opening and not by a start.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Container extends Tree {
  readonly containment: Containment.Containment
  readonly prepare?: Effect.Effect<void, ProcessError.ProcessError> | undefined
  readonly spawn: (request: SpawnRequest, alone?: boolean) => Effect.Effect<Child, ProcessError.ProcessError>
  readonly openLink?: Effect.Effect<Link, ProcessError.ProcessError> | undefined
  /** Takes in a living process, and what it starts from now on; `startTime`, where given, has to be its own. */
  readonly adopt?:
    | ((pid: number, startTime: string | undefined) => Effect.Effect<void, ProcessError.ProcessError>)
    | undefined
  readonly limits?: Enforcement | undefined
  readonly suspend: Effect.Effect<void, ProcessError.ProcessError>
  readonly resume: Effect.Effect<void, ProcessError.ProcessError>
  readonly release: Effect.Effect<void>
}

/**
 * Starts programs that belong to no container: nothing that happens to the owner, to its containers or to the backend
 * itself ends them.
 *
 * **Details**
 *
 * `spawn` either gives the process id of a program that runs, or fails as a start in a container does and leaves nothing
 * behind. The program has a session of its own, nothing of the owner's open, and streams that are `"null"` or files: no
 * other is asked for. Its end is nobody's business, but while the owner lives it leaves no zombie. `containment` says
 * which attributes it can be given.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Outside {
  readonly containment: Containment.Containment
  readonly spawn: (request: SpawnRequest) => Effect.Effect<number, ProcessError.ProcessError>
}

/**
 * Looks whether something can be reached in the world that the backend's processes live in.
 *
 * **Details**
 *
 * Each looks once, and fails with a short text that says what it found instead: an errno, a status. Whatever it opened
 * is closed when it ends or is interrupted. How often and how long to look is decided above.
 *
 * - `port`: a TCP connection to any address of the host can be made.
 * - `socket`: a connection to a Unix socket, or to a named pipe on Windows, can be made.
 * - `path`: something exists there.
 * - `http`: a GET request is answered with a status that is accepted, over `https:` by a server whose certificate is.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Probes {
  readonly port: (host: string, port: number) => Effect.Effect<void, string>
  readonly socket: (path: string) => Effect.Effect<void, string>
  readonly path: (path: string) => Effect.Effect<void, string>
  readonly http: (
    url: URL,
    accepts: (status: number) => boolean,
    certificate?: Readiness.Certificate
  ) => Effect.Effect<void, string>
}

/**
 * The service a backend provides.
 *
 * **Details**
 *
 * `containment` is known without starting anything. `open` makes an empty container. `resolve` locates a program
 * exactly as a start would, without starting it. `sleep` waits on the time that the backend's processes live in: the
 * operating system's monotonic clock for real ones, Effect's `Clock` for scripted ones. Without `probes` nobody can wait
 * for a port, a socket, a path or an answer over HTTP, and without `outside` nothing can be started that outlives its owner.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class ProcessBackend extends Context.Service<ProcessBackend, {
  readonly containment: Containment.Containment
  readonly open: Effect.Effect<Container, ProcessError.ProcessError>
  /** Where detached programs are started. */
  readonly outside?: Effect.Effect<Outside, ProcessError.ProcessError> | undefined
  readonly resolve: (request: SpawnRequest) => Effect.Effect<string, ProcessError.ProcessError>
  readonly sleep: (duration: Duration.Duration) => Effect.Effect<void>
  readonly probes?: Probes | undefined
  /** Looks at any process of the system; `undefined` where none is alive by this number. */
  readonly inspect?:
    | ((pid: number) => Effect.Effect<Processes.ProcessInfo | undefined, ProcessError.ProcessError>)
    | undefined
}>()("processkit/ProcessBackend") {}

/**
 * Computes what a child's environment holds, from its description and the owner's environment.
 *
 * **Details**
 *
 * Variables named by an allow-list and missing in the owner's environment are left out, not set to nothing. The result
 * has no prototype, so a polluted `Object.prototype` adds nothing to it.
 *
 * @stability experimental
 * @category environment
 * @since 0.1.0
 */
export const resolveEnvironment = (
  env: Environment,
  owner: Readonly<Record<string, string | undefined>>
): Record<string, string> => {
  const result: Record<string, string> = Object.create(null)
  const all = env.base === "inherit"
  const names = all ? Object.getOwnPropertyNames(owner) : env.base === "empty" ? [] : env.base
  for (const name of names) {
    // Each question to `process.env` leaves JavaScript, so none is asked twice: its own names need no second look, and
    // `Object.keys` would ask of each whether it is enumerable.
    const value = all || Object.hasOwn(owner, name) ? owner[name] : undefined
    if (value !== undefined) result[name] = value
  }
  for (const [name, value] of env.set) {
    if (value === undefined) delete result[name]
    else result[name] = value
  }
  return result
}
