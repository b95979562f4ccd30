/** Ends of pipes and trees of processes that tests hold in their hands. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../../src/ProcessBackend.ts"
import * as ProcessError from "../../src/ProcessError.ts"
import { utf8 } from "../arbitraries.ts"

/** A pipe that a child would write to: `says` and `ends` are the child, `log` is what was asked of the source. */
export class FakeSource implements ProcessBackend.ByteSource {
  readonly log: Array<string> = []
  /** What may be overwritten. */
  readonly recycled: Array<string> = []
  #receiver: ProcessBackend.ByteReceiver | undefined

  start(receiver: ProcessBackend.ByteReceiver): void {
    this.log.push("start")
    this.#receiver = receiver
  }
  resume(): void {
    this.log.push("resume")
  }
  recycle(bytes: Uint8Array): void {
    this.recycled.push(new TextDecoder().decode(bytes))
  }
  close(): void {
    this.log.push("close")
  }
  /** Delivers a chunk and tells whether more is wanted. */
  says(data: string | Uint8Array): boolean {
    return this.#receiver?.chunk(typeof data === "string" ? utf8(data) : data) ?? false
  }
  ends(errno?: string): void {
    this.#receiver?.end(errno)
  }
}

/** The pipe that a child would read from: answers every write at once, or when `answer` is called. */
export class FakeSink implements ProcessBackend.ByteSink {
  readonly log: Array<string> = []
  readonly #pending: Array<(errno: string | undefined) => void> = []
  readonly #waits: boolean

  constructor(options: { readonly waits: boolean } = { waits: false }) {
    this.#waits = options.waits
  }
  write(bytes: Uint8Array, done: (errno: string | undefined) => void): void {
    this.log.push(`write ${new TextDecoder().decode(bytes)}`)
    if (this.#waits) this.#pending.push(done)
    else done(undefined)
  }
  answer(errno?: string): void {
    this.#pending.shift()?.(errno)
  }
  end(): void {
    this.log.push("end")
  }
  close(): void {
    this.log.push("close")
  }
}

const broken = (): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program: undefined, operation: "looking", errno: "EIO" }))

/**
 * A tree of processes with numbers for members, on time that passes at once.
 *
 * `reacts` says who is left after a request; `log` is what was asked of the tree, in order.
 */
export class FakeTree implements ProcessBackend.Tree {
  readonly log: Array<string> = []
  alive: ReadonlyArray<number>
  unreadable = false
  readonly #reacts: (request: string, alive: ReadonlyArray<number>) => ReadonlyArray<number>

  constructor(
    alive: ReadonlyArray<number>,
    reacts: (request: string, alive: ReadonlyArray<number>) => ReadonlyArray<number> = (_, alive) => alive
  ) {
    this.alive = alive
    this.#reacts = reacts
  }

  #asked(request: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.log.push(request)
      this.alive = this.#reacts(request, this.alive)
    })
  }

  readonly members: ProcessBackend.Tree["members"] = Effect.suspend(() =>
    this.unreadable ? Effect.fail(broken()) : Effect.succeed(this.alive)
  )
  readonly signal: ProcessBackend.Tree["signal"] = (signal) => this.#asked(signal)
  readonly kill: ProcessBackend.Tree["kill"] = Effect.suspend(() => this.#asked("kill"))
  readonly awaitEmpty: ProcessBackend.Tree["awaitEmpty"] = (within) =>
    Effect.map(this.#asked(`wait ${Duration.toMillis(within)}`), () => this.alive)
}
