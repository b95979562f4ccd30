import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as Host from "../src/internal/host/host.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import { FileFlag, type Stage, stages } from "../src/internal/host/hostProtocol.ts"
import * as Requests from "../src/internal/host/hostRequests.ts"
import { binary, eventually, isSupported, makeMark, Null, request, shell } from "./hostWorld.ts"

const own = { platform: process.platform, arch: process.arch }
const name = HostBinary.nameFor(own) ?? "none"

const temporary = (body: (directory: string) => Effect.Effect<unknown, unknown>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "host-"))),
    body,
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

const leftovers = () => fs.readdirSync(os.tmpdir()).filter((entry) => entry.startsWith("processkit-")).length

describe.runIf(isSupported)("the binary of the host", () => {
  it("is small, static, and needs nothing of the system's libraries", () => {
    for (const file of ["processkit-host-x64", "processkit-host-arm64"]) {
      const bytes = fs.readFileSync(path.join(HostBinary.directory, file))
      assert.isBelow(bytes.length, 100 << 10)
      assert.strictEqual(bytes.readUInt16LE(16), 2) // ET_EXEC
      const table = Number(bytes.readBigUInt64LE(32))
      const types = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => bytes.readUInt32LE(table + i * 56))
      assert.notInclude(types, 3) // PT_INTERP
      assert.notInclude(types, 2) // PT_DYNAMIC
    }
  })

  it("says what it is, and refuses roles that it does not have", () => {
    assert.strictEqual(execFileSync(binary, ["--version"], { encoding: "utf8" }), "processkit-host protocol 1\n")
    for (const args of [[], ["other"], ["launch"], ["launch", "2"], ["launch", "3x"], ["host", "more"]]) {
      assert.throws(() => execFileSync(binary, args, { stdio: "ignore" }), /./)
    }
  })

  it.live("is copied where the installed file may not be executed, and the copy is removed", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        fs.copyFileSync(path.join(HostBinary.directory, name), path.join(directory, name))
        fs.chmodSync(path.join(directory, name), 0o644)
        const before = leftovers()
        const host = yield* Host.connect("direct", () => HostBinary.candidates(directory))
        yield* host.ping
        assert.strictEqual(leftovers(), before)
        host.close()
        yield* eventually("the host is gone", () => !fs.existsSync(`/proc/${host.pid}`))
      })
    ))

  it.live("is refused where it is not the published file, with the reason", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        fs.writeFileSync(path.join(directory, name), "#!/bin/sh\nexit 0\n", { mode: 0o755 })
        const refused = yield* Effect.flip(Host.connect("direct", () => HostBinary.candidates(directory)))
        assert.deepStrictEqual(refused.rejected, [{
          path: path.join(directory, name),
          why: "is not the file that this version was published with"
        }])
      })
    ))

  it.live("is refused where it is missing, and on a machine that it was not built for", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        const missing = yield* Effect.flip(Host.connect("direct", () => HostBinary.candidates(directory)))
        assert.match(missing.rejected[0]?.why ?? "", /^cannot be read \(ENOENT\)$/)
        const foreign = { platform: "linux", arch: "s390x" }
        const none = yield* Effect.flip(Host.connect("direct", () => HostBinary.candidates(directory, foreign)))
        assert.strictEqual(none.rejected[0]?.why, "holds no host for linux-s390x")
        const prototype = { platform: "linux", arch: "__proto__" }
        assert.isUndefined(HostBinary.nameFor(prototype))
      })
    ))

  it.live("is given up where another program answers in its place", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        const tries = [["silent", "exit 0"], ["loud", "echo 'this is no event at all' >&4; sleep 600"]] as const
        for (const [name, script] of tries) {
          const file = path.join(directory, name)
          fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
          const candidates = () => [Result.succeed({ path: file, discard: () => {} })]
          const { rejected } = yield* Effect.flip(Host.connect("direct", candidates))
          assert.match(rejected[0]?.why ?? "", /^was started, but /)
        }
        execFileSync("/usr/bin/pkill", ["-f", "^/bin/sh .*/loud host$"])
      })
    ))

  it.live("is started once for everybody who asks, and again after its loss", () =>
    Effect.gen(function*() {
      const hosts = yield* Effect.all([Host.acquire("direct"), Host.acquire("direct"), Host.acquire("direct")], {
        concurrency: "unbounded"
      })
      const [first] = hosts
      assert.strictEqual(new Set(hosts).size, 1)
      assert.strictEqual(Host.running("direct"), first)
      process.kill(first.pid, "SIGKILL")
      yield* eventually("the loss is known", first.isLost)
      const next = yield* Host.acquire("direct")
      assert.notStrictEqual(next.pid, first.pid)
      next.close()
      yield* eventually("the host is gone", () => !fs.existsSync(`/proc/${next.pid}`))
    }))
})

/** Starts a program through the launcher role, as a backend does for what only Node can start. */
const launch = async (
  spawnRequest: Parameters<typeof Requests.spawn>[1],
  stdio: Array<"inherit" | "pipe" | "ignore">
) => {
  const child = spawn(binary, ["launch", "3"], { stdio: [...stdio, "pipe"] })
  const socket = child.stdio[3]
  if (!(socket instanceof net.Socket)) throw new Error("no socket")
  const answer: Array<Buffer> = []
  socket.on("data", (chunk: Buffer) => answer.push(chunk))
  const printed = child.stdout === null ? Promise.resolve("") : new Promise<string>((resume) => {
    let text = ""
    child.stdout?.on("data", (chunk) => text += String(chunk)).on("close", () => resume(text))
  })
  socket.write(Result.getOrThrow(Requests.spawn(1, spawnRequest)))
  const [code] = await once(child, "exit")
  if (!socket.closed) await once(socket, "close")
  const records = Buffer.concat(answer)
  const result: Array<readonly [Stage | undefined, number]> = []
  for (let at = 0; at + 8 <= records.length; at += 8) {
    result.push([stages[records.readUInt32LE(at)], records.readInt32LE(at + 4)])
  }
  return { code, pid: child.pid, records: result, stdout: await printed }
}

describe.runIf(isSupported)("a launcher", () => {
  const streams = [{ _tag: "Inherit" }, { _tag: "Inherit" }, { _tag: "Inherit" }] as const

  it.live("becomes the program in the process that Node started, with its attributes", () =>
    Effect.promise(async () => {
      const spawned = await launch(
        shell("umask; cut -d ' ' -f 6 /proc/$$/stat; cat /proc/$$/comm; ls /proc/self/fd | wc -l; exit 3", {
          streams,
          attributes: { umask: 0o077, session: true }
        }),
        ["ignore", "pipe", "inherit"]
      )
      assert.strictEqual(spawned.stdout, `0077\n${spawned.pid}\nsh\n4\n`)
      assert.deepStrictEqual([spawned.code, spawned.records], [3, [["executing", spawned.pid]]])
    }))

  it.live("stays in the session of its owner where none is asked for", () =>
    Effect.promise(async () => {
      const session = fs.readFileSync("/proc/self/stat", "latin1").split(" ")[5]
      const { stdout } = await launch(shell("cut -d ' ' -f 6 /proc/$$/stat", { streams }), [
        "ignore",
        "pipe",
        "inherit"
      ])
      assert.strictEqual(stdout, `${session}\n`)
    }))

  it.live("says why it could not", () =>
    Effect.promise(async () => {
      const failures: ReadonlyArray<readonly [Parameters<typeof launch>[0], Stage, number]> = [
        [request("/does/not/exist", [], { streams }), "exec", os.constants.errno.ENOENT],
        [request("/bin/true", [], { streams, cgroup: "/does/not/exist" }), "container", os.constants.errno.ENOENT],
        [request("/bin/true", [], { streams: [Null, Null, Null] }), "request", os.constants.errno.EINVAL],
        [
          request("/bin/true", [], {
            streams: [{ _tag: "File", path: "/nope", flags: FileFlag.read, mode: 0 }, ...streams.slice(1)] as never
          }),
          "stream",
          os.constants.errno.ENOENT
        ]
      ]
      for (const [spawnRequest, stage, errno] of failures) {
        const { code, records } = await launch(spawnRequest, ["ignore", "ignore", "inherit"])
        assert.deepStrictEqual([code, records.at(-1)], [127, [stage, errno]])
      }
    }))

  it.live("leaves nothing behind when its owner says nothing", () =>
    Effect.promise(async () => {
      const mark = makeMark()
      const child = spawn(binary, ["launch", "3"], {
        env: { M: mark.entry },
        stdio: ["ignore", "ignore", "ignore", "pipe"]
      })
      child.stdio[3]?.destroy()
      const [code] = await once(child, "exit")
      assert.strictEqual(code, 127)
    }))
})
