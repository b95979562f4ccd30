import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { directoriesOf, mechanisms, ownCgroup } from "./hostedWorld.ts"
import { eventually } from "./oracle.ts"
import { fixture } from "./programs.ts"
import { hasProc, makeMark } from "./survivors.ts"

/** How owners end, and the exit code or signal that must be kept. */
const ways: ReadonlyArray<readonly [way: string, code: number | null, signal: string | null]> = [
  ["return", 0, null],
  ["exit", 7, null],
  ["throw", 1, null],
  ["reject", 1, null],
  ["handled", 143, null],
  ["abort", null, "SIGABRT"],
  ["memory", null, "SIGABRT"],
  ["SIGKILL", null, "SIGKILL"],
  ["SIGTERM", null, "SIGTERM"],
  ["SIGINT", null, "SIGINT"],
  ["SIGHUP", null, "SIGHUP"],
  ["SIGQUIT", null, "SIGQUIT"]
]

// ignores-sigterm 2, new-session 4, double-forks 2, job-control 4, evil-comm 2, stops-itself 2, holds-pipe-open 1, a chain
// of twenty, and a suspended sleeper.
const members = 2 + 4 + 2 + 4 + 2 + 2 + 1 + 20 + 1

/** Starts an owner and waits until it has all of its members. */
const owning = Effect.fnUntraced(function*(way: string, mechanism: string) {
  const mark = makeMark()
  const [name, value] = mark.variable
  const flags = ["--conditions=processkit-source", "--max-old-space-size=64"]
  const owner = spawn(process.execPath, [...flags, fixture("owns-hosted-groups.ts"), way, mechanism], {
    cwd: "/",
    env: { ...process.env, [name]: value },
    stdio: ["pipe", "pipe", "ignore"]
  })
  const exit = once(owner, "exit")
  yield* Effect.promise(() => Promise.race([once(owner.stdout, "data"), exit]))
  yield* eventually("owner and members are there", () => mark.survivors().length >= members + 1)
  return { owner, exit, survivors: mark.survivors }
})

/** Lets an owner end, and looks who is alive and which directory is there one second later. */
const ending = Effect.fnUntraced(function*(way: string, mechanism: string) {
  const { exit, owner, survivors } = yield* owning(way, mechanism)
  const pid = owner.pid ?? 0
  const before = directoriesOf(pid).length
  owner.stdin.write("now\n")
  const ended = yield* Effect.promise(() => exit)
  const over = performance.now() + 1_000
  yield* eventually(
    "a second passes or nothing is left",
    () => (survivors().length === 0 && directoriesOf(pid).length === 0) || performance.now() > over
  )
  return [way, { ended, survivors: survivors(), before, directories: directoriesOf(pid) }] as const
})

describe.runIf(hasProc)("a second after the end of an owner", () => {
  for (const { name } of mechanisms) {
    for (const [way, ...ended] of ways) {
      it.live(`by ${way} nobody and no directory is left, and its exit status is its own (${name})`, () =>
        Effect.gen(function*() {
          const [, left] = yield* ending(way, name)
          assert.deepEqual(left, { ended, survivors: [], before: name === "cgroup-v2" ? 1 : 0, directories: [] })
        }))
    }
  }
})

const childrenOf = (pid: number): ReadonlyArray<number> =>
  fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter((text) => text !== "").map(
    Number
  )

const isMonitor = (pid: number): boolean => fs.readFileSync(`/proc/${pid}/comm`, "latin1") === "pk-monitor\n"

describe.runIf(hasProc)("an owner that dies while its host is stopped", () => {
  for (const { name } of mechanisms) {
    // Whoever is stopped sees no end of file: everything went on, until somebody continued the host.
    it.live(`leaves nobody and nothing (${name})`, () =>
      Effect.gen(function*() {
        const { exit, owner, survivors } = yield* owning("SIGKILL", name)
        const pid = owner.pid ?? 0
        const hosts = childrenOf(pid)
        const monitors = hosts.flatMap(childrenOf).filter(isMonitor)
        assert.strictEqual(monitors.length > 0, name === "subreaper")
        for (const one of [...hosts, ...monitors]) process.kill(one, "SIGSTOP")
        process.kill(pid, "SIGKILL")
        yield* Effect.promise(() => exit)
        yield* eventually("nobody is left", () => survivors().length === 0, 1_000)
        yield* eventually("no directory is left", () => directoriesOf(pid).length === 0, 1_000)
      }))
  }
})

describe.runIf(hasProc)("an owner that dies together with its host", () => {
  for (const { name } of mechanisms) {
    it.live(`leaves ${name === "cgroup-v2" ? "what the next owner removes" : "nobody"} (${name})`, () =>
      Effect.gen(function*() {
        const { exit, owner, survivors } = yield* owning("SIGKILL", name)
        const hosts = childrenOf(owner.pid ?? 0)
        // Stopped first, so that neither sees the end of the other.
        for (const pid of [...hosts, owner.pid ?? 0]) process.kill(pid, "SIGSTOP")
        for (const pid of [...hosts, owner.pid ?? 0]) process.kill(pid, "SIGKILL")
        yield* Effect.promise(() => exit)
        if (name === "cgroup-v2") {
          assert.lengthOf(directoriesOf(owner.pid ?? 0), 1)
          assert.isAtLeast(survivors().length, members)
          // The first one that comes removes it. Its processes were still on their way out then, and it was left to the second.
          const alive = yield* owning("return", name)
          yield* eventually("the members of the dead owner are gone", () => survivors().length === 0)
          yield* eventually("and so is its directory", () => directoriesOf(owner.pid ?? 0).length === 0, 1_000)
          // A live owner's directory stays, whoever comes and goes.
          const next = yield* ending("return", name)
          assert.deepEqual(next[1].survivors, [])
          assert.lengthOf(directoriesOf(alive.owner.pid ?? 0), 1)
          assert.isAtLeast(alive.survivors().length, members)
          alive.owner.stdin.write("now\n")
          yield* Effect.promise(() => alive.exit)
          assert.deepEqual(alive.survivors(), [])
        }
        yield* eventually("nobody is left", () => survivors().length === 0)
        assert.deepEqual(fs.readdirSync(ownCgroup).filter((it) => it.includes(`-${owner.pid}-`)), [])
      }))
  }
})
