import { afterAll, assert, beforeAll, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { PassThrough } from "node:stream"
import { text } from "node:stream/consumers"
import { setImmediate } from "node:timers/promises"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Pipeline from "processkit/Pipeline"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import { mechanisms } from "./hostedWorld.ts"
import { eventually, hasProc, openDescriptors, survivors } from "./oracle.ts"
import { fixture, has, isRoot, reasonOf, sh, timed } from "./programs.ts"

let directory = ""
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "processkit-stdio-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

const hide = (line: string): string => line.replaceAll("hunter2", "***")

let files = 0
const fresh = (): string => path.join(directory, `file-${++files}`)

const read = (file: string): string => fs.readFileSync(file, "utf8")

const runners = [{ name: "process-group", runner: NodeProcessRunner.layerProcessGroup() }, ...mechanisms] as const

for (const { name, runner } of runners) {
  layer(runner, { excludeTestServices: true })(`a stream that is a file (${name})`, (it) => {
    it.effect("is made under the umask, emptied or appended to, and relative to the owner's directory", () =>
      Effect.gen(function*() {
        const file = fresh()
        const relative = path.relative(process.cwd(), file)
        const one = sh("echo one", [], { stdout: Stdio.file(relative), cwd: "/" })
        yield* one
        assert.strictEqual(read(file), "one\n")
        assert.strictEqual(fs.statSync(file).mode & 0o777, 0o666 & ~process.umask())
        yield* sh("echo two >&2", [], { stderr: Stdio.file(file, { append: true }) })
        assert.strictEqual(read(file), "one\ntwo\n")
        yield* one
        assert.strictEqual(read(file), "one\n")
      }))

    it.effect("is the program's own descriptor, of which nothing passes through here", () =>
      Effect.gen(function*() {
        if (!has("a /proc with descriptors", hasProc)) return
        const file = fresh()
        yield* sh("readlink /proc/self/fd/1", [], { stdout: Stdio.file(file) })
        assert.strictEqual(read(file), `${fs.realpathSync(file)}\n`)
      }))

    it.effect("takes both streams in their order, and leaves the other one to be captured", () =>
      Effect.gen(function*() {
        const file = fresh()
        const both = Stdio.file(file)
        yield* sh("echo 1; echo 2 >&2; echo 3; echo 4 >&2", [], { stdout: both, stderr: both })
        assert.strictEqual(read(file), "1\n2\n3\n4\n")
        const result = yield* sh("echo out; echo err >&2", [], { stdout: both })
        assert.deepInclude(result, { stdout: "", stderr: "err\n" })
        assert.strictEqual(yield* Command.run(sh("echo out; echo err >&2", [], { stderr: both })), "out")
        assert.strictEqual(read(file), "err\n")
      }))

    it.effect("that cannot be opened is IoFailed with its errno, and starts nothing", () =>
      Effect.gen(function*() {
        const marker = fresh()
        const locked = fresh()
        fs.writeFileSync(locked, "", { mode: 0o400 })
        const bad: ReadonlyArray<readonly [file: string, errno: string]> = [
          [path.join(directory, "missing", "file"), "ENOENT"],
          [directory, "EISDIR"],
          [path.join(fixture("owner.ts"), "file"), "ENOTDIR"],
          [`/${"x".repeat(300)}`, "ENAMETOOLONG"],
          ...(has("a user whom permissions bind", !isRoot) ? [[locked, "EACCES"] as const] : [])
        ]
        for (const [file, errno] of bad) {
          const reason = yield* reasonOf(Command.runUnit(sh(`touch ${marker}`, [], { stdout: Stdio.file(file) })))
          const operation = "opening the file for standard output"
          assert.deepInclude(reason, { _tag: "IoFailed", operation, errno })
          assert.notInclude(reason.message, file)
        }
        assert.isFalse(fs.existsSync(marker))
        const twice = { stdout: Stdio.file(fresh()), stderr: Stdio.file(directory) }
        const reason = yield* reasonOf(Command.runUnit(sh(`touch ${marker}`, [], twice)))
        assert.deepInclude(reason, { _tag: "IoFailed", errno: "EISDIR" })
        assert.include(reason.message, "standard error")
        assert.isFalse(fs.existsSync(marker))
      }))

    it.effect("is left alone by a start that finds no program or no directory", () =>
      Effect.gen(function*() {
        const [file, other] = [fresh(), fresh()]
        fs.writeFileSync(file, "kept")
        for (const stdout of [Stdio.file(file), Stdio.file(other)]) {
          assert.strictEqual((yield* reasonOf(Command.runUnit(Command.make("no-such", { stdout }))))._tag, "NotFound")
          const nowhere = Command.make("true", { stdout, cwd: "/no/such" })
          assert.strictEqual((yield* reasonOf(Command.runUnit(nowhere)))._tag, "InvalidCwd")
        }
        assert.strictEqual(read(file), "kept")
        assert.isFalse(fs.existsSync(other))
      }))

    // A hosted program opened the pipe itself, before it was executed: the start waited for the other end, for ever and
    // without an interruption.
    it.effect("is Unsupported where it is a named pipe, at once and on every side", () =>
      Effect.gen(function*() {
        const pipe = fresh()
        spawnSync("mkfifo", [pipe])
        for (
          const stream of [{ stdout: Stdio.file(pipe) }, { stderr: Stdio.file(pipe) }, { stdin: Stdin.file(pipe) }]
        ) {
          assert.strictEqual((yield* reasonOf(Command.exitCode(Command.make("cat", stream))))._tag, "Unsupported")
        }
      }))

    it.effect("is made for the last stage of a pipeline, and for no other", () =>
      Effect.gen(function*() {
        const [inner, last] = [fresh(), fresh()]
        const first = Command.make("printf", ["b\\na\\n"], { stdout: Stdio.file(inner) })
        yield* Pipeline.runUnit(Pipeline.make(first, Command.make("sort", [], { stdout: Stdio.file(last) })))
        assert.strictEqual(read(last), "a\nb\n")
        assert.isFalse(fs.existsSync(inner))
      }))

    it.effect("costs no descriptor, whether or not it can be opened", () =>
      Effect.gen(function*() {
        const command = Command.make("true", { stdout: Stdio.file(fresh()), stderr: Stdio.file(fresh()) })
        const failing = Command.setStderr(command, Stdio.file(directory))
        yield* Command.exitCode(command)
        yield* Effect.ignore(Command.exitCode(failing))
        const before = openDescriptors()
        for (let i = 0; i < 20; i++) yield* Effect.andThen(Command.exitCode(command), Effect.ignore(failing))
        yield* eventually("all descriptors are back", () => openDescriptors() <= before)
      }))
  })
}

layer(NodeProcessRunner.layer, { excludeTestServices: true })("a tee of a real program", (it) => {
  it.effect("writes what is captured, into streams of Node and sinks of Effect", () =>
    Effect.gen(function*() {
      const file = fresh()
      const stream = fs.createWriteStream(file)
      const through = new PassThrough()
      const copied = text(through)
      const sunk: Array<Uint8Array> = []
      const sink = Sink.forEach((chunk: Uint8Array) => Effect.sync(() => sunk.push(chunk)))
      const listeners = () => [stream.listenerCount("error"), through.listenerCount("error")]
      yield* Effect.promise(() => setImmediate())
      const before = listeners()
      const expected = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join("")
      for (const receiver of [stream, through, sink]) {
        const { stdout } = yield* Command.make("seq", ["200000"], { stdout: Stdio.tee(receiver) })
        assert.isTrue(stdout === expected)
      }
      through.end()
      assert.isTrue((yield* Effect.promise(() => copied)) === expected)
      assert.isTrue(Buffer.concat(sunk).toString() === expected)
      yield* Effect.callback<void>((resume) => void stream.end(() => resume(Effect.void)))
      assert.isTrue(read(file) === expected)
      assert.deepEqual(listeners(), before)
    }))

  // What Node reads is a `Buffer`, whose `slice` is a view: the receiver wrote over what was captured.
  it.effect("may change what it gets, on any mechanism and however much it is", () =>
    Effect.gen(function*() {
      const stdout = Stdio.tee((chunk) => chunk.fill(0))
      const printed = (count: number) => Command.outputBytes(Command.make("seq", [String(count)], { stdout }))
      for (const runners of [NodeProcessRunner.layer, NodeProcessRunner.layerProcessGroup()]) {
        for (const count of [3, 20_000]) {
          const expected = Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("")
          const { stdout: captured } = yield* Effect.provide(printed(count), runners)
          assert.isTrue(new TextDecoder().decode(captured) === expected)
          assert.strictEqual(captured.constructor, Uint8Array)
        }
      }
    }))

  it.effect("that has stopped taking anything lets an interrupt through, and leaves nothing", () =>
    Effect.gen(function*() {
      const stuck = Stdio.tee(new PassThrough())
      const [result] = yield* timed(
        Effect.timeoutOption(Command.run(sh("yes", [], { stdout: stuck, stop: { grace: 0 } })), "300 millis")
      )
      assert.strictEqual(result._tag, "None")
      assert.deepEqual(survivors(), [])
    }))

  it.effect("of a destroyed stream is given up, and the capture goes on", () =>
    Effect.gen(function*() {
      const gone = new PassThrough()
      gone.destroy()
      const ended = new PassThrough()
      ended.on("error", () => {})
      ended.end()
      for (const writable of [gone, ended]) {
        assert.strictEqual(yield* Command.run(Command.make("echo", ["kept"], { stdout: Stdio.tee(writable) })), "kept")
      }
    }))

  it.effect("does not touch what a redacted command keeps", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const stdout = Stdio.tee((chunk) => seen.push(Buffer.from(chunk).toString()))
      const command = sh("printf 'key: hun'; sleep 0.05; printf 'ter2\\n'; echo hunter2 >&2; exit 3", [], {
        stdout,
        redact: hide
      })
      const reason = yield* reasonOf(Command.run(command))
      assert.deepInclude(reason, { _tag: "NonZeroExit", stdout: "key: ***\n", stderr: "***\n" })
      assert.strictEqual(seen.join(""), "key: hunter2\n")
    }))

  it.effect("of the last stage copies what a pipeline gives, and of another one nothing", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const noting = (name: string) => Stdio.tee((chunk) => seen.push(`${name} ${Buffer.from(chunk).toString()}`))
      const first = Command.make("printf", ["b\\na\\n"], { stdout: noting("first") })
      const output = Pipeline.run(Pipeline.make(first, Command.make("sort", [], { stdout: noting("last") })))
      assert.strictEqual(yield* output, "a\nb")
      assert.deepEqual(seen, ["last a\nb\n"])
    }))

  it.effect("and a stream of lines may follow the same program", () =>
    Effect.gen(function*() {
      let bytes = 0
      const stdout = Stdio.tee((chunk) => {
        bytes += chunk.length
      })
      const lines = yield* Stream.runCount(Command.stdoutLines(Command.make("seq", ["100000"], { stdout })))
      assert.deepEqual([lines, bytes], [100_000, 588_895])
    }))
})

describe("an owner whose own standard output is closed", () => {
  // The error of the stream came a moment after the tee had heard of it, and ended the owner.
  it.live("captures on, without an uncaught error and without a listener left", () =>
    Effect.gen(function*() {
      const owner = spawn(
        process.execPath,
        ["--conditions=processkit-source", fixture("loses-its-reader.mjs")],
        { stdio: ["ignore", "pipe", "pipe"] }
      )
      owner.stdout.once("data", () => owner.stdout.destroy())
      const said = text(owner.stderr)
      const code = yield* Effect.callback<number | null>((resume) =>
        void owner.once("exit", (code) => resume(Effect.succeed(code)))
      )
      const results = (yield* Effect.promise(() => said)).split("\n").filter((line) => /^\d/.test(line))
      assert.deepEqual(results, Array(3).fill("0 1288895 0"))
      assert.strictEqual(code, 0)
    }))
})
