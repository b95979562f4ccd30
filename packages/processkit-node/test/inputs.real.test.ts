import { afterAll, assert, beforeAll, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as Signal from "processkit/Signal"
import * as Stdin from "processkit/Stdin"
import { hasProc, survivors } from "./oracle.ts"
import { assertHides, errorOf, has, reasonOf, sh } from "./programs.ts"

let directory = ""
const at = (name: string): string => path.join(directory, name)

beforeAll(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "processkit-inputs-")))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

/** A command that leaves a file behind if it is ever started. */
const touching = (options: Command.Options = {}): Command.Command => Command.make("touch", [at("touched")], options)

/** A value that only a JavaScript caller can pass. */
const untyped = (value: unknown) => value as never

const secret = "S3CR3T"
const half = `${secret}\uD800`
const nul = `${secret}\0`

const awkward = [
  "",
  " ",
  "name with space",
  "-dash",
  "--",
  "semi;colon",
  "two\nlines",
  "\t\r\v\f\b\u0001\u007F\u001B[31m",
  "$HOME $(touch x) `touch x`",
  "*?[a-z]{a,b}~",
  "'\"\\",
  "\\\\",
  "a=b",
  "#!/bin/sh",
  "%s %n",
  "ünï — 漢字 🙂 e\u0301 \uFFFD \uFEFF",
  "\u202E\u2028\u0085"
]

layer(NodeProcessRunner.layer, { excludeTestServices: true })("what a command is given", (it) => {
  // S8, S9, S10, S11, C3
  it.effect("each bad input is InvalidInput that says where, before anything runs, and never shows the value", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [field: string, command: Command.Command]> = [
        ["the program", Command.make("")],
        ["the program", Command.make(nul)],
        ["the program", Command.make(half)],
        ["the program", Command.make(untyped(42))],
        ["argument 2", Command.make("touch", [at("touched"), nul])],
        ["argument 3", Command.make("touch", [at("touched"), at("touched"), half])],
        ["argument 2", Command.make("touch", [at("touched"), Redacted.make(nul)])],
        ["argument 2", Command.make("touch", [at("touched"), untyped(undefined)])],
        ["argument 2", Command.make("touch", [at("touched"), untyped(null)])],
        ["argument 2", Command.make("touch", [at("touched"), untyped(1)])],
        ["argument 2", Command.make("touch", [at("touched"), untyped({ toString: () => secret })])],
        ["the working directory", touching({ cwd: nul })],
        ["the working directory", touching({ cwd: half })],
        ["the working directory", touching({ cwd: "" })],
        ["environment variable 1", touching({ env: { "": secret } })],
        ["environment variable 1", touching({ env: { [`${secret}=x`]: "x" } })],
        ["environment variable 1", touching({ env: { [nul]: "x" } })],
        ["environment variable 1", touching({ env: { [half]: "x" } })],
        ["the value of environment variable 2", touching({ env: { A: "a", B: nul } })],
        ["the value of environment variable 1", touching({ env: { A: half } })],
        ["the value of environment variable 1", touching({ env: { A: Redacted.make(nul) } })],
        ["the value of environment variable 1", touching({ env: { A: untyped(1) } })],
        ["inheritEnv 1", touching({ inheritEnv: [nul] })],
        ["inheritEnv", touching({ inheritEnv: untyped(7) })],
        ["preferLocal 1", touching({ preferLocal: nul })],
        ["stdin", touching({ stdin: untyped({ secret }) })],
        ["the path of stdin", touching({ stdin: Stdin.file(nul) })],
        ["stdout", Command.setStdout(touching(), untyped(secret))],
        ["encoding", touching({ encoding: secret })],
        ["timeout", touching({ timeout: NaN })],
        ["timeout", touching({ timeout: -1 })],
        ["timeout", touching({ timeout: { seconds: NaN } })],
        ["timeout", touching({ timeout: untyped(secret) })],
        ["the stop grace", touching({ stop: { grace: NaN } })],
        ["the stop grace", touching({ stop: { grace: "-1 second" } })],
        ["the stop signal", touching({ stop: { signal: untyped("SIGS3CR3T") } })],
        ["the stop signal", touching({ stop: { signal: untyped(0) } })],
        [
          "cancelOn",
          touching({ cancelOn: untyped(secret), retry: { schedule: Schedule.recurs(1), while: () => true } })
        ],
        ["maxLineBytes", touching({ maxLineBytes: NaN })],
        ["okCodes", touching({ okCodes: [NaN] })]
      ]
      for (const [field, command] of cases) {
        const error = yield* errorOf(Command.checked(command))
        assert(error.reason._tag === "InvalidInput", `${field}: ${error.message}`)
        assert.strictEqual(error.reason.field, field, error.message)
        if (field !== "the program") assertHides(error, secret)
        assert.notInclude(error.message, "\0")
      }
      assert.isFalse(fs.existsSync(at("touched")))
    }))

  // S8
  it.effect("a secret with a NUL character is in no failure, whoever refuses it", () =>
    Effect.gen(function*() {
      for (const command of [Command.make("touch", [nul]), touching({ cwd: nul }), touching({ env: { A: nul } })]) {
        assertHides(yield* errorOf(Command.run(command)), secret)
        assertHides(yield* errorOf(Command.resolve(command)), secret)
        assertHides(yield* errorOf(Stream.runDrain(Command.stdoutLines(command))), secret)
      }
    }))

  // X1: the secrets of a run that really starts
  it.effect("arguments, variables and input are in no failure of a run: exit code, signal, deadline, not found", () =>
    Effect.gen(function*() {
      const options: Command.Options = {
        env: { TOKEN: Redacted.make(secret), PLAIN: secret },
        stdin: secret,
        stop: { grace: 0 }
      }
      const failing = [
        sh("exit 3", [secret], options),
        sh("kill -KILL $$", [secret], options),
        Command.setTimeout(sh("sleep 60", [secret], options), "50 millis"),
        Command.make("no-such-program", [secret], options)
      ]
      for (const command of failing) assertHides(yield* errorOf(Command.run(command)), secret)
    }))

  // C3
  it.effect("a group with a grace that is no duration is refused, and so is a signal that is none", () =>
    Effect.gen(function*() {
      for (const grace of [NaN, -1]) {
        const reason = yield* reasonOf(ProcessGroup.makeWith({ stop: { grace } }))
        assert.strictEqual(reason._tag, "InvalidInput")
      }
      const group = yield* ProcessGroup.make
      for (const signal of ["SIGNOPE", "0", 0, -1, NaN, "SIGRTMIN+31", "term"]) {
        const reason = yield* reasonOf(group.signal(untyped(signal)))
        assert.strictEqual(reason._tag, "InvalidInput", String(signal))
      }
    }))

  // S21
  it.effect("a signal that this system does not have is Unsupported, not ignored", () =>
    Effect.gen(function*() {
      const missing: Signal.Signal = process.platform === "linux" ? "SIGINFO" : "SIGRTMIN+1"
      const group = yield* ProcessGroup.make
      const running = yield* group.start(Command.make("sleep", ["60"]))
      assert.strictEqual((yield* reasonOf(group.signal(missing)))._tag, "Unsupported")
      assert.strictEqual((yield* reasonOf(running.signal(missing)))._tag, "Unsupported")
      assert.isTrue(yield* running.isRunning)
    }))

  // S12
  it.effect.skipIf(!has("/proc", hasProc))("awkward arguments arrive byte for byte", () =>
    Effect.gen(function*() {
      const script = "cat /proc/$$/cmdline"
      const result = yield* Command.outputBytes(sh(script, awkward))
      const expected = ["/bin/sh", "-c", script, "sh", ...awkward].map((arg) => `${arg}\0`).join("")
      assert.deepEqual(Buffer.from(result.stdout), Buffer.from(expected))
    }))

  // S12
  it.effect.skipIf(!has("/proc", hasProc))(
    "awkward names and values of variables arrive byte for byte",
    () =>
      Effect.gen(function*() {
        const names = awkward.filter((name) => name !== "" && !name.includes("="))
        const env = Object.fromEntries([
          ...names.map((name) => [name, "x"]),
          ...awkward.map((value, i) => [`V${i}`, value])
        ])
        const result = yield* Command.outputBytes(Command.make("cat", ["/proc/self/environ"], { env, envClear: true }))
        const seen = Buffer.from(result.stdout).toString("utf8").split("\0").filter((entry) => entry !== "")
        assert.sameMembers(seen, Object.entries(env).map(([name, value]) => `${name}=${value}`))
      })
  )

  // S12
  it.effect("a program with an awkward name runs, by path and by PATH, and is told its own name", () =>
    Effect.gen(function*() {
      for (const name of awkward.filter((name) => name !== "" && !name.includes("/"))) {
        fs.writeFileSync(at(name), `#!/bin/sh\nprintf %s "$0"\n`, { mode: 0o755 })
        assert.strictEqual((yield* Command.outputString(Command.make(at(name)))).stdout, at(name))
        const byName = Command.make(name, { env: { PATH: directory } })
        assert.strictEqual((yield* Command.outputString(byName)).stdout, at(name))
      }
    }))

  // S12: argv[0]
  it.effect.skipIf(!has("/proc", hasProc))(
    "a program found on PATH sees the name it was called by",
    () =>
      Effect.gen(function*() {
        const stdout = yield* Command.run(Command.make("cat", ["/proc/self/cmdline"]))
        assert.strictEqual(stdout, "cat\0/proc/self/cmdline\0")
      })
  )

  // S13
  it.effect("the PATH that counts is the child's; without one it is the system's; the working directory is never in it", () =>
    Effect.gen(function*() {
      fs.mkdirSync(at("bin"))
      fs.writeFileSync(at("bin/only-here"), "#!/bin/sh\necho found\n", { mode: 0o755 })
      fs.writeFileSync(at("only-in-cwd"), "#!/bin/sh\necho never\n", { mode: 0o755 })
      const here = { cwd: directory }
      const found = Command.make("only-here", { ...here, env: { PATH: at("bin") } })
      assert.strictEqual(yield* Command.run(found), "found")
      assert.strictEqual(yield* Command.resolve(found), at("bin/only-here"))
      assert.strictEqual((yield* reasonOf(Command.run(Command.make("only-here", here))))._tag, "NotFound")
      // No PATH at all: the directories of the system.
      const bare = Command.make("true", { ...here, envClear: true })
      assert.include(["/bin/true", "/usr/bin/true"], yield* Command.resolve(bare))
      yield* Command.run(bare)
      for (const PATH of ["", ".", ":", "::/nowhere", "bin", `./bin:${at("nothing")}`]) {
        const reason = yield* reasonOf(Command.run(Command.make("only-in-cwd", { ...here, env: { PATH } })))
        assert.strictEqual(reason._tag, "NotFound", PATH)
      }
      const skipping = Command.make("only-here", { ...here, env: { PATH: `.::bin:${at("bin")}` } })
      assert.strictEqual(yield* Command.run(skipping), "found")
    }))

  // S13
  it.effect("a path is relative to the child's working directory, and preferLocal to the owner's", () =>
    Effect.gen(function*() {
      fs.mkdirSync(at("work/local"), { recursive: true })
      fs.writeFileSync(at("work/tool"), "#!/bin/sh\necho in the working directory\n", { mode: 0o755 })
      fs.writeFileSync(at("work/local/true"), "#!/bin/sh\necho local\n", { mode: 0o755 })
      assert.strictEqual(yield* Command.run(Command.make("./tool", { cwd: at("work") })), "in the working directory")
      const relative = path.relative(process.cwd(), at("work/local"))
      for (const preferLocal of [at("work/local"), relative, [at("nothing"), relative]]) {
        assert.strictEqual(yield* Command.run(Command.make("true", { preferLocal, cwd: "/" })), "local")
      }
      // It is for us, not for what the child starts.
      assert.strictEqual(yield* Command.run(sh("true; echo $PATH", [], { preferLocal: relative })), process.env["PATH"])
    }))

  // S2, S13: an owner whose own directory has gone
  it.effect("an owner whose working directory was removed starts programs, and is told where a relative one fails", () =>
    Effect.gen(function*() {
      const before = process.cwd()
      fs.mkdirSync(at("gone"))
      process.chdir(at("gone"))
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      fs.rmdirSync(at("gone"))
      assert.strictEqual(yield* Command.run(sh("echo started")), "started")
      // The program had been started in the root of the file system, where it could have taken any file for its own.
      if (hasProc) {
        const here = sh("readlink /proc/self/cwd; echo x 2> /dev/null > file || echo no file can be made")
        assert.strictEqual(yield* Command.run(here), `${at("gone")} (deleted)\nno file can be made`)
      }
      assert.strictEqual(yield* Command.run(sh("pwd", [], { cwd: directory })), directory)
      assert.strictEqual((yield* reasonOf(Command.run(Command.make("true", { cwd: "below" }))))._tag, "InvalidCwd")
      assert.strictEqual((yield* reasonOf(Command.run(Command.make("./program"))))._tag, "NotFound")
    }))

  // The name that Node remembers had been gone to: nowhere, or where somebody else had a directory by then.
  it.effect("a program starts in the owner's directory also where that was renamed since the owner has asked for it", () =>
    Effect.gen(function*() {
      const before = process.cwd()
      fs.mkdirSync(at("old/below"), { recursive: true })
      process.chdir(at("old"))
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      assert.strictEqual(process.cwd(), at("old"))
      fs.renameSync(at("old"), at("new"))
      fs.mkdirSync(at("old"))
      assert.strictEqual(yield* Command.run(Command.make("pwd", ["-P"])), at("new"))
      if (hasProc) {
        assert.strictEqual(yield* Command.run(Command.make("pwd", ["-P"], { cwd: "below" })), at("new/below"))
      }
    }))

  // resolve is the launch's own lookup
  it.effect("what resolve finds is what runs", () =>
    Effect.gen(function*() {
      const command = Command.make("sh", ["-c", "readlink /proc/$$/exe"])
      const resolved = fs.realpathSync(yield* Command.resolve(command))
      if (hasProc) assert.strictEqual(yield* Command.run(command), resolved)
      assert.strictEqual(yield* Command.which("sh"), yield* Command.resolve(command))
      assert.strictEqual((yield* reasonOf(Command.which("no-such-program")))._tag, "NotFound")
      assert.strictEqual((yield* reasonOf(Command.which("")))._tag, "InvalidInput")
      assert.strictEqual((yield* reasonOf(Command.resolve(Command.make("no-such-program"))))._tag, "NotFound")
      assert.strictEqual(
        (yield* reasonOf(Command.resolve(Command.make("true", { cwd: "/missing" }))))._tag,
        "InvalidCwd"
      )
    }))

  // S24
  it.effect("one command run many times at once is as many independent runs", () =>
    Effect.gen(function*() {
      const command = sh("echo $$; cat", [], { stdin: "same input" })
      const results = yield* Effect.all(Array.from({ length: 20 }, () => Command.run(command)), {
        concurrency: "unbounded"
      })
      const pids = results.map((stdout) => stdout.split("\n")[0])
      assert.strictEqual(new Set(pids).size, 20)
      for (const stdout of results) assert.strictEqual(stdout.split("\n")[1], "same input")
    }))

  // S24, N8: a one-shot source
  it.effect("of many concurrent runs with one source that can be read once, one gets it and the others fail at once", () =>
    Effect.gen(function*() {
      const command = Command.make("cat", { stdin: Stdin.once(Stream.make("once")) })
      const results = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.result(Command.run(command)), {
        concurrency: "unbounded"
      })
      const [first, ...others] = results.toSorted((a) => a._tag === "Success" ? -1 : 1)
      assert.deepInclude(first, { _tag: "Success", success: "once" })
      for (const other of others) {
        assert(other._tag === "Failure")
        assert.deepInclude(other.failure.reason, { _tag: "AlreadyConsumed", stream: "stdin" })
      }
    }))

  // S24: a start that failed has consumed nothing
  it.effect("a source that can be read once is still there after a start that failed", () =>
    Effect.gen(function*() {
      const stdin = Stdin.once(Stream.make("once"))
      yield* Effect.flip(Command.run(Command.make("no-such-program", { stdin })))
      assert.strictEqual(yield* Command.run(Command.make("cat", { stdin })), "once")
    }))

  // S17
  it.effect.skipIf(!has("/proc", hasProc))(
    "a start in a suspended group does not block, and runs once the group resumes",
    () =>
      Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        yield* group.start(Command.make("sleep", ["60"]))
        yield* group.suspend
        const late = yield* group.start(sh("echo awake"))
        yield* group.resume
        assert.strictEqual((yield* late.result).stdout, "awake\n")
        yield* group.kill
        assert.deepEqual(survivors(), [])
      })
  )

  // X3
  it.effect("a polluted Object.prototype sets no option of a start", () =>
    Effect.gen(function*() {
      // Not "signal": with that one Node cannot make any socket at all.
      const keys = ["shell", "cwd", "uid", "gid", "argv0", "detached", "stdio", "env", "timeout", "stdin", "stdout"]
      const pollute = Effect.sync(() => {
        for (const key of keys) {
          Reflect.defineProperty(Object.prototype, key, { value: "/nonexistent", configurable: true, writable: true })
        }
      })
      const clean = Effect.sync(() => {
        for (const key of keys) Reflect.deleteProperty(Object.prototype, key)
      })
      const stdout = yield* Effect.acquireUseRelease(
        pollute,
        () => Command.run(sh("echo \"$0:$1:$POLLUTED\"", ["$(id)"])),
        () => clean
      )
      assert.strictEqual(stdout, "sh:$(id):")
    }))
})
