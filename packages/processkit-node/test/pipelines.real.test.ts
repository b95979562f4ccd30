import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import { mechanisms, ownGroups } from "./hostedWorld.ts"
import { eventually, openDescriptors, survivors } from "./oracle.ts"
import { has, reasonOf, run, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"
import { isInheritable } from "./world.ts"

/** A backend that connects nobody, so that the engine has to pass the bytes on. */
const withoutLinks = Layer.effect(
  ProcessBackend.ProcessBackend,
  Effect.map(ProcessBackend.ProcessBackend, (backend) => ({
    ...backend,
    open: Effect.map(backend.open, (container) => ({ ...container, openLink: undefined }))
  }))
)

const relayed = ProcessRunner.layerBackend.pipe(
  Layer.provide(withoutLinks),
  Layer.provide(NodeProcessRunner.layerProcessGroupBackend())
)

const linked = [...mechanisms, { name: "process-group", runner: NodeProcessRunner.layerProcessGroup() }]

const runners = [...linked, { name: "process-group, relayed", runner: relayed }]

const cat = Command.make("cat")
const yes = Command.make("yes")
const quiet = Command.make("sleep", ["600"])

/** Speaks when the shell that has started it is gone. */
const lateOne = "while kill -0 $$; do sleep 0.02; done; echo late"

/** What a pipeline did, after making sure that nothing of it is left. */
const leavingNothing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.tap(effect, () =>
    Effect.sync(() => {
      assert.deepEqual(survivors(), [])
      assert.deepEqual(ownGroups(), [])
    }))

const outcomes = (result: Pipeline.PipelineResult) => result.stages.map(({ outcome }) => outcome)

for (const { name, runner } of runners) {
  const live = <A, E>(claim: string, effect: () => Effect.Effect<A, E, ProcessRunner.ProcessRunner>) =>
    it.live(claim, () => leavingNothing(Effect.suspend(effect)).pipe(Effect.provide(runner)))

  describe(`a pipeline of ${name}`, () => {
    live("carries data through three programs, and takes time", () =>
      Effect.gen(function*() {
        const result = yield* Pipeline.make(
          Command.make("printf", ["b\\na\\nb\\n"]),
          Command.make("sort"),
          Command.make("uniq", ["-c"])
        )
        assert.strictEqual(result.stdout.replaceAll(/ +/g, " "), " 1 a\n 2 b\n")
        assert.isAbove(Duration.toMillis(result.duration), 0)
        assert.deepInclude(result, { program: "uniq", incomplete: false, truncated: false, leftovers: 0 })
      }))

    live("carries every byte, and feeds the first stage as its command says", () =>
      Effect.gen(function*() {
        const numbers = Command.make("seq", ["1", "1000000"])
        const direct = yield* Command.run(sh("seq 1 1000000 | cksum"))
        assert.strictEqual(yield* Pipeline.run(Pipeline.make(numbers, cat, cat, Command.make("cksum"))), direct)
        const text = "x".repeat(300_000)
        for (const stdin of [text, Stream.make(text)]) {
          const pipeline = Pipeline.make(Command.setStdin(cat, stdin), cat, Command.make("wc", ["-c"]))
          assert.strictEqual(yield* Pipeline.run(pipeline), "300000")
        }
      }))

    live("passes arguments as they are, and descriptors only those of the pipe", () =>
      Effect.gen(function*() {
        const words = ["; echo no", "| cat", "$(id)", "> /dev/null", "*", "`id`", "&&", ""]
        const shown = yield* Pipeline.run(Pipeline.make(Command.make("printf", ["%s\\n", ...words]), cat))
        assert.strictEqual(shown, words.join("\n").trimEnd())
        const fds = yield* Pipeline.run(Pipeline.make(cat, Command.make("ls", ["/proc/self/fd"]), cat))
        // The last is that of the listing. Node lets through what its owner was given open across exec.
        assert.deepEqual(fds.split("\n").filter((fd) => Number(fd) < 3 || !isInheritable(fd)), ["0", "1", "2", "3"])
      }))

    live("blames the first failure in results and errors", () =>
      Effect.gen(function*() {
        const pipeline = Pipeline.make(sh("echo some; echo why >&2; exit 3"), sh("cat; exit 4"))
        const result = yield* Pipeline.outputString(pipeline)
        assert.deepInclude(result, { program: "/bin/sh", stdout: "some\n", stderr: "why\n", culprit: 0 })
        assert.deepEqual(result.outcome, Outcome.exited(3))
        assert.deepInclude(yield* reasonOf(Pipeline.run(pipeline)), {
          _tag: "NonZeroExit",
          code: 3,
          stderr: "why\n",
          stdout: "some\n"
        })
      }))

    live("ends a quiet stage before the failing one at once", () =>
      Effect.gen(function*() {
        const [result, elapsed] = yield* timed(Pipeline.outputString(Pipeline.make(quiet, sh("exit 4"), cat)))
        assert.deepInclude(result, { culprit: 1 })
        assert.deepInclude(outcomes(result)[0], { _tag: "Signaled", signal: "SIGTERM" })
        assert.isBelow(elapsed, allowance(5000))
      }))

    live("ends a quiet stage before one that was cancelled", () =>
      Effect.gen(function*() {
        const abort = new AbortController()
        const last = Command.setCancelOn(quiet, abort.signal)
        const fiber = yield* Effect.forkChild(reasonOf(Pipeline.run(Pipeline.make(quiet, last))))
        yield* eventually("both run", () => survivors().length >= 2)
        abort.abort()
        const [reason, elapsed] = yield* timed(Fiber.join(fiber))
        assert.deepInclude(reason, { _tag: "Cancelled", program: "sleep" })
        assert.isBelow(elapsed, allowance(5000))
      }))

    live(
      "succeeds with an endless producer that is unchecked, and does not forgive its reader",
      () =>
        Effect.gen(function*() {
          const head = Command.make("head", ["-n", "1"])
          const result = yield* Pipeline.make(Command.unchecked(yes), head)
          assert.deepInclude(result, { stdout: "y\n", program: "head" })
          assert.strictEqual(
            yield* Pipeline.exitCode(Pipeline.make(Command.unchecked(yes), sh("head -n 1; exit 7"))),
            7
          )
          const checked = yield* Pipeline.outputString(Pipeline.make(yes, head))
          assert.deepInclude(checked, { culprit: 0, program: "yes", stdout: "y\n" })
        })
    )

    live("goes on when a stage closes its input and lives", () =>
      Effect.gen(function*() {
        const deaf = sh("exec <&-; echo closed; sleep 0.3; echo on")
        const result = yield* Pipeline.make(Command.unchecked(yes), deaf, cat)
        assert.strictEqual(result.stdout, "closed\non\n")
        assert.notDeepEqual(outcomes(result)[0], Outcome.exited(0))
      }))

    live("tells the deadline of a stage from that of the whole", () =>
      Effect.gen(function*() {
        const late = Command.setTimeout(quiet, "100 millis")
        const stage = yield* Pipeline.outputString(Pipeline.timeout(Pipeline.make(cat, late, cat), "1 minute"))
        assert.deepInclude(stage, { culprit: 1, program: "sleep" })
        assert.deepInclude(stage.outcome, { _tag: "TimedOut", after: Duration.millis(100), kind: "deadline" })
        const slow = sh("echo one; printf tail; echo err >&2; exec sleep 600")
        const after = Duration.millis(allowance(1000))
        const whole = yield* Pipeline.outputString(Pipeline.timeout(Pipeline.make(quiet, slow), after))
        assert.deepInclude(whole, { program: "sleep | /bin/sh", stdout: "one\ntail", stderr: "err\n" })
        assert.deepInclude(whole.outcome, { _tag: "TimedOut", after })
        assert.isAtLeast(Duration.toMillis(whole.duration), 950)
      }))

    live(
      "goes on after an unchecked stage that was late, and ends what that one had started",
      () =>
        Effect.gen(function*() {
          const forks = Command.unchecked(sh("echo first; sleep 600 & wait", [], { timeout: allowance(1000) }))
          const result = yield* Pipeline.make(forks, cat)
          assert.deepInclude(result, { stdout: "first\n", culprit: undefined })
          assert.strictEqual(outcomes(result)[0]?._tag, "TimedOut")
        })
    )

    live("waits half a second for a descendant that holds the pipe, and then ends it", () =>
      Effect.gen(function*() {
        const late = yield* Pipeline.make(sh(`(${lateOne}) 2>/dev/null & echo first`), cat)
        assert.deepInclude(late, { stdout: "first\nlate\n", leftovers: 0 })
        const [never, elapsed] = yield* timed(Pipeline.checked(Pipeline.make(sh("sleep 600 2>&- & echo first"), cat)))
        assert.deepInclude(never, { stdout: "first\n", leftovers: 1 })
        assert.isBelow(elapsed, allowance(5000))
      }))

    live("leaves nothing of the others when a stage cannot be started, however often", () =>
      Effect.gen(function*() {
        const missing = Command.make("no-such-program-here")
        for (const stages of [[yes, missing], [yes, cat, missing], [missing, cat], [yes, missing, cat]]) {
          const [first = yes, ...rest] = stages
          assert.deepInclude(yield* reasonOf(Pipeline.run(Pipeline.make(first, ...rest))), { _tag: "NotFound" })
          assert.deepEqual(survivors(), [])
        }
      }))

    live("leaves no descriptor in the owner", () =>
      Effect.gen(function*() {
        const pipelines = [
          Pipeline.make(Command.make("echo", ["x"]), cat, cat),
          Pipeline.make(Command.unchecked(yes), Command.make("true")),
          Pipeline.make(yes, Command.make("no-such-program-here")),
          Pipeline.timeout(Pipeline.make(quiet, quiet), "20 millis"),
          Pipeline.make(sh("exit 1"), cat)
        ]
        const once = Effect.forEach(pipelines, (pipeline) => Effect.ignore(Pipeline.runUnit(pipeline)))
        yield* once
        const before = openDescriptors()
        for (let i = 0; i < 3; i++) yield* once
        yield* eventually("all are closed", () => openDescriptors() <= before)
      }))

    live("is gone before an interrupt returns, also where it ignores SIGTERM", () =>
      Effect.gen(function*() {
        const stubborn = run("ignores-sigterm.sh", [], { stop: { grace: "50 millis" } })
        const fiber = yield* Effect.forkChild(Pipeline.run(Pipeline.make(stubborn, cat, stubborn)))
        yield* eventually("all run", () => survivors().length >= 5)
        yield* Fiber.interrupt(fiber)
        assert.deepEqual(survivors(), [])
      }))

    live(
      "gives its stages to the group that it runs in, and ends them alone",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
          yield* group.start(quiet)
          const fiber = yield* Effect.forkChild(ProcessGroup.provide(Pipeline.run(Pipeline.make(quiet, cat)), group))
          const members = Effect.andThen(Effect.sleep("5 millis"), group.members)
          yield* Effect.repeat(members, { until: ({ length }) => length === 3 })
          yield* Fiber.interrupt(fiber)
          assert.lengthOf(yield* group.members, 1)
          const result = yield* ProcessGroup.provide(
            Pipeline.checked(Pipeline.make(Command.make("echo", ["x"]), cat)),
            group
          )
          assert.strictEqual(result.stdout, "x\n")
        }))
    )

    live("is a live program: fed, read, waited for, stopped and dropped", () =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const running = yield* Pipeline.start(Pipeline.make(Command.setStdin(cat, "pipe"), cat))
          const lines = yield* Effect.forkChild(Stream.runCollect(running.stdoutLines))
          yield* running.stdin.writeLine("hello")
          yield* running.stdin.end
          assert.deepEqual(yield* Fiber.join(lines), ["hello"])
          assert.deepEqual(yield* running.outcome, Outcome.exited(0))
          assert.deepInclude(yield* reasonOf(Stream.runDrain(running.stdoutLines)), { _tag: "AlreadyConsumed" })
        }))
        yield* Effect.scoped(Effect.gen(function*() {
          const failing = yield* Pipeline.start(Pipeline.make(quiet, sh("echo why >&2; exit 5"), cat))
          yield* eventually("all are gone", () => survivors().length === 0)
          assert.deepInclude(yield* failing.result, { culprit: 1, stderr: "why\n" })
          const stopped = yield* Pipeline.start(Pipeline.make(quiet, quiet))
          yield* eventually("both run", () => survivors().length === 2)
          yield* stopped.kill
          assert.deepEqual(survivors(), [])
          yield* Pipeline.start(Pipeline.make(quiet, cat))
        }))
      }))

    live("holds a fast producer up while its reader is slow, with a flat owner", () =>
      Effect.gen(function*() {
        const slow = sh("head -c 1000; sleep 0.5; exec cat")
        const before = process.memoryUsage().rss
        const result = yield* Pipeline.run(
          Pipeline.make(Command.make("head", ["-c", "300000000", "/dev/zero"]), slow, Command.make("wc", ["-c"]))
        )
        assert.strictEqual(result, "300000000")
        // Half of what went through: chunks that were relayed are garbage for a while.
        assert.isBelow(process.memoryUsage().rss - before, 150_000_000)
      }))
  })
}

for (const { name, runner } of linked) {
  describe(`the pipes of ${name}`, () => {
    it.live("break as those of a shell do", () =>
      Effect.gen(function*() {
        const result = yield* Pipeline.outputString(Pipeline.make(yes, Command.make("head", ["-n", "1"])))
        assert.deepInclude(result.outcome, { _tag: "Signaled", signal: "SIGPIPE" })
        const behind = yield* Pipeline.outputString(Pipeline.make(yes, sh("head -n 1; exit 7")))
        assert.deepInclude(behind, { culprit: 1 })
      }).pipe(Effect.provide(runner)))

    it.live("take standard error too where that is asked for, in the order of the writes", () =>
      Effect.gen(function*() {
        const script = "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done; exit 3"
        const result = yield* Pipeline.outputString(Pipeline.make(Command.mergeStderr(sh(script)), cat))
        const expected = Array.from({ length: 200 }, (_, i) => `o${i}\ne${i}\n`).join("")
        assert.strictEqual(result.stdout, expected)
        assert.deepInclude(result, { culprit: 0, stderr: "" })
        const alone = yield* Command.outputString(Command.mergeStderr(sh("echo out; echo err >&2")))
        assert.deepInclude(alone, { stdout: "out\n", stderr: "err\n" })
      }).pipe(Effect.provide(runner)))

    it.live("are given back when half of a pipeline could be started", () =>
      Effect.gen(function*() {
        const half = Pipeline.make(Command.make("true"), Command.make("no-such-program-here"))
        const before = openDescriptors()
        // The host has 256 of them; a descriptor that stays open shows at once, and a start by Node takes its time.
        const times = name === "process-group" ? 20 : 300
        for (let i = 0; i < times; i++) yield* Effect.ignore(Pipeline.run(half))
        assert.strictEqual(yield* Pipeline.run(Pipeline.make(Command.make("echo", ["x"]), cat)), "x")
        yield* eventually("all are closed", () => openDescriptors() <= before)
      }).pipe(Effect.provide(runner)))

    it.live("are pipes, and not sockets", () =>
      Effect.gen(function*() {
        const asks = sh("[ -p /proc/self/fd/0 ] && [ -p /proc/self/fd/1 ] && echo pipes >&2; cat")
        assert.strictEqual((yield* Pipeline.make(Command.make("true"), asks, cat)).stages[1]?.stderr, "pipes\n")
      }).pipe(Effect.provide(runner)))
  })
}

describe("a relayed pipeline", () => {
  it.live("does not join streams that it cannot keep in order, and says so", () =>
    Effect.gen(function*() {
      const merged = Pipeline.run(Pipeline.make(Command.mergeStderr(sh("echo x")), cat))
      assert.deepInclude(yield* reasonOf(merged), { _tag: "Unsupported", mechanism: "process-group" })
      assert.deepEqual(survivors(), [])
    }).pipe(Effect.provide(relayed)))
})

describe("a pipeline of process-group where nothing can be written to the directory for temporary files", () => {
  // It had failed, although a container with a read-only root has another place for a name.
  it.live.skipIf(!has("/dev/shm", fs.existsSync("/dev/shm")))("is made elsewhere", () =>
    Effect.gen(function*() {
      const before = process.env["TMPDIR"]
      process.env["TMPDIR"] = "/dev/null/nothing"
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["TMPDIR"]
          else process.env["TMPDIR"] = before
        })
      )
      assert.strictEqual(yield* Pipeline.run(Pipeline.make(Command.make("echo", ["x"]), cat)), "x")
    }).pipe(Effect.scoped, Effect.provide(NodeProcessRunner.layerProcessGroup())))
})
