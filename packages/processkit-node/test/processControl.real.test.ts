/** What a group can be asked of its members, under every mechanism: signals, suspension, membership. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import type * as RunningProcess from "processkit/RunningProcess"
import { mechanisms } from "./hostedWorld.ts"
import { eventually, hasProc, isAlive, stat, survivors } from "./oracle.ts"
import { reasonOf, sh } from "./programs.ts"

interface Mechanism {
  readonly name: string
  readonly runner: Layer.Layer<ProcessRunner.ProcessRunner>
}

const all: ReadonlyArray<Mechanism> = [
  ...mechanisms,
  { name: "process-group", runner: NodeProcessRunner.layerProcessGroup() }
]

const opened = ProcessGroup.makeWith({ stop: { grace: 0 } })

/** The lines of a process as they come. */
const listening = (running: RunningProcess.RunningProcess) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    yield* Effect.forkScoped(
      Stream.runForEach(running.stdoutLines, (line) => Effect.sync(() => void lines.push(line)))
    )
    return lines
  })

const ticking = sh("while :; do echo tick; sleep 0.01; done")

/** Gives how many lines there are once no more come: what was on its way, and nothing for many times the pace. */
const assertSilent = Effect.fnUntraced(function*(lines: ReadonlyArray<string>) {
  let before = -1
  yield* eventually("silence", () => {
    const still = before === lines.length
    before = lines.length
    return still
  })
  yield* Effect.sleep("150 millis")
  const silent = lines.length
  yield* Effect.sleep("300 millis")
  assert.strictEqual(lines.length, silent)
  return silent
})

/** A program that tells of its descendant by its pid, the second word of its first line. */
const descendantOf = (group: ProcessGroup.ProcessGroup, script: string) =>
  Effect.gen(function*() {
    const running = yield* group.start(sh(script))
    const lines = yield* listening(running)
    yield* eventually("the descendant is there", () => lines.length > 0)
    return { running, pid: Number(lines[0]?.split(" ")[1]) }
  })

const claims = ({ name, runner }: Mechanism) => {
  const test = <A, E>(claim: string, body: Effect.Effect<A, E, ProcessRunner.ProcessRunner | Scope.Scope>) =>
    it.live(claim, () => Effect.provide(Effect.scoped(body), runner))

  for (
    const [end, by] of Object.entries({
      "a shutdown": (group: ProcessGroup.ProcessGroup) => group.shutdown(),
      "a shutdown without grace": (group: ProcessGroup.ProcessGroup) => group.shutdown({ grace: 0 }),
      "SIGCONT": (group: ProcessGroup.ProcessGroup) => group.signal("SIGCONT"),
      "SIGKILL": (group: ProcessGroup.ProcessGroup) => group.signal("SIGKILL")
    })
  ) {
    // It stood still, and waited for a resume that nobody had a reason for.
    test(
      `runs what is started after a suspension that ${end} has ended`,
      Effect.gen(function*() {
        const group = yield* opened
        yield* group.start(Command.make("sleep", ["600"]))
        yield* group.suspend
        yield* by(group)
        const code = Command.exitCode(sh("exit 3", [], { timeout: "10 seconds" }))
        assert.strictEqual(yield* ProcessGroup.provide(code, group), 3)
      })
    )
  }

  test(
    "keeps still whoever is started while it is being suspended",
    Effect.gen(function*() {
      const group = yield* opened
      yield* group.start(sh("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 600 & done; echo; wait"))
      for (const delay of [0, 0.5, 1, 2]) {
        const suspend = Effect.andThen(Effect.sleep(delay), group.suspend)
        const [running] = yield* Effect.all([group.start(ticking), suspend], { concurrency: "unbounded" })
        const lines = yield* listening(running)
        const silent = yield* assertSilent(lines)
        yield* group.resume
        yield* eventually("it ticks", () => lines.length > silent + 2)
        yield* running.kill
      }
    })
  )

  test(
    "brings a signal to a program that goes on afterwards",
    Effect.gen(function*() {
      const group = yield* opened
      const running = yield* group.start(sh("trap 'echo heard' HUP; echo ready; while :; do sleep 0.02; done"))
      const lines = yield* listening(running)
      yield* eventually("it listens", () => lines.includes("ready"))
      yield* group.signal("SIGHUP")
      yield* eventually("it has heard", () => lines.includes("heard"))
      assert.isTrue(yield* running.isRunning)
    })
  )

  test(
    "keeps everybody still while it is suspended, twice as well, and lets them go on",
    Effect.gen(function*() {
      const group = yield* opened
      const lines = yield* listening(yield* group.start(ticking))
      yield* eventually("it ticks", () => lines.length > 2)
      yield* group.suspend
      yield* group.suspend
      const silent = yield* assertSilent(lines)
      yield* group.resume
      yield* group.resume
      yield* eventually("it ticks again", () => lines.length > silent + 2)
    })
  )

  test(
    "takes everything that is asked of it while nobody is in it, and has no members",
    Effect.gen(function*() {
      const group = yield* opened
      for (let round = 0; round < 2; round++) {
        for (const signal of ["SIGTERM", "SIGKILL", "SIGUSR1", "SIGCONT"] as const) yield* group.signal(signal)
        yield* group.suspend
        yield* group.resume
        yield* group.kill
        assert.deepEqual(yield* group.members, [])
        assert.deepEqual(yield* group.membersInfo, [])
        assert.strictEqual((yield* group.stats).processes, 0)
        // Once before anybody was there, and once after the last one has gone.
        yield* (yield* group.start(Command.make("true"))).outcome
      }
      const report = yield* group.shutdown()
      assert.deepInclude(report, { members: 0, survivors: [] })
    })
  )

  test(
    "lists those who run, and not those who have ended",
    Effect.gen(function*() {
      const group = yield* opened
      const [kept, ended] = [
        yield* group.start(Command.make("sleep", ["600"])),
        yield* group.start(Command.make("sleep", ["600"]))
      ]
      assert.sameMembers([...yield* group.members], [kept.pid ?? 0, ended.pid ?? 0])
      yield* ended.kill
      assert.deepEqual(yield* group.members, [kept.pid ?? 0])
      const info = yield* group.membersInfo
      assert.deepEqual(info.map((one) => [one.pid, one.name]), [[kept.pid, "sleep"]])
      assert.notInclude(JSON.stringify(info), "600")
    })
  )

  // behaviour 119
  test(
    "ends what a leader has left behind in its session",
    Effect.gen(function*() {
      const pid = yield* Effect.scoped(Effect.gen(function*() {
        const { pid, running } = yield* descendantOf(yield* opened, "sleep 600 >/dev/null & echo left $!")
        yield* running.outcome
        yield* eventually("the leader is gone", () => !isAlive(running.pid ?? 0))
        assert.isTrue(isAlive(pid))
        return pid
      }))
      assert.isFalse(isAlive(pid))
    })
  )

  // behaviour 120
  test(
    "holds who has left the session of its leader: as a member, for signals, and at its end",
    Effect.gen(function*() {
      const group = yield* opened
      const script = "setsid sh -c 'trap \"echo heard\" HUP; echo escaped $$; while :; do sleep 0.02; done' & wait"
      const { pid, running } = yield* descendantOf(group, script)
      // It has really left.
      assert.strictEqual(stat(pid)?.session, pid)
      assert.notStrictEqual(stat(running.pid ?? 0)?.session, pid)
      assert.include(yield* group.members, pid)
      yield* group.shutdown()
      assert.isFalse(isAlive(pid))
      assert.deepEqual(survivors(), [])
    })
  )

  test(
    "answers nothing any more once it has closed",
    Effect.gen(function*() {
      const group = yield* Effect.scoped(opened)
      const asked = [group.signal("SIGHUP"), group.suspend, group.resume, group.members, group.membersInfo, group.stats]
      for (const one of asked) assert.strictEqual((yield* reasonOf<unknown, unknown, never>(one))._tag, "GroupClosed")
      assert.strictEqual(group.mechanism, name)
    })
  )
}

for (const mechanism of all) {
  describe.runIf(hasProc)(`a group held by ${mechanism.name}`, () => claims(mechanism))
}
