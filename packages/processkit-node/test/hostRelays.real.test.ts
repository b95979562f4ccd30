import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { HostChild } from "../src/internal/host/hostAnswers.ts"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import type { HostEvent, Mode, Spawn, Stream } from "../src/internal/host/hostProtocol.ts"
import * as Requests from "../src/internal/host/hostRequests.ts"
import {
  cgroupHome,
  emptied,
  eventually,
  exitOf,
  inCgroup,
  inHost,
  isSupported,
  Null,
  rawHost,
  request,
  shell,
  startFailure
} from "./hostWorld.ts"
import { isAlive } from "./oracle.ts"
import { has } from "./programs.ts"

const Relay: Stream = { _tag: "Relay" }

const relayed = { streams: [Null, Relay, Relay] } satisfies Partial<Spawn>

/** What the host tells at most of one stream (`RELAY_MAX`). */
const most = 4096

/** Everything that a relayed stream brings, by whichever way, and what it ends with. */
const collect = (child: HostChild, stream: 1 | 2) => {
  const chunks: Array<Uint8Array> = []
  const relay = child.relays[stream - 1]
  const ended = new Promise<string | undefined>((resolve) => {
    if (relay === undefined) return resolve("no relay")
    relay.start({
      chunk: (bytes) => {
        chunks.push(bytes)
        return true
      },
      end: (errno) => {
        relay.close()
        resolve(errno)
      }
    })
  })
  return {
    sizes: () => chunks.map((chunk) => chunk.length),
    text: Effect.map(Effect.promise(() => ended), (errno) => {
      assert.isUndefined(errno)
      return Buffer.concat(chunks).toString("latin1")
    })
  }
}

const descriptorsOf = ({ pid }: HostConnection): number => fs.readdirSync(`/proc/${pid}/fd`).length

/** How many of 150 exits come before all output of their child, where all of them end while the host stands still. */
const earlyExits = (host: HostConnection, script: string, bytes: number) =>
  Effect.gen(function*() {
    const gate = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "gate-")), "open")
    const early: Array<boolean> = []
    const pids: Array<number> = []
    for (let i = 0; i < 150; i++) {
      const child = yield* host.spawn(shell(`while [ ! -e '${gate}' ]; do sleep 0.02; done; ${script}`, relayed))
      let told = 0
      for (const relay of child.relays) {
        relay?.start({ chunk: (chunk) => (told += chunk.length, true), end: () => {} })
      }
      child.onExit(() => early.push(told !== bytes))
      pids.push(child.pid)
    }
    process.kill(host.pid, "SIGSTOP")
    fs.writeFileSync(gate, "")
    yield* eventually("the end of all of them", () => pids.every((pid) => !isAlive(pid)), 30_000)
    process.kill(host.pid, "SIGCONT")
    yield* eventually("the exits", () => early.length === pids.length)
    fs.rmSync(path.dirname(gate), { recursive: true })
    return early.filter((was) => was).length
  })

const modes: ReadonlyArray<Mode> = isSupported ? ["direct", "monitored"] : []

describe.each(modes)("output that a %s host relays", (mode) => {
  const test = (name: string, body: (host: HostConnection) => Effect.Effect<unknown, unknown>) =>
    it.live(name, () => inHost(mode, body))

  // Under load a host reaped children whose output it had not read yet, and the owner waited for that no longer than half
  // a second after the exit: one run in thousands came to nothing.
  test("comes before the exit of its child, also where many end while the host stands still", (host) =>
    Effect.map(earlyExits(host, "echo out", 4), (count) => assert.strictEqual(count, 0)))

  // The first of two long outputs took the room that the second was to have before the news of the exit.
  test("comes before the exit of its child, also where it is long and there is little room for it", (host) =>
    Effect.map(
      earlyExits(host, "head -c 4000 /dev/zero; head -c 4000 /dev/zero >&2", 8000),
      (count) => assert.strictEqual(count, 0)
    ))

  test("arrives whole, whether the host tells all of it or hands the pipe over", (host) =>
    Effect.gen(function*() {
      for (const size of [0, 1, most - 1, most, most + 1, 65_536, 65_537, 3_000_000]) {
        const script = `head -c ${size} /dev/zero | tr '\\0' o; head -c ${size} /dev/zero | tr '\\0' e >&2`
        const child = yield* host.spawn(shell(script, relayed))
        const [stdout, stderr] = [collect(child, 1), collect(child, 2)]
        assert.strictEqual((yield* exitOf(child)).status, 0)
        assert.isTrue("o".repeat(size) === (yield* stdout.text), `standard output of ${size} bytes`)
        assert.isTrue("e".repeat(size) === (yield* stderr.text), `standard error of ${size} bytes`)
      }
    }))

  test("arrives at once, from a program that goes on", (host) =>
    Effect.gen(function*() {
      const child = yield* host.spawn(shell("echo ready; exec sleep 600", relayed))
      const stdout = collect(child, 1)
      yield* eventually("its first line is here", () => stdout.sizes().length > 0)
      yield* child.signal(9)
      assert.strictEqual(yield* stdout.text, "ready\n")
    }))

  test("arrives from a process that outlives the program", (host) =>
    Effect.gen(function*() {
      const late = "while kill -0 $$ 2>/dev/null; do sleep 0.02; done; echo late"
      const child = yield* host.spawn(shell(`(${late}) & echo early`, relayed))
      const stdout = collect(child, 1)
      yield* exitOf(child)
      assert.strictEqual(yield* stdout.text, "early\nlate\n")
      yield* emptied(child)
    }))

  // There are 256 places, and who is there for the longest makes room.
  test("arrives from more programs than the host has places for", (host) =>
    Effect.gen(function*() {
      const children: Array<HostChild> = []
      for (let i = 0; i < 150; i++) {
        children.push(
          yield* host.spawn(shell("echo begun; read line; echo $line", {
            streams: [{ _tag: "Pipe" }, Relay, Relay]
          }))
        )
      }
      const outputs = children.map((child) => collect(child, 1))
      children.forEach((child, i) => child.pipes[0]?.socket().end(`${i}\n`))
      for (const [i, { text }] of outputs.entries()) assert.strictEqual(yield* text, `begun\n${i}\n`)
      for (const child of children) child.relays[1]?.close()
    }))

  test("that nobody wants any more ends its writer as a closed pipe does", (host) =>
    Effect.gen(function*() {
      const quiet = yield* host.spawn(shell("sleep 0.2; exec yes", relayed))
      const loud = yield* host.spawn(request("/usr/bin/yes", [], relayed))
      const stdout = collect(loud, 1)
      yield* eventually("it writes more than is told", () => stdout.sizes().length > 2)
      for (const child of [quiet, loud]) {
        child.relays[0]?.close()
        assert.strictEqual((yield* exitOf(child)).status & 0x7f, 13) // SIGPIPE
      }
    }))

  test("of a start that fails is none", (host) =>
    Effect.gen(function*() {
      assert.deepInclude(yield* startFailure(host, request("/no/such/file", [], relayed)), {
        _tag: "StartFailed",
        stage: "exec"
      })
      yield* host.ping
      assert.strictEqual(yield* host.ping, undefined)
    }))

  test("leaves no descriptor in the host", (host) =>
    Effect.gen(function*() {
      const before = descriptorsOf(host)
      for (let i = 0; i < 20; i++) {
        const child = yield* host.spawn(shell(i % 2 === 0 ? "echo x" : "head -c 9999 /dev/zero", relayed))
        const [stdout, stderr] = [collect(child, 1), collect(child, 2)]
        yield* stdout.text
        yield* stderr.text
        yield* exitOf(child)
        if (mode === "monitored") yield* emptied(child)
      }
      yield* eventually("no more than before", () => descriptorsOf(host) <= before)
    }))
})

describe.runIf(isSupported)("a host that is asked to relay", () => {
  it.live("tells no more than its bound, then that the pipe was handed over, and nothing after it", () =>
    Effect.promise(async () => {
      const host = rawHost()
      try {
        const script = shell("head -c 100000 /dev/zero", { streams: [Null, Relay, Null] })
        const start = Requests.spawn(7, script)
        host.socket.write(Requests.hello(1, "direct"))
        if (start._tag === "Success") host.socket.write(start.success)
        await host.event("Exited") // of SIGPIPE, because this owner closes the pipe
        const told = host.events.filter((event): event is HostEvent & { readonly _tag: "Output" } =>
          event._tag === "Output"
        )
        assert.strictEqual(told.reduce((sum, { bytes }) => sum + bytes.length, 0), most)
        const order = host.events.map((event) => event._tag).filter((tag) => tag === "Output" || tag === "Handed")
        assert.strictEqual(order.indexOf("Handed"), order.length - 1)
        host.socket.write(Requests.close(8, 7, 1))
        assert.deepInclude(await host.event("Done"), { token: 8, errno: 2 }) // ENOENT: it is not the host's any more
      } finally {
        host.socket.destroy()
        await host.ended
      }
    }))

  // The owner, who waits for output no longer than half a second after the exit, heard of the exit first.
  it.live.each(modes)(
    "tells that a pipe was handed over before the exit of its writer (%s)",
    (mode) =>
      Effect.promise(async () => {
        const host = rawHost()
        try {
          const start = Requests.spawn(7, shell("sleep 0.2; head -c 60000 /dev/zero", { streams: [Null, Relay, Null] }))
          host.socket.write(Requests.hello(1, mode))
          if (start._tag === "Success") host.socket.write(start.success)
          const { pid } = await host.event("Spawned")
          host.child.kill("SIGSTOP")
          await Effect.runPromise(eventually("the child has ended", () => !isAlive(pid)))
          host.child.kill("SIGCONT")
          await host.event("Exited")
          const order = host.events.map((event) => event._tag).filter((tag) => tag === "Exited" || tag === "Handed")
          assert.deepStrictEqual(order, ["Handed", "Exited"])
        } finally {
          host.socket.destroy()
          await host.ended
        }
      })
  )
})

const own = (cgroup: string): Partial<Spawn> => ({ cgroup, attributes: { ownCgroup: true } })

const hasCgroups = has("a writable cgroup", cgroupHome !== undefined) && isSupported

describe.runIf(hasCgroups)("a cgroup that the host makes for one child", () => {
  const home = cgroupHome ?? ""

  const test = (name: string, body: (host: HostConnection, directory: string) => Effect.Effect<unknown, unknown>) =>
    it.live(
      name,
      () =>
        inCgroup(
          home,
          (directory) => inHost("direct", (host) => Effect.andThen(host.guard(directory), body(host, directory)))
        )
    )

  test("is where the child is born, and gone when it has ended", (host, directory) =>
    Effect.gen(function*() {
      const child = yield* host.spawn(shell("cat /proc/self/cgroup", { ...relayed, ...own(`${directory}/one`) }))
      const stdout = collect(child, 1)
      const exit = yield* exitOf(child)
      assert.match(yield* stdout.text, /\/one$/m)
      assert.isTrue(exit.cgroupRemoved)
      assert.isFalse(fs.existsSync(`${directory}/one`))
    }))

  test("stays, and is said to, where somebody is left in it", (host, directory) =>
    Effect.gen(function*() {
      const child = yield* host.spawn(shell("sleep 600 & exit 3", own(`${directory}/two`)))
      const exit = yield* exitOf(child)
      assert.deepEqual([exit.status >> 8, exit.cgroupRemoved], [3, false])
      assert.notStrictEqual(fs.readFileSync(`${directory}/two/cgroup.procs`, "latin1"), "")
    }))

  test("leaves nothing behind where the start fails", (host, directory) =>
    Effect.gen(function*() {
      const failure = yield* startFailure(host, request("/no/such/file", [], own(`${directory}/three`)))
      assert.deepInclude(failure, { stage: "exec" })
      assert.isFalse(fs.existsSync(`${directory}/three`))
    }))

  test(
    "is refused outside of what the host guards, below a name that is too long, and where there is one",
    (host, directory) =>
      Effect.gen(function*() {
        fs.mkdirSync(`${directory}/four`)
        const refused: ReadonlyArray<readonly [cgroup: string, errno: string]> = [
          [`${directory}-elsewhere`, "EINVAL"],
          [directory, "EINVAL"],
          [`${directory}/../${path.basename(directory)}-elsewhere`, "EINVAL"],
          [`${directory}/four/../../${path.basename(directory)}-elsewhere`, "EINVAL"],
          [`${directory}/${"x".repeat(48)}`, "EINVAL"],
          [`${directory}/four`, "EEXIST"],
          [`${directory}/none/below`, "ENOENT"]
        ]
        for (const [cgroup, errno] of refused) {
          const failure = yield* startFailure(host, request("/bin/true", [], own(cgroup)))
          assert.deepInclude(failure, { stage: "container", errno }, cgroup)
        }
        fs.rmdirSync(`${directory}/four`)
      })
  )

  it.live("is not to be had behind a monitor", () =>
    inHost(
      "monitored",
      (host) =>
        Effect.map(startFailure(host, request("/bin/true", [], own(`${home}/five`))), (failure) =>
          assert.deepInclude(failure, { stage: "container", errno: "EOPNOTSUPP" }))
    ))
})
