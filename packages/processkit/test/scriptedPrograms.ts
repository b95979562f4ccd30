/** The programs of the backend contract, as scripts, and what tests of the engine run that no reply can say yet. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Outcome from "processkit/Outcome"
import * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessError from "processkit/ProcessError"
import type * as Signal from "processkit/Signal"
import type * as SpawnAttributes from "processkit/SpawnAttributes"
import type { BackendPrograms } from "processkit/testing"
import * as ScriptedBackend from "../src/internal/scriptedBackend.ts"
import type { Io, Program } from "../src/internal/scriptedProcess.ts"
import * as Signals from "../src/internal/scriptedSignals.ts"

/** The environment that scripted programs inherit. */
export const owner = { PATH: "/scripted/bin", HOME: "/scripted/home" }

const exits = (code: number) => Effect.succeed(Outcome.exited(code))

const says = (io: Io, text: string) => io.write("stdout", text)

const runsOn = (signals: Signals.Dispositions = {}): Program => ({
  main: (io) => Effect.andThen(says(io, "ready\n"), Effect.never),
  signals
})

const echo = (io: Io): Effect.Effect<Outcome.Exit> =>
  Effect.flatMap(
    io.read,
    (bytes) => bytes === undefined ? exits(0) : Effect.andThen(io.write("stdout", bytes), echo(io))
  )

const flood = (io: Io, length: number) =>
  Effect.andThen(io.write("stdout", Uint8Array.from({ length }, (_, i) => i % 251)), exits(0))

const silent: Program = { main: () => Effect.never }

/** What a scripted program says of an attribute: there is no system to ask but what it was started with. */
const shown = (name: SpawnAttributes.Name, attributes: SpawnAttributes.SpawnAttributes): string => {
  const { ioPriority, rlimits, umask } = attributes
  switch (name) {
    case "umask":
      return umask?.toString(8) ?? ""
    case "rlimits":
      return (rlimits ?? []).map(({ hard, soft }) => `${soft} ${hard}`).join(" ")
    case "ioPriority":
      return ioPriority === undefined || ioPriority === "idle"
        ? ioPriority ?? ""
        : `${ioPriority.class} ${ioPriority.level}`
    case "noNewPrivileges":
      return attributes.noNewPrivileges === true ? "1" : "0"
    default:
      return [attributes[name] ?? []].flat().join(" ")
  }
}

const scripts: Record<string, (args: ReadonlyArray<string>) => Program> = {
  printsTwoStreams: () => ({
    main: (io) => Effect.andThen(Effect.andThen(says(io, "out\n"), io.write("stderr", "err\n")), exits(0))
  }),
  exitsWith: ([code]) => ({ main: () => exits(Number(code)) }),
  diesBySignal: ([signal]) => ({ main: () => Effect.succeed(Signals.killedBy(signal as Signal.Signal)) }),
  floods: ([length]) => ({ main: (io) => flood(io, Number(length)) }),
  echoesStdin: () => ({ main: echo }),
  printsArguments: (args) => ({
    main: (io) => Effect.andThen(says(io, args.map((arg) => `${arg}\0`).join("")), exits(0))
  }),
  printsVariable: ([name = ""]) => ({
    main: (io) => {
      const value = ProcessBackend.resolveEnvironment(io.request.env, owner)[name]
      return Effect.andThen(says(io, value === undefined ? "" : `=${value}`), exits(0))
    }
  }),
  printsAttribute: ([name]) => ({
    main: (io) => Effect.andThen(says(io, shown(name as SpawnAttributes.Name, io.request.attributes)), exits(0))
  }),
  waits: () => runsOn(),
  // Scripted programs see no files; the test that waits for this one gives it time.
  waitsFor: () => ({
    main: (io) => Effect.andThen(Effect.andThen(Effect.sleep("50 millis"), says(io, "found\n")), exits(0))
  }),
  ignoresTerm: () => runsOn({ SIGTERM: "ignore" }),
  trapsTerm: () => runsOn({ SIGTERM: { stdout: "bye\n", exit: Outcome.exited(143) } }),
  spawnsTree: () => ({ main: (io) => Effect.andThen(io.fork({ ...silent, holdsPipes: false }), runsOn().main(io)) }),
  holdsPipeOpen: () => ({
    main: (io) => Effect.andThen(Effect.andThen(io.fork(silent), says(io, "ready\n")), exits(0))
  })
}

let files = 0

const line = (program: string, ...args: ReadonlyArray<string>): BackendPrograms.Line => ({ program, args })

export const programs: BackendPrograms.BackendPrograms["Service"] = {
  printsTwoStreams: line("printsTwoStreams"),
  exitsWith: (code) => line("exitsWith", String(code)),
  diesBySignal: (signal) => line("diesBySignal", signal),
  floods: (bytes) => line("floods", String(bytes)),
  echoesStdin: line("echoesStdin"),
  printsArguments: (args) => line("printsArguments", ...args),
  printsVariable: (name) => line("printsVariable", name),
  printsDirectory: line("printsDirectory"),
  printsAttribute: (name) => line("printsAttribute", name),
  waits: line("waits"),
  waitsFor: (path) => line("waitsFor", path),
  ignoresTerm: line("ignoresTerm"),
  trapsTerm: line("trapsTerm"),
  spawnsTree: line("spawnsTree"),
  holdsPipeOpen: line("holdsPipeOpen"),
  missing: line("missing"),
  freshPath: Effect.sync(() => `/scripted/file-${++files}`)
}

const missing = (program: string) => ProcessError.make(new ProcessError.NotFound({ program, searched: [] }))

/** A backend that knows the programs of the contract, and those of a test besides. */
export const backend = (more: Record<string, Program> = {}): ScriptedBackend.ScriptedBackend => {
  const find = ({ args, program }: ProcessBackend.SpawnRequest): Program | undefined =>
    more[program] ?? scripts[program]?.(args)
  const program = (request: ProcessBackend.SpawnRequest) =>
    Effect.suspend(() => {
      const found = find(request)
      return found === undefined ? Effect.fail(missing(request.program)) : Effect.succeed(found)
    })
  return ScriptedBackend.make({ program, resolve: (request) => Effect.as(program(request), request.program) })
}

export const layer: Layer.Layer<ProcessBackend.ProcessBackend> = Layer.sync(
  ProcessBackend.ProcessBackend,
  () => backend().service
)

type Service = ProcessBackend.ProcessBackend["Service"]

/** Changes the containers of a backend, and the children in them. */
export const mapContainer = (
  below: Service,
  f: (container: ProcessBackend.Container) => Partial<ProcessBackend.Container>
): Service => ({ ...below, open: Effect.map(below.open, (container) => ({ ...container, ...f(container) })) })

/** A backend whose containers are waited for as real ones are: until they are empty, for ever if need be. */
export const patient = (below: Service): Service =>
  mapContainer(below, ({ members }) => ({
    awaitEmpty: () =>
      Effect.repeat(Effect.andThen(TestClock.withLive(Effect.sleep("1 millis")), Effect.orDie(members)), {
        until: (left) => left.length === 0
      })
  }))

/** A backend whose containers take their grace, on Effect's clock: who ignores a signal is there until it is over. */
export const unhurried = (below: Service): Service =>
  mapContainer(below, ({ members }) => ({
    awaitEmpty: (within) => {
      const isLeft = Effect.map(Effect.orDie(members), (left) => left.length > 0)
      const emptied = Effect.repeat(Effect.andThen(Effect.sleep(10), isLeft), { while: (is) => is })
      const waited = Effect.flatMap(isLeft, (is) => is ? Effect.timeoutOption(emptied, within) : Effect.void)
      return Effect.andThen(waited, Effect.orDie(members))
    }
  }))

/** A backend whose processes outlive even `SIGKILL`, as those that hang in the kernel do. */
export const unkillable = (below: Service): Service => {
  const deaf = { signal: () => Effect.void, kill: Effect.void }
  return mapContainer(below, (container) => ({
    ...deaf,
    spawn: (request) => Effect.map(container.spawn(request), (child) => ({ ...child, ...deaf }))
  }))
}
