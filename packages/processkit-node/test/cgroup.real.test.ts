import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Files from "../src/internal/cgroup/files.ts"
import { cgroupMount, directoriesOf, hasCgroups, ownCgroup, ownGroups, ready } from "./hostedWorld.ts"
import { inCgroup } from "./hostWorld.ts"
import { eventually, stat, survivors, throughout } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { fixture, has, reasonOf, run, sh } from "./programs.ts"
import { allowance } from "./slowness.ts"

const group = ProcessGroup.makeWith({ stop: { grace: 0 } })

/** The names of directories anywhere below one; those that members make and remove meanwhile may be missing. */
const below = (directory: string): ReadonlyArray<string> =>
  Files.subtree(directory).slice(0, -1).map((path) => path.slice(path.lastIndexOf("/") + 1))

const canLimit = has(
  "a user namespace with limits of its own, for a process without inotify",
  spawnSync("unshare", ["-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances"]).status === 0
)

describe.runIf(hasCgroups)("a group that is a cgroup", () => {
  it.live("holds members that made cgroups of their own and moved there, and removes those", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const held = yield* group
        yield* ready(held, run("makes-cgroups.sh", [cgroupMount]))
        const [directory = ""] = ownGroups()
        yield* eventually("there are more and more", () => below(directory).length > 8)
        assert.includeMembers([...below(directory)], ["one", "deep", "two", "late"])
        assert.isAtLeast((yield* held.members).length, 3)
      }))
      assert.deepEqual(survivors(), [])
      assert.deepEqual(ownGroups(), [])
    }).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("holds a run that ends by itself, and what it left in a cgroup of its own", () =>
    Effect.gen(function*() {
      const script = "own=$1$(sed -n 's/^0:://p' /proc/self/cgroup); mkdir $own/x; sleep 600 >/dev/null 2>&1 & " +
        "echo $! > $own/x/cgroup.procs; echo done"
      assert.strictEqual(yield* Command.run(sh(script, [cgroupMount])), "done")
      assert.deepEqual(survivors(), [])
      assert.deepEqual(ownGroups(), [])
    }).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("holds a program that has moved into another cgroup, as one does that opens a login or a scope", () =>
    inCgroup(ownCgroup, (elsewhere) => {
      const leaves = (options: Command.Options = {}) =>
        sh("echo $$ > $1/cgroup.procs && echo ready; exec sleep 600", [elsewhere], options)
      return Effect.gen(function*() {
        const ended = yield* Effect.scoped(Effect.gen(function*() {
          const held = yield* group
          const asked = yield* ready(held, leaves())
          assert.deepEqual(yield* held.members, [asked.pid ?? 0])
          yield* held.signal("SIGUSR1")
          assert.deepInclude(yield* asked.outcome, { _tag: "Signaled", signal: "SIGUSR1" })
          return yield* ready(held, leaves())
        }))
        assert.deepInclude(yield* ended.outcome, { _tag: "Signaled", signal: "SIGKILL" })
        const late = yield* reasonOf(Command.runUnit(leaves({ timeout: "100 millis", stop: { grace: 0 } })))
        assert.strictEqual(late._tag, "TimedOut")
        assert.deepEqual(survivors(), [])
      }).pipe(Effect.provide(NodeProcessRunner.layerCgroup))
    }))

  it.live("needs no directory for a program that has ended, however long it lives itself", () =>
    Effect.scoped(Effect.gen(function*() {
      const held = yield* group
      for (let i = 0; i < 10; i++) yield* Effect.flatMap(held.start(Command.make("true")), (it) => it.result)
      yield* Effect.result(held.start(Command.make("no-such-program")))
      const [directory = ""] = ownGroups()
      yield* eventually("no directory is left in it", () => below(directory).length === 0)
    })).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("needs one directory for everybody who was taken in, however many they are in the end", () =>
    Effect.scoped(Effect.gen(function*() {
      const held = yield* group
      const [directory = ""] = ownGroups()
      for (let i = 0; i < 5; i++) {
        const stranger = spawn("sleep", ["600"], { stdio: "ignore" })
        yield* held.adopt(stranger.pid ?? 0)
        assert.deepEqual(yield* held.members, [stranger.pid ?? 0])
        yield* held.kill
      }
      assert.lengthOf(below(directory), 1)
    })).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("is one of many in the one directory of its owner", () =>
    Effect.scoped(Effect.gen(function*() {
      yield* group
      yield* group
      assert.lengthOf(directoriesOf(process.pid), 1)
      assert.lengthOf(ownGroups(), 2)
    })).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("lets one stopped child of a suspended group end, and its siblings stay where they are", () =>
    Effect.scoped(Effect.gen(function*() {
      const held = yield* group
      const meek = yield* ready(held, run("exits-zero-on-sigterm.sh"))
      const other = yield* held.start(sh("while :; do echo x; sleep 0.01; done"))
      const lines: Array<string> = []
      yield* Effect.forkChild(Stream.runForEach(other.stdoutLines, (line) => Effect.sync(() => lines.push(line))))
      yield* eventually("it prints", () => lines.length > 0)
      yield* held.suspend
      const late = yield* held.start(Command.make("sleep", ["600"]))
      assert.deepInclude(yield* meek.stop({ grace: "5 seconds" }), { signal: "SIGTERM", forced: false })
      // What was on its way comes, however much that is, and nothing after it.
      let printed = -1
      yield* eventually("nothing comes any more", () => {
        const isStill = printed === lines.length
        printed = lines.length
        return isStill
      })
      yield* throughout("it stands still", () => lines.length <= printed + 1, 60)
      assert.isTrue(yield* late.isRunning)
      yield* held.resume
      yield* eventually("it prints again", () => lines.length > printed + 1)
      yield* held.suspend
      yield* held.signal("SIGCONT")
      const before = lines.length
      yield* eventually("SIGCONT ends the suspension", () => lines.length > before + 1)
    })).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  // P10
  it.live("never takes a directory that somebody has made in its place, and the next one is its own again", () =>
    Effect.gen(function*() {
      const number = yield* Effect.scoped(
        Effect.flatMap(group, () => Effect.sync(() => Number(/\d+$/.exec(ownGroups()[0] ?? ""))))
      )
      const [owner = ""] = directoriesOf(process.pid)
      const planted = [`${owner}/g${number + 1}`, `${owner}/g${number + 2}`]
      for (const directory of planted) fs.mkdirSync(directory)
      const reason = yield* reasonOf(Effect.scoped(group))
      assert.deepInclude(reason, { _tag: "Unsupported", detail: "a cgroup could not be made (EEXIST)" })
      assert.deepInclude(yield* reasonOf(Command.run(sh("echo x"))), { _tag: "SpawnFailed", errno: "EEXIST" })
      yield* Effect.scoped(Effect.flatMap(group, (held) => held.start(sh("sleep 600"))))
      for (const directory of planted) if (fs.existsSync(directory)) fs.rmdirSync(directory)
      assert.deepEqual(ownGroups(), [])
    }).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live("makes a directory anew where somebody removed the owner's", () =>
    Effect.gen(function*() {
      const echo = Command.run(Command.make("echo", ["x"]))
      assert.strictEqual(yield* echo, "x")
      const [directory = ""] = directoriesOf(process.pid)
      fs.rmdirSync(directory)
      assert.strictEqual(yield* echo, "x")
      const [next] = directoriesOf(process.pid)
      assert.isDefined(next)
      assert.notStrictEqual(next, directory)
    }).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))

  it.live.skipIf(!has(`${missingForOther}, to give a cgroup to somebody`, canBecomeOther))(
    "is to be had by an ordinary user to whom the cgroup was given",
    () =>
      inCgroup(ownCgroup, (given) =>
        Effect.gen(function*() {
          for (const file of [".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]) {
            fs.chownSync(`${given}/${file}`, 65534, 65534)
          }
          const args = ["--conditions=processkit-source", fixture("says-mechanism.mjs"), "ordinary", given]
          const report = JSON.parse(yield* Command.run(Command.make(process.execPath, args)))
          assert.deepEqual([report.predicted.mechanism, report.containment.mechanism], ["cgroup-v2", "cgroup-v2"])
          assert.deepInclude(report, { survivors: [], outcome: "Signaled", text: "x" })
          yield* eventually("nothing is left in it", () => below(given).length === 0)
        }).pipe(Effect.provide(NodeProcessRunner.layerProcessGroup())))
  )

  it.live.skipIf(!canLimit)("is waited for without inotify too", () =>
    Effect.gen(function*() {
      const script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\""
      const stdout = yield* Command.run(
        Command.make("unshare", [
          "-Ur",
          "sh",
          "-c",
          script,
          "sh",
          process.execPath,
          "--conditions=processkit-source",
          fixture("says-mechanism.mjs")
        ])
      )
      const report = JSON.parse(stdout)
      assert.strictEqual(report.containment.mechanism, "cgroup-v2", JSON.stringify(report.containment.refused))
      assert.deepInclude(report, { survivors: [], outcome: "Signaled", text: "x" })
      assert.isBelow(report.took, allowance(900))
    }).pipe(Effect.provide(NodeProcessRunner.layerProcessGroup())))

  it.live("stands still as a whole when it is suspended, also where one forks and ends in turn", () =>
    Effect.scoped(Effect.gen(function*() {
      const held = yield* group
      yield* held.start(sh("hop() { (sleep 0.001; hop) & }; hop; while :; do sleep 1; done"))
      yield* eventually("they hop", () => survivors().length > 1)
      yield* held.suspend
      const frozen = (yield* held.members).toSorted()
      yield* throughout("nobody ends", () => frozen.every((pid) => stat(pid) !== undefined), 50)
      assert.deepEqual((yield* held.members).toSorted(), frozen)
    })).pipe(Effect.provide(NodeProcessRunner.layerCgroup)))
})
