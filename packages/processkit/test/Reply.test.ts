import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import { Reply, ScriptedRunner } from "processkit/testing"
import { reasonOf, settle, tagOf } from "./scripted.ts"

const { fallback, layer } = ScriptedRunner

const run = (program: string) => Command.run(Command.make(program))

const end = (reply: Reply.Reply) =>
  Command.outputString(Command.make("x")).pipe(
    Effect.map((result) => [result.outcome, result.stdout, result.stderr]),
    Effect.provide(layer(fallback(reply)))
  )

/** Whether a stop had to kill, what was printed, and how it ended. */
const stopped = (reply: Reply.Reply) =>
  Effect.scoped(Effect.gen(function*() {
    const running = yield* Command.start(Command.make("x"))
    yield* settle()
    const { forced } = yield* running.stop()
    return [forced, (yield* running.result).stdout, yield* running.outcome]
  })).pipe(Effect.provide(layer(fallback(reply))))

describe("Reply", () => {
  it("is text as it is given, and only lines are ended", () => {
    assert.deepInclude(Reply.ok("done"), { stdout: "done", stderr: "" })
    assert.deepInclude(Reply.ok(), { stdout: "", stderr: "" })
    assert.deepInclude(Reply.lines(["a", "", "b"]), { stdout: "a\n\nb\n" })
    assert.deepInclude(Reply.lines([]), { stdout: "" })
    assert.deepInclude(Reply.fail(3, "why"), { stdout: "", stderr: "why" })
  })

  it("is not changed by a modifier", () => {
    const plain = Reply.fail(3, "why")
    const changed = plain.pipe(Reply.withStdout("out"), Reply.withStderr("err"))
    assert.deepInclude(plain, { stdout: "", stderr: "why" })
    assert.deepInclude(changed, { stdout: "out", stderr: "err" })
    assert.deepStrictEqual(changed.ending, plain.ending)
    assert.deepStrictEqual(Reply.withStdout(plain, "x").stdout, "x")
    assert.deepStrictEqual([plain, changed, {}, undefined].map(Reply.isReply), [true, true, false, false])
  })

  it.effect("ends as it says", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* end(Reply.ok("out")), [Outcome.exited(0), "out", ""])
      assert.deepStrictEqual(yield* end(Reply.fail(255, "err")), [Outcome.exited(255), "", "err"])
      assert.deepStrictEqual(yield* end(Reply.lines(["a"])), [Outcome.exited(0), "a\n", ""])
      assert.deepStrictEqual(yield* end(Reply.signaled("SIGSEGV")), [Outcome.signaled("SIGSEGV", 11, false), "", ""])
      assert.deepStrictEqual(yield* end(Reply.signaled("SIGRTMIN+3")), [
        Outcome.signaled("SIGRTMIN+3", 37, false),
        "",
        ""
      ])
    }))

  it.effect("notFound says whether a search or a path came to nothing", () =>
    Effect.gen(function*() {
      assert.include(yield* Effect.map(reasonOf(run("git")), (reason) => reason.message), "PATH")
      assert.include(yield* Effect.map(reasonOf(run("./bin/git")), (reason) => reason.message), "check the path")
    }).pipe(Effect.provide(layer(fallback(Reply.notFound)))))

  it.effect("pending prints, and then runs until a signal that kills", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("server"))
      yield* settle()
      yield* TestClock.adjust("10 days")
      yield* running.signal("SIGWINCH")
      yield* running.signal("SIGCONT")
      assert.isTrue(yield* running.isRunning)
      yield* running.signal("SIGHUP")
      assert.deepInclude(yield* running.result, { stdout: "up\n", outcome: Outcome.signaled("SIGHUP", 1, false) })
    }).pipe(Effect.provide(layer(fallback(Reply.pending.pipe(Reply.withStdout("up\n")))))))

  it.effect("timedOut has timed out at once, after what the command allows", () =>
    Effect.gen(function*() {
      const exit = Outcome.signaled("SIGTERM", 15, false)
      const after = Duration.seconds(30)
      const result = yield* Command.outputString(Command.make("x", { timeout: after }))
      assert.deepStrictEqual(result.outcome, Outcome.timedOut({ after, kind: "deadline", exit }))
      assert.strictEqual(result.stdout, "half")
      const without = yield* Command.outputString(Command.make("x"))
      assert.deepStrictEqual(without.outcome, Outcome.timedOut({ after: Duration.zero, kind: "deadline", exit }))
      assert.strictEqual(yield* tagOf(run("x")), "TimedOut")
    }).pipe(Effect.provide(layer(fallback(Reply.timedOut.pipe(Reply.withStdout("half")))))))

  it.effect("spawnFailed fails the start with the reason that a real one has for the errno", () =>
    Effect.gen(function*() {
      const tags: Array<string> = []
      for (const errno of ["EACCES", "EAGAIN", "ENOEXEC", "ENOENT", "EIO"]) {
        const start = Effect.scoped(Command.start(Command.make("x")))
        tags.push(yield* tagOf(Effect.provide(start, layer(fallback(Reply.spawnFailed(errno))))))
      }
      assert.deepStrictEqual(tags, ["PermissionDenied", "ResourceExhausted", "ExecFormat", "NotFound", "SpawnFailed"])
    }))

  it.effect("bytes are what they are, and what is no text is decoded as production would", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array([0xff, 0x00, 0x0a, 0xe2])
      const provided = Effect.provide(layer(fallback(Reply.bytes(bytes))))
      assert.deepStrictEqual((yield* provided(Command.outputBytes(Command.make("x")))).stdout, bytes)
      const text = Effect.map(Command.outputString(Command.make("x")), (result) => result.stdout)
      assert.strictEqual(yield* provided(text), "\uFFFD\0\n\uFFFD")
    }))

  it.effect("withDelay prints a line at a time, both streams side by side, and ends after the longer one", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("x"))
      const seen: Array<string> = []
      const both = Stream.merge(running.stdoutLines, running.stderrLines)
      yield* Effect.forkChild(Stream.runForEach(both, (line) => Effect.sync(() => seen.push(line))))
      const at: Array<ReadonlyArray<string>> = []
      for (let second = 0; second < 3; second++) {
        yield* settle()
        at.push(seen.splice(0).toSorted())
        yield* TestClock.adjust("1 second")
      }
      yield* settle()
      assert.deepStrictEqual([...at, seen], [[], ["1", "a"], ["2"], ["3"]])
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(layer(fallback(
      Reply.lines(["1", "2", "3"]).pipe(Reply.withStderr("a\n"), Reply.withDelay("1 second"))
    )))))

  it.effect("withDelay waits once where there is nothing to print", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("x"))
      yield* TestClock.adjust("999 millis")
      assert.isTrue(yield* running.isRunning)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
    }).pipe(Effect.provide(layer(fallback(Reply.ok().pipe(Reply.withDelay("1 second")))))))

  it.effect("withSignal ignores a signal until the ladder kills, or answers it", () =>
    Effect.gen(function*() {
      const stubborn = Reply.pending.pipe(Reply.withSignal("SIGTERM", "ignore"))
      const polite = Reply.withSignal(Reply.pending, "SIGTERM", { stdout: "bye", code: 7 })
      assert.deepStrictEqual(yield* stopped(stubborn), [true, "", Outcome.signaled("SIGKILL", 9, false)])
      assert.deepStrictEqual(yield* stopped(polite), [false, "bye", Outcome.exited(7)])
    }))

  it.effect("withDescendant holds the pipe after the exit, and is counted and ended with the run", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Command.outputString(Command.make("x")))
      yield* settle()
      yield* TestClock.adjust("1 second")
      const result = yield* Fiber.join(fiber)
      assert.deepInclude(result, { stdout: "out", leftovers: 1, incomplete: true })
    }).pipe(Effect.provide(layer(fallback(Reply.ok("out").pipe(Reply.withDescendant(Reply.pending)))))))

  it.effect("withReachable lets others find the program, from its time on until it ends", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("server"))
      yield* running.waitForLine("listening")
      yield* running.waitForSocket("/run/server")
      yield* running.waitForPath("/run/pid")
      const port = yield* Effect.forkChild(running.waitForPort(3000))
      const health = yield* Effect.forkChild(running.waitForHttp("http://localhost:3000/health"))
      yield* TestClock.adjust("1999 millis")
      assert.deepStrictEqual([port.pollUnsafe(), health.pollUnsafe()], [undefined, undefined])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(port)
      yield* running.waitForHttp("http://localhost:3000/health", { status: 503 })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(health)
      yield* running.kill
      yield* running.waitForPath("/run/pid")
      assert.strictEqual(yield* tagOf(running.waitForPort(3000)), "NotReady")
    }).pipe(Effect.provide(layer(fallback(Reply.pending.pipe(
      Reply.withStdout("listening\n"),
      Reply.withReachable({ socket: "/run/server" }),
      Reply.withReachable({ path: "/run/pid" }),
      Reply.withReachable({ port: 3000 }, { after: "2 seconds" }),
      Reply.withReachable({ http: "http://localhost:3000/health", status: 503 }, { after: "2 seconds" }),
      Reply.withReachable({ http: "http://localhost:3000/health" }, { after: "3 seconds" })
    ))))))

  it.effect("dialog asks, hears lines, and goes on with the reply to each", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("login", { stdin: "pipe" }))
      yield* running.stdin.write("a")
      yield* running.stdin.write("da\r\nsec")
      yield* running.stdin.write("ret\n")
      assert.deepInclude(yield* running.result, { stdout: "user: password: welcome", outcome: Outcome.exited(0) })
    }).pipe(Effect.provide(layer(fallback(Reply.dialog("user: ", (user) =>
      user === "ada"
        ? Reply.dialog("password: ", (word) => word === "secret" ? Reply.ok("welcome") : Reply.fail(2))
        : Reply.fail(1, "unknown")))))))

  it.effect("dialog takes what is left at the end of input for an answer", () =>
    Effect.gen(function*() {
      const answers: Array<string> = []
      const asks = (times: number): Reply.Reply =>
        Reply.dialog("? ", (answer) => {
          answers.push(answer)
          return times === 1 ? Reply.ok() : asks(times - 1)
        })
      yield* Effect.provide(Command.run(Command.make("x", { stdin: "one\ntwo" })), layer(fallback(asks(3))))
      assert.deepStrictEqual(answers, ["one", "two", ""])
    }))
})
