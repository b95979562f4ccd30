/**
 * Set-up of the projects that start real processes: what a test file started is gone when the file ends.
 *
 * The operating system is asked, not the library: `/proc` for processes and descriptors, `process` for listeners. A
 * process belongs to this file if it is a child of the worker or if its environment carries the mark set below, which
 * also finds those that left the tree. Three things may stay until the worker ends, and nothing else: the helpers of the
 * library (processes named `processkit-guardian` and `processkit-host`) with the channels to them, the one descriptor
 * that Node keeps after the first watch of a file, and one `exit` listener. Where there is no `/proc`, the check says
 * what it left out.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, vi } from "vitest"
import { allowance } from "./slowness.ts"

const hasProc = fs.existsSync("/proc/self/fd")
const mark = `PROCESSKIT_TEST_WORKER=${process.pid}-${Date.now()}`
const descriptorsPerHelper = 2
const patience = () => ({ timeout: allowance(5_000), interval: 20 })

interface ProcessEntry {
  readonly pid: number
  readonly state: string
  readonly argv: string
}

/** The file's text, or nothing when the process went away or belongs to somebody else. */
const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

const ownProcesses = (): Array<ProcessEntry> => {
  const found: Array<ProcessEntry> = []
  for (const name of fs.readdirSync("/proc")) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const stat = read(`/proc/${pid}/stat`)
    // The command name stands in parentheses and may hold anything, so the fields are counted from the last one.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    if (state === undefined || state === "") continue
    if (Number(parent) === process.pid || read(`/proc/${pid}/environ`).split("\0").includes(mark)) {
      found.push({ pid, state, argv: read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim() })
    }
  }
  return found
}

const isHelper = (entry: ProcessEntry): boolean => /processkit-(guardian|host)/.test(entry.argv)

const isWatch = (descriptor: string): boolean => descriptor === "anon_inode:inotify"

/** Open descriptors by what they point at, without the identity of single pipes and sockets. */
const descriptors = (): Array<string> => {
  const found: Array<string> = []
  for (const fd of fs.readdirSync("/proc/self/fd")) {
    try {
      found.push(fs.readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, ""))
    } catch {
      // The descriptor that listed the directory is closed by now.
    }
  }
  return found
}

const listeners = (): Record<string, number> =>
  Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))

const extra = (before: ReadonlyArray<string>, now: ReadonlyArray<string>): Array<string> => {
  const rest = [...before]
  return now.filter((item) => {
    const index = rest.indexOf(item)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
}

interface Baseline {
  readonly listeners: Record<string, number>
  readonly descriptors: ReadonlyArray<string>
}

const leaks = (baseline: Baseline): Array<string> => {
  const list = Object.entries(listeners())
    .filter(([name, count]) => count > (baseline.listeners[name] ?? 0) + (name === "exit" ? 1 : 0))
    .map(([name, count]) => `listeners of "${name}": ${baseline.listeners[name] ?? 0} at the start, ${count} now`)
  if (!hasProc) return list
  const processes = ownProcesses()
  for (const entry of processes.filter((found) => !isHelper(found))) {
    list.push(`process ${entry.pid} (state ${entry.state}): ${entry.argv || "no arguments left"}`)
  }
  const allowed = processes.filter(isHelper).length * descriptorsPerHelper
  const now = descriptors().filter((descriptor) => !isWatch(descriptor))
  if (now.length > baseline.descriptors.length + allowed) {
    list.push(`descriptors: ${extra(baseline.descriptors, now).join(", ")} (${allowed} allowed)`)
  }
  return list
}

let baseline: Baseline = { listeners: {}, descriptors: [] }

beforeAll(async () => {
  // Node opens descriptors of its own with the first child it ever starts; they are not a leak.
  await once(spawn(process.execPath, ["--version"], { stdio: "ignore" }), "close")
  if (!hasProc) console.warn("leak check: no /proc here, so left-over processes and descriptors are not looked for")
  const [name = "", value] = mark.split("=")
  process.env[name] = value
  baseline = { listeners: listeners(), descriptors: hasProc ? descriptors() : [] }
})

afterAll(() => vi.waitFor(() => expect(leaks(baseline), "left behind by this file").toEqual([]), patience()))
