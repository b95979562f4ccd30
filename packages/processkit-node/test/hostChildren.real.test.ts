import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Host from "../src/internal/host/host.ts"
import type { HostChild } from "../src/internal/host/hostAnswers.ts"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import { type Attributes, FileFlag, type Mode, type Spawn, type Stage } from "../src/internal/host/hostProtocol.ts"
import {
  binary,
  cgroupHome,
  emptied,
  eventually,
  exitOf,
  inCgroup,
  inHost,
  isAlive,
  isInstrumented,
  isSupported,
  makeMark,
  Null,
  output,
  Pipe,
  privateKilobytes,
  request,
  run,
  shell,
  startFailure
} from "./hostWorld.ts"
import { nameOf, stat } from "./oracle.ts"
import { quickest, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

const named = (numbers: ReadonlyArray<number>): Attributes => ({
  descriptors: numbers.map((fd) => ({ fd, direction: "write" }))
})

const openDescriptors = (): number => fs.readdirSync("/proc/self/fd").length

const modes: ReadonlyArray<Mode> = isSupported ? ["direct", "monitored"] : []
const isRoot = process.getuid?.() === 0

const temporary = (body: (directory: string) => Effect.Effect<unknown, unknown>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "host-"))),
    body,
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

const field = (status: string, name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1] ?? ""

const latin1 = (texts: ReadonlyArray<string>) =>
  Buffer.from(texts.map((text) => `${text}\0`).join("")).toString("latin1")

const limitsIn = (text: string) => text.split("\n").filter((line) => line.startsWith("Max "))

describe.each(modes)("a child of a %s host", (mode) => {
  const test = (name: string, body: (host: HostConnection) => Effect.Effect<unknown, unknown>) =>
    it.live(name, () => inHost(mode, body))

  const piped = { streams: [Pipe, Pipe, Pipe] } as const

  test("gets its input and gives its output and exit code", (host) =>
    Effect.gen(function*() {
      const { exit, stderr, stdout } = yield* run(host, shell("cat; echo error >&2; exit 7", piped), "input")
      assert.deepStrictEqual([exit.status >> 8, stdout, stderr], [7, "input", "error\n"])
    }))

  test("has real pipes, which it can open again", (host) =>
    Effect.gen(function*() {
      const { stdout } = yield* run(host, shell("echo reopened > /dev/stdout; readlink /proc/self/fd/1", piped))
      assert.match(stdout, /^reopened\npipe:\[\d+\]\n$/)
    }))

  test("that is bash does not take its input for a remote shell's", (host) =>
    temporary((home) =>
      Effect.gen(function*() {
        fs.writeFileSync(path.join(home, ".bashrc"), "echo unexpected")
        const environment = [`HOME=${home}`, "PATH=/usr/bin:/bin"]
        const { stdout } = yield* run(host, request("/bin/bash", ["-c", "echo expected"], { ...piped, environment }))
        assert.strictEqual(stdout, "expected\n")
      })
    ))

  test("sees the descriptors 0 to 2 and no others", (host) =>
    Effect.gen(function*() {
      const { stdout } = yield* run(host, request("/bin/ls", ["-l", "/proc/self/fd"], { streams: [Null, Pipe, Pipe] }))
      const names = stdout.trim().split("\n").slice(1).map((line) => /(\d+) -> (.*)$/.exec(line)?.slice(1))
      assert.deepStrictEqual(names.map((name) => name?.[0]), ["0", "1", "2", "3"]) // 3 is the listing itself
      assert.deepStrictEqual(names[0], ["0", "/dev/null"])
      assert.match(names[3]?.[1] ?? "", /^\/proc\/\d+\/fd$/)
    }))

  test("starts with default signals, in a session of its own, in the directory asked for", (host) =>
    Effect.gen(function*() {
      const { pid, stdout } = yield* run(
        host,
        shell("pwd; cut -d ' ' -f 5,6 /proc/$$/stat; grep ^Sig /proc/self/status", { ...piped, directory: "/usr" })
      )
      const [directory, ids, ...signals] = stdout.split("\n")
      assert.strictEqual(directory, "/usr")
      assert.strictEqual(ids, `${pid} ${pid}`)
      for (const name of ["SigBlk", "SigIgn"]) {
        assert.match(field(signals.join("\n"), name), /^0+$/, name)
      }
    }))

  test("gets arguments and environment byte for byte, and nothing else", (host) =>
    Effect.gen(function*() {
      const args = ["", " ", "a b", "$HOME", "'\"", "ü\n", "-", "x".repeat(100_000)]
      const environment = ["EMPTY=", "npm_config_//registry/:_authToken=t", "ü=ö", "TWO==", "LINE=a\nb"]
      const print = "process.stdout.write(require('fs').readFileSync('/proc/self/cmdline','latin1')+'\\0\\0'+" +
        "require('fs').readFileSync('/proc/self/environ','latin1'))"
      const { stdout } = yield* run(
        host,
        request(process.execPath, [], {
          ...piped,
          arguments: ["argument zero", "-e", print, "--", ...args],
          environment
        })
      )
      const [cmdline, environ] = [stdout.indexOf("\0\0\0"), stdout.length]
      assert.isAbove(cmdline, 0)
      assert.strictEqual(
        stdout,
        `${latin1(["argument zero", "-e", print, "--", ...args])}\0\0${latin1(environment)}`,
        `${environ}`
      )
    }))

  test("that cannot be started says at which step and why", (host) =>
    temporary((directory) =>
      Effect.gen(function*() {
        const file = path.join(directory, "file")
        const loop = path.join(directory, "loop")
        fs.writeFileSync(file, "no program", { mode: 0o755 })
        fs.symlinkSync(loop, loop)
        const failures: ReadonlyArray<readonly [Spawn, Stage, string]> = [
          [request("/does/not/exist", []), "exec", "ENOENT"],
          [request("/etc/passwd", []), "exec", "EACCES"],
          [request("/", []), "exec", "EACCES"],
          [request(file, []), "exec", "ENOEXEC"],
          [request(loop, []), "exec", "ELOOP"],
          [request(`${file}/x`, []), "exec", "ENOTDIR"],
          [request("/bin/true", ["x".repeat(131_072)]), "exec", "E2BIG"],
          [request("/bin/true", [], { directory: "/does/not/exist" }), "directory", "ENOENT"],
          [request("/bin/true", [], { directory: file }), "directory", "ENOTDIR"],
          [request("/bin/true", [], { cgroup: "/does/not/exist" }), "container", "ENOENT"],
          [
            request("/bin/true", [], { attributes: { limits: [{ resource: 99, soft: 1n, hard: 1n }] } }),
            "limits",
            "EINVAL"
          ],
          [request("/bin/true", [], { attributes: { affinity: Uint8Array.of(0) } }), "affinity", "EINVAL"],
          [
            request("/bin/true", [], {
              streams: [{ _tag: "File", path: "/does/not/exist", flags: FileFlag.read, mode: 0 }, Null, Null]
            }),
            "stream",
            "ENOENT"
          ]
        ]
        for (const [spawn, stage, errno] of failures) {
          assert.deepInclude(yield* startFailure(host, { ...spawn, streams: spawn.streams }), { stage, errno }, stage)
        }
        assert.deepInclude(yield* startFailure(host, request("/does/not/exist", [], piped)), { errno: "ENOENT" })
      })
    ))

  test("may have an argument of the kernel's longest size", (host) =>
    Effect.gen(function*() {
      const { exit } = yield* run(host, request("/bin/true", ["x".repeat(131_071)]))
      assert.strictEqual(exit.status, 0)
    }))

  test("reads and writes files that it opens itself", (host) =>
    temporary((directory) =>
      Effect.gen(function*() {
        const [input, log] = [path.join(directory, "input"), path.join(directory, "log")]
        fs.writeFileSync(input, "from a file\n")
        fs.writeFileSync(log, "before\n")
        const { append, create, read, write } = FileFlag
        const streams: Spawn["streams"] = [
          { _tag: "File", path: input, flags: read, mode: 0 },
          { _tag: "File", path: log, flags: write | create | append, mode: 0o600 },
          { _tag: "Same", stream: 1 }
        ]
        yield* run(host, shell("cat; echo error >&2; echo last", { streams }))
        assert.strictEqual(fs.readFileSync(log, "utf8"), "before\nfrom a file\nerror\nlast\n")
      })
    ))

  test("writes to another through a pipe that never leaves the kernel", (host) =>
    Effect.gen(function*() {
      const link = { _tag: "Link", link: host.newLink() } as const
      const first = yield* host.spawn(shell("seq 1 100000", { streams: [Null, link, Null] }))
      const second = yield* host.spawn(request("/usr/bin/tail", ["-n", "1"], { streams: [link, Pipe, Null] }))
      const printed = output(second, 1)
      assert.strictEqual((yield* exitOf(first)).status, 0)
      assert.strictEqual(yield* printed, "100000\n")
      assert.strictEqual((yield* exitOf(second)).status, 0)
      assert.strictEqual((yield* host.unlink(link.link)).errno, "ENOENT") // both ends were given out
    }))

  test("sees the end of a pipe whose other end was dropped", (host) =>
    Effect.gen(function*() {
      const link = { _tag: "Link", link: host.newLink() } as const
      const reader = yield* host.spawn(request("/bin/cat", [], { streams: [link, Null, Null] }))
      assert.strictEqual((yield* host.unlink(link.link)).errno, undefined)
      assert.strictEqual((yield* exitOf(reader)).status, 0)
    }))

  // What is born has copies of everything that the host has open, and may wait for a file of its own for ever.
  test("hears of the end of its pipe at once, also where another still waits for a file", (host) =>
    temporary((directory) =>
      Effect.gen(function*() {
        const fifo = path.join(directory, "fifo")
        execFileSync("mkfifo", [fifo])
        const link = { _tag: "Link", link: host.newLink() } as const
        const ends: Array<number> = []
        const reader = yield* host.spawn(request("/bin/cat", [], { streams: [link, Null, Null] }))
        const writer = yield* host.spawn(request("/usr/bin/yes", [], { streams: [Null, { _tag: "Relay" }, Null] }))
        reader.onExit((exit) => ends.push(Result.getOrThrow(exit).status))
        const waits: Spawn["streams"] = [{ _tag: "File", path: fifo, flags: FileFlag.read, mode: 0 }, Null, Null]
        yield* Effect.forkChild(Effect.ignore(host.spawn(request("/bin/true", [], { streams: waits }))))
        yield* host.ping
        yield* host.unlink(link.link)
        yield* eventually("the reader has ended", () => ends[0] === 0)
        writer.onExit((exit) => ends.push(Result.getOrThrow(exit).status))
        writer.relays[0]?.close()
        yield* eventually("the writer has ended by SIGPIPE", () => ends[1] === 13)
      })
    ))

  test("that dies by a real-time signal is reported with its number", (host) =>
    Effect.gen(function*() {
      for (const number of [1, 9, 15, 34, 37, 64]) {
        const { exit } = yield* run(host, shell(`kill -${number} $$`))
        assert.strictEqual(exit.status & 0x7f, number)
      }
    }))

  test("is signalled by number, and not after its end", (host) =>
    Effect.gen(function*() {
      const child = yield* host.spawn(request("/bin/sleep", ["600"]))
      assert.strictEqual((yield* child.signal(0)).errno, undefined)
      assert.strictEqual((yield* child.signal(65)).errno, "EINVAL")
      assert.strictEqual((yield* child.signal(37)).errno, undefined)
      assert.strictEqual((yield* exitOf(child)).status & 0x7f, 37)
      assert.strictEqual((yield* child.signal(9)).errno, "ESRCH")
    }))

  // Each number of a new descriptor may be that of one that is still to be placed.
  test("has the descriptors that are named, and no others", (host) =>
    Effect.gen(function*() {
      const lists = [[3], [63], [5, 9, 40], Array.from({ length: 16 }, (_, i) => i + 3)]
      for (const numbers of lists) {
        const list = "for n in /proc/$$/fd/*; do echo ${n##*/}; done"
        const child = yield* host.spawn(shell(list, { streams: [Null, Pipe, Null], attributes: named(numbers) }))
        const stdout = output(child, 1)
        const found = (yield* stdout).trim().split("\n").map(Number).toSorted((a, b) => a - b)
        for (const fd of numbers) child.pipes[fd]?.close()
        // The shell reads the directory through the lowest number that is free.
        const given = [0, 1, 2, ...numbers]
        const free = Array.from({ length: 64 }, (_, i) => i).find((fd) => !given.includes(fd)) ?? 64
        assert.deepStrictEqual(found, [...given, free].toSorted((a, b) => a - b))
      }
    }))

  test("gives back every pipe where it cannot be started", (host) =>
    Effect.gen(function*() {
      const before = openDescriptors()
      const attributes = named([3, 7, 20])
      const failed = yield* Effect.flip(host.spawn(request("/does/not/exist", [], { attributes })))
      assert.deepStrictEqual(failed, { _tag: "StartFailed", stage: "exec", errno: "ENOENT" })
      yield* eventually("all ends are closed", () => openDescriptors() <= before)
    }))

  test("reports what it used", (host) =>
    Effect.gen(function*() {
      const { exit } = yield* run(
        host,
        request(process.execPath, ["-e", "const b=Buffer.alloc(80<<20,1);while(process.cpuUsage().user<150000);"])
      )
      assert.isAbove(exit.userMicros, 100_000)
      assert.isAbove(exit.peakBytes, 100 << 20)
      const small = (yield* run(host, request("/bin/true", []))).exit
      assert.isBelow(small.peakBytes, 16 << 20)
    }))

  test("has the descriptors that are named also where its limit leaves room for few more", (host) =>
    Effect.gen(function*() {
      const attributes = { ...named([3]), limits: [{ resource: 7, soft: 8n, hard: 8n }] }
      const list = request("/bin/ls", ["/proc/self/fd"], { streams: [Null, Pipe, Null], attributes })
      const child = yield* host.spawn(list)
      assert.strictEqual(yield* output(child, 1), "0\n1\n2\n3\n4\n")
      child.pipes[3]?.close()
    }))

  const report = "umask; cat /proc/self/status /proc/self/limits; cut -d ' ' -f 19 /proc/self/stat; ionice -p $$"
  const reported = (host: HostConnection, attributes: Attributes) =>
    Effect.map(run(host, shell(report, { streams: [Null, Pipe, Pipe], attributes })), ({ stdout }) => stdout)

  test("has mask, limits, priorities, processors and privileges exactly as asked", (host) =>
    Effect.gen(function*() {
      const text = yield* reported(host, {
        umask: 0o027,
        limits: [{ resource: 7, soft: 100n, hard: 200n }, { resource: 1, soft: 4096n, hard: 2n ** 64n - 1n }],
        nice: 5,
        affinity: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0),
        ioPriority: (2 << 13) | 6,
        noNewPrivileges: true
      })
      assert.match(text, /^0027\n/)
      assert.match(text, /^Max open files +100 +200 /m)
      assert.match(text, /^Max file size +4096 +unlimited /m)
      assert.match(text, /^5$/m)
      assert.strictEqual(field(text, "Cpus_allowed_list"), "0")
      assert.strictEqual(field(text, "NoNewPrivs"), "1")
      assert.include(text, "best-effort: prio 6")
    }))

  test("has the owner's mask, limits and priorities where nothing was asked", (host) =>
    Effect.gen(function*() {
      const text = yield* reported(host, {})
      const own = execFileSync("/bin/sh", ["-c", report], { encoding: "utf8" })
      assert.strictEqual(text.split("\n")[0], own.split("\n")[0])
      assert.deepStrictEqual(limitsIn(text), limitsIn(own))
    }))

  it.live.skipIf(!isRoot)(
    "has user, group and groups exactly as asked",
    () =>
      inHost(mode, (host) =>
        Effect.gen(function*() {
          const some = yield* reported(host, { uid: 1234, gid: 2345, groups: [3456, 4567] })
          assert.match(field(some, "Uid"), /^(1234\s*){4}$/)
          assert.match(field(some, "Gid"), /^(2345\s*){4}$/)
          assert.strictEqual(field(some, "Groups").trim(), "3456 4567")
          const none = yield* reported(host, { uid: 1234, groups: [] })
          assert.strictEqual(field(none, "Groups").trim(), "")
          assert.match(field(none, "CapEff"), /^0+$/)
        }))
  )

  test("without pipes, in any number, comes and goes and leaves nothing", (host) =>
    Effect.gen(function*() {
      const mark = makeMark()
      const before = fs.readdirSync(`/proc/${host.pid}/fd`).length
      const environment = [mark.entry]
      const children = yield* Effect.all(
        Array.from({ length: 1000 }, () => host.spawn(request("/bin/sleep", ["600"], { environment }))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(children.map((child) => child.pid)).size, 1000)
      yield* eventually("all of them are there", () => mark.survivors().length === 1000)
      if (!isInstrumented) assert.isBelow(privateKilobytes(host.pid), 1024)
      const exits = Effect.all(children.map(exitOf), { concurrency: "unbounded" })
      for (const child of children) Effect.runFork(child.signal(9))
      assert.isTrue((yield* exits).every((exit) => exit.status === 9))
      yield* eventually("nothing is left", () => mark.survivors().length === 0)
      yield* eventually("the host holds nothing", () => fs.readdirSync(`/proc/${host.pid}/fd`).length <= before)
    }))

  test("whose exit comes before its pipes are read loses nothing", (host) =>
    Effect.gen(function*() {
      const child = yield* host.spawn(shell("seq 1 5000", { streams: [Null, Pipe, Null] }))
      yield* exitOf(child)
      const text = yield* output(child, 1)
      assert.strictEqual(text.split("\n").length, 5001)
    }))
})

const monitored = (name: string, body: (host: HostConnection) => Effect.Effect<unknown, unknown>) =>
  it.live(name, () => inHost("monitored", body))

/** Ends children whose host is stopped, and their monitors by it. */
const endWithMonitors = (children: ReadonlyArray<HostChild>) =>
  Effect.suspend(() => {
    const monitors = children.map(({ pid }) => stat(pid)?.ppid ?? 0)
    for (const { pid } of children) process.kill(pid, "SIGKILL")
    return eventually("their monitors have ended", () => monitors.every((pid) => stat(pid)?.state === "Z"))
  })

const isSleeper = (pid: number) => nameOf(pid) === "sleep"

/** A host that is a superuser who may not signal other users, and a child of another user. */
const unsignalled = (body: (child: HostChild) => Effect.Effect<unknown, unknown>) =>
  temporary((home) =>
    Effect.gen(function*() {
      const file = path.join(home, "host")
      fs.writeFileSync(file, `#!/bin/sh\nexec /usr/bin/setpriv --bounding-set=-kill ${binary} "$@"\n`, {
        mode: 0o755
      })
      const host = yield* Host.connect("monitored", () => [Result.succeed({ path: file, discard: () => {} })])
      const child = yield* host.spawn(request("/bin/sleep", ["600"], { attributes: { uid: 12_345 } }))
      const end = Effect.suspend(() => {
        process.kill(child.pid, "SIGKILL")
        return Effect.andThen(emptied(child), Effect.sync(host.close))
      })
      yield* Effect.ensuring(body(child), end)
    })
  )

describe.runIf(isSupported)("a tree behind a monitor", () => {
  /** Two sleepers in the session, one that left it, and two that also lost their parents: five, and the shell. */
  const tree = "sleep 600 & sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & exec sleep 600' &) ; wait"

  const grown = (
    host: HostConnection,
    script = tree,
    isGrown = (pids: ReadonlyArray<number>) => pids.length === 6 && pids.filter(isSleeper).length === 5
  ) =>
    Effect.gen(function*() {
      const mark = makeMark()
      const child = yield* host.spawn(shell(script, { environment: [mark.entry, "PATH=/usr/bin:/bin"] }))
      yield* eventually("the tree is there", () => isGrown(mark.survivors()))
      return { child, mark }
    })

  monitored("lists its members, whoever left the session and the parents", (host) =>
    Effect.gen(function*() {
      const { child, mark } = yield* grown(host)
      // A tree that still grows has also those who only start others.
      yield* eventually("all but the leader sleep", () =>
        mark.survivors().map(nameOf).toSorted().join() === "sh,sleep,sleep,sleep,sleep,sleep")
      assert.sameMembers([...yield* child.members], [...mark.survivors()])
      yield* child.act("kill")
      yield* emptied(child)
    }))

  monitored(
    "is not empty while the leader's orphans live, and is when they are killed",
    (host) =>
      Effect.gen(function*() {
        const { child, mark } = yield* grown(host, "setsid sleep 600 & setsid sleep 600 & exit 3", ({ length }) =>
          length >= 2)
        assert.strictEqual((yield* exitOf(child)).status, 3 << 8)
        yield* eventually("the leader is gone", () =>
          !isAlive(child.pid))
        assert.strictEqual((yield* child.members).length, 2)
        yield* child.act("kill")
        yield* emptied(child)
        assert.deepStrictEqual(mark.survivors(), [])
        assert.deepStrictEqual(yield* child.members, [])
        assert.strictEqual((yield* child.act("signal", 15)).errno, "ESRCH")
      })
  )

  monitored("gets a signal once for each member", (host) =>
    Effect.gen(function*() {
      const catcher = "trap 'echo caught' USR1; echo set; while :; do sleep 0.05; done"
      const mark = makeMark()
      const child = yield* host.spawn(shell(`setsid sh -c "$S" & ${catcher}`, {
        environment: [mark.entry, "PATH=/usr/bin:/bin", `S=${catcher}`],
        streams: [Null, Pipe, Null]
      }))
      let printed = ""
      child.pipes[1]?.socket().on("data", (chunk: Buffer) => printed += chunk.toString())
      yield* eventually("both traps are set", () => printed === "set\nset\n")
      // The sleepers of the loops die by it; only the two shells catch it.
      const { count } = yield* child.act("signal", 10)
      assert.isAtLeast(count, 2)
      yield* eventually("both caught it", () => printed === "set\nset\ncaught\ncaught\n")
      // A second one would have been caught before what each shell does next.
      const loops = () => mark.survivors().length === 4
      yield* eventually("both loops go on", loops)
      yield* child.act("kill")
      yield* emptied(child)
      assert.strictEqual(printed, "set\nset\ncaught\ncaught\n")
    }))

  monitored("is suspended and resumed as a whole", (host) =>
    Effect.gen(function*() {
      const { child, mark } = yield* grown(host)
      const states = () => mark.survivors().map((pid) => stat(pid)?.state)
      yield* child.act("suspend")
      yield* eventually("all are stopped", () => states().every((state) => state === "T"))
      yield* child.act("resume")
      yield* eventually("none is stopped", () => !states().includes("T"))
      yield* child.act("suspend")
      yield* child.act("kill")
      yield* emptied(child)
      assert.deepStrictEqual(mark.survivors(), [])
    }))

  monitored("that forks faster than it is killed is killed", (host) =>
    Effect.gen(function*() {
      const bomb =
        "trap '' TERM; n=0; while [ $n -lt 200 ]; do setsid sh -c 'trap \"\" TERM; while :; do sleep 0.01; done' & n=$((n+1)); done; wait"
      const { child, mark } = yield* grown(host, bomb, ({ length }) => length >= 100)
      yield* child.act("kill")
      yield* emptied(child)
      assert.deepStrictEqual(mark.survivors(), [])
    }))

  it.live.skipIf(!isRoot)(
    "that may not be stopped is not waited for",
    () =>
      unsignalled((child) =>
        Effect.gen(function*() {
          const [{ errno }, elapsed] = yield* quickest(50, timed(child.act("suspend")))
          assert.strictEqual(errno, "EPERM")
          assert.isBelow(elapsed, 50) // half of the time in which a tree is to stop
        })
      )
  )

  it.live.skipIf(!isRoot)(
    "that may not be killed is tried again now and then, and not all the time",
    () =>
      unsignalled((child) =>
        Effect.gen(function*() {
          yield* child.act("kill")
          yield* Effect.sleep(500)
          const status = `/proc/${stat(child.pid)?.ppid}/status`
          const waits = () => Number(field(fs.readFileSync(status, "latin1"), "voluntary_ctxt_switches"))
          const before = waits()
          const [, elapsed] = yield* timed(Effect.sleep(1000))
          assert.isBelow(waits() - before, elapsed / 20)
        })
      )
  )

  monitored(
    "whose monitor is killed is killed, and its exit is a loss and not a success",
    (host) =>
      Effect.gen(function*() {
        const { child, mark } = yield* grown(host)
        const other = yield* host.spawn(request("/bin/sleep", ["600"]))
        const monitor = stat(child.pid)?.ppid ?? 0
        process.kill(monitor, "SIGKILL")
        const exit = yield* Effect.result(exitOf(child))
        assert.isTrue(Result.isFailure(exit))
        yield* emptied(child)
        assert.deepStrictEqual(mark.survivors(), [])
        assert.isTrue(isAlive(other.pid)) // somebody else's tree
        yield* other.signal(9)
        yield* exitOf(other)
      })
  )

  monitored("whose monitor is stopped is served none the less", (host) =>
    Effect.gen(function*() {
      const { child, mark } = yield* grown(host)
      const monitor = stat(child.pid)?.ppid ?? 0
      process.kill(monitor, "SIGSTOP")
      yield* child.act("kill")
      yield* emptied(child)
      assert.deepStrictEqual(mark.survivors(), [])
    }))

  it.live.skipIf(cgroupHome === undefined)(
    "whose monitor has ended before it read all commands has not lost its exit",
    () =>
      inCgroup(cgroupHome ?? "", (directory) =>
        inHost("monitored", (host) =>
          Effect.gen(function*() {
            const child = yield* host.spawn(request("/bin/sleep", ["600"]))
            const monitor = stat(child.pid)?.ppid ?? 0
            // More of them than the host looks at in one turn, in which it hears of the end of all.
            const others = yield* Effect.forEach(
              Array.from({ length: 70 }),
              () => host.spawn(request("/bin/sleep", ["600"]))
            )
            const isFrozen = () => fs.readFileSync(path.join(directory, "cgroup.events"), "utf8").includes("frozen 1")
            fs.writeFileSync(path.join(directory, "cgroup.procs"), `${monitor}`)
            fs.writeFileSync(path.join(directory, "cgroup.freeze"), "1")
            yield* eventually("the monitor reads nothing", isFrozen)
            for (let i = 0; i < 2; i++) Effect.runFork(Effect.ignore(child.members))
            yield* host.ping
            process.kill(host.pid, "SIGSTOP")
            yield* endWithMonitors(others)
            process.kill(child.pid, "SIGKILL")
            yield* eventually("the child has ended", () => stat(child.pid)?.state === "Z")
            fs.writeFileSync(path.join(directory, "cgroup.freeze"), "0")
            yield* eventually("the monitor has ended", () => stat(monitor)?.state === "Z")
            process.kill(host.pid, "SIGCONT")
            assert.strictEqual((yield* exitOf(child)).status, 9)
            yield* emptied(child)
          })))
  )

  it.live.skipIf(cgroupHome === undefined)(
    "is gone with its host also where its monitor has more to tell than anybody reads, and somebody is still being born",
    () =>
      inCgroup(cgroupHome ?? "", (directory) =>
        inHost("monitored", (host) =>
          Effect.gen(function*() {
            const [unborn, paused] = [path.join(directory, "unborn"), path.join(directory, "paused")]
            const born = () => fs.readFileSync(path.join(unborn, "cgroup.procs"), "utf8").trim()
            const isFrozen = () => fs.readFileSync(path.join(paused, "cgroup.events"), "utf8").includes("frozen 1")
            for (const cgroup of [unborn, paused]) fs.mkdirSync(cgroup)
            const { child, mark } = yield* grown(host)
            fs.writeFileSync(path.join(unborn, "cgroup.freeze"), "1")
            Effect.runFork(Effect.ignore(host.spawn(request("/bin/true", [], { cgroup: unborn }))))
            yield* eventually("the frozen child is a member", () => born() !== "")
            fs.writeFileSync(path.join(paused, "cgroup.procs"), `${stat(child.pid)?.ppid}`)
            fs.writeFileSync(path.join(paused, "cgroup.freeze"), "1")
            yield* eventually("the monitor reads nothing", isFrozen)
            // Two answers each, and a socket holds some 270.
            for (let i = 0; i < 250; i++) Effect.runFork(Effect.ignore(child.members))
            yield* host.ping
            process.kill(host.pid, "SIGSTOP")
            yield* eventually("the host reads nothing", () => stat(host.pid)?.state === "T")
            fs.writeFileSync(path.join(paused, "cgroup.freeze"), "0")
            yield* Effect.sleep(allowance(50)) // until the monitor waits for room
            process.kill(stat(Number(born()))?.ppid ?? 0, "SIGKILL")
            process.kill(host.pid, "SIGKILL")
            yield* eventually("the tree is gone", () => mark.survivors().length === 0)
          })))
  )

  monitored("is gone for who asks something of it when its monitor has just ended", (host) =>
    Effect.gen(function*() {
      // More of them than the host looks at in one turn, in which it takes the request.
      const others = yield* Effect.forEach(Array.from({ length: 80 }), () => host.spawn(request("/bin/sleep", ["600"])))
      const child = yield* host.spawn(request("/bin/sleep", ["600"]))
      process.kill(host.pid, "SIGSTOP")
      yield* endWithMonitors(others)
      yield* endWithMonitors([child])
      const asked = yield* Effect.forkChild(Effect.all([child.act("signal", 15), child.signal(15)], { concurrency: 2 }))
      // Long enough for both to be written.
      yield* Effect.sleep(20)
      process.kill(host.pid, "SIGCONT")
      assert.deepStrictEqual((yield* Fiber.join(asked)).map(({ errno }) => errno), ["ESRCH", "ESRCH"])
    }))

  monitored("cannot be acted on in direct mode", () =>
    inHost("direct", (host) =>
      Effect.gen(function*() {
        const child = yield* host.spawn(request("/bin/sleep", ["600"]))
        assert.strictEqual((yield* child.act("kill")).errno, "EOPNOTSUPP")
        yield* child.signal(9)
        yield* exitOf(child)
      })))
})
