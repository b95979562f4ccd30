import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { type Attributes, FileFlag, maxMessage, type Refusal, version } from "../src/internal/host/hostProtocol.ts"
import * as Requests from "../src/internal/host/hostRequests.ts"
import {
  eventually,
  exitOf,
  inHost,
  isAlive,
  isSupported,
  makeMark,
  Null,
  output,
  Pipe,
  privateKilobytes,
  type RawHost,
  rawHost,
  request,
  run,
  shell,
  throughout
} from "./hostWorld.ts"
import { beBusy } from "./world.ts"

const spawnBytes = (...args: Parameters<typeof Requests.spawn>): Buffer => Result.getOrThrow(Requests.spawn(...args))

/** A size that is not that of what follows. */
const announced = (size: number, rest: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(size)
  return Buffer.concat([head, rest])
}

const framed = (rest: Buffer): Buffer => announced(rest.length, rest)

/** A deterministic source of numbers below a bound. */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A test with a raw host, which is gone when the test ends. */
const test = (name: string, body: (host: RawHost) => Promise<void>) =>
  it.live(name, () =>
    Effect.promise(async () => {
      const host = rawHost()
      try {
        await body(host)
      } finally {
        host.socket.destroy()
        await host.ended
      }
    }))

const nul = (bytes: Buffer): Buffer => Buffer.from(bytes.toString("latin1").replace("/bin", "/b\0n"), "latin1")

describe.runIf(isSupported)("a host that is given bytes", () => {
  const hello = Requests.hello(1, "direct")

  test("understands messages that arrive byte by byte", async (host) => {
    const bytes = Buffer.concat([hello, Requests.ping(2), spawnBytes(3, request("/bin/true", [])), Requests.ping(4)])
    for (const byte of bytes) {
      await new Promise((resume) => host.socket.write(Buffer.of(byte), resume))
    }
    await host.event("Exited")
    await host.event("Done", 1)
    assert.deepStrictEqual(
      host.events.map((event) => event._tag).filter((tag) => tag !== "Spawned" && tag !== "Exited"),
      ["Welcome", "Done", "Done"]
    )
  })

  test("understands many messages that arrive at once, and answers each", async (host) => {
    const starts = Array.from({ length: 100 }, (_, i) => spawnBytes(100 + i, request("/bin/true", [])))
    const pings = Array.from({ length: 100 }, (_, i) => Requests.ping(1000 + i))
    host.socket.write(Buffer.concat([hello, ...starts.flatMap((start, i) => [start, pings[i] ?? start])]))
    await host.event("Exited", 99)
    await host.event("Done", 99)
    const ids = host.events.flatMap((event) => event._tag === "Exited" ? [event.id] : [])
    assert.sameMembers(ids, Array.from({ length: 100 }, (_, i) => 100 + i))
    for (let id = 100; id < 200; id++) {
      const order = host.events.flatMap((event) => "id" in event && event.id === id ? [event._tag] : [])
      assert.deepStrictEqual(order, ["Spawned", "Exited"])
    }
  })

  test("answers a message of a type that it does not know, and goes on", async (host) => {
    host.socket.write(Buffer.concat([hello, framed(Buffer.from([99, 0, 7, 0, 0, 0, 1, 2, 3])), Requests.ping(8)]))
    assert.deepInclude(await host.event("Done", 0), { token: 7, errno: 38 }) // ENOSYS
    assert.deepInclude(await host.event("Done", 1), { token: 8, errno: 0 })
  })

  test("answers a number that is in use, and leaves the child that has it alone", async (host) => {
    const sleep = spawnBytes(5, request("/bin/sleep", ["600"]))
    host.socket.write(Buffer.concat([hello, sleep]))
    const { pid } = await host.event("Spawned")
    host.socket.write(sleep)
    assert.deepInclude(await host.event("Failed"), { id: 5, stage: "request", errno: 17 }) // EEXIST
    host.socket.write(Requests.signal(6, 5, 9))
    assert.deepInclude(await host.event("Exited"), { id: 5, status: 9 })
    assert.isFalse(isAlive(pid))
    host.socket.write(sleep) // free again
    await host.event("Spawned", 1)
  })

  // The answers to what is received at once take more room than there is.
  test("answers requests that it had to leave for later, though nothing new arrives", async (host) => {
    const count = 5000
    host.socket.write(Buffer.concat([hello, ...Array.from({ length: count }, (_, i) => Requests.ping(i))]))
    assert.deepInclude(await host.event("Done", count - 1), { token: count - 1 })
  })

  test("keeps every answer for an owner that does not read, and no more than it has room for", async (host) => {
    const count = 30_000
    host.socket.pause()
    host.socket.write(hello)
    for (let i = 0; i < count; i++) host.socket.write(Requests.ping(i))
    // Time for a host that took more than it can answer to take it.
    await new Promise((resume) => setTimeout(resume, 200))
    assert.isAbove(host.socket.writableLength, 0) // it does not take more requests than it can answer
    host.socket.resume()
    assert.deepInclude(await host.event("Done", count - 1), { token: count - 1 })
  })

  const relayedInput = spawnBytes(2, request("/bin/true", [], { streams: [{ _tag: "Relay" }, Null, Null] }))
  const unchanged = (attributes: Attributes) => spawnBytes(2, request("/bin/true", [], { attributes }))
  const wrong: ReadonlyArray<readonly [name: string, why: Refusal, bytes: Buffer]> = [
    ["is longer than the bound", "oversized", announced(maxMessage + 1, Buffer.alloc(0))],
    ["has no type", "malformed", announced(1, Buffer.alloc(1))],
    ["is cut off", "malformed", framed(hello.subarray(4, -1))],
    ["has something left over", "malformed", framed(Buffer.concat([Requests.ping(2).subarray(4), Buffer.alloc(1)]))],
    ["has a text with a NUL inside", "malformed", nul(spawnBytes(2, request("/bin/true", [])))],
    ["announces more texts than there are", "malformed", framed(Buffer.from([2, 0, 1, 0, 0, 0, 255, 255, 255, 255]))],
    ["relays an input", "malformed", relayedInput],
    ["names the user that stands for no change", "malformed", unchanged({ uid: 2 ** 32 - 1 })],
    ["names the group that stands for no change", "malformed", unchanged({ gid: 2 ** 32 - 1 })],
    ["says hello twice", "order", hello]
  ]
  for (const [name, why, bytes] of wrong) {
    test(`kills its children and ends when a message ${name}`, async (host) => {
      const mark = makeMark()
      host.socket.write(
        Buffer.concat([hello, spawnBytes(9, request("/bin/sleep", ["600"], { environment: [mark.entry] }))])
      )
      await host.event("Spawned")
      host.socket.write(Buffer.concat([bytes, Requests.ping(3)]))
      assert.deepInclude(await host.event("Refused"), { why })
      await host.ended
      assert.deepStrictEqual(mark.survivors(), [])
    })
  }

  test("refuses everything before hello", async (host) => {
    host.socket.write(Requests.ping(1))
    assert.deepInclude(await host.event("Refused"), { why: "order" })
    await host.ended
  })

  test("refuses a version that it does not speak", async (host) => {
    const bytes = Buffer.from(hello)
    bytes.writeUInt16LE(version + 1, 10)
    host.socket.write(bytes)
    assert.deepInclude(await host.event("Refused"), { why: "version" })
    await host.ended
  })

  test("ends its children when the owner leaves in the middle of a message", async (host) => {
    const mark = makeMark()
    const sleep = spawnBytes(9, request("/bin/sleep", ["600"], { environment: [mark.entry] }))
    host.socket.write(Buffer.concat([hello, sleep]))
    await host.event("Spawned")
    await new Promise((resume) => host.socket.write(sleep.subarray(0, 20), resume))
    host.socket.destroy()
    await host.ended
    assert.deepStrictEqual(mark.survivors(), [])
  })
})

describe.runIf(isSupported)("a host that is given random bytes", () => {
  it.live("refuses or ignores them, and ends with its owner", () =>
    Effect.promise(async () => {
      const random = randomFrom(20_260_801)
      for (let round = 0; round < 60; round++) {
        const host = rawHost()
        const valid = Buffer.concat([
          Requests.hello(1, "direct"),
          spawnBytes(2, request("/bin/true", [])),
          Requests.ping(3)
        ])
        const bytes = round % 2 === 0
          ? Buffer.from(Array.from({ length: 1 + random(300) }, () => random(256)))
          : Buffer.from(valid)
        if (round % 2 === 1) { for (let i = 0; i < 3; i++) bytes[random(bytes.length)] = random(256) }
        await new Promise((resume) => host.socket.write(bytes, resume))
        // With time to read, or without.
        if (random(2) === 0) await new Promise((resume) => setTimeout(resume, 5))
        host.socket.destroy()
        await host.ended
        assert.strictEqual(host.child.exitCode, 0)
      }
    }))
})

describe.runIf(isSupported)("a conversation", () => {
  it.live(
    "keeps the order of a start, its failure and its end for thousands of children",
    () =>
      inHost("direct", (host) =>
        Effect.gen(function*() {
          const results = yield* Effect.all(
            Array.from({ length: 2000 }, (_, i) =>
              Effect.result(run(
                host,
                request(i % 10 === 0 ? "/does/not/exist" : "/bin/echo", [`${i}`], {
                  streams: [Pipe, Pipe, Pipe]
                })
              ))),
            { concurrency: 32 }
          )
          results.forEach((result, i) => {
            if (i % 10 === 0) assert.isTrue(Result.isFailure(result))
            else assert.strictEqual(Result.getOrThrow(result).stdout, `${i}\n`)
          })
        })),
    60_000
  )

  it.live("goes on when the owner did not listen for a while", () =>
    inHost("direct", (host) =>
      Effect.gen(function*() {
        const children = Effect.all(
          Array.from({ length: 400 }, () => host.spawn(shell("echo 1; exit 5", { streams: [Pipe, Pipe, Pipe] }))),
          { concurrency: "unbounded" }
        )
        const all = yield* Effect.map(
          Effect.all([
            children,
            Effect.gen(function*() {
              // The starts are on their way then, and not yet told.
              yield* Effect.sleep("20 millis")
              beBusy(1500) // channel and socket fill up meanwhile
            })
          ], { concurrency: 2 }),
          ([children]) => children
        )
        const texts = all.map((child) => output(child, 1))
        for (const child of all) for (const pipe of [child.pipes[0], child.pipes[2]]) pipe?.close()
        assert.isTrue((yield* Effect.all(texts)).every((text) => text === "1\n"))
        assert.isTrue((yield* Effect.all(all.map(exitOf))).every((exit) => exit.status === 5 << 8))
      })))

  it.live("fails everything at once when the host is killed, and kills what was behind monitors", () =>
    Effect.gen(function*() {
      const mark = makeMark()
      yield* inHost("monitored", (host) =>
        Effect.gen(function*() {
          const child = yield* host.spawn(shell("setsid sleep 600 & sleep 600 & wait", {
            environment: [mark.entry, "PATH=/usr/bin:/bin"]
          }))
          yield* eventually("the tree has grown", () => mark.survivors().length >= 3)
          process.kill(host.pid, "SIGKILL")
          assert.deepInclude(yield* Effect.flip(host.ping), { _tag: "ProcessError" })
          assert.isTrue(Result.isFailure(yield* Effect.result(exitOf(child))))
          assert.isTrue(host.isLost())
          assert.deepInclude(yield* Effect.flip(host.spawn(request("/bin/true", []))), { _tag: "ProcessError" })
          assert.deepInclude(yield* Effect.flip(child.signal(15)), { _tag: "ProcessError" })
          yield* eventually("the tree is gone", () => mark.survivors().length === 0, 1000)
        }))
    }))

  it.live("leaves nobody behind a monitor when it is killed, also where a child still waits for a file of its own", () =>
    Effect.acquireUseRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "host-"))),
      (home) =>
        Effect.gen(function*() {
          const fifo = path.join(home, "fifo")
          execFileSync("mkfifo", [fifo])
          const mark = makeMark()
          const waits = request("/bin/cat", [], {
            streams: [{ _tag: "File", path: fifo, flags: FileFlag.read, mode: 0 }, Null, Null]
          })
          yield* inHost("monitored", (host) =>
            Effect.gen(function*() {
              yield* host.spawn(request("/bin/sleep", ["600"], { environment: [mark.entry] }))
              yield* Effect.forkChild(Effect.ignore(host.spawn(waits)))
              yield* host.ping
              process.kill(host.pid, "SIGKILL")
              yield* eventually("the tree is gone", () => mark.survivors().length === 0, 1000)
            }))
        }),
      (home) =>
        Effect.sync(() => {
          // Whoever still waits goes on, and ends.
          fs.closeSync(fs.openSync(path.join(home, "fifo"), fs.constants.O_RDWR | fs.constants.O_NONBLOCK))
          fs.rmSync(home, { recursive: true })
        })
    ))

  it.live("waits for a host that is stopped, and goes on with it", () =>
    inHost("direct", (host) =>
      Effect.gen(function*() {
        process.kill(host.pid, "SIGSTOP")
        let answered = false
        const pinged = Effect.runPromise(Effect.tap(host.ping, () => Effect.sync(() => answered = true)))
        yield* throughout("a stopped host does not answer", () => !answered)
        process.kill(host.pid, "SIGCONT")
        yield* Effect.promise(() => pinged)
      })))

  it.live("has room for as many arguments as the kernel takes, and gives the room back", () =>
    inHost("direct", (host) =>
      Effect.gen(function*() {
        const before = privateKilobytes(host.pid)
        const args = Array.from({ length: 90_000 }, () => "0123456789")
        const { exit, stdout } = yield* run(
          host,
          request("/bin/sh", ["-c", "echo $#", ...args], {
            environment: [],
            streams: [Pipe, Pipe, Pipe]
          })
        )
        assert.deepStrictEqual([exit.status, stdout], [0, "89999\n"])
        const tooMany = Array.from({ length: 200_000 }, () => "0123456789")
        const failed = yield* Effect.flip(host.spawn(request("/bin/true", tooMany)))
        assert.deepInclude(failed, { stage: "exec", errno: "E2BIG" })
        assert.isBelow(privateKilobytes(host.pid) - before, 512)
      })))

  it.live("says what failed where the host runs out of descriptors, and leaks none", () =>
    inHost("direct", (host) =>
      Effect.gen(function*() {
        yield* host.ping
        const fds = () => fs.readdirSync(`/proc/${host.pid}/fd`).length
        const before = fds()
        const limit = yield* run(host, request("/usr/bin/prlimit", ["--pid", `${host.pid}`, "--nofile=12:12"]))
        assert.strictEqual(limit.exit.status, 0)
        const failed = yield* Effect.flip(host.spawn(request("/bin/true", [], { streams: [Pipe, Pipe, Pipe] })))
        assert.deepInclude(failed, { stage: "pipe", errno: "EMFILE" })
        yield* host.ping
        assert.strictEqual(fds(), before)
        assert.strictEqual((yield* run(host, request("/bin/true", []))).exit.status, 0)
      })))
})
