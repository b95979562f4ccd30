/** What the cases of the backend contract are written in: opening, starting, watching, waiting, claiming. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { ownBytes } from "../../internal/ownBytes.ts"
import * as ProcessBackend from "../../ProcessBackend.ts"
import type * as ProcessError from "../../ProcessError.ts"
import * as BackendPrograms from "../BackendPrograms.ts"
import type * as BackendSuite from "../BackendSuite.ts"

/** A claim that did not hold. */
export class ContractBroken extends Data.TaggedError("ContractBroken")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** What a case needs. */
export type Needs = ProcessBackend.ProcessBackend | BackendPrograms.BackendPrograms | Scope.Scope

/** A case in the making: failures of the backend itself break the contract as well. */
export type Check = Effect.Effect<void, ContractBroken | ProcessError.ProcessError, Needs>

/** Names a claim. */
export const claim = (
  name: string,
  needs: ReadonlyArray<BackendSuite.Capability>,
  check: Check
): BackendSuite.Case => ({
  name,
  needs,
  run: Effect.mapError(
    check,
    (error) =>
      error._tag === "ContractBroken" ? error : new ContractBroken({ detail: `unexpected failure: ${error.message}` })
  )
})

/** How long anything may take that is bound to happen. */
const patience = Duration.seconds(20)

/** Breaks the contract unless something holds. */
export const holds = (condition: boolean, detail: string): Effect.Effect<void, ContractBroken> =>
  condition ? Effect.void : Effect.fail(new ContractBroken({ detail }))

/** Breaks the contract unless two values look the same as JSON. */
export const same = (actual: unknown, expected: unknown, what: string): Effect.Effect<void, ContractBroken> => {
  const [got, wanted] = [JSON.stringify(actual) ?? "undefined", JSON.stringify(expected) ?? "undefined"]
  return holds(got === wanted, `${what}: expected ${shortened(wanted)}, got ${shortened(got)}`)
}

const shortened = (text: string): string => text.length > 200 ? `${text.slice(0, 200)}…` : text

/** Waits for something that is bound to happen. */
export const until = (what: string, condition: () => boolean): Effect.Effect<void, ContractBroken> =>
  untilSeen(what, Effect.sync(condition))

/** Waits for something that takes more than a look. */
export const untilSeen = <E, R>(
  what: string,
  look: Effect.Effect<boolean, E, R>
): Effect.Effect<void, E | ContractBroken, R> =>
  Effect.repeat(Effect.andThen(Effect.sleep("2 millis"), look), { until: (seen) => seen }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(new ContractBroken({ detail: `never happened: ${what}` }))
    }),
    Effect.asVoid
  )

/** How a program is to be called here. */
export const programs = BackendPrograms.BackendPrograms

/** A container that ends with the case, whatever is in it. */
export const container: Effect.Effect<
  ProcessBackend.Container,
  ProcessError.ProcessError,
  ProcessBackend.ProcessBackend | Scope.Scope
> = Effect.flatMap(
  ProcessBackend.ProcessBackend,
  (backend) =>
    Effect.acquireRelease(backend.open, (container) =>
      Effect.ignore(container.kill).pipe(
        Effect.andThen(container.awaitEmpty(patience)),
        Effect.andThen(container.release)
      ))
)

/** What one output stream has delivered so far. */
export class Received {
  readonly chunks: Array<Uint8Array> = []
  readonly ends: Array<string | undefined> = []
  /** Answers for the coming chunks; `true` once it is used up. */
  readonly answers: Array<boolean> = []
  onChunk: (bytes: Uint8Array) => void = () => {}

  watch(source: ProcessBackend.ByteSource | undefined): void {
    source?.start({
      chunk: (bytes) => {
        // A backend may reuse its buffer after the call.
        this.chunks.push(ownBytes(bytes))
        this.onChunk(bytes)
        return this.answers.shift() ?? true
      },
      end: (errno) => {
        this.ends.push(errno)
      }
    })
  }

  get bytes(): Uint8Array {
    const joined = new Uint8Array(this.chunks.reduce((length, chunk) => length + chunk.length, 0))
    let at = 0
    for (const chunk of this.chunks) {
      joined.set(chunk, at)
      at += chunk.length
    }
    return joined
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes)
  }
}

/** A child that is being watched, from the tick on in which it was handed over. */
export interface Watched {
  readonly child: ProcessBackend.Child
  readonly stdout: Received
  readonly stderr: Received
  readonly exits: Array<Exit.Exit<ProcessBackend.ExitReport, ProcessError.ProcessError>>
}

type Overrides = Partial<ProcessBackend.SpawnRequest>

/** What is asked for where a case does not care. */
export const request = (line: BackendPrograms.Line, overrides: Overrides = {}): ProcessBackend.SpawnRequest => ({
  program: line.program,
  args: line.args,
  cwd: undefined,
  env: { base: "inherit", set: [] },
  preferLocal: [],
  stdin: "null",
  stdout: "pipe",
  stderr: "pipe",
  attributes: {},
  ...overrides
})

/** Starts a program and watches it; `prepare` may set how its streams are answered before anything arrives. */
export const spawn = (
  container: ProcessBackend.Container,
  line: BackendPrograms.Line,
  overrides: Overrides = {},
  prepare: (watched: Watched) => void = () => {}
): Effect.Effect<Watched, ProcessError.ProcessError> =>
  Effect.uninterruptible(Effect.map(container.spawn(request(line, overrides)), (child) => {
    const watched: Watched = { child, stdout: new Received(), stderr: new Received(), exits: [] }
    prepare(watched)
    watched.stdout.watch(child.stdout)
    watched.stderr.watch(child.stderr)
    child.onExit((exit) => watched.exits.push(exit))
    return watched
  }))

/** Starts one program in a container of its own. */
export const alone = (
  line: BackendPrograms.Line,
  overrides: Overrides = {},
  prepare: (watched: Watched) => void = () => {}
) =>
  Effect.flatMap(
    container,
    (container) => Effect.map(spawn(container, line, overrides, prepare), (watched) => ({ ...watched, container }))
  )

/** Waits until a child has exited and both of its streams have ended. */
export const ended = (watched: Watched): Effect.Effect<void, ContractBroken> =>
  Effect.andThen(
    exited(watched),
    until("the end of both streams", () =>
      [[watched.child.stdout, watched.stdout] as const, [watched.child.stderr, watched.stderr] as const]
        .every(([source, received]) =>
          source === undefined || received.ends.length > 0
        ))
  )

/** Waits until a child has exited. */
export const exited = (watched: Watched): Effect.Effect<void, ContractBroken> =>
  until("the exit", () => watched.exits.length > 0)

/** Waits until a program says that it has done what it is named after. */
export const ready = (watched: Watched): Effect.Effect<void, ContractBroken> =>
  until("the word ready", () => watched.stdout.text.includes("ready\n"))

/** How a child ended, as one word: its code, or its signal with its number. */
export const exitOf = (watched: Watched): string => {
  const [exit] = watched.exits
  if (exit === undefined) return "running"
  if (exit._tag === "Failure") return "lost"
  const how = exit.value.exit
  return how._tag === "Exited" ? String(how.code) : `${how.signal} (${how.number})`
}

/** Writes bytes to a child and gives the answer. */
export const write = (watched: Watched, bytes: Uint8Array): Effect.Effect<string | undefined, ContractBroken> => {
  const { stdin } = watched.child
  if (stdin === undefined) return Effect.fail(new ContractBroken({ detail: "a child with a pipe for stdin has none" }))
  return Effect.callback<string | undefined>((resume) => {
    stdin.write(bytes, (errno) => resume(Effect.succeed(errno)))
  }).pipe(Effect.timeoutOrElse({
    duration: patience,
    orElse: () => Effect.fail(new ContractBroken({ detail: "a write was never answered" }))
  }))
}

export const into = (path: string, append = false): ProcessBackend.Output => ({ _tag: "File", path, append })

export const from = (path: string): ProcessBackend.Input => ({ _tag: "File", path })

/** What a file holds, as a program reads it. */
export const contentOf = Effect.fnUntraced(function*(path: string) {
  const { echoesStdin } = yield* programs
  const watched = yield* alone(echoesStdin, { stdin: from(path) })
  yield* ended(watched)
  yield* same(exitOf(watched), "0", "the exit of a program that reads a file")
  return watched.stdout.text
})

/** The bytes of a flood. */
export const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251)

/** Tells where two byte arrays differ first, `undefined` where they do not. */
export const difference = (a: Uint8Array, b: Uint8Array): string | undefined => {
  if (a.length !== b.length) return `${a.length} bytes instead of ${b.length}`
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at === -1 ? undefined : `another byte at offset ${at}`
}
