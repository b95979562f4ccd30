import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Readiness from "processkit/Readiness"
import type * as RunningProcess from "processkit/RunningProcess"
import type { Door } from "../src/internal/scriptedDoors.ts"
import type { Io, Program } from "../src/internal/scriptedProcess.ts"
import { alive, prints, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend } from "./scriptedPrograms.ts"

const start = (program: string, options: Command.Options = {}) => Command.start(Command.make(program, options))

const says = (io: Io, text: string, stream: "stdout" | "stderr" = "stdout") => io.write(stream, text)

/** Prints pieces a second apart, the first at once, and stays. */
const speaks = (...pieces: ReadonlyArray<string>): Program => ({
  main: (io) =>
    Effect.andThen(
      Effect.forEach(pieces, (piece, i) =>
        Effect.andThen(Effect.sleep(Duration.seconds(i === 0 ? 0 : 1)), says(io, piece))),
      Effect.never
    )
})

/** Opens doors a second apart, the first after one, and exits after another where it has a code. */
const opens = (doors: ReadonlyArray<Door>, code?: number): Program => ({
  main: (io) =>
    Effect.forEach(doors, (door) => Effect.andThen(Effect.sleep("1 second"), io.open(door))).pipe(
      Effect.andThen(code === undefined ? Effect.never : Effect.sleep("1 second")),
      Effect.as(Outcome.exited(code ?? 0))
    )
})

const exitsAfter = (seconds: number, code: number): Program => ({
  main: () => Effect.as(Effect.sleep(Duration.seconds(seconds)), Outcome.exited(code))
})

/** Waits in the background, and tells when it is over. */
const waiting = <A, E>(wait: Effect.Effect<A, E>) => Effect.forkChild(wait)

/** What only a JavaScript caller can pass. */
const wrong = (value: unknown) => value as never

/** Lets a wait take so long and not a millisecond less. */
const takes = <A, E>(fiber: Fiber.Fiber<A, E>, millis: number) =>
  Effect.gen(function*() {
    yield* settle()
    yield* TestClock.adjust(Duration.millis(millis - 1))
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 millis")
    return yield* Fiber.join(fiber)
  })

const withoutSecret = (line: string) => line.replace("hunter2", "***")

describe("waiting for a line", () => {
  it.effect("gives the first line that fits, and leaves the program running", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const fiber = yield* waiting(running.waitForLine(/listening/))
      assert.strictEqual(yield* takes(fiber, 2000), "now listening on 80")
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.provide(scripted({
      server: speaks("starting\n", "now liste", "ning on 80\r\nand on\n")
    }))))

  it.effect("sees what was printed before anybody waited", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      yield* settle()
      assert.strictEqual(yield* running.waitForLine("b"), "b")
    }).pipe(Effect.provide(scripted({ server: speaks("a\nb\nc\n") }))))

  it.effect("takes the lines up to the one that fits: the next wait, the stream and the result begin after it", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      assert.strictEqual(yield* running.waitForLine(/^[bc]$/), "b")
      assert.strictEqual(yield* running.waitForLine(/^[bc]$/), "c")
      assert.strictEqual((yield* running.result).stdout, "d\r\ne")
      assert.deepStrictEqual((yield* running.resultBytes).stdout, new TextEncoder().encode("d\r\ne"))
      const other = yield* start("server")
      yield* other.waitForLine("c")
      assert.deepStrictEqual(yield* Stream.runCollect(other.stdoutLines), ["d", "e"])
    }).pipe(Effect.provide(scripted({ server: prints("a\nb\nc\nd\r\ne") }))))

  it.effect("takes nothing where no line fits", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const reason = yield* reasonOf(running.waitForLine("z"))
      assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.exited(0) })
      assert.strictEqual(yield* running.waitForLine("b"), "b")
      assert.strictEqual((yield* running.result).stdout, "c\n")
    }).pipe(Effect.provide(scripted({ server: prints("a\nb\nc\n") }))))

  it.effect("on standard error leaves standard output as it is", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      assert.strictEqual(yield* running.waitForStderrLine("ready"), "ready")
      const result = yield* running.result
      assert.deepStrictEqual([result.stdout, result.stderr], ["ready\n", "more\n"])
    }).pipe(Effect.provide(scripted({ server: prints("ready\n", 0, "warming up\nready\nmore\n") }))))

  it.effect("finds a last line without an end, and one that was printed right before a crash", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      assert.strictEqual(yield* running.waitForLine("READY"), "READY")
      assert.deepStrictEqual(yield* running.outcome, Outcome.exited(1))
    }).pipe(Effect.provide(scripted({ server: prints("warm\nREADY", 1) }))))

  it.effect("fails when the time is over, says what it saw, and leaves the program running", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const fiber = yield* waiting(reasonOf(running.waitForLine("ready", { within: "1500 millis" })))
      const reason = yield* takes(fiber, 1500)
      assert.deepInclude(reason, { _tag: "NotReady", within: Duration.millis(1500), ended: undefined })
      assert.strictEqual(
        reason.message,
        "server was not ready within 1s 500ms: none of 3 lines on standard output fits; it said: c"
      )
      assert.isTrue(yield* running.isRunning)
      const silent = yield* start("waits", {})
      yield* silent.waitForLine("ready")
      const quiet = yield* waiting(reasonOf(silent.waitForLine("ready", { within: "1 second" })))
      assert.include((yield* takes(quiet, 1000)).message, "standard output has no line yet")
    }).pipe(Effect.provide(scripted({ server: speaks("a\nb\n", "c\n") }))))

  it.effect("waits for half a minute unless told otherwise, and for ever where that is asked", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      assert.strictEqual((yield* takes(yield* waiting(reasonOf(running.waitForLine("x"))), 30_000))._tag, "NotReady")
      const fiber = yield* waiting(running.waitForLine("x", { within: Infinity }))
      yield* TestClock.adjust("100 days")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.provide(scripted({ server: speaks("a\n") }))))

  it.effect("fails with the last line that the program printed, on standard error where there is one", () =>
    Effect.gen(function*() {
      const [both, one] = [yield* start("both"), yield* start("one")]
      const reasons = yield* Effect.forEach([both, one], (running) => reasonOf(running.waitForLine("ready")))
      assert.deepStrictEqual(reasons.map((reason) => reason._tag === "NotReady" && reason.said), ["bad config", "b"])
      assert.strictEqual(
        reasons[0]?.message,
        "both was not ready when it exited with code 1: the only line on standard output does not fit; " +
          "it said: bad config"
      )
    }).pipe(Effect.provide(scripted({ both: prints("a\n", 1, "oh\nbad config\n"), one: prints("a\nb\n", 1) }))))

  it.effect("fails at once when the program exits without it", () =>
    Effect.gen(function*() {
      const running = yield* start("crashes")
      const reason = yield* takes(yield* waiting(reasonOf(running.waitForLine("ready"))), 2000)
      assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.exited(3) })
      assert.strictEqual(
        reason.message,
        "crashes was not ready when it exited with code 3: standard output has no line yet"
      )
    }).pipe(Effect.provide(scripted({ crashes: exitsAfter(2, 3) }))))

  it.effect("tries an expression anew on every line, whatever its flags, and leaves its position alone", () =>
    Effect.gen(function*() {
      const [global, sticky] = [/ready/g, /ready/y]
      global.lastIndex = 3
      for (const pattern of [global, global, sticky, sticky]) {
        const running = yield* start("server")
        assert.strictEqual(yield* running.waitForLine(pattern), "ready 2")
      }
      assert.deepStrictEqual([global.lastIndex, sticky.lastIndex], [3, 0])
    }).pipe(Effect.provide(scripted({ server: prints("alread\nready 2\nready 3\n") }))))

  it.effect("dies of a function that throws, and the run does not", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const bug = new Error("a bug")
      const wait = running.waitForLine((line) => {
        if (line === "b") throw bug
        return false
      })
      const exit = yield* Effect.exit(wait)
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === bug)
      const late = yield* waiting(Effect.exit(running.waitForLine((line) => {
        if (line === "d") throw bug
        return false
      })))
      yield* TestClock.adjust("1 second")
      const lateExit = yield* Fiber.join(late)
      assert.isTrue(Exit.isFailure(lateExit) && Cause.squash(lateExit.cause) === bug)
      assert.strictEqual(yield* running.waitForLine("d"), "d")
    }).pipe(Effect.provide(scripted({ server: speaks("a\nb\nc\n", "d\n") }))))

  it.effect("is refused where somebody consumes the stream, or where there is none", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      yield* Stream.runHead(running.stdoutLines)
      assert.deepInclude(yield* reasonOf(running.waitForLine("x")), { _tag: "AlreadyConsumed", stream: "stdout" })
      const deaf = yield* start("waits", { stdout: "null" })
      assert.deepInclude(yield* reasonOf(deaf.waitForLine("x")), { _tag: "InvalidInput", field: "stdout" })
    }).pipe(Effect.provide(scripted())))

  it.effect("fails with Cancelled where the program was cancelled", () =>
    Effect.gen(function*() {
      const controller = new AbortController()
      const running = yield* start("waits", { cancelOn: controller.signal })
      const waits: ReadonlyArray<Effect.Effect<unknown, ProcessError.ProcessError>> = [
        running.waitForLine("x"),
        running.waitForPort(80),
        running.waitFor(Effect.succeed(false))
      ]
      const fibers = yield* Effect.forEach(waits, (wait) => waiting(tagOf(wait)))
      yield* settle()
      controller.abort()
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["Cancelled", "Cancelled", "Cancelled"])
    }).pipe(Effect.provide(scripted())))

  it.effect("sees lines as they may be seen: without escapes and secrets, as do the result and the reason of a failure", () =>
    Effect.gen(function*() {
      const running = yield* start("server", { redact: withoutSecret, sanitizeTerminal: true })
      assert.strictEqual(yield* running.waitForLine(/^ready/), "ready with ***")
      const fiber = yield* waiting(running.waitForLine("again"))
      assert.strictEqual(yield* takes(fiber, 1000), "again ***")
      const reason = yield* takes(yield* waiting(reasonOf(running.waitForLine("x", { within: "1 second" }))), 1000)
      assert.isTrue(reason._tag === "NotReady" && reason.said === "then ***")
      assert.strictEqual(yield* running.waitForOutput(/: $/), "\u001b[1mhunter2: ")
      yield* running.kill
      assert.notInclude((yield* running.result).stdout, "hunter2")
    }).pipe(Effect.provide(scripted({
      server: speaks("a\n\u001b[32mready with hunter2\u001b[0m\nag", "ain hunter2\nthen hunter2\n\u001b[1mhunter2: ")
    }))))

  it.effect("sees every line, also those that a small buffer has no room for", () =>
    Effect.gen(function*() {
      for (
        const buffer of [
          OutputBuffer.head({ bytes: 3 }),
          OutputBuffer.tail({ bytes: 0 }),
          OutputBuffer.head({ lines: 1 })
        ]
      ) {
        const running = yield* start("server", { buffer })
        const fiber = yield* waiting(running.waitForLine("ready"))
        assert.strictEqual(yield* takes(fiber, 1000), "ready")
      }
    }).pipe(Effect.provide(scripted({ server: speaks("noise\n".repeat(10), "ready\n") }))))

  it.effect("keeps no more of a noise of megabytes than the buffer says", () =>
    Effect.gen(function*() {
      const running = yield* start("server", { buffer: OutputBuffer.tail({ bytes: 100 }) })
      assert.strictEqual(yield* running.waitForLine("READY"), "READY")
      const result = yield* running.result
      assert.strictEqual(result.stdout, "")
      assert.isTrue(result.truncated)
    }).pipe(Effect.provide(scripted({ server: prints(`${"noise ".repeat(20)}\n`.repeat(40_000) + "READY\n") }))))

  it.effect("that is interrupted takes nothing and leaves nobody reading along", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      let asked = 0
      const fiber = yield* waiting(running.waitForLine(() => ++asked < 0))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(asked, 1)
      assert.strictEqual(yield* running.waitForLine("a"), "a")
    }).pipe(Effect.provide(scripted({ server: speaks("a\n", "b\n") }))))
})

describe("waiting for output", () => {
  it.effect("sees a prompt behind a progress that returns to the beginning of its line", () =>
    Effect.gen(function*() {
      for (const buffer of [OutputBuffer.defaultBuffer, OutputBuffer.tail({ lines: 1 })]) {
        const command = Command.make("asks", { lineTerminator: "carriage-return", buffer })
        const running = yield* Command.start(command)
        const fiber = yield* waiting(running.waitForOutput(/^Password: $/))
        assert.strictEqual(yield* takes(fiber, 1000), "Password: ")
        assert.strictEqual(yield* running.waitForOutput(/^Password: $/), "Password: ")
      }
    }).pipe(Effect.provide(scripted({ asks: speaks("10 %\r100 %\r\nPass", "word: ") }))))

  it.effect("gives a prompt that no line end follows, as often as it is asked, and takes nothing", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      const fiber = yield* waiting(running.waitForOutput(/word: $/))
      assert.strictEqual(yield* takes(fiber, 1000), "Password: ")
      assert.strictEqual(yield* running.waitForOutput("Pass"), "Password: ")
      yield* running.kill
      assert.strictEqual((yield* running.result).stdout, "hello\nPassword: ")
    }).pipe(Effect.provide(scripted({ asks: speaks("hello\nPass", "word: ") }))))

  it.effect("does not see a line that has ended", () =>
    Effect.gen(function*() {
      const running = yield* start("says")
      const fiber = yield* waiting(reasonOf(running.waitForOutput("Password", { within: "2 seconds" })))
      const reason = yield* takes(fiber, 2000)
      assert.strictEqual(
        reason.message,
        "says was not ready within 2s: standard output does not end in such a text; it said: next"
      )
    }).pipe(Effect.provide(scripted({ says: speaks("Password: \n", "Password:\nnext") }))))

  it.effect("leaves out what was there before, where only what is fresh is wanted", () =>
    Effect.gen(function*() {
      const running = yield* start("repl")
      assert.strictEqual(yield* running.waitForOutput("> "), "> ")
      const fresh = yield* waiting(running.waitForOutput("> ", { fresh: true }))
      assert.strictEqual(yield* takes(fresh, 1000), "and > ")
      const after = yield* waiting(running.waitForOutput("> ", { fresh: true }))
      assert.strictEqual(yield* takes(after, 1000), "> ")
    }).pipe(Effect.provide(scripted({ repl: speaks("> ", "and > ", "2\n> ") }))))

  it.effect("finds a prompt after megabytes without a line end, also where only what is fresh is wanted", () =>
    Effect.gen(function*() {
      const running = yield* start("endless")
      yield* settle(200)
      assert.match(yield* running.waitForOutput(/> $/), /^x{65534}> $/)
      const fresh = yield* waiting(running.waitForOutput("> ", { fresh: true }))
      assert.strictEqual(yield* takes(fresh, 1000), "y> ")
    }).pipe(Effect.provide(scripted({ endless: speaks(`${"x".repeat(2_000_000)}> `, "y> ") }))))

  // The kept beginning of such a line was taken for its end.
  it.effect("that comes behind a line which is longer than what is kept of it sees what is printed from then on", () =>
    Effect.gen(function*() {
      for (const more of [{ redact: (line: string) => line }, { buffer: OutputBuffer.tail({ lines: 9 }) }]) {
        const running = yield* Command.start(Command.make("endless", { ...more, maxLineBytes: 1000 }))
        yield* settle(200)
        assert.deepInclude(yield* takes(yield* waiting(reasonOf(running.waitForOutput(/x$/, { within: 500 }))), 500), {
          _tag: "NotReady"
        })
        assert.strictEqual(yield* takes(yield* waiting(running.waitForOutput(/> $/)), 500), "y> ")
      }
    }).pipe(Effect.provide(scripted({ endless: speaks(`${"x".repeat(3000)}? `, "y> ") }))))

  it.effect("looks at standard error where that is asked", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      assert.strictEqual(yield* running.waitForOutput("?", { stream: "stderr" }), "sure?")
    }).pipe(
      Effect.provide(scripted({ asks: { main: (io) => Effect.andThen(says(io, "sure?", "stderr"), Effect.never) } }))
    ))

  it.effect("fails when the output ends", () =>
    Effect.gen(function*() {
      const running = yield* start("says")
      assert.deepInclude(yield* reasonOf(running.waitForOutput("?")), { _tag: "NotReady", ended: Outcome.exited(0) })
    }).pipe(Effect.provide(scripted({ says: prints("no\n") }))))
})

describe("looking from outside", () => {
  it.effect("waits for a port, a socket, a path and an answer, and looks every 50 milliseconds", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const port = yield* waiting(running.waitForPort(3000))
      yield* takes(port, 1000)
      const socket = yield* waiting(running.waitForSocket("/run/server"))
      yield* takes(socket, 1000)
      const path = yield* waiting(running.waitForPath("/run/pid"))
      yield* takes(path, 1000)
      const busy = yield* waiting(reasonOf(running.waitForHttp("http://localhost:80/", { within: "1999 millis" })))
      assert.strictEqual(
        (yield* takes(busy, 1999)).message,
        "server was not ready within 1s 999ms: localhost: status 503"
      )
      yield* running.waitForHttp("http://localhost:80/", { status: 503 })
      const answer = yield* waiting(running.waitForHttp("http://localhost:80/"))
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(answer)
    }).pipe(Effect.provide(scripted({
      server: opens([
        { port: 3000 },
        { socket: "/run/server" },
        { path: "/run/pid" },
        { http: "http://localhost/", status: 503 },
        { http: "http://localhost/" }
      ])
    }))))

  it.effect("says what it found last when the time is over, and ends nothing", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const fibers = yield* Effect.forEach([
        running.waitForPort(3000, { within: "1 second" }),
        running.waitForSocket("/s", { within: "1 second" }),
        running.waitForPath("/p", { within: "1 second" }),
        running.waitForHttp(new URL("http://user:secret@host/token?a=b"), { within: "1 second" })
      ], (wait) => waiting(reasonOf(wait)))
      yield* settle()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Effect.forEach(fibers, Fiber.join)).map(({ message }) => message), [
        "waits was not ready within 1s: port 3000: ECONNREFUSED; it said: ready",
        "waits was not ready within 1s: the socket: ENOENT; it said: ready",
        "waits was not ready within 1s: the path: ENOENT; it said: ready",
        "waits was not ready within 1s: host: ECONNREFUSED; it said: ready"
      ])
      assert.strictEqual((yield* alive).length, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("fails at once when the program exits, and looks once more before that", () =>
    Effect.gen(function*() {
      const crashed = yield* start("crashes")
      const reason = yield* takes(yield* waiting(reasonOf(crashed.waitForPort(3000))), 2000)
      assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.exited(3) })
      assert.strictEqual(reason.message, "crashes was not ready when it exited with code 3: port 3000: ECONNREFUSED")
      const published = yield* start("publishes")
      yield* takes(yield* waiting(published.waitForPath("/done")), 1025)
      assert.isFalse(yield* published.isRunning)
    }).pipe(Effect.provide(scripted({
      crashes: exitsAfter(2, 3),
      publishes: {
        // Between two looks, and gone before the next.
        main: (io) =>
          Effect.sleep("1025 millis").pipe(
            Effect.andThen(io.open({ path: "/done" })),
            Effect.as(Outcome.exited(0))
          )
      }
    }))))

  it.effect("finds a path where the program would put it, which is relative to its working directory", () =>
    Effect.gen(function*() {
      const running = yield* start("server", { cwd: "/srv/app" })
      yield* takes(yield* waiting(running.waitForPath("run/pid")), 1000)
      yield* takes(yield* waiting(running.waitForSocket("run/socket")), 1000)
      yield* takes(yield* waiting(running.waitForPath("/run/other")), 1000)
    }).pipe(Effect.provide(scripted({
      server: opens([{ path: "/srv/app/run/pid" }, { socket: "/srv/app/run/socket" }, { path: "/run/other" }])
    }))))

  it.effect("gives an attempt up that takes too long", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const fibers = yield* Effect.forEach([
        running.waitForPort(3000, { within: "90 seconds" }),
        running.waitForHttp("http://h/", { within: "90 seconds" }),
        running.waitForHttp("http://h/", { within: "90 seconds", attempt: "1 minute" })
      ], (wait) => waiting(reasonOf(wait)))
      yield* settle()
      yield* TestClock.adjust("90 seconds")
      const reasons = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(reasons.map((reason) => reason._tag === "NotReady" && reason.last), [
        "no answer from port 3000 within 1s",
        "no answer from h within 5s",
        "no answer from h within 1m"
      ])
    }).pipe(Effect.provideService(
      ProcessRunner.ProcessRunner,
      ProcessRunner.fromBackend({
        ...backend().service,
        probes: {
          port: () => Effect.never,
          socket: () => Effect.never,
          path: () => Effect.never,
          http: () => Effect.never
        }
      })
    )))

  it.effect("is refused by a runner that has no world to look at", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const reason = yield* reasonOf(running.waitForPort(3000))
      assert.deepInclude(reason, { _tag: "Unsupported", feature: "waiting for port 3000" })
      assert.strictEqual(yield* running.waitForLine("ready"), "ready")
    }).pipe(Effect.provideService(
      ProcessRunner.ProcessRunner,
      ProcessRunner.fromBackend({ ...backend().service, probes: undefined })
    )))
})

describe("waiting for an effect", () => {
  it.effect("asks until it succeeds with anything but false, one at a time", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      let [asked, asking] = [0, 0]
      const answers: ReadonlyArray<Effect.Effect<unknown, string>> = [
        Effect.succeed(false),
        Effect.fail("no"),
        Effect.void
      ]
      const slow = Effect.suspend(() => {
        assert.strictEqual(++asking, 1)
        return Effect.ensuring(
          Effect.andThen(Effect.sleep("1 second"), answers[asked++] ?? Effect.die("asked too often")),
          Effect.sync(() => asking--)
        )
      })
      yield* takes(yield* waiting(running.waitFor(slow)), 3100)
      assert.strictEqual(asked, 3)
    }).pipe(Effect.provide(scripted())))

  it.effect("reports the failure that came last", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const last = (condition: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function*() {
          const fiber = yield* waiting(reasonOf(running.waitFor(condition, { within: "1 second" })))
          const reason = yield* takes(fiber, 1000)
          assert.notInclude(reason.message, "\n")
          return reason._tag === "NotReady" && reason.last
        })
      assert.strictEqual(yield* last(Effect.succeed(false)), "the condition does not hold")
      assert.strictEqual(yield* last(Effect.fail("not yet")), "not yet")
      assert.strictEqual(yield* last(Effect.fail(new Error("no route\nto host"))), "no route\nto host")
      assert.strictEqual(yield* last(Effect.fail({ _tag: "Busy" })), "Busy")
      assert.strictEqual(yield* last(Effect.fail(7)), "the condition failed")
      assert.strictEqual(yield* last(Effect.never), "nothing was found out yet")
    }).pipe(Effect.provide(scripted())))

  it.effect("interrupts a question under way when the program exits, and asks once more", () =>
    Effect.gen(function*() {
      const running = yield* start("crashes")
      const log: Array<string> = []
      const condition = Effect.suspend(() => {
        log.push("asked")
        return log.length === 1
          ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))
          : Effect.succeed(false)
      })
      assert.deepInclude(
        yield* takes(yield* waiting(reasonOf(running.waitFor(condition))), 2000),
        { _tag: "NotReady", ended: Outcome.exited(3) }
      )
      assert.deepStrictEqual(log, ["asked", "interrupted", "asked"])
    }).pipe(Effect.provide(scripted({ crashes: exitsAfter(2, 3) }))))

  it.effect("asks once of a program that has exited", () =>
    Effect.gen(function*() {
      const running = yield* start("exitsWith")
      yield* running.outcome
      let asked = 0
      const no = Effect.sync(() => ++asked < 0)
      assert.strictEqual(yield* tagOf(running.waitFor(no)), "NotReady")
      assert.strictEqual(asked, 1)
    }).pipe(Effect.provide(scripted({ exitsWith: prints("") }))))

  it.effect("dies of a defect", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const exit = yield* Effect.exit(running.waitFor(Effect.die("a bug")))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "a bug")
      assert.isTrue(yield* running.isRunning)
    }).pipe(Effect.provide(scripted())))
})

describe("Readiness", () => {
  it.effect("all waits for each, at whatever time it comes, and names the first that is missing", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      const both = Readiness.all([Readiness.line("b"), Readiness.line("a"), Readiness.output("c")])
      yield* takes(yield* waiting(running.waitFor(both)), 2000)
      const more = Readiness.all([Readiness.output("c"), Readiness.line("z"), Readiness.line("y")])
      const fiber = yield* waiting(reasonOf(running.waitFor(more, { within: "1 second" })))
      assert.include((yield* takes(fiber, 1000)).message, "standard output has no line yet")
    }).pipe(Effect.provide(scripted({ server: speaks("a\n", "b\n", "c") }))))

  it.effect("all fails as soon as one of them can never hold", () =>
    Effect.gen(function*() {
      const running = yield* start("crashes")
      const both = Readiness.all([Readiness.effect(Effect.succeed(true)), Readiness.line("a")])
      assert.strictEqual((yield* takes(yield* waiting(reasonOf(running.waitFor(both))), 2000))._tag, "NotReady")
    }).pipe(Effect.provide(scripted({ crashes: exitsAfter(2, 3) }))))

  it.effect("any takes the first that holds, and leaves to the others what they did not take", () =>
    Effect.gen(function*() {
      const running = yield* start("server")
      yield* settle()
      const either = Readiness.any([Readiness.line("z"), Readiness.port(80), Readiness.line("b")])
      yield* takes(yield* waiting(running.waitFor(either)), 1000)
      assert.strictEqual(yield* running.waitForOutput("c"), "c")
      yield* running.kill
      assert.strictEqual((yield* running.result).stdout, "c")
    }).pipe(Effect.provide(scripted({ server: speaks("a\n", "b\nc") }))))

  it.effect("any takes nothing for those that come too late, also within one chunk", () =>
    Effect.gen(function*() {
      for (const isThere of [true, false]) {
        const running = yield* start("server")
        if (isThere) yield* TestClock.adjust("1 second")
        const either = Readiness.any([Readiness.line("b"), Readiness.line("c"), Readiness.line("a")])
        const fiber = yield* waiting(running.waitFor(either))
        yield* settle()
        if (!isThere) yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* running.waitForLine(/./), "c")
      }
    }).pipe(Effect.provide(scripted({ server: speaks("", "a\nb\nc\n") }))))

  it.effect("any fails when none can hold any more, and says why of each", () =>
    Effect.gen(function*() {
      const running = yield* start("crashes")
      const either = Readiness.any([Readiness.line("z"), Readiness.port(80)])
      const reason = yield* takes(yield* waiting(reasonOf(running.waitFor(either))), 2000)
      assert.strictEqual(
        reason.message,
        "crashes was not ready when it exited with code 3: standard output has no line yet; port 80: ECONNREFUSED"
      )
    }).pipe(Effect.provide(scripted({ crashes: exitsAfter(2, 3) }))))

  it.effect("once looks no second time, and says what it saw", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      let asked = 0
      const no = Readiness.effect(Effect.suspend(() => Effect.fail(`no ${++asked}`)))
      const once = Readiness.once(Readiness.any([Readiness.port(80), Readiness.all([no])]))
      const reason = yield* reasonOf(running.waitFor(once))
      assert.strictEqual(reason.message, "waits was not ready when it was looked at: port 80: ECONNREFUSED; no 1")
      assert.strictEqual(asked, 1)
      yield* running.waitFor(Readiness.once(Readiness.effect(Effect.void)))
    }).pipe(Effect.provide(scripted())))

  it.effect("is refused with the position of what is wrong in it, before anything is looked at", () =>
    Effect.gen(function*() {
      const running = yield* start("waits")
      const bad: ReadonlyArray<readonly [string, Effect.Effect<unknown, ProcessError.ProcessError>]> = [
        ["within", running.waitForLine("x", { within: NaN })],
        ["within", running.waitForPort(1, { within: "-1 seconds" })],
        ["the options", running.waitForStderrLine("x", wrong(5))],
        ["the options", running.waitForOutput("x", wrong(null))],
        ["the pattern", running.waitForLine(wrong(undefined))],
        ["stream", running.waitForOutput("x", { stream: wrong("both") })],
        ["fresh", running.waitForOutput("x", { fresh: wrong(1) })],
        ["the port", running.waitForPort(0)],
        ["the port", running.waitForPort(65_536)],
        ["the port", running.waitForPort(wrong("80"))],
        ["the host", running.waitForPort(80, { host: "" })],
        ["the socket", running.waitForSocket("")],
        ["the path", running.waitForPath("a\0b")],
        ["the path", running.waitForPath(wrong(7))],
        ["the URL", running.waitForHttp("localhost")],
        ["the URL", running.waitForHttp("ftp://localhost/")],
        ["the certificate", running.waitForHttp("https://localhost/", { certificate: wrong("none") })],
        ["the certificate", running.waitForHttp("https://localhost/", { certificate: { signedBy: "" } })],
        ["attempt", running.waitForHttp("http://localhost/", { attempt: -1 })],
        ["status", running.waitForHttp("http://localhost/", { status: wrong("200") })],
        ["the condition", running.waitFor(wrong(undefined))],
        ["the condition", running.waitFor(wrong(() => true))],
        ["the list of readinesses", running.waitFor(Readiness.any([]))],
        ["the list of readinesses", running.waitFor(Readiness.all(wrong(5)))],
        ["the readiness", running.waitFor(Readiness.all([wrong(Effect.void)]))]
      ]
      for (const [field, wait] of bad) {
        assert.deepInclude(yield* reasonOf(wait), { _tag: "InvalidInput", program: "waits", field }, field)
      }
    }).pipe(Effect.provide(scripted())))

  it("needs the services of its effects and no others", () => {
    class Service extends Context.Service<Service, string>()("test/Service") {}
    const asks = Readiness.effect(Service)
    expectTypeOf(asks).toEqualTypeOf<Readiness.Readiness<Service>>()
    expectTypeOf(Readiness.line("x")).toEqualTypeOf<Readiness.Readiness>()
    expectTypeOf(Readiness.all([Readiness.port(80), asks])).toExtend<Readiness.Readiness<Service>>()
    expectTypeOf(Readiness.any([Readiness.port(80), Readiness.line("x")])).toEqualTypeOf<Readiness.Readiness>()
    expectTypeOf<RunningProcess.RunningProcess["waitFor"]>().toBeCallableWith(Service, { within: "1 second" })
    const wait = (running: RunningProcess.RunningProcess) => running.waitFor(Readiness.all([asks, Readiness.path("x")]))
    expectTypeOf(wait).returns.toEqualTypeOf<Effect.Effect<void, ProcessError.ProcessError, Service>>()
    assert.isTrue(Readiness.isReadiness(asks))
    assert.isFalse(Readiness.isReadiness(Effect.void))
  })
})
