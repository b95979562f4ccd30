/** Watches a backend at work, and turns what happened into entries of a cassette. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { joined } from "../../internal/chunkQueue.ts"
import * as Origin from "../../internal/origin.ts"
import { ownBytes } from "../../internal/ownBytes.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import type * as ProcessError from "../../ProcessError.ts"
import type * as Signal from "../../Signal.ts"
import type { Entry, Event, Failure, Run } from "./cassetteFormat.ts"
import { contentOf, textOf } from "./cassetteFormat.ts"
import { type Key, keyOf, type Redact } from "./cassetteKey.ts"

type Child = ProcessBackend.Child
type Container = ProcessBackend.Container
type Sleep = ProcessBackend.ProcessBackend["Service"]["sleep"]

/** How long the end of a run may be on its way to us when its container is released. */
const patience = Duration.seconds(1)

/** A run that is being recorded. */
class Take {
  readonly #key: Key
  readonly #request: ProcessBackend.SpawnRequest
  readonly #redact: Redact
  readonly #now: () => number
  readonly #startedAt: number
  readonly #events: Array<Event> = []
  readonly #output = { stdout: [] as Array<Uint8Array>, stderr: [] as Array<Uint8Array> }
  /** Done when it is known how the run ended; there is none before the program was started. */
  #over: Deferred.Deferred<void> | undefined
  #exit: Outcome.Exit | undefined
  #endedAt = 0
  #deadline: "deadline" | "inactivity" | undefined
  #failure: Failure["failure"] | undefined

  constructor(key: Key, request: ProcessBackend.SpawnRequest, redact: Redact, now: () => number) {
    this.#key = key
    this.#request = request
    this.#redact = redactorOf(request, redact)
    this.#now = now
    this.#startedAt = now()
  }

  /** The caller may use its buffer again, so the bytes are copied. */
  wrote(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#output[stream].push(ownBytes(bytes))
    this.#note((at) => [at, stream, bytes.length])
  }

  given(bytes: number): void {
    if (bytes > 0) this.#note((at) => [at, "stdin", bytes])
  }

  givenAll(): void {
    this.#note((at) => [at, "stdin end"])
  }

  /** Stopping and continuing changes nothing of what a program says. */
  signalled(signal: Signal.Signal): void {
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") this.#note((at) => [at, "signal", signal])
  }

  started(): void {
    this.#over = Deferred.makeUnsafe()
  }

  exited(exit: Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>): void {
    if (Exit.isSuccess(exit)) this.#exit = exit.value.exit
    this.#endedAt = this.#elapsed
    if (this.#over !== undefined) Deferred.doneUnsafe(this.#over, Exit.void)
  }

  /** Waits until it is known how a run ended that was started. */
  get over(): Effect.Effect<void> {
    return this.#over === undefined ? Effect.void : Deferred.await(this.#over)
  }

  concluded(outcome: Outcome.Outcome): void {
    if (outcome._tag === "TimedOut") this.#deadline = outcome.kind
  }

  failed({ reason }: ProcessError.ProcessError): void {
    this.#failure = failureOf(reason)
  }

  /** The entry; nothing for a run that is not over, or ended in a way that is no property of its program. */
  get entry(): Entry | undefined {
    const { cwd, env } = this.#request
    const start = {
      ...this.#key,
      ...(cwd === undefined ? {} : { cwd: this.#redact(cwd) }),
      env: env.set.map(([name]) => name)
    }
    if (this.#failure !== undefined) return { ...start, failure: this.#failure }
    if (this.#exit === undefined) return undefined
    const stdout = redacted(joined(this.#output.stdout), this.#redact)
    const stderr = redacted(joined(this.#output.stderr), this.#redact)
    return {
      ...start,
      stdout: contentOf(stdout),
      stderr: contentOf(stderr),
      timeline: fitted(fitted(this.#events, "stdout", stdout.length), "stderr", stderr.length),
      end: endOf(this.#exit),
      ...(this.#deadline === undefined ? {} : { deadline: this.#deadline }),
      duration: this.#endedAt
    }
  }

  get #elapsed(): number {
    return Math.max(0, Math.round(this.#now() - this.#startedAt))
  }

  /** What comes after the exit is the end of output, which the stream says itself. */
  #note(event: (at: number) => Event): void {
    const noted = event(this.#elapsed)
    if (this.#exit === undefined || noted[1] === "stdout" || noted[1] === "stderr") this.#events.push(noted)
  }
}

const endOf = (exit: Outcome.Exit): Run["end"] => {
  if (exit._tag === "Exited") return { code: exit.code }
  const { coreDumped, number, signal } = exit
  return coreDumped === undefined ? { signal, number } : { signal, number, coreDumped }
}

/** The shortest secret that is looked for in output: what is shorter is found in every other word. */
const shortestSecret = 4

/** Replaces the secrets of a command as well as what the user's redactor replaces. */
const redactorOf = (request: ProcessBackend.SpawnRequest, redact: Redact): Redact => {
  const command = Origin.of(request)
  const secrets = [...(command?.args ?? []), ...Object.values(command?.options.env ?? {})]
    .flatMap((value) => Redacted.isRedacted(value) ? [Redacted.value(value)] : [])
    .filter((secret) => secret.length >= shortestSecret)
  return (text) => redact(secrets.reduce((text, secret) => text.replaceAll(secret, "<redacted>"), text))
}

/**
 * Output without what must not be kept. It is taken whole, since a secret may be cut anywhere. Output that is no UTF-8
 * is looked at byte by byte as Latin-1, which finds secrets in ASCII and keeps every other byte.
 */
const redacted = (bytes: Uint8Array, redact: Redact): Uint8Array => {
  const text = textOf(bytes)
  if (text !== undefined) return new TextEncoder().encode(redact(text))
  const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")
  return Uint8Array.from(redact(latin), (character) => character.charCodeAt(0) & 0xff)
}

/** The events with as many bytes of a stream as there are; the last chunk takes the rest. */
const fitted = (events: ReadonlyArray<Event>, stream: "stdout" | "stderr", length: number): Array<Event> => {
  const last = events.findLastIndex((event) => event[1] === stream)
  let left = length
  return events.map((event, i): Event => {
    if (event[1] !== stream) return event
    const bytes = i === last ? left : Math.min(left, event[2])
    left -= bytes
    return [event[0], stream, bytes]
  })
}

/** What a recorder can do: it holds nothing of a descriptor above the standard ones, so that there are none. */
export const recordable = (containment: Container["containment"]): Container["containment"] => ({
  ...containment,
  descriptors: false
})

/** A failure that another start would have too; the rest says nothing about the program. */
const failureOf = (reason: ProcessError.Reason): Failure["failure"] | undefined => {
  switch (reason._tag) {
    case "NotFound":
      return { reason: reason._tag, errno: "ENOENT" }
    case "ExecFormat":
      return { reason: reason._tag, errno: "ENOEXEC" }
    case "ArgumentListTooLong":
      return { reason: reason._tag, errno: "E2BIG" }
    case "PermissionDenied":
    case "ResourceExhausted":
    case "InvalidCwd":
    case "SpawnFailed":
      return { reason: reason._tag, errno: reason.errno }
    default:
      return undefined
  }
}

/** Records every start in the containers that it watches. */
export class Recorder {
  readonly #redact: Redact
  readonly #takes: Array<Take> = []

  constructor(redact: Redact) {
    this.#redact = redact
  }

  /** What was recorded so far, in the order of the starts. */
  get entries(): ReadonlyArray<Entry> {
    return this.#takes.flatMap(({ entry }) => entry === undefined ? [] : [entry])
  }

  /** A container whose starts are recorded. It offers nothing that bypasses its owner, such as pipes between children. */
  watch(container: Container, sleep: Sleep): Container {
    const takes: Array<Take> = []
    // A kernel that says that nobody is left may do so before we hear how somebody has ended.
    const ends = Effect.suspend(() => Effect.forEach(takes, (take) => take.over, { discard: true }))
    return {
      ...watched(container, (signal) => takes.forEach((take) => take.signalled(signal))),
      containment: recordable(container.containment),
      spawn: (request, alone) => this.#spawn(container, takes, request, alone),
      adopt: container.adopt,
      limits: container.limits,
      suspend: container.suspend,
      resume: container.resume,
      release: Effect.andThen(Effect.raceFirst(ends, sleep(patience)), container.release)
    }
  }

  #spawn(
    container: Container,
    takes: Array<Take>,
    request: ProcessBackend.SpawnRequest,
    alone: boolean | undefined
  ): Effect.Effect<Child, ProcessError.ProcessError> {
    return Effect.flatMap(Effect.all([keyOf(request, this.#redact), Clock.Clock]), ([key, clock]) => {
      const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      const take = new Take(key, request, this.#redact, now)
      this.#takes.push(take)
      takes.push(take)
      return container.spawn(request, alone).pipe(
        Effect.tapError((error) => Effect.sync(() => take.failed(error))),
        Effect.map((child) => recording(child, take))
      )
    })
  }
}

/** A tree whose signals are noted. */
const watched = (tree: ProcessBackend.Tree, note: (signal: Signal.Signal) => void): ProcessBackend.Tree => ({
  members: tree.members,
  signal: (signal) => Effect.suspend(() => (note(signal), tree.signal(signal))),
  kill: Effect.suspend(() => (note("SIGKILL"), tree.kill)),
  awaitEmpty: (within) => tree.awaitEmpty(within),
  stats: tree.stats
})

const recording = (child: Child, take: Take): Child => {
  take.started()
  child.onExit((exit) => take.exited(exit))
  return {
    ...watched(child, (signal) => take.signalled(signal)),
    pid: child.pid,
    stdin: child.stdin === undefined ? undefined : recordingSink(child.stdin, take),
    stdout: child.stdout === undefined ? undefined : recordingSource(child.stdout, take, "stdout"),
    stderr: child.stderr === undefined ? undefined : recordingSource(child.stderr, take, "stderr"),
    onExit: (observer) => child.onExit(observer),
    signalLeader: (signal) => Effect.suspend(() => (take.signalled(signal), child.signalLeader(signal))),
    concluded: (outcome) => {
      take.concluded(outcome)
      child.concluded?.(outcome)
    }
  }
}

const recordingSource = (
  source: ProcessBackend.ByteSource,
  take: Take,
  stream: "stdout" | "stderr"
): ProcessBackend.ByteSource => ({
  start: (receiver) =>
    source.start({
      chunk: (bytes) => {
        take.wrote(stream, bytes)
        return receiver.chunk(bytes)
      },
      end: receiver.end
    }),
  resume: () => source.resume(),
  isComing: () => source.isComing?.() === true,
  close: () => source.close()
})

/**
 * Input counts when it is sent, not when it is answered: the program may have spoken in between. Its end is none where the
 * program had stopped reading before.
 */
const recordingSink = (sink: ProcessBackend.ByteSink, take: Take): ProcessBackend.ByteSink => {
  let isRead = true
  return {
    write: (bytes, done) => {
      take.given(bytes.length)
      sink.write(bytes, (errno) => {
        if (errno !== undefined) isRead = false
        done(errno)
      })
    },
    end: () => {
      if (isRead) take.givenAll()
      sink.end()
    },
    close: () => sink.close()
  }
}
