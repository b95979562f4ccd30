import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import { Cassette, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"

const { fallback, on } = ScriptedRunner

const natural = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })))

/** A directory of its own, gone with the test. */
const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "cassette-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const file = Effect.map(directory, (directory) => path.join(directory, "tape.json"))

type Options = Cassette.Options

const recorder = (path: string, rules: ReadonlyArray<ScriptedRunner.Rule>, options?: Options) =>
  Cassette.layerRecord(path, options).pipe(Layer.provide([ScriptedRunner.layer(...rules), NodeFileSystem.layer]))

const player = (path: string, options?: Options) =>
  Cassette.layerReplay(path, options).pipe(Layer.provide(NodeFileSystem.layer))

/** Records on one set of rules and replays without any; gives what both times came out. */
const both = <A, E>(
  program: Effect.Effect<A, E, Cassette.Provided>,
  rules: ReadonlyArray<ScriptedRunner.Rule>,
  options?: Options
) =>
  Effect.gen(function*() {
    const tape = yield* file
    const first = yield* Effect.provide(program, recorder(tape, rules, options))
    const text = fs.readFileSync(tape, "utf8")
    const second = yield* Effect.provide(program, player(tape, options))
    assert.strictEqual(fs.readFileSync(tape, "utf8"), text)
    return { first, second, text, tape }
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, ProcessError.ProcessError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

const run = (program: string, ...args: ReadonlyArray<string>) => Command.run(Command.make(program, args))

const output = (program: string, options: Command.Options = {}) =>
  Effect.map(
    Command.outputBytes(Command.make(program, options)),
    ({ outcome, stderrBytes, stdout }) => ({ outcome, stdout, stderr: stderrBytes })
  )

const read = (stdin: Command.Options["stdin"]) => Command.run(Command.make("read", { stdin }))

describe("a cassette and a detached program", () => {
  it.effect("have nothing to do with each other: recording, replaying and both refuse the start", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const rules = [fallback(Reply.ok("out"))]
      const auto = Cassette.layerAuto(tape).pipe(
        Layer.provide([ScriptedRunner.layer(...rules), NodeFileSystem.layer])
      )
      const program = Effect.andThen(run("tool"), reasonOf(Command.startDetached(Command.make("tool"))))
      for (const layer of [recorder(tape, rules), player(tape), auto]) {
        assert.deepInclude(yield* Effect.provide(program, layer), {
          _tag: "Unsupported",
          feature: "starting a detached program with a cassette"
        })
      }
      assert.notInclude(fs.readFileSync(tape, "utf8"), "detached")
    }).pipe(Effect.scoped))
})

describe("a cassette", () => {
  it.effect("gives every byte and every ending back", () =>
    Effect.gen(function*() {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const program = Effect.all([
        output("binary"),
        output("text"),
        output("killed"),
        output("late", { timeout: "3 seconds" }),
        Effect.map(reasonOf(run("gone")), (reason) => reason.message), // a name: it was once replayed as a path
        Effect.map(reasonOf(run("forbidden")), (reason) => reason.message)
      ])
      const { first, second } = yield* both(program, [
        on(["binary"], Reply.withStderr(Reply.bytes(bytes), new Uint8Array([0xff]))),
        on(["text"], Reply.withStderr(Reply.ok("\uFEFFgr\u00fc\u00dfe \"a\": \\\n"), "err")),
        on(["killed"], Reply.signaled("SIGRTMIN+3")),
        on(["late"], Reply.timedOut),
        on(["gone"], Reply.notFound),
        on(["forbidden"], Reply.spawnFailed("EACCES"))
      ])
      assert.deepStrictEqual(second, first)
      assert.deepStrictEqual(second[0].stdout, bytes)
      assert.strictEqual(second[3].outcome._tag, "TimedOut")
    }))

  // Reading it ran out of stack: a string of JSON with that many escapes was too much for a regular expression.
  it.effect("gives megabytes back that are nothing but escapes to JSON", () =>
    Effect.gen(function*() {
      const said = Effect.map(output("dd"), ({ stdout }) => stdout.every((byte) => byte === 0) && stdout.length)
      const { second } = yield* both(said, [fallback(Reply.bytes(new Uint8Array(4_000_000)))])
      assert.strictEqual(second, 4_000_000)
    }))

  it.effect("plays entries that fit the same command in order, and then the last one again", () =>
    Effect.gen(function*() {
      const said = Effect.all([run("a"), run("b"), run("a"), run("a", "x")])
      const rules = [on(["a", "x"], Reply.ok("x")), on(["a"], Reply.ok("1"), Reply.ok("2")), fallback(Reply.ok("b"))]
      const { tape } = yield* both(said, rules)
      const more = Effect.all([run("a"), run("a"), run("a"), run("a")])
      assert.deepStrictEqual(yield* Effect.provide(more, player(tape)), ["1", "2", "2", "2"])
      const strict = Effect.all([run("a"), run("a"), reasonOf(run("a")), Cassette.unplayed])
      const [one, two, third, unplayed] = yield* Effect.provide(strict, player(tape, { strict: true }))
      assert.deepStrictEqual([one, two, third._tag, unplayed], ["1", "2", "CassetteMiss", ["b", "a"]])
    }))

  it.effect("misses without starting anything, and says in what the nearest entry differs, never with what", () =>
    Effect.gen(function*() {
      const { tape } = yield* both(run("git", "log", "secret-1"), [fallback(Reply.ok())])
      const missed = (command: Command.Command) =>
        Effect.provide(Effect.map(reasonOf(Command.run(command)), (reason) => reason.message), player(tape))
      const near = yield* missed(Command.make("git", ["log", "secret-2"], { stdin: "secret-3" }))
      assert.include(near, "the nearest differs in argument 2 and standard input")
      assert.notInclude(near, "secret")
      assert.notInclude(yield* missed(Command.make("ls")), "nearest")
      assert.strictEqual(yield* Effect.provide(Command.resolve(Command.make("git")), player(tape)), "git")
      const unknown = Effect.provide(reasonOf(Command.resolve(Command.make("ls"))), player(tape))
      assert.strictEqual((yield* unknown)._tag, "CassetteMiss")
    }))

  it.effect("tells inputs apart by what they hold, and none from empty not at all", () =>
    Effect.gen(function*() {
      const { tape } = yield* both(Effect.all([read("a"), read(new Uint8Array([0xff])), read(""), read("pipe")]), [
        on(["read"], Reply.ok("text"), Reply.ok("bytes"), Reply.ok("none"), Reply.ok("by hand"))
      ])
      const again = Effect.all([
        read("pipe"),
        read(undefined),
        read(new Uint8Array([97])),
        read(new Uint8Array([0xff]))
      ])
      assert.deepStrictEqual(yield* Effect.provide(again, player(tape)), ["by hand", "none", "text", "bytes"])
      const streamed = Effect.provide(reasonOf(read(Stream.make("a"))), player(tape))
      assert.strictEqual((yield* streamed)._tag, "CassetteMiss")
    }))

  it.effect("answers by hand only after it was asked, as the program did", () =>
    Effect.gen(function*() {
      const session = Effect.scoped(Effect.gen(function*() {
        const running = yield* Command.start(Command.make("login", { stdin: "pipe" }))
        const lines: Array<string> = []
        yield* running.stdin.writeLine("ada")
        yield* running.stdin.writeLine("secret")
        yield* Stream.runForEach(running.stdoutLines, (line) => Effect.sync(() => lines.push(line)))
        return [lines, yield* running.outcome]
      }))
      const asks = Reply.dialog("user? ", (user) => Reply.dialog(`${user}'s word? `, (word) => Reply.ok(`${word}!\n`)))
      const { first, second } = yield* both(session, [fallback(asks)])
      assert.deepStrictEqual(first, [["user? ada's word? secret!"], Outcome.exited(0)])
      assert.deepStrictEqual(second, first)
    }))

  it.effect("stops a run that was stopped when it is stopped, with what it said then", () =>
    Effect.gen(function*() {
      const stopped = Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const server = yield* group.start(Command.make("server"))
        yield* Stream.runHead(server.stdoutLines)
        assert.isTrue(yield* server.isRunning)
        yield* group.shutdown()
        return yield* server.outcome
      }))
      const polite = Reply.withSignal(Reply.withStdout(Reply.pending, "up\n"), "SIGTERM", { stdout: "bye\n", code: 3 })
      for (const reply of [polite, Reply.withStdout(Reply.pending, "up\n")]) {
        const { first, second } = yield* both(stopped, [fallback(reply)])
        assert.deepStrictEqual(second, first)
      }
    }))

  it.effect("keeps the time of every chunk, and replays it where that is asked for", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const slow = Reply.withDelay(Reply.lines(["a", "b"]), "1 second")
      yield* Effect.scoped(Effect.gen(function*() {
        const running = yield* Command.start(Command.make("slow"))
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* running.result).stdout, "a\nb\n")
      })).pipe(Effect.provide(recorder(tape, [fallback(slow)])))
      yield* Effect.scoped(Effect.gen(function*() {
        const seen: Array<string> = []
        const running = yield* Command.start(Command.make("slow"))
        yield* Effect.forkChild(Stream.runForEach(running.stdoutLines, (line) => Effect.sync(() => seen.push(line))))
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual(seen, [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(seen, ["a"])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(seen, ["a", "b"])
        assert.deepStrictEqual(yield* running.outcome, Outcome.exited(0))
      })).pipe(Effect.provide(player(tape, { timing: "recorded" })))
      assert.strictEqual(yield* Effect.provide(run("slow"), player(tape)), "a\nb")
    }))

  it.effect("records what is missing, keeps what is there, and writes only where something was added", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const auto = (...rules: ReadonlyArray<ScriptedRunner.Rule>) =>
        Cassette.layerAuto(tape).pipe(
          Layer.provide([
            RecordingRunner.layer.pipe(Layer.provideMerge(ScriptedRunner.layer(...rules))),
            NodeFileSystem.layer
          ])
        )
      const first = Effect.all([run("a"), run("a")])
      assert.deepStrictEqual(yield* Effect.provide(first, auto(on(["a"], Reply.ok("1"), Reply.ok("2")))), ["1", "2"])
      const before = fs.statSync(tape).ino
      assert.deepStrictEqual(yield* Effect.provide(first, auto()), ["1", "2"])
      assert.strictEqual(fs.statSync(tape).ino, before)
      const more = Effect.all([run("a"), run("b")])
      assert.deepStrictEqual(yield* Effect.provide(more, auto(on(["b"], Reply.ok("b")))), ["1", "b"])
      assert.deepStrictEqual(yield* Effect.provide(Effect.all([run("a"), run("a"), run("b")]), player(tape)), [
        "1",
        "2",
        "b"
      ])
    }))

  it.effect("holds played and real programs of one group together", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const server = Effect.scoped(Command.start(Command.make("played")))
      yield* Effect.provide(server, recorder(tape, [fallback(Reply.pending)]))
      const auto = Cassette.layerAuto(tape).pipe(
        Layer.provide([ScriptedRunner.layer(fallback(Reply.pending)), NodeFileSystem.layer])
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const runs = [yield* group.start(Command.make("played")), yield* group.start(Command.make("real"))]
        assert.lengthOf(yield* group.members, 2)
        yield* group.shutdown()
        for (const run of runs) assert.deepStrictEqual(yield* run.outcome, Outcome.signaled("SIGTERM", 15, false))
        assert.lengthOf(yield* group.members, 0)
      })).pipe(Effect.provide(auto))
    }))

  it.effect("saves what is over while other runs go on", () =>
    Effect.gen(function*() {
      const tape = yield* file
      yield* Effect.scoped(Effect.gen(function*() {
        yield* run("over")
        yield* Command.start(Command.make("on"))
        yield* Cassette.save
        assert.lengthOf(JSON.parse(fs.readFileSync(tape, "utf8")).entries, 1)
      })).pipe(Effect.provide(recorder(tape, [on(["over"], Reply.ok()), fallback(Reply.pending)])))
      assert.lengthOf(JSON.parse(fs.readFileSync(tape, "utf8")).entries, 2)
    }))
})

describe("the secrets of a cassette", () => {
  const token = Redacted.make("hunter2-token")

  it.effect("are neither values of variables nor redacted arguments, and still fit", () =>
    Effect.gen(function*() {
      const command = Command.make("login", [token, "plain"], { env: { A: "value-of-a", B: token, C: undefined } })
      const { first, second, text } = yield* both(Command.run(command), [
        on(["login"], Reply.ok("the token is hunter2-token, indeed"))
      ])
      assert.strictEqual(first, "the token is hunter2-token, indeed")
      assert.strictEqual(second, "the token is <redacted>, indeed")
      assert.notInclude(text, "hunter2")
      assert.notInclude(text, "value-of-a")
      assert.deepStrictEqual(JSON.parse(text).entries[0].env, ["A", "B", "C"])
      assert.deepStrictEqual(JSON.parse(text).entries[0].args, [{ redacted: true }, "plain"])
    }))

  it.effect("are replaced wherever they are cut, in arguments, input, directory and output of any kind", () =>
    Effect.gen(function*() {
      const options = { redact: (text: string) => text.replaceAll("s3cr\u00e9t", "*").replaceAll("s3cret", "*") }
      const command = Command.make("tool", ["--key=s3cret"], { stdin: "s3cret in", cwd: "/home/s3cret" })
      const cut = Reply.dialog(
        "s3c",
        Reply.dialog("ret and s3cr\u00c3", Reply.bytes(new Uint8Array([0xff, 0x73, 0x33])))
      )
      const spoken = Reply.withStderr(cut, "s3cr\u00e9t")
      const { second, text } = yield* both(Command.outputBytes(command), [fallback(spoken)], options)
      assert.notInclude(text, "s3cret")
      assert.notInclude(text, "s3cr\u00e9t")
      const [entry] = JSON.parse(text).entries
      assert.deepStrictEqual([entry.args, entry.cwd, entry.stderr], [["--key=*"], "/home/*", { text: "*" }])
      assert.isTrue(Buffer.from(second.stdout).toString("latin1").startsWith("* and "))
    }))
})

describe("a cassette file", () => {
  const empty = { version: 1, entries: [] }
  const entry = {
    program: "a",
    args: [],
    stdin: "none",
    env: [],
    stdout: { text: "ab" },
    stderr: { text: "" },
    timeline: [[0, "stdout", 2]],
    end: { code: 0 },
    duration: 1
  }
  const cases: ReadonlyArray<readonly [name: string, content: string | Uint8Array, problem: string]> = [
    ["is empty", "", "not JSON"],
    ["is cut", JSON.stringify({ version: 1, entries: [entry] }).slice(0, -9), "not JSON"],
    ["is not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "not UTF-8"],
    ["has no version", "{}", "no version"],
    ["comes from the future", JSON.stringify({ ...empty, version: 2 }), "version 2"],
    ["has version 0", JSON.stringify({ ...empty, version: 0 }), "version 0"],
    ["has one key more", JSON.stringify({ ...empty, more: 1 }), "form"],
    ["is polluted", "{\"version\":1,\"entries\":[],\"__proto__\":{\"polluted\":true}}", "form"],
    [
      "has an entry that is polluted",
      JSON.stringify({ version: 1, entries: [0] }).replace("0", "{\"__proto__\":{}}"),
      "form"
    ],
    ["has a key twice", "{\"version\":1,\"entries\":[],\"entries\":[]}", "same key twice"],
    ["is nested deeply", `{"version":1,"entries":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "form"],
    [
      "ends in two ways",
      JSON.stringify({ version: 1, entries: [{ ...entry, end: { code: 0, signal: "SIGTERM" } }] }),
      "form"
    ],
    [
      "has less output than its timeline",
      JSON.stringify({ version: 1, entries: [{ ...entry, stdout: { text: "a" } }] }),
      "timeline"
    ],
    ["has no base64", JSON.stringify({ version: 1, entries: [{ ...entry, stdout: { base64: "?" } }] }), "timeline"],
    ["has negative times", JSON.stringify({ version: 1, entries: [{ ...entry, duration: -1 }] }), "form"]
  ]

  for (const [name, content, problem] of cases) {
    it.effect(`that ${name} is refused`, () =>
      Effect.gen(function*() {
        const tape = yield* file
        fs.writeFileSync(tape, content)
        const reason = yield* reasonOf(Effect.provide(run("a"), player(tape)))
        assert.strictEqual(reason._tag, "CassetteInvalid")
        assert.include(reason.message, problem)
        assert.notProperty({}, "polluted")
      }))
  }

  // K4: whatever became of the file, what is played was in it, or is refused.
  it.effect.prop(
    "that is damaged somewhere is refused, missed or played, and is no defect",
    [Arbitrary.array(Arbitrary.all([natural, natural]), { minLength: 1, maxLength: 4 })],
    ([damage]) =>
      Effect.scoped(Effect.gen(function*() {
        const tape = yield* file
        const bytes = Buffer.from(JSON.stringify({ version: 1, entries: [entry] }))
        for (const [at, byte] of damage) bytes[at % bytes.length] = byte % 256
        fs.writeFileSync(tape, bytes)
        const exit = yield* Effect.exit(Effect.provide(run("a"), player(tape)))
        assert.isFalse(Exit.hasDies(exit), `${bytes}`)
        assert.notProperty({}, "polluted")
      }))
  )

  it.effect("that is too large, missing, a directory or a link is refused", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const problem = () => Effect.map(reasonOf(Effect.provide(run("a"), player(tape))), (reason) => reason.message)
      assert.include(yield* problem(), "record it first")
      fs.mkdirSync(tape)
      assert.include(yield* problem(), "invalid")
      fs.rmdirSync(tape)
      fs.writeFileSync(tape, "")
      fs.truncateSync(tape, 64 * 1_048_576 + 1)
      assert.include(yield* problem(), "larger than")
      fs.rmSync(tape)
      fs.writeFileSync(`${tape}.real`, JSON.stringify(empty))
      fs.symlinkSync(`${tape}.real`, tape)
      assert.include(yield* problem(), "symbolic link")
      const layer = recorder(tape, [fallback(Reply.ok())])
      assert.include((yield* reasonOf(Effect.provide(run("a"), layer))).message, "symbolic link")
      assert.strictEqual(fs.readFileSync(`${tape}.real`, "utf8"), JSON.stringify(empty))
    }))

  it.effect("is readable by its owner only, and nothing is left beside it", () =>
    Effect.gen(function*() {
      const { tape } = yield* both(run("a"), [fallback(Reply.ok())])
      assert.strictEqual(fs.statSync(tape).mode & 0o777, 0o600)
      assert.deepStrictEqual(fs.readdirSync(path.dirname(tape)), ["tape.json"])
    }))

  it.effect("in a directory has a plain name", () =>
    Effect.gen(function*() {
      const root = yield* directory
      for (const name of ["../x.json", "/x.json", "a/b.json", "..", ".", "", "a\\b", "a\0b"]) {
        const layer = recorder(name, [fallback(Reply.ok())], { directory: root })
        assert.strictEqual((yield* reasonOf(Effect.provide(run("a"), layer)))._tag, "CassetteInvalid")
      }
      yield* Effect.provide(run("a"), recorder("x.json", [fallback(Reply.ok())], { directory: path.join(root, "new") }))
      assert.deepStrictEqual(fs.readdirSync(path.join(root, "new")), ["x.json"])
    }))

  it.effect("is not overwritten by a second recorder, nor while another one writes", () =>
    Effect.gen(function*() {
      const tape = yield* file
      const rules = [fallback(Reply.ok())]
      const inner = Effect.provide(run("first"), recorder(tape, rules), { local: true })
      const outer = Effect.gen(function*() {
        yield* run("second")
        yield* inner
        return (yield* reasonOf(Cassette.save)).message
      })
      assert.include(yield* Effect.provide(outer, recorder(tape, rules), { local: true }), "another recorder")
      assert.strictEqual(JSON.parse(fs.readFileSync(tape, "utf8")).entries[0].program, "first")
      fs.writeFileSync(`${tape}.lock`, "")
      const blocked = Effect.andThen(run("third"), Effect.map(reasonOf(Cassette.save), (reason) => reason.message))
      assert.include(yield* Effect.provide(blocked, recorder(tape, rules), { local: true }), ".lock")
      assert.isTrue(fs.existsSync(`${tape}.lock`))
      assert.strictEqual(JSON.parse(fs.readFileSync(tape, "utf8")).entries[0].program, "first")
    }))
})
