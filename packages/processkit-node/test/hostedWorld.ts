/** The mechanisms over the native host, as tests run them, and what they leave in the cgroup hierarchy. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import type * as Command from "processkit/Command"
import type * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as CgroupBackend from "../src/internal/cgroup/cgroupBackend.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import { has } from "./programs.ts"

export { cgroupMount, directoriesAnywhereOf, directoriesOf, ownCgroup, ownGroups } from "./cgroupDirectories.ts"

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

/** Those, and process groups, which need neither a host nor a right. */
export const allMechanisms: ReadonlyArray<{ readonly name: string; readonly runner: Hosted["runner"] }> = [
  ...mechanisms,
  { name: "process-group", runner: NodeProcessRunner.layerProcessGroup() }
]

/** Starts a command and waits for its first line. */
export const ready = Effect.fnUntraced(function*(group: ProcessGroup.ProcessGroup, command: Command.Command) {
  const running = yield* group.start(command)
  yield* Stream.runHead(running.stdoutLines)
  return running
})
