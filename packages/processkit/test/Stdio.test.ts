import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import { expectTypeOf } from "vitest"
import { prints, reasonOf, scripted, settle } from "./scripted.ts"

const megabyte = 1_048_576

const programs = { both: prints("one\ntwo\n", 0, "three\n"), secretive: prints("\x1b[1mhunter2\x1b[0m") }

const floods = (stdout: Stdio.Stdio, bytes = megabyte, options: Command.Options = {}) =>
  Command.make("floods", [String(bytes)], { stdout, ...options })

/** A receiver that collects, and the text it got. */
const collector = () => {
  const chunks: Array<Uint8Array> = []
  return {
    chunks,
    take: (chunk: Uint8Array) => chunks.push(chunk),
    text: () => chunks.map((chunk) => new TextDecoder().decode(chunk)).join("")
  }
}

const bytesOf = (chunks: ReadonlyArray<Uint8Array>) => chunks.reduce((total, chunk) => total + chunk.length, 0)

/** What Node's writable streams do with a write, as far as a test needs it. */
class FakeWritable implements Stdio.Writable {
  readonly written: Array<string> = []
  readonly listeners = new Set<(error: unknown) => void>()
  maxListeners = 0
  readonly #fails: () => boolean

  constructor(fails: () => boolean = () => false) {
    this.#fails = fails
  }
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean {
    if (!this.#fails()) {
      this.written.push(new TextDecoder().decode(chunk))
      done(null)
      return true
    }
    done(new Error("EPIPE"))
    return false
  }
  on(_event: "error", listener: (error: unknown) => void): void {
    this.listeners.add(listener)
    this.maxListeners = Math.max(this.maxListeners, this.listeners.size)
  }
  off(_event: "error", listener: (error: unknown) => void): void {
    this.listeners.delete(listener)
  }
  emit(): void {
    for (const listener of this.listeners) listener(new Error("EPIPE"))
  }
}

const warnings = () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ message }) => void logged.push(String(message)))
  return { logged, layer: Logger.layer([logger]) }
}

describe("a tee", () => {
  it.effect("gives a function, a sink and a writable stream the bytes that are captured, of either stream", () =>
    Effect.gen(function*() {
      const sunk = collector()
      const writable = new FakeWritable()
      const receivers: ReadonlyArray<readonly [Stdio.Receiver, () => string]> = [
        [sunk.take, sunk.text],
        [
          Sink.forEach((chunk: Uint8Array) => Effect.sync(() => writable.written.push(`sink ${chunk.length}`))),
          () => ""
        ],
        [writable, () => writable.written.join("")]
      ]
      for (const [receiver] of receivers) {
        const command = Command.make("both", { stdout: Stdio.tee(receiver), stderr: Stdio.tee(receiver) })
        assert.deepInclude(yield* command, { stdout: "one\ntwo\n", stderr: "three\n" })
      }
      assert.strictEqual(sunk.text(), "one\ntwo\nthree\n")
      assert.deepStrictEqual(writable.written.toSorted(), ["one\ntwo\n", "sink 6", "sink 8", "three\n"])
      assert.strictEqual(writable.listeners.size, 0)
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("waits for the effect or the promise that a function gives", () =>
    Effect.gen(function*() {
      const done: Array<string> = []
      const slowly = (name: string) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => done.push(name)))
      const fiber = yield* Effect.forkChild(Command.make("both", {
        stdout: Stdio.tee(() => slowly("effect")),
        stderr: Stdio.tee(() => Promise.resolve().then(() => done.push("promise")))
      }))
      yield* settle()
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(done.toSorted(), ["effect", "promise"])
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("gives what the program wrote, whatever the capture makes of it", () =>
    Effect.gen(function*() {
      const { take, text } = collector()
      const stdout = Stdio.tee(take)
      const command = Command.make("secretive", { stdout, redact: () => "***", sanitizeTerminal: true })
      assert.strictEqual(yield* Command.run(command), "***")
      assert.strictEqual(text(), "\x1b[1mhunter2\x1b[0m")
      const bounded = yield* Command.outputString(floods(stdout, 1000, { buffer: OutputBuffer.tail({ bytes: 10 }) }))
      assert.isTrue(bounded.truncated)
      assert.strictEqual(text().length, "\x1b[1mhunter2\x1b[0m".length + 1000)
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("leaves verbs and streams that capture as they are", () =>
    Effect.gen(function*() {
      const { take, text } = collector()
      const command = Command.make("both", { stdout: Stdio.tee(take) })
      assert.strictEqual(yield* Command.run(command), "one\ntwo")
      assert.deepStrictEqual(yield* Stream.runCollect(Command.stdoutLines(command)), ["one", "two"])
      yield* Command.firstLine(command, () => true)
      assert.strictEqual(text(), "one\ntwo\n".repeat(3))
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("gives chunks that the receiver may change", () =>
    Effect.gen(function*() {
      const result = yield* Command.outputBytes(floods(Stdio.tee((chunk) => chunk.fill(255))))
      assert.isTrue(result.stdout.every((byte, i) => byte === i % 251))
    }).pipe(Effect.provide(scripted())))

  it.effect("that fails, throws, rejects or dies gets nothing more, is a warning, and does not hurt the capture", () => {
    const { layer, logged } = warnings()
    return Effect.gen(function*() {
      const calls: Array<string> = []
      const broken: ReadonlyArray<(name: string) => Stdio.Receiver> = [
        (name) => () => {
          calls.push(name)
          throw new Error("thrown")
        },
        (name) => () => Effect.andThen(Effect.sync(() => calls.push(name)), Effect.fail("failed")),
        (name) => () => {
          calls.push(name)
          return Promise.reject(new Error("rejected"))
        },
        () => Sink.fail("at once"),
        () => Sink.die("bug"),
        () => Sink.fromEffect(Effect.interrupt),
        () => new FakeWritable(() => true)
      ]
      for (const [i, receiver] of broken.entries()) {
        const result = yield* Command.outputBytes(floods(Stdio.tee(receiver(`receiver ${i}`)), 700_000))
        assert.strictEqual(result.stdout.length, 700_000)
        assert.isFalse(result.incomplete)
        assert.lengthOf(logged.splice(0), 1, `warnings of receiver ${i}`)
      }
      assert.deepStrictEqual(calls, ["receiver 0", "receiver 1", "receiver 2"])
    }).pipe(Effect.provide(scripted()), Effect.provide(layer))
  })

  it.effect("that has enough gets nothing more, and that is no warning", () => {
    const { layer, logged } = warnings()
    return Effect.gen(function*() {
      assert.isAbove((yield* floods(Stdio.tee(Sink.take<Uint8Array>(1)))).stdout.length, 1000)
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.provide(scripted()), Effect.provide(layer))
  })

  it.effect("that is slow holds the program up, and loses nothing", () =>
    Effect.gen(function*() {
      const { chunks, take } = collector()
      const slow = (chunk: Uint8Array) => Effect.andThen(Effect.sleep("10 millis"), Effect.sync(() => take(chunk)))
      const running = yield* Command.start(floods(Stdio.tee(slow), megabyte))
      yield* settle(50)
      assert.isTrue(yield* running.isRunning)
      const fiber = yield* Effect.forkChild(running.result)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.strictEqual(bytesOf(chunks), megabyte)
    }).pipe(Effect.scoped, Effect.provide(scripted())))

  it.effect("that never takes anything costs a program that has exited five seconds, and nothing of its output", () => {
    const { layer, logged } = warnings()
    return Effect.gen(function*() {
      const { chunks, take } = collector()
      const stuck = Stdio.tee((chunk) => Effect.andThen(Effect.sync(() => take(chunk)), Effect.never))
      // As much as waits for a tee and fits a pipe besides, so that the program can exit.
      const fiber = yield* Effect.forkChild(Command.outputBytes(floods(stuck, 300_000)))
      yield* TestClock.adjust("4900 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      const result = yield* Fiber.join(fiber)
      assert.isTrue(result.stdout.length === 300_000 && result.stdout.every((byte, i) => byte === i % 251))
      assert.isFalse(result.incomplete)
      assert.lengthOf(chunks, 1)
      assert.lengthOf(logged, 1)
    }).pipe(Effect.provide(scripted()), Effect.provide(layer))
  })

  it.effect("that never takes anything is no way past a deadline", () =>
    Effect.gen(function*() {
      const stuck = Stdio.tee(() => Effect.never)
      const command = floods(stuck, megabyte, { timeout: "1 second", buffer: OutputBuffer.unbounded })
      const fiber = yield* Effect.forkChild(Command.outputString(command))
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).outcome._tag, "TimedOut")
    }).pipe(Effect.provide(scripted())))

  it.effect("is output that an inactivity timeout hears", () =>
    Effect.gen(function*() {
      const options = { stdout: Stdio.tee(() => {}), stderr: "null", inactivityTimeout: "1 second" } as const
      const fiber = yield* Effect.forkChild(Command.outputString(Command.make("waits", options)))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude((yield* Fiber.join(fiber)).outcome, { _tag: "TimedOut", kind: "inactivity" })
    }).pipe(Effect.provide(scripted())))

  it.effect("is interrupted when its scope closes or its verb is, and its finalizer has run by then", () =>
    Effect.gen(function*() {
      let finalized = 0
      const stuck = Stdio.tee(Sink.ensuring(Sink.never, Effect.sync(() => finalized++)))
      yield* Effect.scoped(Effect.andThen(Command.start(Command.make("waits", { stdout: stuck })), settle()))
      assert.strictEqual(finalized, 1)
      const fiber = yield* Effect.forkChild(Command.run(Command.make("both", { stdout: stuck })))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(finalized, 2)
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("runs its sink for every run, also where nothing is written", () =>
    Effect.gen(function*() {
      const runs: Array<number> = []
      const counts = Sink.mapEffect(
        Sink.reduce(() => 0, (total: number, chunk: Uint8Array) => total + chunk.length),
        (total) => Effect.sync(() => runs.push(total))
      )
      for (const name of ["both", "both"]) yield* Command.make(name, { stdout: Stdio.tee(counts) })
      yield* Command.make("exitsWith", ["0"], { stdout: Stdio.tee(counts) })
      assert.deepStrictEqual(runs, [8, 8, 0])
    }).pipe(Effect.provide(scripted(programs))))

  // An `error` event without a listener ends the owner, and it comes after the answer to the write that failed.
  it.effect("listens to the errors of a writable stream until none can come, with one listener for all tees", () =>
    Effect.gen(function*() {
      let broken = false
      const writable = new FakeWritable(() => broken)
      const command = Command.make("both", { stdout: Stdio.tee(writable), stderr: Stdio.tee(writable) })
      yield* Effect.forEach([1, 2, 3, 4], () => command, { concurrency: "unbounded" })
      assert.strictEqual(writable.maxListeners, 1)
      assert.strictEqual(writable.listeners.size, 0)
      broken = true
      yield* command
      assert.strictEqual(writable.listeners.size, 1)
      writable.emit()
      assert.strictEqual(writable.listeners.size, 0)
    }).pipe(Effect.provide(scripted(programs))))
})

describe("a stream that is a file or dropped", () => {
  it.effect("is written by a scripted program into memory, from where another one reads it", () =>
    Effect.gen(function*() {
      const stdout = Stdio.file("/nowhere/at/all")
      yield* Command.runUnit(Command.make("both", { stdout }))
      yield* Command.runUnit(Command.make("both", { stdout: Stdio.file("/nowhere/at/all", { append: true }) }))
      const read = Command.make("echoesStdin", { stdin: Stdin.file("/nowhere/at/all") })
      assert.strictEqual(yield* Command.run(read), "one\ntwo\none\ntwo")
      yield* Command.runUnit(Command.make("both", { stdout }))
      assert.strictEqual(yield* Command.run(read), "one\ntwo")
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("gives a capturing verb InvalidInput, before anything is started, and others what they need", () =>
    Effect.gen(function*() {
      for (const stdout of [Stdio.file("/tmp/out"), "null", "inherit"] as const) {
        const command = Command.make("both", { stdout })
        for (const verb of [Command.run, Command.outputString, Command.outputBytes]) {
          assert.deepInclude(yield* reasonOf<unknown, never>(verb(command) as never), {
            _tag: "InvalidInput",
            field: "stdout"
          })
        }
        assert.strictEqual(yield* Command.exitCode(command), 0)
        assert.deepInclude(yield* command, { stdout: "", stderr: "three\n" })
        assert.strictEqual(yield* Command.run(Command.make("both", { stderr: stdout })), "one\ntwo")
      }
    }).pipe(Effect.provide(scripted(programs))))

  it.effect("names a destination that is none for what it is, whichever the verb", () =>
    Effect.gen(function*() {
      const wrong = Command.make("both", { stdout: "ignore" as never })
      const flow = Stream.runDrain(Command.stdoutLines(wrong))
      for (const verb of [Command.run(wrong), Command.runUnit(wrong), Command.outputBytes(wrong), flow]) {
        const { message } = yield* reasonOf<unknown, never>(verb as never)
        assert.include(message, "stdout is none of \"pipe\"")
      }
    }).pipe(Effect.provide(scripted(programs))))
})

describe("Stdio", () => {
  it("appends only where it is told to, whatever Object.prototype says", () => {
    const prototype = Object.prototype as { append?: boolean }
    prototype.append = true
    const files = [Stdio.file("a"), Stdio.file("a", {}), Stdio.file("a", { append: false })]
    delete prototype.append
    for (const file of files) assert.deepInclude(file, { append: false })
    assert.deepInclude(Stdio.file("a", { append: true }), { append: true })
  })

  it("is recognised by its guard", () => {
    for (const destination of [Stdio.file("a"), Stdio.tee(() => {})]) assert.isTrue(Stdio.isDestination(destination))
    for (const other of ["pipe", {}, Stdin.file("a"), undefined]) assert.isFalse(Stdio.isDestination(other))
  })

  it("takes receivers of bytes, and no others", () => {
    expectTypeOf<Sink.Sink<void, Uint8Array, never, Error>>().toExtend<Stdio.Receiver>()
    expectTypeOf<Sink.Sink<void, string | Uint8Array>>().toExtend<Stdio.Receiver>()
    expectTypeOf<(chunk: Uint8Array) => Promise<void>>().toExtend<Stdio.Receiver>()
    expectTypeOf<Sink.Sink<void, string>>().not.toExtend<Stdio.Receiver>()
    expectTypeOf<(line: string) => void>().not.toExtend<Stdio.Receiver>()
    expectTypeOf<string>().not.toExtend<Stdio.Receiver>()
  })
})
