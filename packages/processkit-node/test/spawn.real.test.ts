import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { text } from "node:stream/consumers"
import { inspect } from "node:util"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroupBackend from "../src/internal/processGroupBackend.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { collect, eventually, exitOf, fixture, inContainer, isInheritable, request } from "./world.ts"

const table = fs.existsSync("/proc/self/stat") ? "proc" : "ps"
const isLinux = process.platform === "linux"
const descriptors = () => fs.readdirSync("/dev/fd").length

let directory = ""
const at = (name: string) => path.join(directory, name)

const file = (name: string, content: string | Uint8Array, mode = 0o755) => {
  fs.writeFileSync(at(name), content)
  fs.chmodSync(at(name), mode)
  return at(name)
}

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "processkit-spawn-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true }))

/** Starts and must fail; nothing may be left of the attempt. */
const refused = (
  program: string,
  args: ReadonlyArray<string> = [],
  more: Partial<ProcessBackend.SpawnRequest> = {}
): Effect.Effect<ProcessError.Reason, ProcessError.ProcessError> =>
  inContainer(table, ({ container }) =>
    Effect.gen(function*() {
      yield* Effect.flatMap(container.spawn(request("/bin/true")), exitOf) // the guardian is there from now on
      const before = descriptors()
      const options = { stdin: "pipe", stdout: "pipe", stderr: "pipe", ...more } as const
      const result = yield* Effect.result(container.spawn(request(program, args, options)))
      if (Result.isSuccess(result)) return yield* Effect.die(new Error("it was started"))
      yield* eventually("no descriptor is left", () => descriptors() <= before)
      return result.failure.reason
    }))

/** Runs to the end and gives what was printed. */
const output = (program: string, args: ReadonlyArray<string> = [], more: Partial<ProcessBackend.SpawnRequest> = {}) =>
  inContainer(table, ({ container }) =>
    Effect.gen(function*() {
      const child = yield* container.spawn(request(program, args, { stdout: "pipe", ...more }))
      const text = collect(child.stdout)
      const { exit } = yield* exitOf(child)
      if (child.stdout !== undefined) yield* eventually("the output ends", () => text.ended)
      return { text: text.text, exit }
    }))

const only = (variables: Record<string, string>): ProcessBackend.Environment => ({
  base: "empty",
  set: Object.entries(variables)
})

describe("a program that cannot be started", () => {
  it.live("is NotFound with the directories that were searched", () =>
    Effect.gen(function*() {
      const reason = yield* refused("no-such-program", [], { env: only({ PATH: "/bin::relative:/usr/bin" }) })
      assert.propertyVal(reason, "_tag", "NotFound")
      assert.deepPropertyVal(reason, "searched", ["/bin", "/usr/bin"])
      assert.propertyVal(yield* refused(at("missing")), "searched", undefined)
    }))

  it.live("is PermissionDenied where it is a directory or lacks the execute permission", () =>
    Effect.gen(function*() {
      file("plain", "#!/bin/sh\n", 0o644)
      for (const program of [directory, at("plain")]) {
        assert.propertyVal(yield* refused(program), "_tag", "PermissionDenied")
      }
      assert.propertyVal(yield* refused("plain", [], { env: only({ PATH: directory }) }), "_tag", "PermissionDenied")
    }))

  it.live("is InvalidCwd where the working directory is missing or a file", () =>
    Effect.gen(function*() {
      for (const [cwd, errno] of [[at("missing"), "ENOENT"], [file("a-file", ""), "ENOTDIR"]] as const) {
        const reason = yield* refused("true", [], { cwd })
        assert.propertyVal(reason, "_tag", "InvalidCwd")
        assert.propertyVal(reason, "errno", errno)
      }
    }))

  it.live("is ExecFormat where the kernel would not execute it, and no shell gets it instead", () =>
    Effect.gen(function*() {
      const trace = at("trace")
      const node = fs.readFileSync(process.execPath).subarray(0, 100)
      for (
        const program of [
          file("empty", ""),
          file("no-shebang", `touch ${trace}\n`),
          file("long-shebang", `#!/${"x".repeat(300)}\ntouch ${trace}\n`),
          file("truncated", node),
          file("runs-no-shebang", `#!${at("no-shebang")}\n`)
        ]
      ) {
        const reason = yield* refused(program)
        assert.propertyVal(reason, "_tag", "ExecFormat", program)
      }
      assert.isFalse(fs.existsSync(trace))
    }))

  it.live("names the interpreter that does not exist", () =>
    Effect.gen(function*() {
      for (
        const [program, interpreter] of [
          [file("missing-interpreter", "#!/no/such/interpreter\n"), "/no/such/interpreter"],
          [file("crlf", "#!/bin/sh\r\n"), "/bin/sh\r"]
        ] as const
      ) {
        const reason = yield* refused(program)
        assert.propertyVal(reason, "_tag", "ExecFormat")
        assert.propertyVal(reason, "interpreter", interpreter)
      }
    }))

  it.live("is SpawnFailed with the errno for everything strange about its path", () =>
    Effect.gen(function*() {
      fs.symlinkSync(at("loop"), at("loop"))
      const long = `/${"x".repeat(300)}`
      for (const [program, errno] of [[at("loop"), "ELOOP"], [long, "ENAMETOOLONG"]] as const) {
        const reason = yield* refused(program)
        assert.propertyVal(reason, "_tag", "SpawnFailed", errno)
        assert.propertyVal(reason, "errno", errno)
      }
      assert.propertyVal(yield* refused(`${file("a-file", "")}/x`), "_tag", "NotFound")
    }))

  it.live.skipIf(!isLinux)("is SpawnFailed with ETXTBSY while somebody writes to it", () =>
    Effect.gen(function*() {
      const busy = file("busy", fs.readFileSync("/bin/true"))
      const fd = fs.openSync(busy, "r+")
      const error = yield* Effect.ensuring(refused(busy), Effect.sync(() => fs.closeSync(fd)))
      assert.propertyVal(error, "errno", "ETXTBSY")
    }))

  it.live("is ArgumentListTooLong with the number of bytes", () =>
    Effect.gen(function*() {
      const args = Array.from({ length: 400 }, () => "x".repeat(100_000))
      const reason = yield* refused("true", args, { env: only({}) })
      assert.propertyVal(reason, "_tag", "ArgumentListTooLong")
      assert.propertyVal(reason, "bytes", 400 * 100_001 + 5)
    }))

  it.live("is IoFailed where a file for a stream cannot be opened, and NotFound stays NotFound", () =>
    Effect.gen(function*() {
      const stdin = { _tag: "File", path: at("missing") } as const
      const reason = yield* refused("true", [], { stdin })
      assert.propertyVal(reason, "_tag", "IoFailed")
      assert.propertyVal(reason, "errno", "ENOENT")
      assert.propertyVal(yield* refused(at("missing"), [], { stdin }), "_tag", "NotFound")
    }))

  it.live("is Unsupported where a stream is a named pipe, instead of blocking the owner", () =>
    Effect.gen(function*() {
      spawnSync("mkfifo", [at("fifo")])
      const stdin = { _tag: "File", path: at("fifo") } as const
      assert.propertyVal(yield* refused("cat", [], { stdin }), "_tag", "Unsupported")
      assert.propertyVal(yield* refused("cat", [], { stderr: { ...stdin, append: true } }), "_tag", "Unsupported")
    }))

  it.live("tells nothing of its arguments, in no rendering of the error", () =>
    Effect.gen(function*() {
      const secret = "S3CR3T"
      const env = only({ TOKEN: secret })
      for (const [program, more] of [["nope", {}], ["true", { cwd: "/nope" }], [at("loop"), {}]] as const) {
        const reason = yield* refused(program, [`--token=${secret}`], { env, ...more })
        assert.notInclude(
          [inspect(reason, { depth: 9 }), JSON.stringify(reason), String(reason), reason.stack].join(),
          secret
        )
      }
      const long = yield* refused("true", [secret + "x".repeat(200_000)])
      assert.notInclude(inspect(long, { depth: 9 }), secret)
    }))
})

/** What a fixture prints that starts processes under a limit until one is refused, as nobody where that is possible. */
const underLimit = (limit: string) =>
  Effect.promise(() => {
    const command = `ulimit ${limit} && exec "$0" --conditions=processkit-source "$1"`
    const args = ["-c", command, process.execPath, fixture("starts-too-much.ts")]
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const child = spawn("/bin/bash", args, { ...nobody, cwd: "/", stdio: ["ignore", "pipe", "inherit"] })
    return text(child.stdout).then((printed): unknown => JSON.parse(printed))
  })

describe.runIf(isLinux)("a start that the operating system has no resources for", () => {
  const recovered = { descriptorsLost: 0, survivors: 0, after: "Exited", unhandled: 0 }

  const limitsHold = process.getuid?.() !== 0 || canBecomeOther
  if (!limitsHold) console.warn(`starts-too-much.ts: not tested, because it needs ${missingForOther}`)

  it.live.runIf(limitsHold)(
    "is ResourceExhausted when descriptors run out, and what is alive can still be ended",
    () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* underLimit("-n 64"), {
          reason: "ResourceExhausted",
          errno: "EMFILE",
          ...recovered
        })
      })
  )

  it.live.runIf(limitsHold)(
    "is ResourceExhausted when processes run out, and what is alive can still be ended",
    () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* underLimit("-u 60"), {
          reason: "ResourceExhausted",
          errno: "EAGAIN",
          ...recovered
        })
      })
  )
})

describe("a program", () => {
  it.live("gets its arguments byte for byte, and its name as it was given", () =>
    Effect.gen(function*() {
      const args = ["", " ", "a b", "$HOME", "`id`", "*", "\n", "ä€😀", "--", "-x", "'\"", "\\", "\t;&|<>"]
      const script = "process.stdout.write(JSON.stringify([process.argv0, process.argv.slice(1)]))"
      const link = at("name with space")
      fs.symlinkSync(process.execPath, link)
      const { text } = yield* output(link, ["-e", script, "--", ...args])
      assert.deepStrictEqual(JSON.parse(Buffer.from(text, "latin1").toString()), [link, args])
    }))

  it.live("sees the environment that was described, and nothing of a polluted prototype", () =>
    Effect.gen(function*() {
      const pollution = { shell: "/bin/false", EVIL: "1", cwd: "/nope", uid: 65_534, argv0: "evil", detached: false }
      Object.assign(Object.prototype, pollution)
      const clean = Effect.sync(() => {
        for (const key of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, key)
      })
      const { text } = yield* Effect.ensuring(output("/usr/bin/env", [], { env: only({ A: "1", B: "" }) }), clean)
      assert.deepStrictEqual(text.split("\n").filter((entry) => !entry.startsWith("NODE_V8_COVERAGE")), [
        "A=1",
        "B=",
        ""
      ])
    }))

  it.live("leads a session and a process group of its own", () =>
    Effect.gen(function*() {
      if (!isLinux) return
      const { text } = yield* output("/bin/cat", ["/proc/self/stat"])
      const [pid, , , , pgid, session] = text.split(" ")
      assert.deepStrictEqual([pgid, session], [pid, pid])
    }))

  it.live.skipIf(!isLinux)("has no descriptors but its three", () =>
    Effect.gen(function*() {
      const held = fs.openSync("/dev/null", "r")
      const { text } = yield* Effect.ensuring(
        output("/bin/ls", ["/proc/self/fd"]),
        Effect.sync(() => fs.closeSync(held))
      )
      const inherited = new Set(fs.readdirSync("/proc/self/fd").filter(isInheritable))
      // 3 is the directory that ls reads. What the owner itself inherited without close-on-exec cannot be kept back.
      assert.deepStrictEqual(text.trim().split("\n").filter((fd) => !inherited.has(fd)), ["0", "1", "2", "3"])
    }))

  it.live("is looked up in the PATH that it will have", () =>
    Effect.gen(function*() {
      file("greet", "#!/bin/sh\necho hello\n")
      assert.strictEqual((yield* output("greet", [], { env: only({ PATH: `.:${directory}` }) })).text, "hello\n")
      assert.strictEqual((yield* output("greet", [], { preferLocal: [directory] })).text, "hello\n")
      assert.strictEqual((yield* output("./greet", [], { cwd: directory })).text, "hello\n")
      assert.strictEqual((yield* output("sh", ["-c", "echo hello"], { env: only({}) })).text, "hello\n")
      assert.propertyVal(yield* refused("greet", [], { cwd: directory, env: only({ PATH: "" }) }), "_tag", "NotFound")
    }))

  it.live("is located without being started exactly as a start would", () =>
    Effect.gen(function*() {
      const backend = ProcessGroupBackend.make({ table })
      file("located", "#!/bin/sh\n")
      const found = yield* backend.resolve(request("located", [], { preferLocal: [directory] }))
      assert.strictEqual(found, at("located"))
      const error = yield* Effect.flip(backend.resolve(request("empty-located", [], { preferLocal: [directory] })))
      assert.propertyVal(error.reason, "_tag", "NotFound")
    }))

  it.live("that changed on disk is looked at again", () =>
    Effect.gen(function*() {
      const program = file("changing", "#!/bin/sh\necho one\n")
      assert.strictEqual((yield* output(program)).text, "one\n")
      file("changing", "echo two, without interpreter\n")
      assert.propertyVal(yield* refused(program), "_tag", "ExecFormat")
    }))

  it.live("reads from a file, and writes, appends and shares files", () =>
    Effect.gen(function*() {
      const stdin = { _tag: "File", path: file("input", "from a file\n") } as const
      const out = (append: boolean) => ({ _tag: "File", path: at("out"), append }) as const
      yield* output("cat", [], { stdin, stdout: out(false) })
      yield* output("cat", [], { stdin, stdout: out(true) })
      assert.strictEqual(fs.readFileSync(at("out"), "utf8"), "from a file\nfrom a file\n")
      const both = { stdout: out(false), stderr: out(false) }
      yield* output("sh", ["-c", "echo one; echo two >&2; echo three"], both)
      assert.strictEqual(fs.readFileSync(at("out"), "utf8"), "one\ntwo\nthree\n")
    }))

  it.live("exits with its code, or by the name and number of a signal", () =>
    Effect.gen(function*() {
      for (const code of [0, 1, 125, 126, 127, 128, 143, 255]) {
        const { exit } = yield* output("sh", ["-c", `exit ${code}`])
        assert.deepStrictEqual(exit, { _tag: "Exited", code })
      }
      for (const name of ["HUP", "INT", "QUIT", "ILL", "ABRT", "KILL", "SEGV", "USR1", "PIPE", "TERM"] as const) {
        const { exit } = yield* output("/bin/sh", [fixture("dies-by-signal.sh"), name])
        assert.strictEqual(exit._tag === "Signaled" ? exit.signal : exit._tag, `SIG${name}`)
        assert.strictEqual(exit._tag === "Signaled" ? exit.number : 0, os.constants.signals[`SIG${name}`])
      }
    }))

  it.live.skipIf(!isLinux)(
    "killed by a real-time signal seems to exit with 0, which the containment admits",
    () =>
      Effect.gen(function*() {
        const { exit } = yield* output("/bin/bash", [fixture("dies-by-signal.sh"), "RTMIN+3"])
        assert.deepStrictEqual(exit, { _tag: "Exited", code: 0 })
        assert.isFalse(ProcessGroupBackend.make().containment.realTimeSignals)
      })
  )
})
