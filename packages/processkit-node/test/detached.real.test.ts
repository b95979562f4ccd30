import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Processes from "processkit/Processes"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import * as Host from "../src/internal/host/host.ts"
import { directoriesOf, mechanisms, ownGroups } from "./hostedWorld.ts"
import { eventually, hasProc, isAlive, openDescriptors, stat } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { owning } from "./owners.ts"
import { assertHides, errorOf, has, isRoot, reasonOf, run, sh } from "./programs.ts"
import { isInheritable } from "./world.ts"

interface Mechanism {
  readonly name: "cgroup-v2" | "subreaper" | "process-group"
  readonly runner: Layer.Layer<NodeProcessRunner.Provided>
}

const hosted = { "cgroup-v2": NodeProcessRunner.layerCgroup, subreaper: NodeProcessRunner.layerSubreaper }

const all: ReadonlyArray<Mechanism> = [
  ...mechanisms.map(({ name }) => ({ name, runner: hosted[name] })),
  { name: "process-group", runner: NodeProcessRunner.layerProcessGroup() }
]

let directory = ""
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "processkit-detached-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

let files = 0
const fresh = (): string => path.join(directory, `file-${++files}`)

/** A new file with a mode and a content. */
const file = (mode: number, content: string): string => {
  const name = fresh()
  fs.writeFileSync(name, content)
  fs.chmodSync(name, mode)
  return name
}

const read = (file: string): string => fs.existsSync(file) ? fs.readFileSync(file, "latin1") : ""

const proc = (pid: number, name: string): string => fs.readFileSync(`/proc/${pid}/${name}`, "latin1")

const childrenOf = (pid: number): ReadonlyArray<number> =>
  proc(pid, `task/${pid}/children`).split(" ").filter((text) => text !== "").map(Number)

/** Nobody else will. */
const kill = (pid: number) =>
  Effect.suspend(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL")
    return eventually(`${pid} is gone`, () => !isAlive(pid))
  })

/** A detached program that the test ends in the end. */
const detached = (command: Command.Command) => Effect.acquireRelease(Command.startDetached(command), kill)

/** Waits until the program runs and has become what it was started for. */
const settled = (pid: number, name: string) => eventually(`${name} runs`, () => proc(pid, "comm") === `${name}\n`)

const sleeper = Command.make("sleep", ["600"])

const properties = ({ name, runner }: Mechanism) => {
  const test = (claim: string, body: Effect.Effect<unknown, unknown, unknown>) =>
    it.live(claim, () => Effect.provide(Effect.scoped(body as Effect.Effect<unknown, unknown>), runner))

  test(
    "has a session of its own, nothing of ours open, and nothing to read or to write to",
    Effect.gen(function*() {
      const held = yield* Command.start(Command.make("cat", { stdin: "pipe" }))
      const pid = yield* detached(sleeper)
      yield* settled(pid, "sleep")
      assert.deepInclude(stat(pid), { pgid: pid, session: pid })
      const inherited = fs.readdirSync("/proc/self/fd").filter((fd) => Number(fd) > 2 && isInheritable(fd))
      const open = fs.readdirSync(`/proc/${pid}/fd`)
      // Node passes on what it was itself started with and may not close; the launcher closes everything.
      assert.deepEqual(open, ["0", "1", "2", ...(name === "process-group" ? inherited : [])])
      for (const fd of ["0", "1", "2"]) assert.strictEqual(fs.readlinkSync(`/proc/${pid}/fd/${fd}`), "/dev/null")
      yield* held.kill
    })
  )

  test(
    "has default dispositions and no blocked signal",
    Effect.gen(function*() {
      const pid = yield* detached(sleeper)
      yield* settled(pid, "sleep")
      const status = proc(pid, "status")
      for (const field of ["SigBlk", "SigIgn"]) assert.match(status, new RegExp(`^${field}:\\s*0+$`, "m"))
    })
  )

  test(
    "is in our own cgroup and in none of ours, and is nobody's member",
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      yield* group.start(sleeper)
      const pids = [yield* detached(sleeper), yield* ProcessGroup.provide(detached(sleeper), group)]
      for (const pid of pids) assert.strictEqual(proc(pid, "cgroup"), fs.readFileSync("/proc/self/cgroup", "latin1"))
      assert.lengthOf(yield* group.members, 1)
      assert.strictEqual((yield* group.stats).processes, 1)
    })
  )

  // behaviour 122
  test(
    "outlives its scope, its group and what ends that, beside an owned one that does not",
    Effect.gen(function*() {
      const pids: Array<number> = []
      const owned = yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
        const running = yield* group.start(sleeper)
        pids.push(yield* Command.startDetached(sleeper))
        pids.push(yield* ProcessGroup.provide(Command.startDetached(sleeper), group))
        yield* group.kill
        pids.push(yield* ProcessGroup.provide(Command.startDetached(sleeper), group))
        yield* group.shutdown()
        return [running.pid ?? 0, (yield* Command.start(sleeper)).pid ?? 0]
      }))
      assert.deepEqual(owned.map(isAlive), [false, false])
      assert.deepEqual(pids.map(isAlive), [true, true, true])
      yield* Effect.forEach(pids, kill)
    })
  )

  test(
    "does not keep what contained programs leave behind",
    Effect.gen(function*() {
      yield* detached(sleeper)
      yield* Effect.scoped(Effect.flatMap(ProcessGroup.make, (group) => group.start(sleeper)))
      assert.deepEqual(ownGroups(), [])
    })
  )

  test(
    "writes to files, truncated or appended, reads from one, and shares one between output and error",
    Effect.gen(function*() {
      const [input, out, both] = [fresh(), fresh(), fresh()]
      fs.writeFileSync(input, "from a file\n")
      fs.writeFileSync(out, "of before\n")
      const copy = (append: boolean) =>
        detached(Command.make("cat", { stdin: Stdin.file(input), stdout: Stdio.file(out, { append }) }))
      yield* copy(true)
      yield* eventually("it is appended", () => read(out) === "of before\nfrom a file\n")
      yield* copy(false)
      yield* eventually("it is truncated", () => read(out) === "from a file\n")
      const shared = Stdio.file(both)
      yield* detached(sh("echo a; echo b >&2; echo c", [], { stdout: shared, stderr: shared }))
      yield* eventually("both are written", () => read(both) === "a\nb\nc\n")
    })
  )

  test(
    "sees its arguments, its environment and its directory",
    Effect.gen(function*() {
      const out = fresh()
      const script = "printf '%s|' \"$@\" \"$SET\" \"${HOME-none}\" \"$PWD\" > \"$OUT\""
      yield* detached(sh(script, ["a b", "", "ü\n$x"], {
        cwd: "/",
        envClear: true,
        env: { SET: "é", OUT: out }
      }))
      yield* eventually("it has written", () => read(out).endsWith("/|"))
      assert.strictEqual(fs.readFileSync(out, "utf8"), "a b||ü\n$x|é|none|/|")
    })
  )

  // behaviour 122
  test(
    "is reaped while its owner lives: of 32 that end at once no zombie is left",
    Effect.gen(function*() {
      const before = openDescriptors()
      const pids = yield* Effect.forEach(
        Array.from({ length: 32 }, (_, i) => sh(`exit ${i}`)),
        (command) => Command.startDetached(command),
        { concurrency: 8 }
      )
      assert.lengthOf(new Set(pids), 32)
      yield* eventually("all of them are reaped", () => pids.every((pid) => stat(pid)?.ppid !== process.pid))
      yield* eventually("no descriptor is left", () => openDescriptors() <= before + 1)
    })
  )

  test(
    "may end by any signal without anybody taking note",
    Effect.gen(function*() {
      for (const signal of ["SIGKILL", "SIGTERM", "SIGSEGV"] as const) {
        const pid = yield* detached(sleeper)
        process.kill(pid, signal)
        yield* eventually("it is reaped", () => stat(pid)?.ppid !== process.pid)
      }
    })
  )

  test(
    "can be told from a later process by its start time",
    Effect.gen(function*() {
      const pid = yield* detached(sleeper)
      const { startTime } = Option.getOrThrow(yield* Processes.info(pid))
      assert.isTrue(yield* Processes.isAlive(pid, startTime))
      yield* kill(pid)
      assert.isFalse(yield* Processes.isAlive(pid, startTime))
    })
  )

  test(
    "that cannot be started fails as an owned one does, and leaves nothing",
    Effect.gen(function*() {
      const nowhere = Stdio.file("/does/not/exist/out")
      const quiet = { stdout: "null", stderr: "null" } as const
      const commands = [
        Command.make("no-such-program", ["--token=S3CR3T"]),
        Command.make("/does/not/exist", ["--token=S3CR3T"]),
        Command.make("true", { cwd: "/does/not/exist" }),
        Command.make("true", { cwd: file(0o644, "") }),
        Command.make(file(0o644, "#!/bin/sh\n")),
        Command.make("/"),
        Command.make(file(0o755, "no format")),
        Command.make(file(0o755, "#!/does/not/exist/sh\n")),
        Command.make("true", ["x".repeat(200_000)]),
        Command.make("true", { stdout: nowhere }),
        Command.make("true", { stdout: nowhere, stderr: nowhere }),
        Command.make("true", { stdin: Stdin.file("/does/not/exist/in") }),
        Command.make("true", { uid: isRoot ? 2 ** 32 - 2 : 0, env: { SECRET: "S3CR3T" } })
      ]
      const before = openDescriptors()
      for (const command of commands.slice(0, isRoot ? -1 : undefined)) {
        const error = yield* errorOf(Command.startDetached(command))
        const owned = yield* reasonOf(Command.runUnit(Command.setOptions(command, { ...quiet, ...command.options })))
        assert.deepEqual({ ...error.reason }, { ...owned })
        assert.strictEqual(error.reason._tag, owned._tag)
        assertHides(error, "S3CR3T")
      }
      yield* eventually(
        "no child but helpers is left",
        () => childrenOf(process.pid).every((child) => /processkit-(guardian|host)/.test(proc(child, "cmdline")))
      )
      yield* eventually("no descriptor is left", () => openDescriptors() <= before + 1)
    })
  )

  test(
    "is refused a named pipe for a stream, which would wait for its other end",
    Effect.gen(function*() {
      const pipe = fresh()
      yield* Command.runUnit(Command.make("mkfifo", [pipe]))
      const reason = yield* reasonOf(Command.startDetached(Command.make("true", { stdout: Stdio.file(pipe) })))
      assert.strictEqual(reason._tag, "Unsupported")
    })
  )
}

const canChange = has(`${missingForOther}, to start a program as another`, canBecomeOther)

const attributes = ({ name, runner }: Mechanism) => {
  const isHosted = name !== "process-group"

  it.live(
    isHosted ? "has the attributes that were asked for" : "is not started with attributes that Node cannot give",
    () =>
      Effect.gen(function*() {
        const out = fresh()
        const command = sh("umask; nice; ulimit -n; sed -n 's/^NoNewPrivs:.//p' /proc/self/status", [], {
          umask: 0o077,
          priority: "idle",
          rlimits: { nofile: 99 },
          noNewPrivileges: true,
          stdout: Stdio.file(out)
        })
        if (!isHosted) {
          assert.deepInclude(yield* reasonOf(Command.startDetached(command)), {
            _tag: "Unsupported",
            feature: "the option umask, rlimits, priority, noNewPrivileges"
          })
          return assert.isFalse(fs.existsSync(out))
        }
        yield* detached(command)
        yield* eventually("it has written", () => read(out) === "0077\n19\n99\n1\n")
      }).pipe(Effect.scoped, Effect.provide(runner))
  )

  it.live.skipIf(!canChange)("becomes another user, who has no groups", () =>
    Effect.gen(function*() {
      const pid = yield* detached(Command.make("sleep", ["600"], { cwd: "/", uid: 1234, gid: 2345 }))
      yield* settled(pid, "sleep")
      const status = proc(pid, "status")
      assert.match(status, /^Uid:\t1234\t1234\t1234\t1234$/m)
      assert.match(status, /^Gid:\t2345\t2345\t2345\t2345$/m)
      assert.match(status, /^Groups:\s*$/m)
    }).pipe(Effect.scoped, Effect.provide(runner)))

  it.live("sees another name of its own", () =>
    Effect.gen(function*() {
      const pid = yield* detached(Command.make("sleep", ["600"], { argv0: "another name" }))
      yield* eventually("it is executed", () => proc(pid, "cmdline") !== "")
      assert.strictEqual(proc(pid, "cmdline"), "another name\u0000600\u0000")
    }).pipe(Effect.scoped, Effect.provide(runner)))
}

for (const mechanism of all) {
  describe.runIf(hasProc)(`a detached program beside ${mechanism.name}`, () => {
    properties(mechanism)
    attributes(mechanism)
  })
}

const modes = { "cgroup-v2": "direct", subreaper: "monitored" } as const

for (const { name, runner } of mechanisms) {
  describe.runIf(hasProc)(`the host of ${name}`, () => {
    it.live("may die without a detached program noticing, and the next start gets another host", () =>
      Effect.gen(function*() {
        const pid = yield* detached(sleeper)
        const host = Host.running(modes[name])?.pid ?? assert.fail("no host")
        process.kill(host, "SIGKILL")
        yield* eventually("the host is gone", () => !isAlive(host))
        assert.isTrue(isAlive(pid))
        const next = yield* detached(sleeper)
        yield* Command.runUnit(Command.make("true"))
        assert.notStrictEqual(Host.running(modes[name])?.pid, host)
        assert.deepEqual([pid, next].map(isAlive), [true, true])
      }).pipe(Effect.scoped, Effect.provide(runner)))
  })
}

// The owned one, two detached ones, and the child of the second.
const members = 4

const isClean = (pid: number): boolean => directoriesOf(pid).length === 0

const leaving = Effect.fnUntraced(function*(way: string, name: string) {
  const owner = yield* owning("leaves-programs-behind.ts", [way, name], members)
  const [owned = 0, ...pids] = owner.said.trim().split(" ").map(Number)
  const children = pids.flatMap(childrenOf)
  yield* Effect.addFinalizer(() => Effect.forEach([...children, ...pids], kill, { discard: true }))
  return { ...owner, owned, behind: [...pids, ...children] }
})

type Leaving = Effect.Success<ReturnType<typeof leaving>>

const end = ({ exit, owner }: Leaving) =>
  Effect.suspend(() => {
    owner.stdin.write("now\n")
    return Effect.promise(() => exit)
  })

/** How an owner may end, and with which code or signal. */
const ways: ReadonlyArray<readonly [way: string, code: number | null, signal: NodeJS.Signals | null]> = [
  // The scope closes, and then the program has to end by itself.
  ["return", 0, null],
  ["SIGKILL", null, "SIGKILL"],
  ["exit", 7, null],
  ["throw", 1, null],
  ["SIGHUP", null, "SIGHUP"]
]

/** A host sees the same end of file after each of them; without one the owner itself ends what it owns, or the guardian. */
const waysOf = ({ name }: Mechanism) => name === "process-group" ? ways : ways.slice(0, 2)

describe.runIf(hasProc)("after the end of an owner", () => {
  for (const mechanism of all) {
    for (const [way, code, signal] of waysOf(mechanism)) {
      it.live(`by ${way} its detached programs are alive, and nothing else is left (${mechanism.name})`, () =>
        Effect.gen(function*() {
          const left = yield* leaving(way, mechanism.name)
          assert.lengthOf(left.behind, 3)
          assert.deepEqual(yield* end(left), [code, signal])
          yield* eventually("the owned one is gone", () => !isAlive(left.owned))
          yield* eventually("no directory is left", () => isClean(left.pid))
          yield* eventually("nobody else is left", () => left.survivors().length === left.behind.length)
          assert.sameMembers([...left.survivors()], [...left.behind])
        }).pipe(Effect.scoped))
    }
  }
})

describe.runIf(hasProc)("what an owner detaches that is itself held by a group", () => {
  for (const { name, runner } of mechanisms) {
    it.live(`ends with that group (${name})`, () =>
      Effect.gen(function*() {
        const pids = yield* Effect.scoped(Effect.gen(function*() {
          const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
          const owner = yield* group.start(run("leaves-programs-behind.ts", ["return", name], { stdin: "pipe" }))
          const pids = (yield* owner.waitForLine(() => true, { within: "1 minute" })).split(" ").map(Number)
          assert.deepEqual(pids.map(isAlive), [true, true, true])
          return pids
        }))
        assert.deepEqual(pids.map(isAlive), [false, false, false])
      }).pipe(Effect.provide(runner)))
  }
})

describe.runIf(hasProc)("an owner that comes after one that died together with its host", () => {
  for (const { name } of mechanisms) {
    it.live(`spares what that had detached (${name})`, () =>
      Effect.gen(function*() {
        const dead = yield* leaving("SIGKILL", name)
        const hosts = childrenOf(dead.pid).filter((pid) => proc(pid, "cmdline").includes("processkit-host"))
        assert.lengthOf(hosts, 1)
        for (const pid of [...hosts, dead.pid]) process.kill(pid, "SIGSTOP")
        for (const pid of [...hosts, dead.pid]) process.kill(pid, "SIGKILL")
        yield* Effect.promise(() => dead.exit)
        // The first one may find processes on their way out, and leave the directory to the second.
        for (let i = 0; i < 2; i++) yield* end(yield* leaving("return", name))
        yield* eventually("the owned one is gone", () => !isAlive(dead.owned))
        yield* eventually("the directory of the dead one is gone", () => isClean(dead.pid))
        yield* eventually("nobody else is left", () => dead.survivors().length === dead.behind.length)
        assert.sameMembers([...dead.survivors()], [...dead.behind])
      }).pipe(Effect.scoped))
  }
})
