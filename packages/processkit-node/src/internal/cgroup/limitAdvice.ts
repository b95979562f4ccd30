/**
 * What to run so that limits can be had, where this process may make no cgroup at all: pure.
 *
 * Sources: `docs/cgroups.md`, which has them for each runtime.
 */
import type { LimitRefusal } from "processkit/Containment"
import * as LimitFiles from "./limitFiles.ts"
import * as OwnerDirectory from "./ownerDirectory.ts"

/** Short: whoever is refused a limit reads it at the end of a message, which is cut after 200 bytes. */
const advice: ReadonlyMap<OwnerDirectory.Refusal, string> = new Map([
  [
    OwnerDirectory.readOnly,
    "docker run --security-opt writable-cgroups=true changes that; then call NodeProcessRunner.adoptScope"
  ],
  [
    OwnerDirectory.notOurs,
    "use systemd-run --user --scope -p Delegate=yes, then call NodeProcessRunner.adoptScope"
  ],
  [
    OwnerDirectory.notVisible,
    "docker run --cgroupns=private changes that; then call NodeProcessRunner.adoptScope"
  ],
  [OwnerDirectory.notMounted, "boot with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)"],
  [OwnerDirectory.tooOld, "use Linux 5.14 or later"]
])

/** Every limit as refused, for the reason why there is no cgroup and with what can be done about it. */
export const refusedLimits = (obstacle: OwnerDirectory.Refusal): ReadonlyArray<LimitRefusal> => {
  const help = advice.get(obstacle)
  const reason = help === undefined ? obstacle : `${obstacle}: ${help}`
  return LimitFiles.names.map((limit) => ({ limit, reason }))
}
