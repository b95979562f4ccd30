/** Which attributes of a start can be shown on this machine, and by this user. */
import * as fs from "node:fs"
import * as os from "node:os"
import type * as SpawnAttributes from "processkit/SpawnAttributes"
import { hasProc } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { has } from "./programs.ts"

type Capabilities = Readonly<Record<SpawnAttributes.Name, true | string>>

const isExecutable = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(":").some((directory) => fs.existsSync(`${directory}/${program}`))

const mayUseFirst = (): boolean =>
  hasProc && /^Cpus_allowed_list:\s*0\b/m.test(fs.readFileSync("/proc/self/status", "latin1"))

export const hasIonice = has("the program ionice", isExecutable("ionice"))

/** Group and foreground group: fields 5 and 8 of proc_pid_stat(5). */
const hasForeground = ((): boolean => {
  if (!hasProc) return false
  const [, , group, , , foreground] = fs.readFileSync("/proc/self/stat", "latin1").replace(/^.*\) /s, "").split(" ")
  return group === foreground
})()

const other = canBecomeOther || missingForOther
const linux = hasProc || "the program that tells it reads /proc"

/** What the native host can do here. */
export const hostedAttributes: Capabilities = {
  argv0: true,
  uid: other,
  gid: other,
  groups: other,
  umask: true,
  rlimits: linux,
  priority: os.getPriority() <= 10 || "this process has less than what is asked for",
  affinity: mayUseFirst() || "the first processor is not for this process",
  ioPriority: hasIonice || "there is no program that tells it",
  noNewPrivileges: linux,
  terminal: hasForeground || "a terminal whose foreground this process has"
}

const lacking = "child_process has no such option"

/** What bare Node can do here. */
export const bareAttributes: Capabilities = {
  argv0: true,
  uid: hasProc ? other : linux,
  gid: hasProc ? other : linux,
  groups: lacking,
  umask: lacking,
  rlimits: lacking,
  priority: lacking,
  affinity: lacking,
  ioPriority: lacking,
  noNewPrivileges: lacking,
  terminal: lacking
}
