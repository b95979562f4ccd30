import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { Socket } from "node:net"
import { program } from "../src/internal/guardianProgram.ts"
import * as LiveTrees from "../src/internal/liveTrees.ts"
import * as ProcessGroupBackend from "../src/internal/processGroupBackend.ts"
import { psPath } from "../src/internal/psTable.ts"
import { endings } from "./ownerEndings.ts"
import { ending, owning } from "./owners.ts"
import { has, isRoot } from "./programs.ts"
import { allowance } from "./slowness.ts"
import { hasProc, makeMark } from "./survivors.ts"
import { eventually, exitOf, fixture, inContainer, isInheritable, request, type World } from "./world.ts"

const shells = [["/bin/dash"], ["/bin/bash"], ["/bin/busybox", "sh"], ["/usr/bin/busybox", "sh"]].filter((
  [file = ""]
) => fs.existsSync(file))
const missing = ["dash", "bash", "busybox"].filter((name) => !shells.some(([file = ""]) => file.endsWith(name)))
if (missing.length > 0) {
  console.warn(`guardian: not tested with ${missing.join(", ")}, which this machine does not have`)
}

// ignores-sigterm, new-session, job-control, evil-comm, holds-pipe-open, breaks-away, and a sleeper in another group.
const members = 3 + 4 + 4 + 2 + 1 + 3 + 1

/** Runs an owner, counts its members, lets it end, and looks who is alive one second later. */
const run = Effect.fnUntraced(function*(way: string, table: string, shell: ReadonlyArray<string>) {
  const owner = yield* owning("owner.ts", [way, table, ...shell], members)
  assert.lengthOf(owner.survivors(), members + 1)
  return yield* ending(owner, () => true)
})

describe.runIf(hasProc)("an owner", () => {
  for (const [way, { code, signal }] of Object.entries(endings)) {
    for (const table of ["proc", "ps"] as const) {
      it.live(`that ends by ${way} takes all linked members along and keeps its exit status (${table})`, () =>
        Effect.gen(function*() {
          const { ended, survivors } = yield* run(way, table, ["/bin/sh"])
          assert.deepStrictEqual(ended, [code, signal])
          assert.deepStrictEqual(survivors, [])
        }))
    }
  }

  for (const way of ["exit", "throw", "reject", "handled"]) {
    for (const table of ["proc", "ps"] as const) {
      it.live(`that ends by ${way} takes all linked members along by itself, without a guardian (${table})`, () =>
        Effect.gen(function*() {
          const { survivors } = yield* run(way, table, ["none"])
          assert.deepStrictEqual(survivors, [])
        }))
    }
  }

  for (const table of ["proc", "ps"] as const) {
    it.live(`that is killed is not survived by whom it has taken in, nor by whom it has started beside (${table})`, () =>
      Effect.gen(function*() {
        const owner = yield* owning("takes-in.ts", ["SIGKILL", table], 2)
        const { ended, survivors } = yield* ending(owner, () => true)
        assert.deepStrictEqual(ended, [null, "SIGKILL"])
        assert.deepStrictEqual(survivors, [])
      }))
  }

  it.live("that is killed leaves its members behind without a guardian, which the containment admits", () =>
    Effect.gen(function*() {
      const { survivors } = yield* run("SIGKILL", "proc", ["none"])
      assert.lengthOf(survivors, members)
      for (const pid of survivors) process.kill(pid, "SIGKILL")
      assert.strictEqual(ProcessGroupBackend.make({ guardian: false }).containment.ownerDeath, "none")
    }))

  it.live("that is killed after eight hundred changes had a guardian that knew the last of them", () =>
    Effect.gen(function*() {
      const mark = makeMark()
      const [name, value] = mark.variable
      const owner = spawn(process.execPath, ["--conditions=processkit-source", fixture("runs-a-lot.ts")], {
        env: { ...process.env, [name]: value },
        stdio: ["pipe", "pipe", "inherit"]
      })
      yield* Effect.promise(() => once(owner.stdout, "data"))
      assert.lengthOf(mark.survivors(), 2)
      owner.kill("SIGKILL")
      yield* eventually("nobody is left", () => mark.survivors().length === 0)
    }))

  it.live("whose groups are closed ends by itself at once", () =>
    Effect.gen(function*() {
      const owner = spawn(process.execPath, ["--conditions=processkit-source", fixture("closes-its-groups.ts")], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const exit = once(owner, "exit")
      yield* Effect.promise(() => once(owner.stdout, "data"))
      const closed = performance.now()
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [0, null])
      assert.isBelow(performance.now() - closed, allowance(2000))
    }))

  for (const shell of shells) {
    for (const table of ["proc", "ps"] as const) {
      it.live(`that is killed is survived by nobody with a guardian in ${shell.join(" ")} (${table})`, () =>
        Effect.gen(function*() {
          const { ended, survivors } = yield* run("SIGKILL", table, shell)
          assert.deepStrictEqual(ended, [null, "SIGKILL"])
          assert.deepStrictEqual(survivors, [])
        }))
    }
  }
})

const guardians = (): ReadonlyArray<number> =>
  fs.readdirSync("/proc").filter((name) => {
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, "latin1")
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      const isOurs = Number(parent) === process.pid && state !== "Z"
      return isOurs && fs.readFileSync(`/proc/${name}/cmdline`, "latin1").includes("processkit-guardian")
    } catch {
      return false
    }
  }).map(Number)

const test = (name: string, body: (world: World) => Effect.Effect<unknown, unknown>) =>
  it.live(name, () => inContainer("proc", body))

describe.runIf(hasProc)("the guardian", () => {
  test("is one for all groups", (world) =>
    Effect.gen(function*() {
      for (let i = 0; i < 5; i++) {
        const container = yield* world.backend.open
        yield* Effect.flatMap(container.spawn(request("/bin/true")), exitOf)
        yield* container.release
      }
      assert.lengthOf(guardians(), 1)
    }))

  test("holds no descriptor of ours but its two pipes", (world) =>
    Effect.gen(function*() {
      yield* world.start({ program: "sleep", args: ["600"] })
      const [guardian] = guardians()
      const inherited = new Set(fs.readdirSync("/proc/self/fd").filter(isInheritable))
      const open = fs.readdirSync(`/proc/${guardian}/fd`).filter((fd) => !inherited.has(fd) || Number(fd) < 3)
      const targets = open.map((fd) => fs.readlinkSync(`/proc/${guardian}/fd/${fd}`).replace(/:.*/, ""))
      assert.deepStrictEqual(targets, ["socket", "/dev/null", "/dev/null", "socket"])
    }))

  test("is replaced when it dies, and no member notices", (world) =>
    Effect.gen(function*() {
      yield* world.start({ program: "sleep", args: ["600"] })
      const [first] = guardians()
      assert.isDefined(first)
      process.kill(first, "SIGKILL")
      yield* eventually("there is another", () => guardians().length === 1 && guardians()[0] !== first)
      assert.lengthOf(world.survivors(), 1)
      assert.strictEqual(LiveTrees.count(), 1)
    }))

  test("is never a member, even of a tree that its own parent belongs to", (world) =>
    Effect.gen(function*() {
      yield* world.start({ program: "sleep", args: ["600"] })
      const [guardian = 0] = guardians()
      assert.notInclude(yield* world.container.members, guardian)
      assert.isTrue(LiveTrees.isForeign(guardian))
    }))

  const canLimit = has("prlimit(1)", spawnSync("prlimit", ["--nproc"]).status === 0)
  for (const shell of canLimit ? shells : []) {
    // Bash asks for room four times, which takes it 15 seconds.
    it.live(
      `ends the groups of leaders also where it may start no process for ps (${shell.join(" ")})`,
      () =>
        Effect.gen(function*() {
          // A limit of processes is none for root.
          const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}
          const leader = spawn("sleep", ["600"], { ...user, detached: true, stdio: "ignore" })
          const exit = once(leader, "exit")
          yield* Effect.addFinalizer(() => Effect.sync(() => leader.kill("SIGKILL")))
          const limited = ["--nproc=0:0", ...shell, "-c", program, "guardian", "ps", psPath()]
          const guardian = spawn("prlimit", limited, {
            ...user,
            detached: true,
            stdio: ["pipe", "ignore", "ignore", "pipe"]
          })
          yield* Effect.addFinalizer(() => Effect.sync(() => guardian.kill("SIGKILL")))
          const changes = guardian.stdio[3]
          if (changes instanceof Socket) changes.end(`+${leader.pid}\n`)
          guardian.stdin?.end()
          assert.deepStrictEqual(yield* Effect.promise(() => exit), [null, "SIGKILL"])
        }).pipe(Effect.scoped),
      60_000
    )
  }
})
