import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { text as streamText } from "node:stream/consumers"
import * as Host from "../src/internal/host/host.ts"
import * as HostBinary from "../src/internal/host/hostBinary.ts"
import { type Launch } from "../src/internal/host/hostLaunch.ts"
import * as Launcher from "../src/internal/host/hostLaunch.ts"
import { type Spawn, type Stage, version } from "../src/internal/host/hostProtocol.ts"
import * as Requests from "../src/internal/host/hostRequests.ts"
import {
  binary,
  eventually,
  isInstrumented,
  isSupported,
  makeMark,
  Null,
  Pipe,
  request,
  run,
  shell,
  startFailure
} from "./hostWorld.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { fixture, has, isRoot } from "./programs.ts"
import { hasPython } from "./python.ts"

const own = { platform: process.platform, arch: process.arch }
const name = HostBinary.nameFor(own) ?? "none"

const temporary = (body: (directory: string) => Effect.Effect<unknown, unknown>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "host-"))),
    body,
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

/** The types of an ELF file's segments: what the kernel and a loader have to do for it. Source: elf(5). */
const segmentsOf = (file: string): ReadonlyArray<number> => {
  const bytes = fs.readFileSync(file)
  const table = Number(bytes.readBigUInt64LE(32))
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => bytes.readUInt32LE(table + i * 56))
}

const interpreter = 3 // PT_INTERP

/** A directory for temporary files in which nobody else makes any. */
const withTemporaryFilesIn = <A, E>(directory: string, body: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env["TMPDIR"]
      process.env["TMPDIR"] = directory
      return before
    }),
    () => body,
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"]
        else process.env["TMPDIR"] = before
      })
  )

describe.runIf(isSupported)("the binary of the host", () => {
  it("is small, static, and needs nothing of the system's libraries", () => {
    for (const file of ["processkit-host-x64", "processkit-host-arm64"]) {
      const bytes = fs.readFileSync(path.join(HostBinary.directory, file))
      assert.isBelow(bytes.length, 100 << 10)
      assert.strictEqual(bytes.readUInt16LE(16), 2) // ET_EXEC
      const segments = segmentsOf(path.join(HostBinary.directory, file))
      assert.notInclude(segments, interpreter)
      assert.notInclude(segments, 2) // PT_DYNAMIC
    }
  })

  it("says what it is, and refuses roles that it does not have", () => {
    assert.strictEqual(
      execFileSync(binary, ["--version"], { encoding: "utf8" }),
      `processkit-host protocol ${version}\n`
    )
    for (
      const args of [[], ["other"], ["launch"], ["launch", "2"], ["launch", "3x"], ["host", "more"], [
        "terminal",
        "more"
      ]]
    ) {
      assert.throws(() => execFileSync(binary, args, { stdio: "ignore" }), /./)
    }
  })

  it.live("is copied where the installed file may not be executed, and the copy is removed", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        fs.copyFileSync(path.join(HostBinary.directory, name), path.join(directory, name))
        fs.chmodSync(path.join(directory, name), 0o644)
        const temporaryFiles = path.join(directory, "temporary")
        fs.mkdirSync(temporaryFiles)
        const connecting = Host.connect("direct", () => HostBinary.candidates(directory))
        const host = yield* withTemporaryFilesIn(temporaryFiles, connecting)
        yield* host.ping
        assert.deepEqual(fs.readdirSync(temporaryFiles), [])
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
        const tries = [["silent", "exit 0"], ["loud", "echo 'this is no event at all' >&4; exec sleep 600"]] as const
        for (const [name, script] of tries) {
          const file = path.join(directory, name)
          fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
          const candidates = () => [Result.succeed({ path: file, discard: () => {} })]
          const { rejected } = yield* Effect.flip(Host.connect("direct", candidates))
          assert.match(rejected[0]?.why ?? "", /^was started, but /)
        }
      })
    ))

  // Node's form of handles is not documented; this is what a Node would look like that has changed it.
  it.live.skipIf(!has(missingForOther, canBecomeOther))(
    "is given up where starts do not work, after one real try",
    () =>
      temporary((directory) =>
        Effect.gen(function*() {
          const file = path.join(directory, "host")
          // A host that may not fork: the limit holds for a user who has no processes but this one.
          const script = `exec setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=1:1 ${binary} "$@"`
          fs.chmodSync(directory, 0o755)
          fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
          const candidates = () => [Result.succeed({ path: file, discard: () => {} })]
          const { rejected } = yield* Effect.flip(Host.connect("direct", candidates))
          assert.match(rejected[0]?.why ?? "", /^was started, but a start failed \((fork, EAGAIN|exec, EACCES)\)$/)
        })
      )
  )

  it.live.skipIf(!hasPython)(
    "is given up where the output of a start never ends",
    () =>
      temporary((directory) =>
        Effect.gen(function*() {
          const file = path.join(directory, "host")
          fs.writeFileSync(file, `#!/bin/sh\nexec python3 ${fixture("never-ends-a-pipe.py")}\n`, { mode: 0o755 })
          const candidates = () => [Result.succeed({ path: file, discard: () => {} })]
          const { rejected } = yield* Effect.flip(Host.connect("direct", candidates))
          assert.strictEqual(rejected[0]?.why, "was started, but a child's pipe brought nothing")
        })
      )
  )

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

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((file) =>
  fs.existsSync(file) && !segmentsOf(file).includes(interpreter)
)

const isolated = isRoot ? "unshare -m" : "unshare -Urm"

const canBeBare = has(
  "a static busybox, a namespace for mounts, and a host that is not instrumented",
  busybox !== undefined && !isInstrumented && spawnSync("/bin/sh", ["-c", `${isolated} true`]).status === 0
)

/** A root directory with two files in it, and what the kernel has in every container: no C library, no shell, no /etc. */
const bareRoot = (directory: string): string => {
  for (const name of ["dev", "proc"]) fs.mkdirSync(path.join(directory, name))
  fs.writeFileSync(path.join(directory, "dev/null"), "")
  fs.copyFileSync(binary, path.join(directory, "host"))
  fs.copyFileSync(busybox ?? "", path.join(directory, "busybox"))
  const mounts = `mount --rbind /proc '${directory}/proc' && mount --bind /dev/null '${directory}/dev/null'`
  const starter = path.join(directory, "starter")
  const script = `exec ${isolated} /bin/sh -c '${mounts.replaceAll("'", "\"")} && exec chroot "$0" /host "$@"'`
  fs.writeFileSync(starter, `#!/bin/sh\n${script} '${directory}' "$@"\n`, { mode: 0o755 })
  return starter
}

describe.runIf(isSupported && canBeBare)("a system with no C library at all, neither glibc nor musl", () => {
  it.live.each(["direct", "monitored"] as const)(
    "is enough for a %s host, its children, and their end",
    (mode) =>
      temporary((directory) =>
        Effect.gen(function*() {
          const starter = bareRoot(directory)
          const host = yield* Host.connect(mode, () => [Result.succeed({ path: starter, discard: () => {} })])
          const mark = makeMark()
          const listing = yield* run(host, request("/busybox", ["ls", "/"], { streams: [Null, Pipe, Null] }))
          assert.strictEqual(listing.stdout, "busybox\ndev\nhost\nproc\nstarter\n")
          assert.deepInclude(yield* startFailure(host, request("/bin/sh", [])), { stage: "exec", errno: "ENOENT" })
          const script = "/busybox setsid /busybox sleep 600 & exec /busybox sleep 600"
          yield* host.spawn(request("/busybox", ["sh", "-c", script], { environment: [mark.entry] }))
          yield* eventually("both are there", () => mark.survivors().length === 2)
          host.close()
          yield* eventually("the host is gone", () => !fs.existsSync(`/proc/${host.pid}`))
          yield* eventually("nobody is left", () => mark.survivors().length === 0)
        })
      )
  )
})

const listen = (child: ChildProcess, pid: number) => {
  let text = ""
  child.stdout?.on("data", (chunk) => text += String(chunk))
  const extra = child.stdio[3]
  const given = child.stdio.length > 4 && extra instanceof net.Socket ? streamText(extra) : Promise.resolve("")
  const closed = once(child, "close").then(([code]) => ({ code, text }))
  return { pid, closed: Effect.promise(() => closed), given: Effect.promise(() => given) }
}

const launch = (spawn: Spawn, extra: Launch["stdio"] = []) =>
  Launcher.launch(binary, { ...spawn, stdio: ["ignore", "pipe", "inherit", ...extra] }, listen)

describe.runIf(isSupported)("a launcher", () => {
  const inherited = [{ _tag: "Inherit" }, { _tag: "Inherit" }, { _tag: "Inherit" }] as const

  it.live("becomes the program in the process that Node started, with its attributes", () =>
    Effect.gen(function*() {
      const child = yield* launch(
        shell("umask; cut -d ' ' -f 6 /proc/$$/stat; cat /proc/$$/comm; ls /proc/self/fd | wc -l; exit 3", {
          attributes: { umask: 0o077, session: true }
        })
      )
      assert.deepStrictEqual(yield* child.closed, { code: 3, text: `0077\n${child.pid}\nsh\n4\n` })
    }))

  it.live("stays in the session of its owner where none is asked for", () =>
    Effect.gen(function*() {
      const session = fs.readFileSync("/proc/self/stat", "latin1").split(" ")[5]
      const child = yield* launch(shell("cut -d ' ' -f 6 /proc/$$/stat"))
      assert.strictEqual((yield* child.closed).text, `${session}\n`)
    }))

  it.live("keeps the descriptors that the caller gives, and no other", () =>
    Effect.gen(function*() {
      const child = yield* launch(shell("echo given >&3; ls /proc/self/fd | wc -l"), ["pipe"])
      assert.strictEqual((yield* child.closed).text, "5\n")
      assert.strictEqual(yield* child.given, "given\n")
    }))

  it.live("is found where its host runs, though the file is gone", () =>
    temporary((directory) =>
      Effect.gen(function*() {
        const file = path.join(directory, "host")
        fs.copyFileSync(binary, file)
        const host = yield* Host.connect("direct", () => [
          Result.succeed({ path: file, discard: () => fs.rmSync(file) })
        ])
        const child = yield* Launcher.launch(host.executable, {
          ...shell("echo here"),
          stdio: ["ignore", "pipe", "inherit"]
        }, listen)
        assert.strictEqual((yield* child.closed).text, "here\n")
        host.close()
        yield* eventually("the host is gone", () => !fs.existsSync(`/proc/${host.pid}`))
      })
    ))

  it.live("says at which step it failed and why", () =>
    Effect.gen(function*() {
      const failures: ReadonlyArray<readonly [Spawn, Stage, string]> = [
        [request("/does/not/exist", []), "exec", "ENOENT"],
        [request("/bin/true", [], { cgroup: "/does/not/exist" }), "container", "ENOENT"],
        [request("/bin/true", [], { directory: "/does/not/exist" }), "directory", "ENOENT"]
      ]
      for (const [spawn, stage, errno] of failures) {
        assert.deepStrictEqual(yield* Effect.flip(launch(spawn)), { _tag: "StartFailed", stage, errno })
      }
      const missing = Launcher.launch("/does/not/exist", {
        ...request("/bin/true", []),
        stdio: ["ignore", "pipe", "pipe"]
      }, listen)
      assert.deepStrictEqual(yield* Effect.flip(missing), { _tag: "StartFailed", stage: "fork", errno: "ENOENT" })
    }))

  it.live("refuses streams that only a host can make, and an owner that says nothing", () =>
    Effect.promise(async () => {
      const asked = Result.getOrThrow(
        Requests.spawn(1, request("/bin/true", [], { streams: [Null, ...inherited.slice(1)] as never }))
      )
      for (const bytes of [asked, Requests.ping(1), Buffer.alloc(0)]) {
        const child = spawn(binary, ["launch", "3"], { stdio: ["ignore", "ignore", "ignore", "pipe"] })
        const socket = child.stdio[3]
        if (socket instanceof net.Socket) socket.on("error", () => {}).end(bytes)
        const [code] = await once(child, "exit")
        assert.strictEqual(code, 127)
      }
    }))
})
