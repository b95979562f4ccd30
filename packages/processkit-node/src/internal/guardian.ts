/**
 * The guardian: a shell that ends the trees of this Node process when the process dies without doing so.
 *
 * It sleeps at the end of a pipe of ours and acts at end of file, which the kernel delivers however we die. One guardian
 * serves all groups; it is started with the first process, keeps nothing of ours open, lets the event loop end, and ends
 * with us.
 *
 * What it has to know goes into a second pipe that it does not read before it needs to, because waking it for each
 * change would cost every run a good part of what the start of a process costs. From time to time it is asked to empty
 * that pipe.
 *
 * **What it cannot see**: a tree whose leader was started in the instant before our death, when the line about it was
 * not written yet; a member that left group, session and parents; and it does not act while somebody keeps it stopped.
 */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { Socket } from "node:net"
import type { Writable } from "node:stream"
import * as ProcessError from "processkit/ProcessError"
import * as Reserve from "./descriptorReserve.ts"
import { errnoOf } from "./errno.ts"
import { program } from "./guardianProgram.ts"
import * as LiveTrees from "./liveTrees.ts"
import type { Lineage } from "./membership.ts"
import { psPath } from "./psTable.ts"
import { spawnFailure } from "./spawnFailure.ts"

/** How the guardian runs: the shell with its leading arguments, and how it reads the process table. */
export interface Options {
  readonly shell: readonly [program: string, ...args: ReadonlyArray<string>]
  readonly table: "proc" | "ps"
}

/** What the guardian is called in its arguments, for people who look at a list of processes. */
const title = "processkit-guardian"

/** A member that was seen, as the guardian recognises it again: one word. */
const seen = (pid: number, start: string): string => `${pid}:${start.replaceAll(" ", "_")}`

const isReaped = (lineage: Lineage | undefined): boolean => lineage !== undefined && lineage.phase !== "running"

/** Who was taken in leads nothing of ours, and 0 is no group to be signalled: kill(2) would take the guardian's own. */
const leads = ({ leader }: Lineage): boolean => leader > 0

/**
 * The lines that tell the guardian of a change.
 *
 * `+` and `-`: a tree begins and ends. `~`: its leader was reaped, so its number may come to somebody else. `=` and `!`:
 * a member was seen, and is not there any more; by this a member is known that has broken away from its parents.
 */
export const lines = (before: Lineage | undefined, after: Lineage | undefined): string => {
  let text = before === undefined && after !== undefined && leads(after) ? `+${after.leader}\n` : ""
  if (after !== undefined && isReaped(after) && !isReaped(before) && leads(after)) text += `~${after.leader}\n`
  for (const [pid, start] of before?.seen ?? []) if (after?.seen.get(pid) !== start) text += `!${seen(pid, start)}\n`
  for (const [pid, start] of after?.seen ?? []) if (before?.seen.get(pid) !== start) text += `=${seen(pid, start)}\n`
  return after === undefined && before !== undefined && leads(before) ? `${text}-${before.leader}\n` : text
}

/** How long to wait before a guardian that could not be started is tried again while trees are alive. */
const retryAfter = 250

/**
 * After how much the guardian is asked to empty the pipe. With the usual `wmem_default` of 208 KiB a socket takes 278
 * messages of a few bytes, or 49 of 2000 (measured on Linux 6.18); beyond that, changes would wait in our memory and
 * die with us.
 */
const messagesBetweenCalls = 50
const bytesBetweenCalls = 4096

/** Tells whether the guardian has to be called, given what it was sent since the last call. */
export const isCallDue = (messages: number, bytes: number): boolean =>
  messages >= messagesBetweenCalls || bytes >= bytesBetweenCalls

interface Guardian {
  readonly life: Writable
  readonly changes: Writable
}

let current: Guardian | undefined
let sent = { messages: 0, bytes: 0 }
let options: Options = { shell: ["/bin/sh"], table: "proc" }

const write = (text: string): void => {
  if (text === "" || current === undefined) return
  sent = { messages: sent.messages + 1, bytes: sent.bytes + text.length }
  const isDue = isCallDue(sent.messages, sent.bytes)
  current.changes.write(isDue ? `${text}.\n` : text, "latin1")
  if (!isDue) return
  sent = { messages: 0, bytes: 0 }
  current.life.write(".\n", "latin1")
}

const listener: LiveTrees.Listener = (tree, before, after) => {
  if (tree.guarded) write(lines(before, after))
}

/** Starts a process for the guardian; throws, or gives a child without pid, where that fails. */
const launch = (): ChildProcess => {
  const [file, ...leading] = options.shell
  return spawn(file, [...leading, "-c", program, title, options.table, psPath()], {
    argv0: file,
    cwd: "/",
    detached: true,
    // SHLVL keeps bash from taking us for a remote shell and reading a file from the home directory.
    env: Object.assign(Object.create(null), { LC_ALL: "C", PATH: "/usr/bin:/bin", SHLVL: "1" }),
    shell: false,
    stdio: ["pipe", "ignore", "ignore", "pipe"]
  })
}

/** Makes a pipe of the guardian's keep nobody alive, and its failure harmless: its exit is about to be reported. */
const tame = (stream: unknown): Writable | undefined => {
  if (!(stream instanceof Socket)) return undefined
  stream.on("error", () => {})
  stream.unref()
  return stream
}

const adopt = (child: ChildProcess, pid: number): void => {
  const life = tame(child.stdin)
  const changes = tame(child.stdio[3])
  if (life === undefined || changes === undefined) return
  current = { life, changes }
  sent = { messages: 0, bytes: 0 }
  LiveTrees.exclude(pid)
  LiveTrees.listen("guardian", listener)
  child.unref()
  child.on("exit", () => {
    LiveTrees.include(pid)
    life.destroy()
    changes.destroy()
    current = undefined
    replace()
  })
  for (const tree of LiveTrees.all()) listener(tree, undefined, tree.lineage)
}

/** A guardian that was lost is replaced while there is anything to guard, and until that succeeds nothing is started. */
const replace = (): void => {
  if (current !== undefined || !LiveTrees.all().some((tree) => tree.guarded)) return
  Effect.runFork(start).addObserver((exit) => {
    if (exit._tag === "Failure") setTimeout(replace, retryAfter).unref()
  })
}

/**
 * The failure to start a guardian, and with it whatever should have been guarded: what was promised for the death of
 * the owner could not be kept.
 */
const failed = (program: string, shell: string, errno: string): ProcessError.ProcessError => {
  const reason = spawnFailure(errno, { program, bytes: () => 0 })
  return ProcessError.make(
    reason._tag === "ResourceExhausted" ? reason : new ProcessError.Unsupported({
      feature: "ending processes when their owner is killed",
      mechanism: "process-group",
      detail: `${shell} could not be started (${errno}); a runner without guardian does not need it`
    })
  )
}

/** Starts a guardian, or fails with the errno. */
const start: Effect.Effect<void, string> = Effect.callback((resume) => {
  const shortage = Reserve.shortage()
  if (shortage !== undefined) return resume(Effect.fail(shortage))
  try {
    const child = launch()
    child.on("error", (error) => resume(Effect.fail(errnoOf(error))))
    if (child.pid === undefined) {
      for (const stream of [child.stdin, child.stdio[3]]) tame(stream)?.destroy()
      return
    }
    adopt(child, child.pid)
    resume(Effect.void)
  } catch (thrown) {
    resume(Effect.fail(errnoOf(thrown)))
  }
})

/** Makes sure that there is a guardian before a program is started; fails where there can be none. */
export const ensure = (program: string, wanted: Options): Effect.Effect<void, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    if (current !== undefined) return Effect.void
    options = wanted
    return Effect.mapError(start, (errno) => failed(program, wanted.shell[0], errno))
  })
