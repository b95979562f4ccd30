/**
 * Real hosts for tests: one that speaks through the client, and one that is given bytes. What is left of them is asked
 * of `/proc`.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import { text } from "node:stream/consumers"
import * as Host from "../src/internal/host/host.ts"
import type { Exited, HostChild } from "../src/internal/host/hostAnswers.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import { decoder } from "../src/internal/host/hostEvents.ts"
import type { HostEvent, Mode, Spawn, Stream } from "../src/internal/host/hostProtocol.ts"
import { cgroupMount, ownCgroup } from "./cgroupDirectories.ts"
import { allowance } from "./slowness.ts"
import * as Survivors from "./survivors.ts"
import { eventually } from "./world.ts"

export { isAlive } from "./oracle.ts"
export { eventually, throughout } from "./world.ts"

export const Null: Stream = { _tag: "Null" }
export const Pipe: Stream = { _tag: "Pipe" }

/** The binary under test: the committed one, or what the environment names (an instrumented build). */
export const binary = process.env["PROCESSKIT_HOST"] ??
  path.join(HostBinary.directory, HostBinary.nameFor({ platform: process.platform, arch: process.arch }) ?? "none")

export const isSupported = process.platform === "linux" && fs.existsSync(binary)

const candidates = () => [Result.succeed({ path: binary, discard: () => {} })]

/** A host of the test's own, closed and gone when the test ends. */
export const inHost = <A, E>(
  mode: Mode,
  body: (host: HostConnection) => Effect.Effect<A, E>
): Effect.Effect<A, E | Host.HostUnavailable> =>
  Effect.acquireUseRelease(
    Host.connect(mode, candidates),
    body,
    (host) =>
      Effect.andThen(
        Effect.sync(() => host.close()),
        eventually("the host is gone", () => !fs.existsSync(`/proc/${host.pid}`))
      )
  )

const ownEnvironment = (): ReadonlyArray<string> =>
  Object.entries(process.env).flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`])

/** A start with everything that a test does not care about filled in. */
export const request = (program: string, args: ReadonlyArray<string>, rest: Partial<Spawn> = {}): Spawn => ({
  file: program,
  directory: "/",
  cgroup: "",
  arguments: [program, ...args],
  environment: ownEnvironment(),
  streams: [Null, Null, Null],
  ...rest
})

export const shell = (script: string, rest: Partial<Spawn> = {}): Spawn => request("/bin/sh", ["-c", script], rest)

export const exitOf = (child: HostChild): Effect.Effect<Exited, unknown> =>
  Effect.callback((resume) => child.onExit((exit) => resume(Effect.fromResult(exit))))

export const emptied = (child: HostChild): Effect.Effect<void> =>
  Effect.callback((resume) => child.onEmptied(() => resume(Effect.void)))

/** Reads one stream of a child to its end, from now on. */
export const output = (child: HostChild, stream: 1 | 2): Effect.Effect<string> => {
  const socket = child.pipes[stream]?.socket()
  const read = socket === undefined ? Promise.resolve("") : text(socket)
  return Effect.promise(() => read)
}

/** Runs to the end and gives what was printed. */
export const run = (
  host: HostConnection,
  request: Spawn,
  input?: string
): Effect.Effect<
  { readonly exit: Exited; readonly stdout: string; readonly stderr: string; readonly pid: number },
  unknown
> =>
  Effect.gen(function*() {
    const child = yield* host.spawn(request)
    const [stdout, stderr] = [output(child, 1), output(child, 2)]
    child.pipes[0]?.socket().end(input ?? "")
    return { exit: yield* exitOf(child), stdout: yield* stdout, stderr: yield* stderr, pid: child.pid }
  })

/** The errno names of Node, for expectations. */
export const startFailure = (host: HostConnection, request: Spawn) => Effect.flip(host.spawn(request))

/** The memory that a process has for itself. */
export const privateKilobytes = (pid: number): number =>
  [...fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").matchAll(/^Private_(?:Clean|Dirty): *(\d+) kB/gm)]
    .reduce((sum, match) => sum + Number(match[1]), 0)

/** Whether the binary is an instrumented one, whose memory says nothing. */
export const isInstrumented = process.env["PROCESSKIT_HOST"] !== undefined

let directories = 0

/** An entry for the environment, and the pids of the living processes that carry it. */
export const makeMark = (): { readonly entry: string; readonly survivors: () => ReadonlyArray<number> } => {
  const { survivors, variable } = Survivors.makeMark()
  return { entry: variable.join("="), survivors }
}

/** A directory in which version 2 of cgroups can be used for real, or undefined where this machine has none. */
export const cgroupHome = ((): string | undefined => {
  if (cgroupMount === "") return undefined
  const probe = path.join(ownCgroup, `processkit-test-${process.pid}`)
  try {
    fs.mkdirSync(probe)
    const usable = fs.existsSync(path.join(probe, "cgroup.kill"))
    fs.rmdirSync(probe)
    return usable ? ownCgroup : undefined
  } catch {
    return undefined
  }
})()

/** Gives a cgroup directory to an ordinary user, as a service manager delegates one. Source: cgroup-v2, "Delegation". */
export const delegate = (directory: string, user: number): void => {
  for (const file of [".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]) {
    fs.chownSync(path.join(directory, file), user, user)
  }
}

/** A new cgroup directory, killed and removed when the test ends. */
export const inCgroup = <A, E>(home: string, body: (directory: string) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = path.join(home, `processkit-test-${process.pid}-${++directories}`)
      fs.mkdirSync(directory)
      return directory
    }),
    body,
    (directory) =>
      eventually("the cgroup is gone", () => {
        if (!fs.existsSync(directory)) return true
        try {
          fs.writeFileSync(path.join(directory, "cgroup.kill"), "1")
          for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
            if (entry.isDirectory()) fs.rmdirSync(path.join(directory, entry.name))
          }
          fs.rmdirSync(directory)
        } catch {
          // Its members are still on their way out.
        }
        return !fs.existsSync(directory)
      })
  )

/** A host that is given bytes, and what it answers. */
export interface RawHost {
  readonly child: ChildProcess
  readonly socket: net.Socket
  readonly events: ReadonlyArray<HostEvent>
  readonly event: <T extends HostEvent["_tag"]>(tag: T, index?: number) => Promise<HostEvent & { readonly _tag: T }>
  readonly ended: Promise<void>
}

const isA = <T extends HostEvent["_tag"]>(tag: T) => (event: HostEvent): event is HostEvent & { readonly _tag: T } =>
  event._tag === tag

export const rawHost = (): RawHost => {
  const child = spawn(binary, ["host"], {
    detached: true,
    env: {},
    stdio: ["ignore", "ignore", "inherit", "ipc", "pipe"]
  })
  const socket = child.stdio[4]
  if (!(socket instanceof net.Socket)) throw new Error("no socket to the host")
  const events: Array<HostEvent> = []
  const { push } = decoder()
  socket.on("data", (chunk: Buffer) => push(chunk, (event) => events.push(event)))
  socket.on("error", () => {})
  child.on("message", (_, handle) => {
    if (typeof handle === "object" && handle !== null && "close" in handle && typeof handle.close === "function") {
      handle.close()
    }
  })
  const ended = once(child, "exit").then(() => socket.destroy()).then(() => {})
  return {
    child,
    socket,
    events,
    ended,
    event: async (tag, index = 0) => {
      const end = performance.now() + allowance(10_000)
      for (;;) {
        const found = events.filter(isA(tag))[index]
        if (found !== undefined) return found
        if (performance.now() > end) throw new Error(`no event ${tag} among ${JSON.stringify(events.slice(-5))}`)
        await new Promise((resume) => setTimeout(resume, 2))
      }
    }
  }
}
