/**
 * A backend without an operating system: programs are values, processes are fibers, time is Effect's `Clock`.
 *
 * Nothing in it waits for anything but the scripted programs themselves: `awaitEmpty` answers at once, since a signal has
 * done its work when it returns, so a scope closes under a virtual clock that nobody moves.
 */
import * as Effect from "effect/Effect"
import type * as Containment from "../Containment.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as ProcessError from "../ProcessError.ts"
import * as SpawnAttributes from "../SpawnAttributes.ts"
import { ScriptedDoors } from "./scriptedDoors.ts"
import { ScriptedFiles } from "./scriptedFiles.ts"
import { ScriptedInput } from "./scriptedInput.ts"
import { ScriptedPipe } from "./scriptedPipe.ts"
import { type Program, ScriptedProcess } from "./scriptedProcess.ts"
import { ScriptedTerminal } from "./scriptedTerminal.ts"

type Backend = ProcessBackend.ProcessBackend["Service"]

/** Where the programs come from. */
export interface Library {
  readonly program: (request: ProcessBackend.SpawnRequest) => Effect.Effect<Program, ProcessError.ProcessError>
  readonly resolve: (request: ProcessBackend.SpawnRequest) => Effect.Effect<string, ProcessError.ProcessError>
}

/** A start that took place, and what the program was fed so far. */
export interface Spawned {
  readonly request: ProcessBackend.SpawnRequest
  readonly input: ReadonlyArray<Uint8Array>
}

/** A backend, and what a test may ask of it. */
export interface ScriptedBackend {
  readonly service: Backend
  /** The ids of all scripted processes alive, whatever container they are in. */
  readonly alive: () => ReadonlyArray<number>
  readonly spawned: ReadonlyArray<Spawned>
}

const containment: Containment.Containment = {
  mechanism: "scripted",
  tree: "whole",
  ownerDeath: "whole",
  suspend: true,
  limits: [],
  attributes: SpawnAttributes.names,
  realTimeSignals: true,
  escapes: "nothing: no process is started, and what is scripted lives in the memory of its owner",
  refused: []
}

/**
 * Scripted processes have ids, since a tree is described by the ids in it, but ids that no system gives out: a `pid_t`
 * has 31 bits (POSIX sys/types.h on every supported system), and `process.kill` refuses numbers above.
 */
const firstId = 2 ** 31 + 1

export const make = (library: Library): ScriptedBackend => {
  const spawned: Array<Spawned> = []
  const containers = new Set<Array<ScriptedProcess>>()
  const doors = new ScriptedDoors()
  const files = new ScriptedFiles()
  const terminal = new ScriptedTerminal()
  let nextId = firstId
  const newId = () => nextId++
  const holder = Effect.sync((): Holder => {
    const processes: Array<ScriptedProcess> = []
    containers.add(processes)
    // Whoever outlived its container is still there to be asked about.
    const forget = () => void (idsOf(processes).length === 0 && containers.delete(processes))
    return { library, processes, spawned, newId, doors, files, terminal, forget }
  })
  return {
    service: {
      containment,
      open: Effect.map(holder, makeContainer),
      outside: Effect.map(holder, makeOutside),
      resolve: library.resolve,
      sleep: Effect.sleep,
      probes: doors.probes
    },
    alive: () => [...containers].flatMap(idsOf),
    spawned
  }
}

interface Holder {
  readonly library: Library
  readonly processes: Array<ScriptedProcess>
  readonly spawned: Array<Spawned>
  readonly newId: () => number
  readonly doors: ScriptedDoors
  readonly files: ScriptedFiles
  readonly terminal: ScriptedTerminal
  readonly forget: () => void
}

const makeContainer = (holder: Holder): ProcessBackend.Container => {
  const tree = treeOf(holder.processes)
  let isSuspended = false
  const noting = (value: boolean, work: Effect.Effect<void, ProcessError.ProcessError>) =>
    Effect.andThen(Effect.sync(() => void (isSuspended = value)), work)
  const resume = noting(false, tree.signal("SIGCONT"))
  return {
    ...tree,
    containment,
    spawn: (request) =>
      Effect.map(started(holder, request), ({ child, leader }) => {
        if (isSuspended) leader.signal("SIGSTOP")
        return child
      }),
    signal: (signal) => signal === "SIGCONT" ? resume : tree.signal(signal),
    suspend: noting(true, tree.signal("SIGSTOP")),
    resume,
    release: Effect.sync(holder.forget)
  }
}

/** Nobody but `alive` of the backend knows of those who were started here. */
const makeOutside = (holder: Holder): ProcessBackend.Outside => ({
  containment,
  spawn: (request) => Effect.map(started(holder, request), ({ leader }) => leader.id)
})

/** A process, and what its owner has of it. */
interface Started {
  readonly leader: ScriptedProcess
  readonly child: ProcessBackend.Child
}

const started = (holder: Holder, request: ProcessBackend.SpawnRequest) =>
  Effect.flatMap(
    holder.library.program(request),
    (program) =>
      Effect.andThen(
        holder.terminal.check(request),
        Effect.map(Effect.context<never>(), (context) => spawn(holder, request, program, context))
      )
  )

const spawn = (
  { doors, files, newId, processes, spawned, terminal }: Holder,
  request: ProcessBackend.SpawnRequest,
  program: Program,
  context: ConstructorParameters<typeof ScriptedProcess>[0]["context"]
): Started => {
  const input = inputOf(request.stdin, files)
  const stdout = request.stdout === "pipe" ? new ScriptedPipe() : undefined
  const stderr = request.stderr === "pipe" ? new ScriptedPipe() : undefined
  const output = stdout ?? fileOf(request.stdout, files)
  const written = {
    stdout: output,
    stderr: request.stderr === "stdout" ? output : stderr ?? fileOf(request.stderr, files)
  }
  const family: Array<ScriptedProcess> = []
  const born = (program: Program, input: ScriptedInput | undefined): ScriptedProcess => {
    const pipes = program.holdsPipes === false ? { stdout: undefined, stderr: undefined } : written
    const process = new ScriptedProcess({ id: newId(), program, request, input, ...pipes, context, fork, doors })
    family.push(process)
    processes.push(process)
    return process
  }
  const fork = (program: Program) => void born(program, undefined)
  const leader = born(program, input)
  terminal.lend(request, leader)
  spawned.push({ request, input: input?.received ?? [] })
  const sink = request.stdin === "pipe" ? input?.sink : undefined
  const child: ProcessBackend.Child = {
    ...treeOf(family),
    pid: undefined,
    stdin: sink,
    stdout: stdout?.source,
    stderr: stderr?.source,
    onExit: (observer) => leader.onExit(observer),
    signalLeader: (signal) => Effect.sync(() => leader.signal(signal))
  }
  return { leader, child }
}

const inputOf = (stdin: ProcessBackend.Input, files: ScriptedFiles): ScriptedInput | undefined => {
  if (stdin === "pipe") return new ScriptedInput()
  if (typeof stdin === "string" || stdin._tag === "Link") return undefined
  const input = new ScriptedInput()
  input.sink.write(files.read(stdin.path), () => {})
  input.sink.end()
  return input
}

const fileOf = (output: ProcessBackend.Output, files: ScriptedFiles) =>
  typeof output === "object" && output._tag === "File" ? files.write(output.path, output.append) : undefined

const idsOf = (processes: ReadonlyArray<ScriptedProcess>): ReadonlyArray<number> =>
  processes.filter((process) => process.isAlive).map((process) => process.id)

const treeOf = (processes: ReadonlyArray<ScriptedProcess>): ProcessBackend.Tree => {
  const signal = (signal: Parameters<ProcessBackend.Tree["signal"]>[0]) =>
    Effect.sync(() => [...processes].forEach((process) => process.signal(signal)))
  return {
    members: Effect.sync(() => idsOf(processes)),
    signal,
    kill: signal("SIGKILL"),
    awaitEmpty: () => Effect.sync(() => idsOf(processes))
  }
}
