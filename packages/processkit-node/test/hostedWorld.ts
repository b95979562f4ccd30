/** The mechanisms over the native host, as tests run them, and what they leave in the cgroup hierarchy. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import type * as Command from "processkit/Command"
import type * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as CgroupBackend from "../src/internal/cgroup/cgroupBackend.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import { has } from "./programs.ts"

export interface Hosted {
  readonly name: "cgroup-v2" | "subreaper"
  readonly runner: Layer.Layer<ProcessRunner.ProcessRunner>
}

/** Whether this user may make cgroups here. */
export const hasCgroups = has(
  `a writable cgroup for the mechanism cgroup-v2: ${CgroupBackend.refusal() ?? "it is there"}`,
  CgroupBackend.refusal() === undefined
)

const hasHost = has("a native host for this machine", HostBinary.refusal() === undefined)

export const mechanisms: ReadonlyArray<Hosted> = [
  ...(hasCgroups ? [{ name: "cgroup-v2", runner: NodeProcessRunner.layerCgroup } as const] : []),
  ...(hasHost ? [{ name: "subreaper", runner: NodeProcessRunner.layerSubreaper } as const] : [])
]

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, "latin1")
  } catch {
    return ""
  }
}

/** Where version 2 of the hierarchy is mounted; empty where it is not. */
export const cgroupMount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(read("/proc/self/mountinfo"))?.[1] ?? ""

/** The cgroup of this process and of everything that it starts without a mechanism. */
export const ownCgroup = `${cgroupMount}${/^0::(.*)$/m.exec(read("/proc/self/cgroup"))?.[1] ?? ""}`.replace(/\/$/, "")

/** The directories that owners with this pid have, anywhere below our own cgroup. */
export const directoriesOf = (pid: number): ReadonlyArray<string> =>
  hasCgroups
    ? fs.readdirSync(ownCgroup).filter((name) => new RegExp(`^processkit-\\d+-${pid}-`).test(name))
      .map((name) => `${ownCgroup}/${name}`)
    : []

/** The groups of this process that have a directory. */
export const ownGroups = (): ReadonlyArray<string> =>
  directoriesOf(process.pid).flatMap((directory) =>
    fs.readdirSync(directory).filter((name) => /^g\d+$/.test(name)).map((name) => `${directory}/${name}`)
  )

/** Starts a command and waits for its first line. */
export const ready = Effect.fnUntraced(function*(group: ProcessGroup.ProcessGroup, command: Command.Command) {
  const running = yield* group.start(command)
  yield* Stream.runHead(running.stdoutLines)
  return running
})
