import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import type { ProcessRunner } from "processkit/ProcessRunner"
import { type Hosted, mechanisms, ownGroups, ready } from "./hostedWorld.ts"
import { eventually, survivors, throughout } from "./oracle.ts"
import { has, isRoot, run, sh, timed } from "./programs.ts"
import { hasPython, python } from "./python.ts"
import { allowance } from "./slowness.ts"

const canBecomeAnybody = has("root, for members that become other users", isRoot)

const become = (uid: number): string => `setpriv --reuid=${uid} --regid=${uid} --clear-groups`

/** The users of processes, each once, by the pids that their descriptions begin with. */
const usersOf = (processes: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(
    processes.map((text) => fs.readFileSync(`/proc/${Number.parseInt(text)}/status`, "latin1")).map((status) =>
      /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? ""
    )
  )
]

type Body = (group: ProcessGroup.ProcessGroup) => Effect.Effect<unknown, unknown, ProcessRunner>

/** A group in which a body runs, then its close, and then nobody and nothing is left. */
const closing = ({ name, runner }: Hosted, body: Body) =>
  Effect.gen(function*() {
    const [, elapsed] = yield* timed(Effect.scoped(Effect.gen(function*() {
      const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
      assert.lengthOf(ownGroups(), name === "cgroup-v2" ? 1 : 0)
      yield* body(group)
    })))
    assert.deepEqual(survivors(), [])
    assert.deepEqual(ownGroups(), [])
    return elapsed
  }).pipe(Effect.provide(runner))

/** A file whose size tells whether somebody still writes to it. */
const inTrail = <A, E, R>(body: (file: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "comet-"))),
    (home) => {
      const file = path.join(home, "trail")
      fs.writeFileSync(file, "")
      return body(file)
    },
    (home) => Effect.sync(() => fs.rmSync(home, { recursive: true }))
  )

const sizeOf = (file: string): number => fs.statSync(file).size

/** Programs that try to stay, how many processes each has once it is ready, and what makes it ready. */
const stayers: ReadonlyArray<readonly [what: string, command: Command.Command, members: number]> = [
  ["a child in a session of its own", run("new-session.sh"), 4],
  ["a daemon that was forked twice", run("double-forks.sh"), 3],
  ["jobs of a shell with job control", run("job-control.sh"), 4],
  ["detached grandchildren of Node", run("detaches-grandchildren.mjs"), 4],
  ["programs that ignore SIGTERM", run("ignores-sigterm.sh"), 2],
  ["a program that replaces children that end", run("respawns.sh"), 1],
  ["a program that stops itself", run("stops-itself.sh", ["deaf"]), 2],
  ["a process with a misleading name", run("evil-comm.sh"), 2],
  ...(hasPython
    ? [
      ["a process that waits in the kernel for its child", python("hangs-in-vfork.py"), 2],
      ["a process that is traced, and its tracer", python("traces-its-child.py"), 2],
      ["a process whose first thread has ended", python("zombie-leader.py"), 1]
    ] as const
    : [])
]

for (const mechanism of mechanisms) {
  describe(`nobody outlives a group of ${mechanism.name}`, () => {
    for (const [what, command, members] of stayers) {
      it.live(what, () =>
        closing(mechanism, (group) =>
          Effect.gen(function*() {
            yield* ready(group, command)
            yield* eventually("all are there", () => survivors().length >= members)
            assert.isAtLeast((yield* group.members).length, members)
          })))
    }

    it.live("what a leader left behind that has ended", () =>
      closing(mechanism, (group) =>
        Effect.gen(function*() {
          const leader = yield* group.start(run("leaves-jobs.sh"))
          yield* leader.result
          assert.lengthOf(yield* group.members, 3)
        })))

    it.live("a chain of fifty, each the child of the one before, in ten sessions", () =>
      closing(mechanism, (group) =>
        Effect.gen(function*() {
          yield* group.start(run("chain-of-fifty.sh", ["50"]))
          yield* eventually("all are there", () => survivors().length >= 50)
          assert.isAtLeast((yield* group.members).length, 50)
        })))

    it.live("a bomb of three hundred that ignores SIGTERM, each in a session of its own", () =>
      Effect.gen(function*() {
        const elapsed = yield* closing(mechanism, (group) =>
          Effect.gen(function*() {
            yield* group.start(run("fork-bomb.sh", ["300"]))
            yield* eventually("all are there", () => survivors().length >= 300)
          }))
        assert.isBelow(elapsed, allowance(15_000))
      }))

    it.live("the same bomb while it is still spreading", () =>
      closing(mechanism, (group) =>
        Effect.gen(function*() {
          yield* group.start(run("fork-bomb.sh", ["300"]))
          yield* eventually("some are there", () => survivors().length >= 30)
        })))

    it.live.skipIf(!canBecomeAnybody)(
      "members that became other users",
      () =>
        closing(mechanism, (group) =>
          Effect.gen(function*() {
            yield* group.start(sh(`${become(65_534)} sleep 600 & setsid ${become(54_321)} sleep 600 & wait`))
            yield* group.start(Command.make("sleep", ["600"], { uid: 12_345, gid: 12_345 }))
            yield* eventually("all are somebody else", () => usersOf(survivors()).length === 4)
            assert.lengthOf(yield* group.members, 4)
          }))
    )

    it.live.skipIf(!hasPython)("comets, which hop from pid to pid", () =>
      inTrail((trail) =>
        Effect.gen(function*() {
          yield* closing(mechanism, (group) =>
            Effect.gen(function*() {
              const comet = python("comet.py", [trail])
              for (let i = 0; i < 3; i++) yield* ready(group, comet)
              yield* eventually("they hop", () => sizeOf(trail) > 100)
            }))
          const size = sizeOf(trail)
          yield* throughout("no comet hops", () => sizeOf(trail) === size)
        })
      ))

    it.live("a run that timed out, with what it had started", () =>
      Effect.gen(function*() {
        const command = sh("setsid sleep 600 & (setsid sleep 600 &) ; sleep 600", [], {
          timeout: "100 millis",
          stop: { grace: "100 millis" }
        })
        const result = yield* Command.outputString(command)
        assert.strictEqual(result.outcome._tag, "TimedOut")
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(mechanism.runner)))

    it.live("two hundred groups at once", () =>
      Effect.gen(function*() {
        const one = Effect.scoped(Effect.gen(function*() {
          const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
          yield* group.start(Command.make("sleep", ["600"]))
          assert.lengthOf(yield* group.members, 1)
        }))
        yield* Effect.all(Array.from({ length: 200 }, () => one), { concurrency: "unbounded", discard: true })
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(mechanism.runner)))
  })

  describe(`a stop of ${mechanism.name}`, () => {
    // The directory of a child was removed with its exit, and with it the notification that it is empty: every other
    // stop took the time after which the file is read anyway, which is a tenth of a second now.
    it.live("is answered as soon as the processes are gone, and their ends are known by then", () =>
      closing(mechanism, (group) =>
        Effect.gen(function*() {
          const taken: Array<number> = []
          for (let i = 0; i < 20; i++) {
            const running = yield* group.start(Command.make("sleep", ["600"]))
            const [, elapsed] = yield* timed(i % 2 === 0 ? running.kill : running.stop())
            assert.isFalse(yield* running.isRunning)
            taken.push(elapsed)
          }
          assert.isBelow(taken.toSorted((a, b) => a - b)[15] ?? 0, allowance(90), String(taken))
        })))

    it.live("reaches each member once, and those in sessions of their own too", () =>
      closing(mechanism, (group) =>
        Effect.gen(function*() {
          const script = "trap 'echo $1 hup' HUP; echo $1 ready; while :; do sleep 0.01; done"
          const running = yield* group.start(
            sh("trap : HUP; setsid sh -c \"$1\" sh a & (setsid sh -c \"$1\" sh b &); while :; do sleep 0.02; done", [
              script
            ])
          )
          const lines: Array<string> = []
          yield* Effect.forkChild(
            Stream.runForEach(running.stdoutLines, (line) => Effect.sync(() => lines.push(line)))
          )
          yield* eventually("both listen", () => lines.length === 2)
          yield* group.signal("SIGHUP")
          yield* eventually("both heard it", () => lines.length === 4)
          yield* throughout("nobody hears it twice", () => lines.length === 4)
          assert.deepEqual(lines.slice(2).toSorted(), ["a hup", "b hup"])
        })))
  })
}
