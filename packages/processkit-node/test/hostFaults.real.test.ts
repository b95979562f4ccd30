import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Host from "../src/internal/host/host.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import { cgroupMount, directoriesOf, hasCgroups, type Hosted, mechanisms, ownGroups, ready } from "./hostedWorld.ts"
import { eventually, isAlive, survivors } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { fixture, has, isRoot, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"
import { makeMark } from "./survivors.ts"

const group = ProcessGroup.makeWith({ stop: { grace: 0 } })

/** The host that holds what a mechanism starts, for faults to be done to it. */
const hostOf = ({ name }: Hosted): number => Host.running(name === "subreaper" ? "monitored" : "direct")?.pid ?? 0

const signalHost = (mechanism: Hosted, signal: NodeJS.Signals) =>
  Effect.sync(() => process.kill(hostOf(mechanism), signal))

/** Stops the host for some time. */
const stopped = (mechanism: Hosted, milliseconds: number) =>
  Effect.andThen(
    signalHost(mechanism, "SIGSTOP"),
    Effect.forkChild(Effect.andThen(Effect.sleep(milliseconds), signalHost(mechanism, "SIGCONT")))
  )

const node = (name: string, ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  "--conditions=processkit-source",
  fixture(name),
  ...args
]

/** Runs a program outside of any mechanism under test, and reads what it prints as JSON. */
const reported = ([program = "", ...args]: ReadonlyArray<string>) =>
  Effect.map(
    Effect.provide(Command.run(Command.make(program, args)), NodeProcessRunner.layerProcessGroup()),
    (stdout) => JSON.parse(stdout.split("\n").at(-1) ?? "")
  )

for (const mechanism of mechanisms) {
  const { name, runner } = mechanism

  describe(`when the host of ${name} is killed`, () => {
    it.live("what runs fails with HostLost within a second, everybody is dead, and the next start has a new host", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const held = yield* Scope.provide(group, scope)
        const names = ["ignores-sigterm.sh", "new-session.sh", "double-forks.sh", "job-control.sh", "stops-itself.sh"]
        const children = yield* Effect.forEach(names, (name) => ready(held, run(name)))
        const alone = yield* Effect.forkChild(Effect.result(Command.run(Command.make("sleep", ["600"]))))
        yield* eventually("all are there", () => survivors().length >= 3 + 4 + 3 + 4 + 2 + 1)
        const before = hostOf(mechanism)
        yield* signalHost(mechanism, "SIGKILL")
        const ends = Effect.forEach(children, (child) => reasonOf(child.outcome), { concurrency: "unbounded" })
        const [reasons, elapsed] = yield* timed(ends)
        assert.deepEqual(reasons.map(({ _tag }) => _tag), names.map(() => "HostLost"))
        assert.isBelow(elapsed, allowance(1000))
        yield* eventually("everybody is dead", () => survivors().length === 0, 1000)
        const ended = yield* Fiber.join(alone)
        assert.strictEqual(Result.isFailure(ended) && ended.failure.reason._tag, "HostLost")
        // The group knows nothing of what it held any more, so it holds nothing new either.
        assert.strictEqual((yield* reasonOf(held.start(Command.make("true"))))._tag, "HostLost")
        assert.strictEqual(yield* Command.run(Command.make("echo", ["x"])), "x")
        assert.notStrictEqual(hostOf(mechanism), before)
        yield* Scope.close(scope, Exit.void)
        assert.deepEqual(ownGroups(), [])
        yield* eventually("its directory is gone", () => directoriesOf(process.pid).length <= 1, 2000)
      }).pipe(Effect.provide(runner)))

    it.live("a hundred starts under way all end, by HostLost or by themselves", () =>
      Effect.gen(function*() {
        yield* Command.run(Command.make("true"))
        const starts = yield* Effect.forEach(Array.from({ length: 100 }), () =>
          Effect.forkChild(Effect.result(Command.run(Command.make("echo", ["x"])))))
        yield* Effect.yieldNow
        const before = hostOf(mechanism)
        yield* signalHost(mechanism, "SIGKILL")
        for (const start of starts) {
          const result = yield* Fiber.join(start)
          const end = Result.isSuccess(result) ? result.success : result.failure.reason._tag
          assert.include(["x", "HostLost"], end)
        }
        yield* eventually("the loss is known", () =>
          hostOf(mechanism) !== before)
        assert.strictEqual(yield* Command.run(Command.make("echo", ["y"])), "y")
        yield* eventually("everybody is dead", () => survivors().length === 0, 1000)
      }).pipe(Effect.provide(runner)))
  })

  describe(`while the host of ${name} is stopped`, () => {
    it.live("starts, stops and closes wait for it, and then go on as if nothing had been", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const held = yield* Scope.provide(group, scope)
        yield* ready(held, run("ignores-sigterm.sh"))
        const second = yield* held.start(sh("exec sleep 600"))
        yield* stopped(mechanism, 1500)
        const results = yield* Effect.all({
          text: Command.run(Command.make("echo", ["x"])),
          report: second.kill,
          late: Effect.delay(Effect.result(held.start(Command.make("sleep", ["600"]))), "100 millis"),
          closed: Effect.delay(Scope.close(scope, Exit.void), "200 millis")
        }, { concurrency: "unbounded" })
        assert.strictEqual(results.text, "x")
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
        assert.strictEqual((yield* second.outcome)._tag, "Signaled")
      }).pipe(Effect.provide(runner)))
  })

  describe(`starts in ${name}`, () => {
    it.live("that race a close, a thousand of them, are ended by it or refused", () =>
      Effect.gen(function*() {
        const seen = new Set<string>()
        for (let round = 0; round < 20; round++) {
          const scope = yield* Scope.make()
          const held = yield* Scope.provide(group, scope)
          const starts = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.forkChild(Effect.result(held.start(sh("sleep 600 & sleep 600")))))
          // The first rounds close while the starts are being asked for, the others while they are carried out.
          for (let turn = 0; turn < round; turn++) {
            yield* Effect.yieldNow
          }
          if (round > 8) {
            yield* Effect.sleep(round * 2 - 16)
          }
          yield* Scope.close(scope, Exit.void)
          assert.deepEqual(survivors(), [])
          for (const start of starts) {
            const result = yield* Fiber.join(start)
            seen.add(Result.isSuccess(result) ? "started" : result.failure.reason._tag)
            if (Result.isSuccess(result)) {
              assert.isFalse(yield* result.success.isRunning)
            }
          }
        }
        assert.includeMembers(["started", "GroupClosed"], [...seen])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(runner)))

    // Node keeps to itself that it could not take a pipe for want of a descriptor, and such a start was waited for for ever.
    it.live("for which descriptors are missing fail with EMFILE, and what runs is fed, read and ended without one", () =>
      Effect.gen(function*() {
        const limited = ["sh", "-c", "ulimit -n 60; exec \"$@\"", "sh", ...node("without-descriptors.mjs", name)]
        const { echoed, first, later, members, short, stopped } = yield* reported(limited)
        for (const { failures } of [first, later]) {
          assert.match(String(failures), /^ResourceExhausted EMFILE(,ResourceExhausted EMFILE)*$/)
        }
        assert.isAtMost(later.leaked, 0)
        assert.deepEqual(
          { echoed, members, short, stopped },
          { echoed: "still here\n", members: [], short: "cat", stopped: "Success" }
        )
      }))

    it.live("by two copies of the library in one process do not know of each other", () =>
      Effect.gen(function*() {
        const report = yield* reported(node("has-two-copies.mjs", name))
        assert.deepEqual(report, {
          texts: Array.from({ length: 8 }, () => "x"),
          isRunning: true,
          hosts: 2,
          areTwo: true
        })
      }))

    it.live("by worker threads end with their thread, and those of others go on", () =>
      Effect.gen(function*() {
        const mark = makeMark()
        const [variable, value] = mark.variable
        const [program = "", ...args] = node("works-in-threads.mjs", name)
        const owner = spawn(program, args, {
          env: { ...process.env, [variable]: value },
          stdio: ["pipe", "pipe", "inherit"]
        })
        const exit = once(owner, "exit")
        const [text] = yield* Effect.promise(() => once(owner.stdout, "data"))
        assert.deepEqual(JSON.parse(String(text)), ["x", "x", "x", "x", "y"])
        // The threads are gone, and the owner is not.
        yield* eventually("only the owner is left", () => mark.survivors().length === 1, 1000)
        const left = name === "cgroup-v2" ? 1 : 0
        yield* eventually("only its directory is left", () => directoriesOf(owner.pid ?? 0).length === left, 1000)
        owner.stdin.write("end\n")
        assert.deepEqual(yield* Effect.promise(() => exit), [0, null])
        yield* eventually("nothing is left", () => mark.survivors().length + directoriesOf(owner.pid ?? 0).length === 0)
      }))
  })
}

const noexec = (directory: string): string =>
  `mount --bind ${directory} ${directory} && mount -o remount,bind,noexec ${directory}`

const canMount = has(
  "root, to mount the host's directory without execution",
  isRoot && spawnSync("unshare", ["-m", "true"]).status === 0
)

describe("the best mechanism", () => {
  it.live.skipIf(!canMount)(
    "is found with a copy of the host where the installed file cannot be executed",
    () =>
      Effect.gen(function*() {
        const script = `${noexec(path.resolve(HostBinary.directory))} && exec "$@"`
        const report = yield* reported(["unshare", "-m", "sh", "-c", script, "sh", ...node("says-mechanism.mjs")])
        assert.strictEqual(report.containment.mechanism, hasCgroups ? "cgroup-v2" : "subreaper")
        assert.deepInclude(report, { text: "x", survivors: [] })
      })
  )

  it.live.skipIf(!canMount)(
    "is process groups where no copy can be executed either, and says why",
    () =>
      Effect.gen(function*() {
        const script = `${noexec(path.resolve(HostBinary.directory))} && ` +
          "mount -t tmpfs -o noexec none /mnt && unset XDG_RUNTIME_DIR && export TMPDIR=/mnt && exec \"$@\""
        const report = yield* reported(["unshare", "-m", "sh", "-c", script, "sh", ...node("says-mechanism.mjs")])
        assert.strictEqual(report.containment.mechanism, "process-group")
        const { refused } = report.containment
        assert.deepEqual(refused.map((it: { mechanism: string }) => it.mechanism), ["cgroup-v2", "subreaper"])
        for (const { reason } of refused) assert.include(reason, "EACCES")
        assert.deepInclude(report, { text: "x", survivors: [] })
      })
  )

  // P11
  const strange: ReadonlyArray<readonly [world: string, mounts: string, refusal: string, advice: string]> = [
    ["no cgroup hierarchy", `umount -l ${cgroupMount}`, "no cgroup v2 hierarchy is mounted", "boot with"],
    [
      "a hierarchy that is read-only",
      `mount -o remount,bind,ro ${cgroupMount}`,
      "the cgroup hierarchy is mounted read-only",
      "docker run"
    ]
  ]
  for (const [world, mounts, refusal, advice] of strange) {
    it.live.skipIf(!canMount || !hasCgroups)(
      `is subreaper where there is ${world}, and says why and what to do for limits`,
      () =>
        Effect.gen(function*() {
          const script = `${mounts} && exec "$@"`
          const report = yield* reported(["unshare", "-m", "sh", "-c", script, "sh", ...node("says-mechanism.mjs")])
          for (const { mechanism, refused, refusedLimits } of [report.predicted, report.containment]) {
            assert.strictEqual(mechanism, "subreaper")
            assert.include(refused[0].reason, refusal)
            assert.lengthOf(refusedLimits, 3)
            for (const { reason } of refusedLimits) assert.include(reason, `${refusal}: ${advice}`)
          }
          assert.deepInclude(report, { text: "x", survivors: [], outcome: "Signaled" })
        })
    )
  }

  // P11
  it.live.skipIf(!canMount || !canBecomeOther)(
    "holds for a user who sees no processes but its own",
    () =>
      Effect.gen(function*() {
        const script = "mount -t proc -o hidepid=2 none /proc && exec \"$@\""
        const args = node("says-mechanism.mjs", "ordinary")
        const report = yield* reported(["unshare", "-m", "sh", "-c", script, "sh", ...args])
        assert.strictEqual(report.containment.mechanism, "subreaper")
        assert.deepInclude(report, { text: "x", survivors: [], outcome: "Signaled" })
      })
  )

  // P11
  it.live.skipIf(!canMount)(
    "is process groups where there is no process table at all, whose members nobody is said to know",
    () =>
      Effect.gen(function*() {
        const script = "mount -t tmpfs none /proc && exec \"$@\""
        const report = yield* reported(["unshare", "-m", "sh", "-c", script, "sh", ...node("without-proc.mjs")])
        assert.strictEqual(report.containment.mechanism, "process-group")
        const { refused } = report.containment
        assert.deepEqual(refused.map((it: { mechanism: string }) => it.mechanism), ["cgroup-v2", "subreaper"])
        // The leaders still end, and what was detached does not.
        assert.deepInclude(report, { text: "x", members: "IoFailed", survivors: [], left: [false, true] })
      })
  )

  // The guardian saw nobody to end in a table that it could not read.
  it.live.skipIf(!canMount)(
    "ends what leaders of groups are left where there is no process table and their owner is killed",
    () =>
      Effect.gen(function*() {
        const script = `
          import * as Effect from "effect/Effect"
          import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
          import * as Command from "processkit/Command"
          import * as ProcessGroup from "processkit/ProcessGroup"
          const program = Effect.flatMap(ProcessGroup.make, (group) =>
            Effect.flatMap(group.start(Command.make("sleep", ["600"])), ({ pid }) =>
              Effect.sync(() => {
                process.stdout.write(pid + " " + group.containment.ownerDeath)
                process.kill(process.pid, "SIGKILL")
              })))
          await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeProcessRunner.layer))`
        const flags = ["--conditions=processkit-source", "--input-type=module", "--eval", script]
        const mounted = ["-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"]
        const { stdout } = spawnSync("unshare", [...mounted, process.execPath, ...flags], { encoding: "utf8" })
        const [pid, ownerDeath] = stdout.split(" ")
        assert.strictEqual(ownerDeath, "linked")
        yield* eventually("the member is gone", () => !isAlive(Number(pid)))
      })
  )

  // P11: the numbers in such a table are those of strangers, who were taken for members, and members for nobody.
  it.live.skipIf(!canMount)(
    "is process groups where the process table is that of another pid namespace, whose processes nobody touches",
    () =>
      Effect.gen(function*() {
        const report = yield* reported(["unshare", "--pid", "--fork", "--kill-child", ...node("without-proc.mjs")])
        assert.strictEqual(report.containment.mechanism, "process-group")
        assert.deepInclude(report, { text: "x", members: "IoFailed", survivors: [], left: [false, true] })
      })
  )

  // The program of that number was executed in the place of the host's own, and the mechanism was taken for it.
  it.live.skipIf(!canMount)(
    "is process groups also where that table has somebody else by the number of the host",
    () =>
      Effect.gen(function*() {
        const others = "i=0; while [ $i -lt 99 ]; do sleep 600 & i=$((i+1)); done"
        const inside = ["unshare", "--pid", "--fork", "--kill-child"]
        const outside = [...inside, "--mount-proc", "sh", "-c", `${others}; exec "$@"`, "sh"]
        const report = yield* reported([...outside, ...inside, ...node("without-proc.mjs")])
        assert.strictEqual(report.containment.mechanism, "process-group")
        assert.deepInclude(report, { text: "x", members: "IoFailed", survivors: [] })
      })
  )

  it.live.skipIf(!has(`cgroups, ${missingForOther}`, canBecomeOther && hasCgroups))(
    "is subreaper for a user who may not write the cgroup, as was predicted, and says why",
    () =>
      Effect.gen(function*() {
        const report = yield* reported(node("says-mechanism.mjs", "ordinary"))
        assert.strictEqual(report.predicted.mechanism, "subreaper")
        assert.strictEqual(report.containment.mechanism, "subreaper")
        assert.include(report.containment.refused[0].reason, "not writable")
        assert.include(report.predicted.refused[0].reason, "not writable")
        assert.deepInclude(report, { text: "x", survivors: [], outcome: "Signaled" })
      })
  )

  it.live("holds with a host that its owner does not wait for", () =>
    Effect.gen(function*() {
      const [, elapsed] = yield* timed(Effect.gen(function*() {
        for (const { name } of mechanisms) {
          const owner = spawn(process.execPath, node("has-two-copies.mjs", name).slice(1), { stdio: "ignore" })
          assert.deepEqual(yield* Effect.promise(() => once(owner, "exit")), [0, null])
          assert.isFalse(isAlive(owner.pid ?? 0))
          yield* eventually("its directory is gone", () => directoriesOf(owner.pid ?? 0).length === 0)
        }
      }))
      assert.isBelow(elapsed, allowance(10_000))
    }))
})
