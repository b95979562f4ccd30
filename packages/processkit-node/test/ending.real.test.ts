import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { text } from "node:stream/consumers"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as LiveTrees from "../src/internal/liveTrees.ts"
import { stat } from "./oracle.ts"
import { hasPython } from "./python.ts"
import { allowance } from "./slowness.ts"
import { hasProc } from "./survivors.ts"
import { collect, eventually, exitOf, fixture, inContainer, request, seconds, type World } from "./world.ts"

const tables = hasProc ? (["proc", "ps"] as const) : []
const isRoot = process.getuid?.() === 0

const stateOf = (pid: number | undefined): string | undefined => stat(pid ?? 0)?.state

const isStopped = (pid: number): boolean => ["T", "t"].includes(stateOf(pid) ?? "")

const printed = (child: ProcessBackend.Child, text: string) => {
  const output = collect(child.stdout)
  return Effect.as(eventually(`the child prints ${text}`, () => output.text.includes(text)), output)
}

const started = (world: World, count: number) =>
  eventually(`${count} processes are there`, () => world.survivors().length >= count)

/** Kills everything and asks the operating system, not the library, what is left. */
const nothingSurvivesKill = Effect.fnUntraced(function*(world: World, tree: ProcessBackend.Tree = world.container) {
  yield* tree.kill
  assert.deepStrictEqual(yield* tree.awaitEmpty(seconds(10)), [])
  assert.deepStrictEqual(world.survivors(), [])
})

describe.each(tables)("a tree looked up in %s", (table) => {
  const test = (name: string, body: (world: World) => Effect.Effect<unknown, unknown>) =>
    it.live(name, () => inContainer(table, body))

  test("is the process and its children, and is empty after its end", (world) =>
    Effect.gen(function*() {
      const child = yield* world.start({ program: "sh", args: ["-c", "sleep 600 & wait"] })
      yield* started(world, 2)
      assert.sameMembers([...yield* child.members], [...world.survivors()])
      assert.include(yield* world.container.members, child.pid)
      yield* nothingSurvivesKill(world, child)
      assert.deepStrictEqual(yield* child.members, [])
    }))

  test("of a process that ignores SIGTERM outlives it and not SIGKILL", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("ignores-sigterm.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* world.container.signal("SIGTERM")
      assert.isNotEmpty(yield* world.container.awaitEmpty(Duration.millis(100)))
      yield* nothingSurvivesKill(world)
    }))

  test("gets a signal once for each member", (world) =>
    Effect.gen(function*() {
      const one = yield* world.fixture("prints-signals.mjs", [], { stdout: "pipe" })
      const two = yield* world.fixture("prints-signals.mjs", [], { stdout: "pipe" })
      const outputs = [yield* printed(one, "ready"), yield* printed(two, "ready")]
      for (const signal of ["SIGTERM", "SIGCONT", "SIGUSR1", "SIGHUP"] as const) {
        yield* world.container.signal(signal)
        yield* eventually(`${signal} is printed`, () => outputs.every((output) => output.text.includes(signal)))
      }
      yield* nothingSurvivesKill(world)
      for (const { text } of outputs) assert.strictEqual(text, "ready\nSIGTERM\nSIGCONT\nSIGUSR1\nSIGHUP\n")
    }))

  test("is left alone where only its leader is signalled", (world) =>
    Effect.gen(function*() {
      const child = yield* world.start({ program: "sh", args: ["-c", "sleep 600 & wait"] })
      yield* started(world, 2)
      yield* child.signalLeader("SIGTERM")
      const report = yield* exitOf(child)
      assert.deepStrictEqual(report.exit, { _tag: "Signaled", signal: "SIGTERM", number: 15, coreDumped: undefined })
      assert.lengthOf(world.survivors(), 1)
      yield* child.signalLeader("SIGKILL")
      assert.lengthOf(world.survivors(), 1)
      assert.deepStrictEqual(yield* child.members, world.survivors())
      yield* nothingSurvivesKill(world)
    }))

  test("includes a child in a session of its own", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("new-session.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 4)
      assert.lengthOf(yield* world.container.members, 4)
      yield* nothingSurvivesKill(world)
    }))

  test("includes the jobs of a shell with job control", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("job-control.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 4)
      yield* nothingSurvivesKill(world)
    }))

  test("includes every second and every fiftieth descendant", (world) =>
    Effect.gen(function*() {
      yield* world.fixture("chain-of-fifty.sh", ["50"])
      yield* started(world, 50)
      assert.lengthOf(yield* world.container.members, 50)
      yield* nothingSurvivesKill(world)
    }))

  test("of 300 processes in 150 sessions that ignore SIGTERM is killed", (world) =>
    Effect.gen(function*() {
      yield* world.fixture("fork-bomb.sh", ["150"])
      yield* started(world, 280)
      yield* nothingSurvivesKill(world)
    }))

  test("that forks all the time is killed", (world) =>
    Effect.gen(function*() {
      for (let i = 0; i < 4; i++) yield* printed(yield* world.fixture("respawns.sh", [], { stdout: "pipe" }), "ready")
      yield* nothingSurvivesKill(world)
    }))

  test("includes a process that broke away after it was seen", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("breaks-away.sh", [], { stdin: "pipe", stdout: "pipe" })
      const output = yield* printed(child, "ready")
      yield* started(world, 3)
      assert.lengthOf(yield* world.container.members, 3)
      child.stdin?.write(Buffer.from("go\n"), () => {})
      yield* eventually("the link is broken", () => output.text.includes("broken"))
      yield* started(world, 3)
      assert.lengthOf(yield* world.container.members, 3)
      yield* nothingSurvivesKill(world)
    }))

  test("loses a daemon that left before anybody looked: the known escape", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("double-forks.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* world.container.kill
      assert.deepStrictEqual(yield* world.container.awaitEmpty(seconds(10)), [])
      assert.lengthOf(world.survivors(), 1, "the daemon escapes; if it does not any more, say so in the containment")
    }))

  test("keeps what its leader left behind", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("holds-pipe-open.sh", [], { stdout: "pipe" })
      const output = collect(child.stdout)
      yield* exitOf(child)
      assert.lengthOf(yield* child.members, 1)
      assert.isFalse(output.ended)
      yield* nothingSurvivesKill(world, child)
      yield* eventually("the pipe ends with its last holder", () => output.ended)
      assert.strictEqual(output.text, "started\n")
    }))

  test("that stopped itself is ended by SIGTERM and SIGCONT", (world) =>
    Effect.gen(function*() {
      yield* world.fixture("stops-itself.sh")
      yield* started(world, 2)
      yield* eventually("both are stopped", () => world.survivors().every(isStopped))
      yield* world.container.signal("SIGTERM")
      yield* world.container.signal("SIGCONT")
      assert.deepStrictEqual(yield* world.container.awaitEmpty(seconds(10)), [])
      assert.deepStrictEqual(world.survivors(), [])
    }))

  test("that is suspended can be suspended again, resumed and killed", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("new-session.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 4)
      yield* world.container.suspend
      yield* world.container.suspend
      // The signal is sent, and acted on as soon as each of them is run.
      yield* eventually("all are stopped", () => world.survivors().every(isStopped))
      yield* world.start({ program: "sleep", args: ["600"] })
      yield* eventually("a newcomer is stopped too", () => world.survivors().every(isStopped))
      yield* world.container.resume
      yield* eventually("all run again", () => !world.survivors().some(isStopped))
      yield* world.container.suspend
      yield* nothingSurvivesKill(world)
    }))

  test("is not confused by what a process calls itself", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("evil-comm.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 2)
      assert.lengthOf(yield* world.container.members, 2)
      yield* nothingSurvivesKill(world)
    }))

  test("counts a process whose first thread has ended as alive, and ends it", (world) =>
    Effect.gen(function*() {
      if (!hasPython) return
      const child = yield* world.fixture("zombie-leader.py", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* eventually("the process shows as a zombie", () => stateOf(child.pid) === "Z")
      if (table === "proc") {
        assert.include(yield* child.members, child.pid)
      }
      yield* nothingSurvivesKill(world)
      yield* exitOf(child)
    }))

  test("is killed where it waits in the kernel and no other signal gets through", (world) =>
    Effect.gen(function*() {
      if (!hasPython) return
      const child = yield* world.fixture("hangs-in-vfork.py", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 2)
      yield* eventually("it waits in the kernel", () => stateOf(child.pid) === "D")
      yield* nothingSurvivesKill(world)
    }))

  test("is killed with the tracer that keeps its signals from it", (world) =>
    Effect.gen(function*() {
      if (!hasPython) return
      const child = yield* world.fixture("traces-its-child.py", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      yield* started(world, 2)
      yield* world.container.signal("SIGTERM")
      yield* world.container.signal("SIGCONT")
      assert.lengthOf(yield* world.container.awaitEmpty(Duration.millis(100)), 2)
      yield* nothingSurvivesKill(world)
    }))

  test("is waited for without hanging on what cannot be ended in time", (world) =>
    Effect.gen(function*() {
      const child = yield* world.fixture("ignores-sigterm.sh", [], { stdout: "pipe" })
      yield* printed(child, "ready")
      const before = performance.now()
      assert.include(yield* child.awaitEmpty(Duration.millis(150)), child.pid)
      assert.isAtLeast(performance.now() - before, 149)
      assert.isNotEmpty(yield* child.awaitEmpty(Duration.zero))
    }))

  test("is waited for no longer than it lives", (world) =>
    Effect.gen(function*() {
      const child = yield* world.start({ program: "sleep", args: ["0.1"] })
      const before = performance.now()
      assert.deepStrictEqual(yield* child.awaitEmpty(Duration.infinity), [])
      assert.isBelow(performance.now() - before, allowance(2_000))
    }))

  test("may be waited for and given up", (world) =>
    Effect.gen(function*() {
      const child = yield* world.start({ program: "sleep", args: ["600"] })
      const result = yield* Effect.timeoutOption(child.awaitEmpty(Duration.infinity), 50)
      assert.strictEqual(result._tag, "None")
    }))

  test("is empty and quiet where nothing was started", (world) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* world.container.members, [])
      yield* world.container.signal("SIGTERM")
      yield* world.container.kill
      yield* world.container.suspend
      assert.deepStrictEqual(yield* world.container.awaitEmpty(seconds(10)), [])
    }))

  test("refuses a signal that this system does not have", (world) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(world.container.signal("SIGINFO"))
      assert.propertyVal(error, "_tag", "ProcessError")
      assert.propertyVal((error as { reason?: unknown }).reason, "_tag", "Unsupported")
    }))

  test("is killed by a hundred who close at once", (world) =>
    Effect.gen(function*() {
      const children = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        world.start({ program: "sh", args: ["-c", "sleep 600 & wait"] }))
      yield* started(world, 100)
      yield* Effect.forEach([...children, ...children], (child) =>
        Effect.andThen(child.kill, child.awaitEmpty(seconds(10))), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(world.survivors(), [])
    }))
})

describe("a shell with job control that leaves its jobs behind", () => {
  it.live.skipIf(!hasProc)(
    "loses none of them where the table tells sessions",
    () =>
      inContainer("proc", (world) =>
        Effect.gen(function*() {
          const child = yield* world.fixture("leaves-jobs.sh", [], { stdout: "pipe" })
          yield* printed(child, "done")
          yield* exitOf(child)
          assert.lengthOf(yield* child.members, 3)
          yield* nothingSurvivesKill(world)
        }))
  )
})

const canChoosePids = hasProc && isRoot &&
  spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0
if (!canChoosePids) console.warn("steals-pid.ts: not tested, because it needs root and unshare(1)")

describe.runIf(canChoosePids)("a pid that was given to somebody else", () => {
  it.live.each(tables)("is not signalled, nor is its group (%s)", (table) =>
    Effect.gen(function*() {
      // In a pid namespace of its own: to choose pids on the whole machine would endanger everybody on it. The shell is
      // its first process and reaps orphans.
      const node = [process.execPath, "--conditions=processkit-source", fixture("steals-pid.ts"), table]
      const args = ["--pid", "--fork", "--mount-proc", "sh", "-c", "\"$0\" \"$@\"; exit $?", ...node]
      const scene = spawn("unshare", args, { cwd: "/", stdio: ["ignore", "pipe", "inherit"] })
      const printed = yield* Effect.promise(() => text(scene.stdout))
      assert.deepStrictEqual(JSON.parse(printed), { outside: 2, stillMembers: true, survivors: [], thiefLives: true })
    }))
})

describe.runIf(hasProc && isRoot)("a member that belongs to somebody else", () => {
  it.live.each(tables)(
    "is an error for who signals it, and a survivor for who waits for it (%s)",
    (table) =>
      Effect.gen(function*() {
        const args = ["--conditions=processkit-source", fixture("drops-privileges.ts"), table]
        const owner = spawn(process.execPath, args, { cwd: "/", stdio: ["ignore", "pipe", "inherit"] })
        const printed = yield* Effect.promise(() => text(owner.stdout))
        assert.deepStrictEqual(JSON.parse(printed), {
          signal: "signalling a process failed for the command: EPERM",
          leader: "signalling a process failed for /bin/sleep: EPERM",
          reported: true
        })
      })
  )
})

describe("a container", () => {
  it.live("keeps no trace of two hundred runs", () =>
    inContainer(hasProc ? "proc" : "ps", (world) =>
      Effect.gen(function*() {
        const listeners = process.listenerCount("exit")
        for (let i = 0; i < 20; i++) {
          yield* Effect.forEach(
            Array.from({ length: 10 }),
            () => Effect.flatMap(world.container.spawn(request("/bin/true")), exitOf),
            { concurrency: 10 }
          )
        }
        yield* world.container.awaitEmpty(seconds(10))
        assert.strictEqual(LiveTrees.count(), 0)
        assert.strictEqual(process.listenerCount("exit"), listeners)
      })))
})
