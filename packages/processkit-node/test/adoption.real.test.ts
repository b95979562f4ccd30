import { assert, describe, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Processes from "processkit/Processes"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Requests from "../src/internal/host/hostRequests.ts"
import { isSupported, rawHost, request } from "./hostWorld.ts"
import { argv, childrenOf, eventually, isAlive, nameOf, stat, survivors } from "./oracle.ts"
import { has, isRoot, reasonOf } from "./programs.ts"

/** A process that this library has not started; it prints a number when it is ready, and ends with the test. */
const stranger = (script: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn("/bin/sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"], detached: true })
      const [line] = await once(child.stdout, "data")
      return { child, pid: child.pid ?? 0, number: Number(line) }
    }),
    ({ child }) => Effect.promise(() => ended(child))
  )

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, "exit")
  child.kill("SIGKILL")
  await exit
}

const sleeper = stranger("echo 0; exec sleep 600")

/** What a process is called in its arguments: a shell by what follows its program. */
const commandOf = (pid: number): string => {
  const words = fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")
  return words.find((word) => word.startsWith("processkit-")) ?? ""
}

/** The first pid that nobody has, as the system says. */
const nobody = (): number => {
  let pid = 4_000_000
  while (fs.existsSync(`/proc/${pid}`)) pid--
  return pid
}

const mayNotBeSignalled = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const above = (pid: number): ReadonlyArray<number> => {
  const parent = stat(pid)?.ppid ?? 0
  return parent === 0 ? [] : [parent, ...above(parent)]
}

/** Somebody whom only missing rights keep out: who has started us, threads of the kernel and zombies are refused as such. */
const ofSomebodyElse = (): number | undefined => {
  const ours = above(process.pid)
  return fs.readdirSync("/proc").map(Number).find((pid) =>
    pid > 1 && !ours.includes(pid) && mayNotBeSignalled(pid) && argv(pid) !== ""
  )
}

const mechanisms: Record<string, Layer.Layer<NodeProcessRunner.Provided>> = {
  "the best mechanism": NodeProcessRunner.layer,
  "process-group": NodeProcessRunner.layerProcessGroup(),
  "process-group, with the table of ps": NodeProcessRunner.layerProcessGroup({ table: "ps" })
}

for (const [name, runner] of Object.entries(mechanisms)) {
  describe(`a group that takes in strangers under ${name}`, () => {
    layer(runner, { excludeTestServices: true })((it) => {
      /** A group, unless its mechanism cannot hold strangers at all. */
      const opened = Effect.map(
        ProcessGroup.makeWith({ stop: { grace: 0 } }),
        (group) => has("a mechanism that can adopt", group.mechanism !== "subreaper") ? group : undefined
      )

      it.effect("ends them with its scope, and what they start after that", () =>
        Effect.gen(function*() {
          const { child, pid } = yield* stranger(
            "trap 'sleep 601 & sleep 601 & echo 2; wait' USR1; echo 1; while :; do sleep 0.05; done"
          )
          const wasOpen = yield* Effect.scoped(Effect.gen(function*() {
            const group = yield* opened
            if (group === undefined) return false
            yield* group.adopt(pid)
            assert.include(yield* group.members, pid)
            child.kill("SIGUSR1")
            yield* eventually("its children are there", () => childrenOf(pid).length >= 2)
            const children = childrenOf(pid)
            const members = yield* group.members
            for (const each of children.filter(isAlive)) assert.include(members, each)
            return true
          }))
          if (wasOpen) yield* eventually("the stranger is gone", () => !isAlive(pid))
          assert.deepEqual(wasOpen ? survivors() : [], [])
        }).pipe(Effect.scoped))

      it.effect("refuses everybody whose end would be its own, and who is nobody", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined) return
          for (const pid of [0, -1, 1, 1.5, Number.NaN, process.pid, process.ppid]) {
            assert.strictEqual((yield* reasonOf(group.adopt(pid)))._tag, "InvalidInput", `${pid}`)
          }
          // The host holds everything of ours: it was taken in, and its group's end was the end of all others.
          yield* Effect.scoped(group.runner.start(Command.make("true")))
          yield* Effect.provide(Command.start(Command.make("sleep", ["600"])), NodeProcessRunner.layerSubreaper)
          const helpers = childrenOf(process.pid).filter((pid) => /^processkit-(?:host|guardian)/.test(commandOf(pid)))
          const monitors = helpers.flatMap(childrenOf).filter((pid) => nameOf(pid) === "pk-monitor")
          assert.isNotEmpty(monitors)
          for (const pid of [...helpers, ...monitors]) {
            assert.strictEqual((yield* reasonOf(group.adopt(pid)))._tag, "InvalidInput")
          }
          assert.deepInclude(yield* reasonOf(group.adopt(nobody())), { _tag: "IoFailed", errno: "ESRCH" })
          assert.deepEqual(yield* group.members, [])
        }).pipe(Effect.scoped))

      it.effect("refuses the helpers of another thread, and of another copy of this library", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined || !has("the native host", isSupported)) return
          const host = yield* Effect.acquireRelease(Effect.sync(rawHost), ({ ended, socket }) => {
            socket.end()
            return Effect.promise(() => ended)
          })
          host.socket.write(Requests.hello(0, "monitored"))
          host.socket.write(Result.getOrThrow(Requests.spawn(1, request("/bin/sleep", ["600"]))))
          yield* Effect.promise(() => host.event("Spawned"))
          const helpers = [host.child.pid ?? 0, ...childrenOf(host.child.pid ?? 0)]
          assert.lengthOf(helpers, 2)
          for (const pid of helpers) assert.strictEqual((yield* reasonOf(group.adopt(pid)))._tag, "InvalidInput")
          assert.deepEqual(yield* group.members, [])
        }).pipe(Effect.scoped))

      it.effect("takes a zombie for taken in, and refuses the number of a thread", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined) return
          const { number: zombie } = yield* stranger("sleep 0.1 & echo $!; exec sleep 600")
          yield* eventually("it is a zombie", () => stat(zombie)?.state === "Z")
          yield* group.adopt(zombie)
          assert.deepEqual(yield* group.members, [])
          const { pid } = yield* stranger(`exec ${process.execPath} -e 'console.log(1); setInterval(() => {}, 1e6)'`)
          const thread = fs.readdirSync(`/proc/${pid}/task`).map(Number).find((task) => task !== pid)
          assert.deepInclude(yield* reasonOf(group.adopt(thread ?? 0)), { _tag: "InvalidInput" })
          assert.deepEqual(yield* group.members, [])
        }).pipe(Effect.scoped))

      it.effect("refuses threads of the kernel, whom no signal ends", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined || !has("to see threads of the kernel", nameOf(2) === "kthreadd")) return
          const threads = [2, ...childrenOf(2)]
          assert.isAbove(threads.length, 1)
          for (const pid of threads) {
            const reason = yield* reasonOf(group.adopt(pid))
            // A worker of the kernel may end meanwhile.
            if (isAlive(pid)) assert.deepInclude(reason, { _tag: "InvalidInput" }, nameOf(pid))
          }
          assert.deepEqual(yield* group.members, [])
        }).pipe(Effect.scoped))

      it.effect("takes nobody in who was started at another time than the one that was kept", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined) return
          const { pid } = yield* sleeper
          const { startTime } = Option.getOrThrow(yield* Processes.info(pid))
          const reason = yield* reasonOf(group.adopt(pid, { startTime: `1${startTime}` }))
          assert.strictEqual(reason._tag, "InvalidInput")
          assert.deepEqual(yield* group.members, [])
          yield* group.adopt(pid, { startTime })
          // Twice is once.
          yield* group.adopt(pid, { startTime })
          assert.deepEqual(yield* group.members, [pid])
          assert.strictEqual((yield* group.stats).processes, 1)
          yield* group.kill
          yield* eventually("it is gone", () => !isAlive(pid))
        }).pipe(Effect.scoped))

      it.effect("stops its child too, where that comes along with whom it takes in while it is suspended", () =>
        Effect.gen(function*() {
          const group = yield* opened
          // A cgroup takes in one process at a time, and what that starts from then on.
          if (!has("a mechanism that takes in children, too", group?.mechanism === "process-group")) return
          if (group === undefined) return
          const { number: child, pid } = yield* stranger("sleep 600 & echo $!; wait")
          yield* group.suspend
          yield* group.adopt(pid)
          yield* eventually("both are stopped", () => [pid, child].every((each) => stat(each)?.state === "T"))
        }).pipe(Effect.scoped))

      for (const first of ["a process", "its child"]) {
        it.effect(`counts everybody once where ${first} is taken in before the other of them`, () =>
          Effect.gen(function*() {
            const group = yield* opened
            if (group === undefined) return
            const { number: child, pid } = yield* stranger("sleep 600 & echo $!; wait")
            for (const each of first === "its child" ? [child, pid] : [pid, child]) yield* group.adopt(each)
            assert.deepEqual((yield* group.members).toSorted(), [child, pid].toSorted())
            assert.strictEqual((yield* group.stats).processes, 2)
            assert.lengthOf(yield* group.membersInfo, 2)
          }).pipe(Effect.scoped))
      }

      it.effect("may not take in the processes of others", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined || !has("to be no superuser", !isRoot)) return
          const theirs = ofSomebodyElse()
          if (!has("a process of somebody else", theirs !== undefined)) return
          const reason = yield* reasonOf(group.adopt(theirs ?? 0))
          assert.deepInclude(reason, { _tag: "IoFailed", errno: "EPERM" })
        }).pipe(Effect.scoped))

      it.effect("stops whom it takes in while it is suspended, until it is resumed", () =>
        Effect.gen(function*() {
          const group = yield* opened
          if (group === undefined) return
          const { pid } = yield* stranger("echo 1; while :; do :; done")
          yield* group.suspend
          yield* group.adopt(pid)
          const used = Effect.map(group.stats, ({ cpuTime }) => Duration.toMillis(cpuTime ?? Duration.zero))
          let last = -1
          const isStill = (now: number): boolean => {
            const before = last
            last = now
            return now === before
          }
          yield* Effect.repeat(Effect.delay(used, "20 millis"), { until: isStill })
          const before = yield* used
          // A spinner that runs uses its processor, as much of it as it gets.
          yield* Effect.sleep("300 millis")
          assert.isBelow((yield* used) - before, 50)
          yield* group.resume
          yield* Effect.repeat(used, { until: (now) => now >= before + 100 })
          yield* group.kill
          yield* eventually("it is gone", () => !isAlive(pid))
        }).pipe(Effect.scoped))
    })
  })
}

layer(NodeProcessRunner.layer, { excludeTestServices: true })("what is known of processes", (it) => {
  it.effect("is their parent, name and start, and never their arguments", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const running = yield* group.start(Command.make("sleep", ["600.125"]))
      // The kernel gives it its name after it has told that it is executed.
      yield* eventually("it has its name", () => nameOf(running.pid ?? 0) === "sleep")
      const [info, ...more] = yield* group.membersInfo
      assert.deepEqual(more, [])
      assert.strictEqual(info?.pid, running.pid)
      assert.strictEqual(info?.name, "sleep")
      assert.isAbove(info?.parentPid ?? 0, 0)
      assert.notInclude(JSON.stringify(info), "600.125")
      assert.deepEqual(yield* Processes.info(info?.pid ?? 0), Option.fromUndefinedOr(info))
      assert.isTrue(yield* Processes.isAlive(info?.pid ?? 0, info?.startTime ?? ""))
      yield* group.kill
      assert.isFalse(yield* Processes.isAlive(info?.pid ?? 0, info?.startTime ?? ""))
      assert.deepEqual(yield* group.membersInfo, [])
    }).pipe(Effect.scoped))

  it.effect("is that we are alive, that nobody is not, and that a zombie is not either", () =>
    Effect.gen(function*() {
      const own = Option.getOrThrow(yield* Processes.info(process.pid))
      assert.strictEqual(own.parentPid, process.ppid)
      assert.isTrue(yield* Processes.isAlive(process.pid, own.startTime))
      assert.isFalse(yield* Processes.isAlive(process.pid, `${own.startTime}0`))
      assert.deepEqual(yield* Processes.info(nobody()), Option.none())
      const threads = fs.readdirSync("/proc/self/task").map(Number).filter((task) => task !== process.pid)
      assert.isNotEmpty(threads)
      for (const thread of threads) assert.deepEqual(yield* Processes.info(thread), Option.none())
      const { number: zombie } = yield* stranger("sleep 0.1 & echo $!; exec sleep 600")
      yield* eventually("it is a zombie", () => stat(zombie)?.state === "Z")
      assert.deepEqual(yield* Processes.info(zombie), Option.none())
    }).pipe(Effect.scoped))

  it.skipIf(process.platform !== "linux")("names the boot as soon as that can be read", () => {
    const inspection = fileURLToPath(new URL("../src/internal/inspection.ts", import.meta.url))
    const script = `
      import * as fs from "node:fs"
      import { startTimeOf } from "${inspection}"
      const held = []
      try { for (;;) held.push(fs.openSync("/dev/null")) } catch {}
      const first = startTimeOf({ start: "1" })
      for (const fd of held) fs.closeSync(fd)
      console.log(first, startTimeOf({ start: "1" }))`
    const node = [process.execPath, "--conditions=processkit-source", "--input-type=module", "-e", script]
    const { stdout } = spawnSync("/bin/sh", ["-c", "ulimit -n 60; exec \"$@\"", "sh", ...node], { encoding: "utf8" })
    assert.match(stdout, /^1@ 1@[0-9a-f]{8}\n$/)
  })
})

layer(NodeProcessRunner.layerSubreaper, { excludeTestServices: true })("a subreaper", (it) => {
  it.effect("says that it cannot take in strangers", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const { pid } = yield* sleeper
      assert.deepInclude(yield* reasonOf(group.adopt(pid)), { _tag: "Unsupported", mechanism: "subreaper" })
      assert.isTrue(isAlive(pid))
    }).pipe(Effect.scoped))
})
