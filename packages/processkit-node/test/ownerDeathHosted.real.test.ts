import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { directoriesOf, mechanisms, ownCgroup } from "./hostedWorld.ts"
import { childrenOf, eventually, nameOf } from "./oracle.ts"
import { endings } from "./ownerEndings.ts"
import { ending, type Owner, owning } from "./owners.ts"
import { has, isRoot } from "./programs.ts"
import { hasPython } from "./python.ts"
import { hasProc } from "./survivors.ts"
import { fixture } from "./world.ts"

// ignores-sigterm 3, new-session 4, double-forks 3, job-control 4, evil-comm 2, stops-itself 2, holds-pipe-open 1, a chain
// of twenty, and a suspended sleeper. Exactly that many: two less were a chain that was still growing when it was looked at.
const members = 3 + 4 + 3 + 4 + 2 + 2 + 1 + 20 + 1

const owns = (way: string, mechanism: string) => owning("owns-hosted-groups.ts", [way, mechanism], members)

/**
 * Detached grandchildren 3 and their parent, a chain of fifty, a bomb of three hundred, one without its first thread, somebody
 * else, and own cgroups.
 */
const stubborn = (mechanism: string): number =>
  4 + 50 + 300 + 1 + (isRoot ? 1 : 0) + (mechanism === "cgroup-v2" ? 3 : 0)

/** Lets an owner end, and looks who is alive and which directory is there one second later. */
const after = Effect.fnUntraced(function*(owner: Owner) {
  const before = directoriesOf(owner.pid).length
  const left = yield* ending(owner, () => directoriesOf(owner.pid).length === 0)
  return { ...left, before, directories: directoriesOf(owner.pid) }
})

/** A comet may be between two looks; the file that it writes to tells whether it still hops. */
const sizeOf = (file: string): number => fs.statSync(file).size

const inTrail = <A, E, R>(body: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const home = fs.mkdtempSync(path.join(os.tmpdir(), "trail-"))
      fs.writeFileSync(path.join(home, "trail"), "")
      return home
    }),
    (home) => body(path.join(home, "trail")),
    (home) => Effect.sync(() => fs.rmSync(home, { recursive: true }))
  )

/** The same for an owner with everything that tries to stay; nobody is left in the end in any case. */
const afterEverything = (way: string, mechanism: string) =>
  inTrail((trail) =>
    Effect.gen(function*() {
      const args = [way, mechanism, trail]
      const owner = yield* owning("owns-hosted-groups.ts", args, members + stubborn(mechanism))
      yield* eventually("the comet hops", () => sizeOf(trail) > 100)
      const left = yield* after(owner)
      yield* eventually("nobody is left in the end", () => owner.survivors().length === 0)
      const size = sizeOf(trail)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(sizeOf(trail), size)
      return left
    })
  )

/** By its program's end too, which closes the scope. */
const ways = { return: { code: 0, signal: null }, ...endings }

describe.runIf(hasProc)("a second after the end of an owner", () => {
  for (const { name } of mechanisms) {
    for (const [way, { code, signal }] of Object.entries(ways)) {
      const clean = {
        ended: [code, signal],
        survivors: [],
        before: name === "cgroup-v2" ? 1 : 0,
        directories: []
      }

      it.live(`by ${way} nobody and no directory is left, and its exit status is its own (${name})`, () =>
        Effect.gen(function*() {
          assert.deepEqual(yield* after(yield* owns(way, name)), clean)
        }))

      it.live.skipIf(!hasPython)(
        `by ${way} nobody is left of bombs, comets, chains, cgroups and detached grandchildren either (${name})`,
        () => Effect.map(afterEverything(way, name), (left) => assert.deepEqual(left, clean))
      )
    }
  }
})

const isMonitor = (pid: number): boolean => nameOf(pid) === "pk-monitor"

describe.runIf(hasProc)("an owner that dies while its host is stopped", () => {
  for (const { name } of mechanisms) {
    // Whoever is stopped sees no end of file: everything went on, until somebody continued the host.
    it.live(`leaves nobody and nothing (${name})`, () =>
      Effect.gen(function*() {
        const { exit, pid, survivors } = yield* owns("SIGKILL", name)
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

describe.runIf(hasProc)("an owner that is stopped", () => {
  for (const { name } of mechanisms) {
    // D5
    it.live(`is not taken for dead, and goes on with all of its members (${name})`, () =>
      Effect.gen(function*() {
        const { exit, owner, pid, survivors } = yield* owns("return", name)
        const before = survivors()
        assert.lengthOf(before, members + 1)
        process.kill(pid, "SIGSTOP")
        yield* Effect.sleep("3 seconds")
        assert.sameMembers([...survivors()], [...before])
        process.kill(pid, "SIGCONT")
        owner.stdin.write("now\n")
        assert.deepEqual(yield* Effect.promise(() => exit), [0, null])
        assert.deepEqual(survivors(), [])
      }))
  }
})

describe.runIf(hasProc)("an owner that dies together with its host", () => {
  for (const { name } of mechanisms) {
    it.live(`leaves ${name === "cgroup-v2" ? "what the next owner removes" : "nobody"} (${name})`, () =>
      Effect.gen(function*() {
        const { exit, pid: owner, survivors } = yield* owns("SIGKILL", name)
        const hosts = childrenOf(owner)
        // Stopped first, so that neither sees the end of the other.
        for (const pid of [...hosts, owner]) process.kill(pid, "SIGSTOP")
        for (const pid of [...hosts, owner]) process.kill(pid, "SIGKILL")
        yield* Effect.promise(() => exit)
        if (name === "cgroup-v2") {
          assert.lengthOf(directoriesOf(owner), 1)
          assert.isAtLeast(survivors().length, members)
          // The first one that comes removes it. Its processes were still on their way out then, and it was left to the second.
          const alive = yield* owns("return", name)
          yield* eventually("the members of the dead owner are gone", () => survivors().length === 0)
          yield* eventually("and so is its directory", () => directoriesOf(owner).length === 0, 1_000)
          // A live owner's directory stays, whoever comes and goes.
          assert.deepEqual((yield* after(yield* owns("return", name))).survivors, [])
          assert.lengthOf(directoriesOf(alive.pid), 1)
          assert.isAtLeast(alive.survivors().length, members)
          alive.owner.stdin.write("now\n")
          yield* Effect.promise(() => alive.exit)
          assert.deepEqual(alive.survivors(), [])
        }
        yield* eventually("nobody is left", () => survivors().length === 0)
        assert.deepEqual(fs.readdirSync(ownCgroup).filter((it) => it.includes(`-${owner}-`)), [])
      }))
  }
})

const inOtherTime = (...command: ReadonlyArray<string>) =>
  spawnSync("unshare", ["--time", "--boottime", "1000", ...command], { encoding: "utf8" })

const hasOtherTime = has(
  "cgroups, and to be superuser of a kernel with time namespaces",
  mechanisms.some(({ name }) => name === "cgroup-v2") && isRoot && inOtherTime("true").status === 0
)

describe.runIf(hasProc && hasOtherTime)("an owner in another time namespace", () => {
  // It reads another start of everybody, and took whoever was there before it for dead, and killed what they held.
  it.live("leaves what others own alone", () =>
    Effect.gen(function*() {
      const alive = yield* owns("return", "cgroup-v2")
      const { status, stdout } = inOtherTime(
        process.execPath,
        "--conditions=processkit-source",
        fixture("says-mechanism.mjs")
      )
      assert.strictEqual(status, 0)
      assert.include(stdout, "\"mechanism\":\"cgroup-v2\"")
      assert.lengthOf(directoriesOf(alive.pid), 1)
      assert.isAtLeast(alive.survivors().length, members)
      alive.owner.stdin.write("now\n")
      yield* Effect.promise(() => alive.exit)
    }))
})
