import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { execFile, execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import type { ProcessRunner } from "processkit/ProcessRunner"
import * as Files from "../src/internal/cgroup/files.ts"
import { hasCgroups, mechanisms, ownCgroup, ownGroups } from "./hostedWorld.ts"
import { delegate, inCgroup } from "./hostWorld.ts"
import { eventually, isAlive, survivors } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { fixture, has, sh } from "./programs.ts"
import { allowance } from "./slowness.ts"

/** A program that runs as root whoever starts it, in a directory that everybody may enter. */
const inSetUserId = <A, E, R>(program: string, body: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "set-user-id-"))
      const file = path.join(directory, path.basename(program))
      fs.chmodSync(directory, 0o755)
      fs.copyFileSync(fs.realpathSync(program), file)
      fs.chmodSync(file, 0o4755)
      return { directory, file }
    }),
    ({ file }) => body(file),
    ({ directory }) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

/** Whether set-user-id files are honoured where temporary ones are made. */
const honours = (): boolean => {
  if (!canBecomeOther) return false
  return Effect.runSync(
    inSetUserId(
      "/usr/bin/id",
      (file) =>
        Effect.sync(() => execFileSync(file, ["-u"], { uid: 65_534, gid: 65_534, encoding: "utf8" }).trim() === "0")
    )
  )
}

const canSetUserId = has(`${missingForOther}, with set-user-id files in ${os.tmpdir()}`, honours())

const holding = (setpriv: string, ...cgroup: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const args = ["--conditions=processkit-source", fixture("holds-another-user.ts"), setpriv, ...cgroup]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    // What was logged comes before: an incomplete teardown is.
    return JSON.parse(stdout.split("\n").at(-1) ?? "")
  })

const userOf = (id: string, noNewPrivileges: boolean) =>
  Command.run(Command.make(id, ["-u"], { uid: 65_534, gid: 65_534, noNewPrivileges }))

describe.runIf(canSetUserId)("a member that became root, in a group of an ordinary user", () => {
  it.live.skipIf(mechanisms.length === 0)(
    "is reported by its pid where it may not be signalled (subreaper)",
    () =>
      inSetUserId("/usr/bin/setpriv", (setpriv) =>
        Effect.gen(function*() {
          const report = yield* holding(setpriv)
          // The end of the owner is no better than that of its group: the member stays, as the containment says.
          assert.isTrue(isAlive(report.pid))
          process.kill(report.pid, "SIGKILL")
          assert.deepInclude(report, { mechanism: "subreaper", survivors: ["theirs"] })
          yield* eventually("nobody is left", () => survivors().length === 0)
        }))
  )

  it.live.skipIf(!hasCgroups)(
    "ends with the group all the same (cgroup-v2)",
    () =>
      inSetUserId("/usr/bin/setpriv", (setpriv) =>
        inCgroup(ownCgroup, (given) =>
          Effect.gen(function*() {
            delegate(given, 65_534)
            const report = yield* holding(setpriv, given)
            assert.deepInclude(report, { mechanism: "cgroup-v2", survivors: [] })
            assert.match(report.gentle, /EPERM|signalling a process/)
            assert.isFalse(isAlive(report.pid))
          })))
  )

  for (const { name, runner } of mechanisms) {
    it.live(`cannot come to be where no new privileges are allowed (${name})`, () =>
      inSetUserId("/usr/bin/id", (id) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* userOf(id, false), "0")
          assert.strictEqual(yield* userOf(id, true), "65534")
        })).pipe(Effect.provide(runner)))
  }
})

interface Frozen {
  readonly group: ProcessGroup.ProcessGroup
  readonly directory: string
  readonly thaw: () => void
  readonly close: Effect.Effect<void>
}

const bornIn = (directory: string): number => Result.getOrElse(Files.members(directory), () => []).length

/** A group whose directory somebody else has frozen. */
const inFrozen = (body: (frozen: Frozen) => Effect.Effect<unknown, unknown, ProcessRunner>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const group = yield* Scope.provide(ProcessGroup.makeWith({ stop: { grace: 0 } }), scope)
    const [directory = ""] = ownGroups()
    const freeze = (value: "0" | "1") => fs.writeFileSync(`${directory}/cgroup.freeze`, value)
    const close = Scope.close(scope, Exit.void)
    freeze("1")
    yield* body({ group, directory, thaw: () => freeze("0"), close })
    yield* close
    assert.deepEqual(survivors(), [])
    assert.deepEqual(ownGroups(), [])
  }).pipe(Effect.provide(NodeProcessRunner.layerCgroup))

describe.runIf(hasCgroups)("a group that somebody else froze", () => {
  it.live("starts a program once it is thawed, and others meanwhile", () =>
    inFrozen(({ group, thaw }) =>
      Effect.gen(function*() {
        const start = yield* Effect.forkChild(group.start(sh("echo thawed")))
        assert.strictEqual(yield* Command.run(Command.make("echo", ["elsewhere"])), "elsewhere")
        assert.isUndefined(start.pollUnsafe())
        thaw()
        const running = yield* Fiber.join(start)
        assert.strictEqual((yield* running.result).stdout, "thawed\n")
      })
    ))

  // The close waited for starts that waited for whoever would thaw the group.
  it.live("closes in time with starts under way, which fail or are ended", () =>
    inFrozen(({ close, directory, group }) =>
      Effect.gen(function*() {
        const starts = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.forkChild(Effect.result(group.start(sh("sleep 600 & sleep 600")))))
        yield* eventually("all are on their way", () =>
          bornIn(directory) === 20)
        const began = performance.now()
        yield* close
        assert.isBelow(performance.now() - began, allowance(5_000))
        for (const start of starts) {
          const result = yield* Fiber.join(start)
          assert.strictEqual(Result.isFailure(result) && result.failure.reason._tag, "SpawnFailed")
        }
      })
    ))
})
