import { afterAll, assert, beforeAll, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import { eventually, hasProc, openDescriptors, survivors } from "./oracle.ts"
import { assertHides, errorOf, fixture, has, isRoot, reasonOf, run, sh } from "./programs.ts"

let directory = ""
const at = (name: string): string => path.join(directory, name)

/** Writes a file into the directory of this test file. */
const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
  fs.writeFileSync(at(name), content, { mode })
  fs.chmodSync(at(name), mode)
  return at(name)
}

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "processkit-spawn-"))
  fs.chmodSync(directory, 0o755)
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

/** The last line of a fixture's output as JSON. */
const reported = (command: Command.Command) =>
  Effect.map(Command.run(command), (stdout): Record<string, unknown> => JSON.parse(stdout.split("\n").at(-1) ?? ""))

/** A fixture under a limit of the shell. */
const limited = (limit: string, name: string): Command.Command =>
  sh(`${limit}; exec "$@"`, [process.execPath, "--conditions=processkit-source", fixture(name)])

/** What a program says that runs under Node's permission model. */
const underPermissions = (...flags: ReadonlyArray<string>) =>
  reported(Command.make(process.execPath, [
    "--permission",
    "--allow-fs-read=*",
    ...flags,
    "--conditions=processkit-source",
    fixture("may-start-nothing.mjs")
  ]))

layer(NodeProcessRunner.layer, { excludeTestServices: true })("a program that cannot be started", (it) => {
  // S1
  it.effect("a name that is nowhere on PATH is NotFound, with the directories searched and without PATH in the text", () =>
    Effect.gen(function*() {
      const command = Command.make("no-such-program", ["--token=S3CR3T"], { env: { PATH: `/bin:${directory}` } })
      const error = yield* errorOf(Command.run(command))
      assert(error.reason._tag === "NotFound")
      assert.strictEqual(error.reason.program, "no-such-program")
      assert.deepEqual(error.reason.searched, ["/bin", directory])
      assert.notInclude(error.message, directory)
      assertHides(error, "S3CR3T")
    }))

  // S1
  it.effect("a path where nothing is is NotFound, without a search", () =>
    Effect.gen(function*() {
      for (const program of [at("missing"), "./missing"]) {
        const reason = yield* reasonOf(Command.run(Command.make(program, { cwd: directory })))
        assert(reason._tag === "NotFound")
        assert.strictEqual(reason.searched, undefined)
      }
    }))

  // S2
  it.effect("a working directory that cannot be used is InvalidCwd, and the program is not blamed", () =>
    Effect.gen(function*() {
      fs.symlinkSync("loop-directory", at("loop-directory"))
      const cases: ReadonlyArray<readonly [cwd: string, errno: string]> = [
        [at("missing"), "ENOENT"],
        [file("a-file", "text"), "ENOTDIR"],
        [at("a-file/below"), "ENOTDIR"],
        [at("loop-directory"), "ELOOP"],
        [at("n".repeat(300)), "ENAMETOOLONG"]
      ]
      for (const [cwd, errno] of cases) {
        const error = yield* errorOf(Command.run(Command.make("true", { cwd })))
        assert(error.reason._tag === "InvalidCwd", error.reason._tag)
        assert.strictEqual(error.reason.errno, errno)
        assert.strictEqual(error.reason.cwd, cwd)
        assert.notInclude(error.message, "not found")
        assert.include(error.message, "working directory")
      }
    }))

  // S2, S3
  it.effect("an ordinary user gets InvalidCwd for a directory that may not be entered, and may run what cannot be read", () =>
    Effect.gen(function*() {
      fs.mkdirSync(at("closed"), { mode: 0o700 })
      fs.copyFileSync("/bin/true", at("closed/program"))
      if (!isRoot) fs.chmodSync(at("closed"), 0)
      fs.copyFileSync("/bin/true", at("unreadable"))
      fs.chmodSync(at("unreadable"), 0o111)
      const script = file("unreadable-script", "#!/bin/sh\necho read\n", 0o111)
      const report = yield* reported(run("without-rights.mjs", [at("closed"), at("unreadable"), script]))
      assert.strictEqual(report["cwd"], "InvalidCwd EACCES")
      assert.strictEqual(report["inside"], "PermissionDenied EACCES")
      assert.strictEqual(report["search"], "NotFound undefined")
      assert.deepInclude(report["unreadable"], { outcome: { _tag: "Exited", code: 0 } })
      // The kernel executes the script, and the interpreter may not read it.
      assert.nestedPropertyVal(report, "script.outcome._tag", "Exited")
      if (!isRoot) fs.chmodSync(at("closed"), 0o700)
    }))

  // The message had named the guardian of process groups, and a mechanism had been predicted that could not be had.
  it.effect("under a permission model without children nothing is predicted that cannot be had, and it says what to do", () =>
    Effect.gen(function*() {
      const forbidden = yield* underPermissions()
      const detail = "the permission model of Node forbids it: run node with --allow-child-process"
      assert.include(forbidden["message"], detail)
      if (process.platform === "linux") {
        assert.deepInclude(forbidden["refused"], { mechanism: "subreaper", reason: detail })
      }
      assert.deepInclude(yield* underPermissions("--allow-child-process"), { message: "started" })
    }))

  // S3
  it.effect("a file without execute permission and a directory are PermissionDenied", () =>
    Effect.gen(function*() {
      for (const program of [file("not-executable", "#!/bin/sh\n", 0o644), directory]) {
        const reason = yield* reasonOf(Command.run(Command.make(program)))
        assert.strictEqual(reason._tag, "PermissionDenied")
      }
    }))

  // S3
  it.effect("a file on PATH that may not be executed is passed over, and the reason where nothing better follows", () =>
    Effect.gen(function*() {
      fs.mkdirSync(at("first"))
      file("first/tool", "#!/bin/sh\necho first\n", 0o644)
      fs.mkdirSync(at("second/tool"), { recursive: true })
      fs.mkdirSync(at("third"))
      file("third/tool", "#!/bin/sh\necho third\n")
      const env = (...names: Array<string>) => ({ env: { PATH: [...names.map(at), "/bin", "/usr/bin"].join(":") } })
      assert.strictEqual(yield* Command.run(Command.make("tool", env("first", "second", "third"))), "third")
      const reason = yield* reasonOf(Command.run(Command.make("tool", env("first", "second"))))
      assert.strictEqual(reason._tag, "PermissionDenied")
    }))

  // S4
  it.effect("a file that only a shell would run is ExecFormat, and no shell runs it", () =>
    Effect.gen(function*() {
      const elf = fs.readFileSync("/bin/true")
      const ran = at("a-shell-ran")
      const programs = [
        fixture("no-shebang.sh"),
        file("text", `touch ${ran}\n`),
        file("empty", ""),
        file("truncated", elf.subarray(0, 100)),
        file("cut-in-headers", elf.subarray(0, 40)),
        file("long-shebang", `#!/${"x".repeat(300)}\ntouch ${ran}\n`),
        file("shebang-without-interpreter", `#!\ntouch ${ran}\n`),
        file("byte-order-mark", `\uFEFF#!/bin/sh\ntouch ${ran}\n`)
      ]
      fs.chmodSync(at("text"), 0o755)
      for (const program of programs) {
        fs.copyFileSync(program, at("program"))
        fs.chmodSync(at("program"), 0o755)
        const reason = yield* reasonOf(Command.run(Command.make(at("program"))))
        assert(reason._tag === "ExecFormat", `${program}: ${reason._tag}`)
        assert.strictEqual(reason.interpreter, undefined)
      }
      assert.isFalse(fs.existsSync(ran))
    }))

  // S5
  it.effect("a script whose interpreter is missing is ExecFormat and names the interpreter, with a carriage return too", () =>
    Effect.gen(function*() {
      const missing = yield* errorOf(Command.run(Command.make(file("missing-interpreter", "#!/no/such/interp -x\n"))))
      assert(missing.reason._tag === "ExecFormat")
      assert.strictEqual(missing.reason.interpreter, "/no/such/interp")
      const crlf = yield* errorOf(Command.run(Command.make(file("crlf", "#!/bin/sh\r\necho no\r\n"))))
      assert(crlf.reason._tag === "ExecFormat")
      assert.strictEqual(crlf.reason.interpreter, "/bin/sh\r")
      assert.notInclude(crlf.message, "\r")
    }))

  // S5
  it.effect("a script whose interpreter is a script, or is given relative to the working directory, runs", () =>
    Effect.gen(function*() {
      file("interpreter", "#!/bin/sh\necho interpreted\n")
      const nested = file("nested", `#!${at("interpreter")}\n`)
      const relative = file("relative", "#!./interpreter\n")
      assert.strictEqual(yield* Command.run(Command.make(nested)), "interpreted")
      assert.strictEqual(yield* Command.run(Command.make(relative, { cwd: directory })), "interpreted")
      const elsewhere = yield* reasonOf(Command.run(Command.make(relative, { cwd: "/" })))
      assert.strictEqual(elsewhere._tag, "ExecFormat")
    }))

  // S6
  it.effect("symlink loop, too long name, file on the way: each is a typed failure with its errno", () =>
    Effect.gen(function*() {
      fs.symlinkSync("loop", at("loop"))
      const loop = yield* reasonOf(Command.run(Command.make(at("loop"))))
      assert.deepInclude(loop, { _tag: "SpawnFailed", errno: "ELOOP" })
      const long = yield* reasonOf(Command.run(Command.make(at("n".repeat(300)))))
      assert.deepInclude(long, { _tag: "SpawnFailed", errno: "ENAMETOOLONG" })
      const longPath = yield* reasonOf(Command.run(Command.make(`/${"n/".repeat(3000)}x`)))
      assert.deepInclude(longPath, { _tag: "SpawnFailed", errno: "ENAMETOOLONG" })
      const longName = yield* reasonOf(Command.run(Command.make("n".repeat(300))))
      assert.strictEqual(longName._tag, "NotFound")
      const way = yield* reasonOf(Command.run(Command.make("/etc/passwd/program")))
      assert.strictEqual(way._tag, "NotFound")
    }))

  // S6
  it.effect("a program that is open for writing is SpawnFailed with ETXTBSY, which is worth another try", () =>
    Effect.gen(function*() {
      fs.copyFileSync("/bin/true", at("busy"))
      const fd = fs.openSync(at("busy"), "r+")
      const error = yield* Effect.ensuring(
        errorOf(Command.run(Command.make(at("busy")))),
        Effect.sync(() => fs.closeSync(fd))
      )
      assert.deepInclude(error.reason, { _tag: "SpawnFailed", errno: "ETXTBSY" })
      assert.isTrue(error.isTransient)
      yield* Command.run(Command.make(at("busy")))
    }))

  // S7
  it.effect("an argument of 131071 bytes passes, one of 131072 is ArgumentListTooLong, and so are too many", () =>
    Effect.gen(function*() {
      const length = yield* Command.run(sh("printf %s \"$1\" | wc -c", ["x".repeat(131_071)]))
      assert.strictEqual(Number(length), 131_071)
      const tooLong = yield* reasonOf(Command.run(Command.make("true", ["x".repeat(131_072)])))
      assert(tooLong._tag === "ArgumentListTooLong")
      assert.isAtLeast(tooLong.bytes, 131_072)
      const many = Array.from({ length: 80 }, () => "x".repeat(100_000))
      const tooMany = yield* errorOf(Command.run(Command.make("true", many)))
      assert(tooMany.reason._tag === "ArgumentListTooLong")
      assert.isAtLeast(tooMany.reason.bytes, 8_000_000)
      assert.isFalse(tooMany.isTransient)
      const inEnvironment = yield* reasonOf(Command.run(Command.make("true", { env: { BIG: "x".repeat(131_072) } })))
      assert.strictEqual(inEnvironment._tag, "ArgumentListTooLong")
    }))

  // S14
  it.effect.skipIf(!has("/proc", hasProc))(
    "an owner without descriptors gets ResourceExhausted, leaks none, keeps and ends what runs",
    () =>
      Effect.gen(function*() {
        const report = yield* reported(limited("ulimit -n 60", "without-descriptors.mjs"))
        // The first start leaves the pipe of the guardian, what Node opens with its first child, and a reserve for a moment.
        for (const [key, most] of [["first", 4], ["later", 0]] as const) {
          const { failures, leaked } = Object(report[key])
          assert.isAtMost(leaked, most)
          assert.isBelow(failures.length, 24)
          assert.match(String(failures), /^ResourceExhausted EMFILE(,ResourceExhausted EMFILE)*$/)
        }
        assert.deepInclude(report, { echoed: "still here\n", stopped: "Success", members: [] })
      })
  )

  // S15
  it.effect.skipIf(!has("root, to become a user at its process limit", isRoot))(
    "an owner that may not fork gets ResourceExhausted with EAGAIN, and nothing is left open",
    () =>
      Effect.gen(function*() {
        const report = yield* reported(limited("ulimit -u 2 2>/dev/null || ulimit -p 2", "without-processes.mjs"))
        assert.deepEqual(report, { reason: "ResourceExhausted", errno: "EAGAIN", leaked: 0 })
      })
  )

  // S1, S14, L4
  it.effect.skipIf(!has("/proc", hasProc))(
    "failed starts leave no process and no descriptor",
    () =>
      Effect.gen(function*() {
        const failing = [
          Command.make("no-such-program"),
          Command.make("true", { cwd: at("missing") }),
          Command.make(directory),
          Command.make("true", ["x".repeat(131_072)], { stdin: "pipe" }),
          Command.make("true", { stdin: at("missing") }),
          Command.make(fixture("no-shebang.sh"))
        ]
        const before = openDescriptors()
        const listeners = process.eventNames().length
        for (let i = 0; i < 20; i++) {
          yield* Effect.forEach(failing, (command) => Effect.exit(Command.run(command)), { concurrency: "unbounded" })
        }
        yield* eventually("every descriptor is closed", () => openDescriptors() <= before)
        assert.strictEqual(process.eventNames().length, listeners)
        assert.deepEqual(survivors(), [])
      })
  )
})
