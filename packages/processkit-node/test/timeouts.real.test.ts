import { assert, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessResult from "processkit/ProcessResult"
import * as Stdio from "processkit/Stdio"
import { eventually, isAlive, stat, survivors, throughout } from "./oracle.ts"
import { aroundTheEndOf, quickest, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

/** More than waits for a slow consumer, and ends with the rest of it in its pipe. */
const flood = (stdout: Command.Options["stdout"]) =>
  Command.make("head", ["-c", "330000", "/dev/zero"], { timeout: "300 millis", stdout })

/** A deadline that comes after a program has said what it says at once. */
const soon = Math.round(allowance(400))

/** What a stop may take besides its times, and far less than the programs would run. */
const slack = 8000

layer(NodeProcessRunner.layer, { excludeTestServices: true })("deadlines and time", (it) => {
  it.effect("a deadline ends the whole tree, and the result is flagged and keeps what was printed", () =>
    Effect.gen(function*() {
      const command = sh("echo early; sleep 60 & sleep 60", [], { timeout: soon })
      const [result, elapsed] = yield* timed(Command.outputString(command))
      assert.deepInclude(result.outcome, { _tag: "TimedOut", kind: "deadline" })
      assert(Outcome.isTimedOut(result.outcome))
      assert.strictEqual(Duration.toMillis(result.outcome.after), soon)
      assert.deepInclude(result.outcome.exit, { _tag: "Signaled", signal: "SIGTERM" })
      assert.strictEqual(result.stdout, "early\n")
      assert.deepEqual(result.stop, { signal: "SIGTERM", forced: false })
      assert.isBelow(elapsed, soon + slack)
      assert.deepEqual(survivors(), [])
    }))

  it.effect("every verb that checks fails with TimedOut, the captured output attached", () =>
    Effect.gen(function*() {
      const command = sh("echo early; echo late >&2; sleep 60", [], { timeout: soon })
      const verbs = [
        Command.run(command),
        Command.runUnit(command),
        Command.checked(command),
        Command.exitCode(command)
      ]
      const reasons = yield* Effect.forEach(verbs, (verb) => reasonOf(Effect.asVoid(verb)), { concurrency: 4 })
      for (const reason of reasons) {
        assert.deepInclude(reason, { _tag: "TimedOut", stdout: "early\n", stderr: "late\n" })
      }
      const streamed = yield* reasonOf(Stream.runDrain(Command.stdoutLines(command)))
      assert.strictEqual(streamed._tag, "TimedOut")
    }))

  it.effect("firstLine on a silent program honours the deadline", () =>
    Effect.gen(function*() {
      const command = Command.make("sleep", ["60"], { timeout: "50 millis" })
      assert.strictEqual((yield* reasonOf(Command.firstLine(command, () => true)))._tag, "TimedOut")
    }))

  it.effect("a streamed program ends at its deadline, the lines before it come, and its stream fails with TimedOut", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const lines = Command.stdoutLines(sh("echo one; echo two; sleep 60", [], { timeout: soon }))
      const reason = yield* reasonOf(Stream.runForEach(lines, (line) => Effect.sync(() => void seen.push(line))))
      assert.deepEqual(seen, ["one", "two"])
      assert.strictEqual(reason._tag, "TimedOut")
      assert.deepEqual(survivors(), [])
    }))

  it.effect("a deadline in a shared group ends that child and what it started, and no sibling", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(Command.make("sleep", ["60"]))
      const late = yield* group.start(sh("echo one; sleep 60 & sleep 60", [], { timeout: soon }))
      assert.deepEqual(yield* Stream.runCollect(late.stdoutLines), ["one"])
      assert.strictEqual((yield* late.outcome)._tag, "TimedOut")
      assert.deepEqual(yield* group.members, [sibling.pid ?? 0])
    }))

  it.effect("a program that prints nothing for too long is ended with its tree, and its output is kept", () =>
    Effect.gen(function*() {
      const script = "for i in 1 2 3 4 5; do echo $i >&$((i % 2 + 1)); sleep 0.1; done; sleep 60 & sleep 60"
      const [result, elapsed] = yield* timed(Command.outputString(sh(script, [], { inactivityTimeout: soon })))
      assert.deepInclude(result.outcome, { _tag: "TimedOut", kind: "inactivity" })
      assert.deepInclude(Outcome.isTimedOut(result.outcome) && result.outcome.exit, { signal: "SIGTERM" })
      assert.deepEqual([result.stdout, result.stderr], ["2\n4\n", "1\n3\n5\n"])
      assert.deepEqual(result.stop, { signal: "SIGTERM", forced: false })
      assert.isAtLeast(elapsed, 390 + soon)
      assert.isBelow(elapsed, 500 + soon + slack)
      assert.deepEqual(survivors(), [])
    }))

  it.effect("a silence that a signal does not end is ended by SIGKILL after the grace", () =>
    Effect.gen(function*() {
      const options = { inactivityTimeout: soon, stop: { grace: "150 millis" } } as const
      const [result, elapsed] = yield* timed(Command.outputString(run("ignores-sigterm.sh", [], options)))
      assert.deepInclude(result.outcome, { _tag: "TimedOut", kind: "inactivity" })
      assert.deepEqual(result.stop, { signal: "SIGTERM", forced: true })
      assert.isAtLeast(elapsed, soon + 140)
      assert.isBelow(elapsed, soon + 150 + slack)
    }))

  it.effect("a silence in a shared group ends that child and what it started, and no sibling", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(Command.make("sleep", ["60"]))
      const late = yield* group.start(sh("echo one; sleep 60 & sleep 60", [], { inactivityTimeout: soon }))
      assert.deepEqual(yield* Stream.runCollect(late.stdoutLines), ["one"])
      assert.deepInclude(yield* late.outcome, { _tag: "TimedOut", kind: "inactivity" })
      assert.deepEqual(yield* group.members, [sibling.pid ?? 0])
    }))

  it.effect("a program that talks all the time is not silent because its owner was busy", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(
        sh("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.05; done", [], { inactivityTimeout: soon })
      )
      const until = performance.now() + soon + 200
      while (performance.now() < until);
      assert.deepEqual((yield* running.result).outcome, Outcome.exited(0))
    }))

  it.effect("a streamed program hears the deadline's signal, and its last words are part of the stream and the result", () =>
    Effect.gen(function*() {
      const script = "trap 'echo got it >&2; echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done"
      const options = { timeout: soon, stop: { signal: "SIGINT", grace: "5 seconds" } } as const
      const running = yield* Command.start(sh(script, [], options))
      const [lines, elapsed] = yield* timed(Stream.runCollect(running.stdoutLines))
      assert.deepEqual(lines, ["ready", "bye"])
      assert.isBelow(elapsed, soon + slack)
      const result = yield* running.result
      assert.deepInclude(result.outcome, { _tag: "TimedOut", kind: "deadline", exit: Outcome.exited(0) })
      assert.strictEqual(result.stderr, "got it\n")
      assert.deepEqual(result.stop, { signal: "SIGINT", forced: false })
    }))

  it.effect("a deadline in a shared group waits for the grace before it kills", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const options = { timeout: soon, stop: { grace: "300 millis" } } as const
      const running = yield* group.start(run("ignores-sigterm.sh", [], options))
      const [outcome, elapsed] = yield* timed(running.outcome)
      assert.deepInclude(outcome, { _tag: "TimedOut", exit: Outcome.signaled("SIGKILL", 9, false) })
      assert.isAtLeast(elapsed, soon + 250)
      assert.isBelow(elapsed, soon + 300 + slack)
    }))

  it.effect("a stop after the deadline leaves the deadline as the outcome, and one before it is none", () =>
    Effect.gen(function*() {
      const late = yield* Command.start(
        run("ignores-sigterm.sh", [], { timeout: soon, stop: { grace: "1 minute" } })
      )
      yield* late.waitForLine("ready")
      // The deadline has passed then, and the grace has not.
      yield* Effect.sleep(soon + 100)
      assert.isTrue(yield* late.isRunning)
      const [, elapsed] = yield* timed(late.stop({ grace: "10 seconds" }))
      assert.isBelow(elapsed, slack)
      assert.strictEqual((yield* late.outcome)._tag, "TimedOut")
      const early = yield* Command.start(run("exits-zero-on-sigterm.sh", [], { timeout: "10 seconds" }))
      yield* early.waitForLine("ready")
      yield* early.stop({ grace: "10 seconds" })
      assert.deepEqual(yield* early.outcome, Outcome.exited(0))
    }))

  // E5
  it.effect("a program that answers the deadline's signal with exit code 0 has TimedOut, and its last words are kept", () =>
    Effect.gen(function*() {
      const command = run("exits-zero-on-sigterm.sh", [], { timeout: soon, stop: { grace: "5 seconds" } })
      const [result, elapsed] = yield* timed(Command.outputString(command))
      assert.deepInclude(result.outcome, { _tag: "TimedOut", exit: Outcome.exited(0) })
      assert.strictEqual(result.stdout, "ready\nbye\n")
      assert.deepEqual(result.stop, { signal: "SIGTERM", forced: false })
      assert.isFalse(ProcessResult.isSuccess(result))
      assert.strictEqual((yield* reasonOf(Command.run(command)))._tag, "TimedOut")
      assert.isBelow(elapsed, soon + slack)
    }))

  // T1
  it.effect("a deadline is followed by SIGKILL where the signal is ignored, and the result says so", () =>
    Effect.gen(function*() {
      const command = run("ignores-sigterm.sh", [], { timeout: soon, stop: { grace: "150 millis" } })
      const [result, elapsed] = yield* timed(Command.outputString(command))
      assert.deepInclude(result.outcome, { _tag: "TimedOut" })
      assert.deepEqual(result.stop, { signal: "SIGTERM", forced: true })
      assert.isAtLeast(elapsed, soon + 140)
      assert.isBelow(elapsed, soon + 150 + slack)
    }))

  // C1
  it.effect("a timeout of 0 starts the program and stops it at once", () =>
    Effect.gen(function*() {
      for (const timeout of [0, "0 millis", Duration.zero] as const) {
        const [result, elapsed] = yield* timed(Command.outputString(Command.make("sleep", ["60"], { timeout })))
        assert.strictEqual(result.outcome._tag, "TimedOut")
        assert.isBelow(elapsed, slack)
      }
    }))

  // C2, C3
  it.effect("a timeout that is infinite, absent or longer than a timer can wait never fires", () =>
    Effect.gen(function*() {
      const timeouts = [undefined, Infinity, Duration.infinity, 2 ** 31, 2 ** 31 + 1, 2 ** 53, Number.MAX_VALUE]
      const results = yield* Effect.forEach(
        timeouts,
        (timeout) => Command.outputString(Command.make("sleep", ["0.1"], { timeout })),
        { concurrency: "unbounded" }
      )
      for (const { outcome } of results) assert.deepEqual(outcome, Outcome.exited(0))
    }))

  // C3: a grace as long as that ends early as well
  it.effect("an infinite grace waits for the program, and a second request does not", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(run("ignores-sigterm.sh"))
      yield* Stream.runHead(running.stdoutLines)
      const stop = yield* Effect.forkChild(running.stop({ grace: Infinity }), { startImmediately: true })
      yield* throughout("it runs on", () => isAlive(running.pid ?? 0))
      yield* running.kill
      assert.deepInclude(yield* Fiber.join(stop), { forced: true, survivors: [] })
    }))

  // C6
  it.effect("a deadline of the command kills, and a deadline around a question about it does not", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("sleep 0.2; echo late; sleep 60"))
      const early = yield* Effect.timeoutOption(Stream.runHead(running.stdoutLines), "50 millis")
      assert.isTrue(Option.isNone(early))
      assert.isTrue(yield* running.isRunning)
      const late = yield* Command.start(sh("sleep 60", [], { timeout: "200 millis" }))
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(late.outcome, "50 millis")))
      assert.isTrue(yield* late.isRunning)
      assert.strictEqual((yield* late.outcome)._tag, "TimedOut")
    }))

  // C7
  it.effect("a deadline during another stop is one teardown, and the earlier reason wins", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(run("ignores-sigterm.sh", [], { timeout: "200 millis" }))
      yield* Stream.runHead(running.stdoutLines)
      const [report, elapsed] = yield* timed(running.stop({ grace: "400 millis" }))
      assert.isTrue(report.forced)
      assert.isAtLeast(elapsed, 395)
      assert.isBelow(elapsed, 400 + slack)
      assert.deepInclude(yield* running.outcome, { _tag: "Signaled", signal: "SIGKILL" })
    }))

  // C8
  it.effect("a deadline covers the output that a left-over process holds back, and does not change how the run ended", () =>
    Effect.gen(function*() {
      const command = run("holds-pipe-open.sh", ["3"], { timeout: "250 millis" })
      // Less than the drain window of half a second, which is what it takes without a deadline.
      const [result, elapsed] = yield* quickest(480, timed(Command.outputString(command)))
      assert.deepEqual(result.outcome, Outcome.exited(3))
      assert.strictEqual(result.stdout, "started\n")
      assert.isTrue(result.incomplete)
      assert.isAtLeast(result.leftovers, 1)
      assert.isBelow(elapsed, 480)
      assert.deepEqual(survivors(), [])
    }))

  // C8: what the program wrote was still in its pipe, and was closed away with it
  it.effect("a deadline takes nothing that a slow consumer or a slow tee has kept in the pipe", () =>
    Effect.gen(function*() {
      let seen = 0
      yield* Stream.runForEachArray(Command.stdoutChunks(flood("pipe")), (chunks) => {
        seen += chunks.reduce((sum, { length }) => sum + length, 0)
        return Effect.sleep("400 millis")
      })
      assert.strictEqual(seen, 330_000)
      const [result, elapsed] = yield* timed(Command.outputString(flood(Stdio.tee(() => Effect.never))))
      assert.deepInclude(result, { outcome: Outcome.exited(0), incomplete: false })
      assert.strictEqual(result.stdout.length, 330_000)
      assert.isBelow(elapsed, 300 + slack)
    }))

  // E6
  it.effect("a deadline and an exit in the same moment give one outcome, which stays", () =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      const moments = yield* aroundTheEndOf(Command.run(Command.make("sleep", ["0.02"])), 90)
      yield* Effect.forEach(moments, (timeout) =>
        Effect.scoped(Effect.gen(function*() {
          const running = yield* Command.start(Command.make("sleep", ["0.02"], { timeout }))
          const outcome = yield* running.outcome
          const result = yield* running.result
          assert.deepEqual(result.outcome, outcome)
          assert.deepEqual(yield* running.outcome, outcome)
          seen.add(outcome._tag)
          if (outcome._tag === "Exited") assert.isFalse("stop" in result && result.stop !== undefined)
        })), { concurrency: 2 })
      assert.deepEqual([...seen].toSorted(), ["Exited", "TimedOut"])
    }))

  // C4
  it.effect("a wall clock that jumps by hours changes no deadline, no grace and no duration", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let jump = 0
      const wall = () => {
        jump = jump === 0 ? 3_600_000 : jump === 3_600_000 ? -3_600_000 : 0
        return clock.currentTimeMillisUnsafe() + jump
      }
      const jumping = new Proxy(clock, {
        get: (target, key) =>
          key === "currentTimeMillisUnsafe"
            ? wall
            : key === "currentTimeMillis"
            ? Effect.sync(wall)
            : key === "currentTimeNanosUnsafe"
            ? () => BigInt(wall()) * 1_000_000n
            : key === "currentTimeNanos"
            ? Effect.sync(() => BigInt(wall()) * 1_000_000n)
            : Reflect.get(target, key)
      })
      const late = Command.outputString(
        run("ignores-sigterm.sh", [], { timeout: soon, stop: { grace: "150 millis" } })
      )
      const [results, elapsed] = yield* timed(
        Effect.all([late, Command.outputString(Command.make("sleep", ["0.2"], { timeout: "20 seconds" }))], {
          concurrency: 2
        })
      ).pipe(Effect.provideService(Clock.Clock, jumping))
      assert.deepInclude(results[0].outcome, { _tag: "TimedOut" })
      assert.deepEqual(results[1].outcome, Outcome.exited(0))
      assert.isAtLeast(elapsed, soon + 140)
      assert.isBelow(elapsed, soon + 150 + slack)
      for (const { duration } of results) {
        assert.isAtLeast(Duration.toMillis(duration), 190)
        assert.isBelow(Duration.toMillis(duration), 550 + slack)
      }
    }))

  // C5
  it.effect("an owner that stood still for longer than a deadline sees what happened meanwhile, and each timer once", () =>
    Effect.gen(function*() {
      const owner = yield* Command.start(run("stands-still.mjs"))
      yield* Stream.runHead(owner.stderrLines)
      yield* owner.signal("SIGSTOP")
      yield* eventually("it stands still", () => stat(owner.pid ?? 0)?.state === "T")
      // Longer than the deadline of a second that passes meanwhile.
      yield* Effect.sleep("1300 millis")
      yield* owner.signal("SIGCONT")
      const result = yield* owner.result
      assert.deepEqual(JSON.parse(result.stdout), [["Exited", "done"], ["TimedOut", "begun"]])
    }))

  // C5: the same without a signal, by an event loop that is busy
  it.effect("a program that ended in time has not timed out because its owner was busy", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("echo done", [], { timeout: "50 millis" }))
      const until = performance.now() + 200
      while (performance.now() < until);
      const result = yield* running.result
      assert.deepEqual(result.outcome, Outcome.exited(0))
      assert.strictEqual(result.stdout, "done\n")
    }))

  // C5, O4: more than comes with the news of the exit
  it.effect("a busy owner loses no output of a program that ended before its deadline", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 5; i++) {
        const running = yield* Command.start(
          Command.make("head", ["-c", "60000", "/dev/zero"], { timeout: "100 millis" })
        )
        const until = performance.now() + 250
        while (performance.now() < until);
        const result = yield* running.result
        assert.deepInclude(result, { outcome: Outcome.exited(0), incomplete: false })
        assert.strictEqual(result.stdout.length, 60_000)
      }
    }))
})

// C9
layer(NodeProcessRunner.layer)("under a virtual clock", (it) => {
  it.effect("the clock drives the deadline of a real program, and ending it takes native time", () =>
    Effect.gen(function*() {
      const command = run("ignores-sigterm.sh", [], { timeout: "1 hour", stop: { grace: "150 millis" } })
      const running = yield* Command.start(command)
      yield* Stream.runHead(running.stdoutLines)
      yield* TestClock.adjust("59 minutes")
      assert.isTrue(yield* running.isRunning)
      const began = performance.now()
      yield* TestClock.adjust("1 minute")
      const outcome = yield* running.outcome
      assert.deepInclude(outcome, { _tag: "TimedOut" })
      assert.isAtLeast(performance.now() - began, 140)
      assert.isFalse(isAlive(running.pid ?? 0))
    }))

  it.effect("a scope closes, and a left-over process is waited for and ended, while the clock stands still", () =>
    Effect.gen(function*() {
      const [result, elapsed] = yield* timed(Command.outputString(run("holds-pipe-open.sh")))
      assert.isTrue(result.incomplete)
      assert.isAtLeast(elapsed, 490)
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.makeWith({ stop: { grace: "100 millis" } })
        const running = yield* group.start(run("ignores-sigterm.sh"))
        yield* Stream.runHead(running.stdoutLines)
      }))
      assert.deepEqual(survivors(), [])
    }))
})
