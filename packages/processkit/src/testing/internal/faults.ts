/** Faults at work: which one is due at which occasion, and what it does to containers, children and pipes. */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { ownBytes } from "../../internal/ownBytes.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import * as ProcessError from "../../ProcessError.ts"
import type * as FaultyBackend from "../FaultyBackend.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]
type Child = ProcessBackend.Child
type Container = ProcessBackend.Container
type Fault = FaultyBackend.Fault
type Report = Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>

/** Counts occasions, and remembers which faults have fired. */
class Ledger {
  readonly #faults: ReadonlyArray<Fault>
  readonly #occasions = new Map<Fault["_tag"], number>()
  readonly #fired = new Set<Fault>()

  constructor(faults: ReadonlyArray<Fault>) {
    this.#faults = faults
  }

  get fired(): ReadonlyArray<Fault> {
    return this.#faults.filter((fault) => this.#fired.has(fault))
  }

  /** One more occasion for faults of a kind; gives the one that is due. */
  due<T extends Fault["_tag"]>(tag: T): Extract<Fault, { readonly _tag: T }> | undefined {
    const occasion = (this.#occasions.get(tag) ?? 0) + 1
    this.#occasions.set(tag, occasion)
    const fault = this.#faults.find((fault) => fault._tag === tag && (!("at" in fault) || fault.at === occasion))
    if (fault !== undefined) this.#fired.add(fault)
    return fault as Extract<Fault, { readonly _tag: T }> | undefined
  }
}

const failure = (reason: ProcessError.Reason) => Effect.fail(ProcessError.make(reason))

const lost = () => new ProcessError.HostLost({ program: undefined, detail: "a fault of the test has lost it" })

/** A backend with faults in it, and which of them have fired. */
export const make = (below: Backend, faults: ReadonlyArray<Fault>) => {
  const ledger = new Ledger(faults)
  const host = new Host(ledger)
  const backend: Backend = {
    ...below,
    open: host.asked("opening a container", Effect.map(below.open, (container) => host.contain(container))),
    outside: below.outside && Effect.map(below.outside, (outside) => host.outside(outside))
  }
  return { backend, fired: () => ledger.fired }
}

/** What all containers have in common: they are lost together. */
class Host {
  readonly ledger: Ledger
  readonly #containers = new Set<Container>()
  readonly #onLoss = new Set<() => void>()
  #isLost = false

  constructor(ledger: Ledger) {
    this.ledger = ledger
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Asks something of the backend, unless that is what goes wrong. */
  asked<A>(
    operation: string,
    effect: Effect.Effect<A, ProcessError.ProcessError>
  ): Effect.Effect<A, ProcessError.ProcessError> {
    return Effect.suspend(() => {
      if (!this.#isLost && this.ledger.due("HostLost") !== undefined) return Effect.andThen(this.#lose, failure(lost()))
      if (this.#isLost) return failure(lost())
      const fault = this.ledger.due("OperationFails")
      if (fault === undefined) return effect
      return failure(new ProcessError.IoFailed({ program: undefined, operation, errno: fault.errno }))
    })
  }

  /** Calls back when everything is lost; gives the way to leave. */
  onLoss(tell: () => void): () => void {
    this.#onLoss.add(tell)
    return () => this.#onLoss.delete(tell)
  }

  /** Nothing may survive a test, so what a lost host held is killed, as its own death would kill it. */
  get #lose(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isLost = true
      for (const tell of this.#onLoss) tell()
      return Effect.forEach(this.#containers, (container) => Effect.ignore(container.kill), { discard: true })
    })
  }

  contain(container: Container): Container {
    this.#containers.add(container)
    const { adopt, limits } = container
    return {
      ...this.#tree(container),
      containment: container.containment,
      spawn: (request, alone) =>
        this.#starting(
          request,
          Effect.flatMap(
            Effect.context<never>(),
            (context) => Effect.map(container.spawn(request, alone), (child) => this.#child(child, context))
          )
        ),
      adopt: adopt && ((pid, startTime) => this.asked("adopting a process", adopt(pid, startTime))),
      limits: limits && { ...limits, set: (wanted) => this.asked("changing limits", limits.set(wanted)) },
      suspend: this.asked("suspending", container.suspend),
      resume: this.asked("resuming", container.resume),
      release: Effect.suspend(() => {
        this.#containers.delete(container)
        return container.release
      })
    }
  }

  /** A detached start is an occasion like any other; what it has started survives the loss of everything. */
  outside({ containment, spawn }: ProcessBackend.Outside): ProcessBackend.Outside {
    return { containment, spawn: (request) => this.#starting(request, spawn(request)) }
  }

  /** A start, unless that is what goes wrong. */
  #starting<A>(
    { program }: ProcessBackend.SpawnRequest,
    start: Effect.Effect<A, ProcessError.ProcessError>
  ): Effect.Effect<A, ProcessError.ProcessError> {
    return this.asked(
      "starting a program",
      Effect.suspend(() => {
        const fault = this.ledger.due("SpawnFails")
        return fault === undefined ? start : failure(new ProcessError.SpawnFailed({ program, errno: fault.errno }))
      })
    )
  }

  /** A kill is never refused, and neither is the question whether it worked. */
  #tree(tree: ProcessBackend.Tree): ProcessBackend.Tree {
    return {
      members: this.asked("listing members", tree.members),
      signal: (signal) => this.asked("signalling", tree.signal(signal)),
      kill: tree.kill,
      stats: tree.stats && this.asked("reading statistics", tree.stats),
      awaitEmpty: (within) => tree.awaitEmpty(within)
    }
  }

  #child(child: Child, context: Context.Context<never>): Child {
    const exits = new Exits(child, this, context)
    const source = (stream: "stdout" | "stderr") => {
      const below = child[stream]
      return below === undefined ? undefined : this.#split(this.#broken(below, stream))
    }
    return {
      ...this.#tree(child),
      pid: child.pid,
      stdin: child.stdin === undefined ? undefined : this.#blocked(child.stdin),
      stdout: source("stdout"),
      stderr: source("stderr"),
      descriptors: child.descriptors,
      onExit: (observer) => exits.observe(observer),
      signalLeader: (signal) => this.asked("signalling", child.signalLeader(signal)),
      ...(child.concluded === undefined ? {} : { concluded: child.concluded })
    }
  }

  /** A pipe that fails after so many bytes. */
  #broken(source: ProcessBackend.ByteSource, stream: "stdout" | "stderr"): ProcessBackend.ByteSource {
    const fault = this.ledger.due(stream === "stdout" ? "StdoutBreaks" : "StderrBreaks")
    if (fault === undefined) return source
    let left = fault.after
    const cut = (receiver: ProcessBackend.ByteReceiver) => {
      source.close()
      receiver.end(fault.errno)
      return false
    }
    return {
      start: (receiver) =>
        source.start({
          chunk: (bytes) => {
            const part = bytes.subarray(0, left)
            left -= part.length
            const wanted = part.length === 0 || receiver.chunk(part)
            return left > 0 ? wanted : cut(receiver)
          },
          end: (errno) => receiver.end(errno)
        }),
      resume: () => source.resume(),
      isComing: () => source.isComing?.() === true,
      close: () => source.close()
    }
  }

  #split(source: ProcessBackend.ByteSource): ProcessBackend.ByteSource {
    const fault = this.ledger.due("ChunksSplit")
    return fault === undefined ? source : new Splitter(source, fault.bytes)
  }

  #blocked(sink: ProcessBackend.ByteSink): ProcessBackend.ByteSink {
    const fault = this.ledger.due("StdinBreaks")
    if (fault === undefined) return sink
    let left = fault.after
    return {
      write: (bytes, done) => {
        if (bytes.length <= left) {
          left -= bytes.length
          return sink.write(bytes, done)
        }
        const part = bytes.subarray(0, left)
        left = 0
        if (part.length === 0) return done(fault.errno)
        sink.write(part, () => done(fault.errno))
      },
      end: () => sink.end(),
      close: () => sink.close()
    }
  }
}

/** Tells the exit of a child, late or as lost. Each observer is told once, whatever comes first. */
class Exits {
  readonly #child: Child
  readonly #host: Host
  readonly #late: Duration.Input | undefined
  readonly #context: Context.Context<never>

  constructor(child: Child, host: Host, context: Context.Context<never>) {
    this.#child = child
    this.#host = host
    this.#context = context
    this.#late = host.ledger.due("ExitDelayed")?.by
  }

  observe(observer: (report: Report) => void): void {
    let told = false
    const tell = (report: Report) => {
      if (told) return
      told = true
      leave()
      observer(report)
    }
    const leave = this.#host.onLoss(() => tell(Exit.fail(ProcessError.make(lost()))))
    this.#child.onExit((report) => {
      if (this.#late === undefined) return tell(report)
      Effect.runForkWith(this.#context)(Effect.andThen(Effect.sleep(this.#late), Effect.sync(() => tell(report))))
    })
  }
}

/** Hands over what comes in pieces of a size, one more only where the reader wants one more. */
class Splitter implements ProcessBackend.ByteSource {
  readonly #source: ProcessBackend.ByteSource
  readonly #size: number
  #receiver: ProcessBackend.ByteReceiver | undefined
  #left: Uint8Array = new Uint8Array(0)
  #wanted = true
  #end: { readonly errno: string | undefined } | undefined
  #delivering = false
  #over = false

  constructor(source: ProcessBackend.ByteSource, size: number) {
    this.#source = source
    this.#size = size
  }

  readonly start = (receiver: ProcessBackend.ByteReceiver): void => {
    this.#receiver = receiver
    this.#source.start({
      chunk: (bytes) => {
        // The caller may use its buffer again while pieces of it still wait.
        this.#left = ownBytes(bytes)
        this.#deliver()
        return this.#wanted && this.#left.length === 0
      },
      end: (errno) => {
        this.#end = { errno }
        this.#deliver()
      }
    })
  }

  readonly resume = (): void => {
    this.#wanted = true
    // The outer call goes on with what a reader wants that resumes while it takes a piece.
    if (this.#delivering) return
    this.#deliver()
    if (this.#wanted && this.#left.length === 0 && this.#end === undefined) this.#source.resume()
  }

  readonly close = (): void => {
    this.#over = true
    this.#source.close()
  }

  #deliver(): void {
    this.#delivering = true
    while (!this.#over && this.#wanted && this.#left.length > 0) {
      const piece = this.#left.subarray(0, this.#size)
      this.#left = this.#left.subarray(this.#size)
      // Asked for before the answer is known: a reader that resumes meanwhile has the last word.
      this.#wanted = true
      if (this.#receiver?.chunk(piece) === false) this.#wanted = false
    }
    this.#delivering = false
    if (this.#over || this.#left.length > 0 || this.#end === undefined) return
    this.#over = true
    this.#receiver?.end(this.#end.errno)
  }
}
