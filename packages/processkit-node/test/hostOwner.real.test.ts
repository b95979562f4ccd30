import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import type { Mode } from "../src/internal/host/hostProtocol.ts"
import {
  binary,
  cgroupHome,
  eventually,
  exitOf,
  inCgroup,
  inHost,
  isAlive,
  isSupported,
  makeMark,
  request,
  run,
  shell,
  startFailure
} from "./hostWorld.ts"

/** What an owner does: guards a directory, starts a tree into a directory below, says so, and then what it is told. */
const program = (
  options: { readonly mode: Mode; readonly parent: string; readonly end: string; readonly mark: string }
) => `
import { Effect, Result } from "effect"
import * as fs from "node:fs"
import * as Host from ${JSON.stringify(new URL("../src/internal/host/host.ts", import.meta.url).href)}
const { mode, parent, end, mark } = ${JSON.stringify(options)}
const candidates = () => [Result.succeed({ path: ${JSON.stringify(binary)}, discard: () => {} })]
const host = await Effect.runPromise(Host.connect(mode, candidates))
const cgroup = parent === "" ? "" : parent + "/group"
if (cgroup !== "") {
  fs.mkdirSync(cgroup)
  const { errno } = await Effect.runPromise(host.guard(parent))
  if (errno !== undefined) throw new Error(errno)
}
const tree = "trap '' HUP INT TERM; for i in 1 2 3 4 5; do setsid sh -c 'trap \\"\\" TERM; while :; do sleep 0.1; done' & sleep 600 & done; (setsid sleep 600 &); wait"
const N = { _tag: "Null" }
await Effect.runPromise(host.spawn({
  file: "/bin/sh", directory: "/", cgroup, arguments: ["sh", "-c", tree], environment: [mark, "PATH=/usr/bin:/bin"],
  streams: [N, N, N]
}))
console.log("ready " + host.pid)
process.stdin.on("data", () => {
  if (end === "exit") process.exit(3)
  if (end === "throw") throw new Error("on purpose")
  if (end === "abort") process.abort()
  if (end === "heap") for (const all = [];;) all.push(new Array(1e6).fill({}))
})
`

interface Owner {
  readonly child: ChildProcess
  readonly host: number
}

const startOwner = async (options: Parameters<typeof program>[0]): Promise<Owner> => {
  const args = [
    "--max-old-space-size=64",
    "--conditions=processkit-source",
    "--input-type=module",
    "-e",
    program(options)
  ]
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ["pipe", "pipe", "ignore"] })
  for await (const chunk of child.stdout) {
    const pid = /^ready (\d+)/.exec(String(chunk))?.[1]
    if (pid !== undefined) return { child, host: Number(pid) }
  }
  throw new Error("the owner did not get ready")
}

const kills: ReadonlyArray<NodeJS.Signals> = ["SIGKILL", "SIGTERM", "SIGSEGV"]
const ends = [...kills, "exit", "throw", "abort", "heap"] as const

const modes: ReadonlyArray<readonly [name: string, mode: Mode, home: string | undefined]> = !isSupported ? [] : [
  ["monitored", "monitored", undefined],
  ["direct", "direct", undefined],
  ...cgroupHome === undefined ? [] : [["cgroup", "direct", cgroupHome] as const]
]

describe.each(modes)("the tree of a %s host", (_, mode, home) => {
  const inParent = (body: (parent: string) => Effect.Effect<unknown, unknown>) =>
    home === undefined ? body("") : inCgroup(home, body)

  for (const end of ends) {
    it.live(`is gone within a second after its owner ended by ${end}`, () =>
      inParent((parent) =>
        Effect.gen(function*() {
          const mark = makeMark()
          const { child, host } = yield* Effect.promise(() => startOwner({ mode, parent, end, mark: mark.entry }))
          yield* eventually("the tree has grown", () => mark.survivors().length >= 12)
          const exited = once(child, "exit")
          if (end.startsWith("SIG")) process.kill(child.pid ?? 0, end as NodeJS.Signals)
          else child.stdin?.write("now")
          yield* Effect.promise(() => exited)
          yield* eventually("nobody is left", () => mark.survivors().length === 0, 1000)
          yield* eventually("the host is gone", () => !isAlive(host), 1000)
          if (parent !== "") assert.isFalse(fs.existsSync(parent))
        })
      ))
  }
})

describe.runIf(isSupported)("an owner", () => {
  it.live("that has a host and nothing to wait for ends by itself", () =>
    Effect.promise(async () => {
      const source = `
import { Effect, Result } from "effect"
import * as Host from ${JSON.stringify(new URL("../src/internal/host/host.ts", import.meta.url).href)}
const host = await Effect.runPromise(Host.acquire("direct"))
const N = { _tag: "Null" }
const child = await Effect.runPromise(host.spawn({
  file: "/bin/true", directory: "/", cgroup: "", arguments: ["true"], environment: [], streams: [N, { _tag: "Pipe" }, N]
}))
child.pipes[1].close()
child.onExit(() => console.log("exited"))
`
      const child = spawn(process.execPath, ["--conditions=processkit-source", "--input-type=module", "-e", source], {
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"]
      })
      const printed = new Promise<string>((resume) => {
        let text = ""
        child.stdout.on("data", (chunk) => text += String(chunk)).on("close", () => resume(text))
      })
      const [code] = await once(child, "exit")
      assert.deepStrictEqual([code, await printed], [0, "exited\n"])
    }))
})

const test = (name: string, body: (host: HostConnection, directory: string) => Effect.Effect<unknown, unknown>) =>
  it.live(name, () => inCgroup(cgroupHome ?? "", (directory) => inHost("direct", (host) => body(host, directory))))

const failureInside = (host: HostConnection, cgroup: string) => startFailure(host, request("/bin/true", [], { cgroup }))

describe.runIf(isSupported && cgroupHome !== undefined)("a child in a cgroup", () => {
  // P9
  test("is a member before its first instruction", (host, directory) =>
    Effect.gen(function*() {
      const mark = makeMark()
      const children = yield* Effect.all(
        Array.from({ length: 50 }, () =>
          host.spawn(shell("sleep 600 & setsid sleep 600 & wait", {
            cgroup: directory,
            environment: [mark.entry, "PATH=/usr/bin:/bin"]
          }))),
        { concurrency: 16 }
      )
      yield* eventually("all are there", () => mark.survivors().length === 150)
      const members = fs.readFileSync(path.join(directory, "cgroup.procs"), "utf8").trim().split("\n").map(Number)
      assert.sameMembers(members, [...mark.survivors()])
      fs.writeFileSync(path.join(directory, "cgroup.kill"), "1")
      const exits = yield* Effect.all(children.map(exitOf))
      assert.isTrue(exits.every((exit) => exit.status === 9))
    }))

  test(
    "that is frozen keeps no other from being started, and is killed frozen",
    (host, directory) =>
      Effect.gen(function*() {
        fs.writeFileSync(path.join(directory, "cgroup.freeze"), "1")
        const frozen = Effect.runPromise(
          Effect.result(host.spawn(request("/bin/sleep", ["600"], { cgroup: directory })))
        )
        const members = () => fs.readFileSync(path.join(directory, "cgroup.procs"), "utf8").trim()
        yield* eventually("the frozen child is a member", () => members() !== "")
        for (let i = 0; i < 20; i++) assert.strictEqual((yield* run(host, request("/bin/true", []))).exit.status, 0)
        fs.writeFileSync(path.join(directory, "cgroup.kill"), "1")
        // Killed before it was a program: that is no exit but a failed start.
        assert.deepNestedInclude(yield* Effect.promise(() => frozen), { _tag: "Failure", "failure.stage": "killed" })
        assert.strictEqual(members(), "")
      })
  )

  test("that is frozen at its start starts when it is thawed", (host, directory) =>
    Effect.gen(function*() {
      fs.writeFileSync(path.join(directory, "cgroup.freeze"), "1")
      const started = Effect.runPromise(run(host, shell("exit 4", { cgroup: directory })))
      const members = () => fs.readFileSync(path.join(directory, "cgroup.procs"), "utf8").trim()
      yield* eventually("the frozen child is a member", () => members() !== "")
      fs.writeFileSync(path.join(directory, "cgroup.freeze"), "0")
      assert.strictEqual((yield* Effect.promise(() => started)).exit.status, 4 << 8)
    }))

  // Where a directory was killed before, Linux 6.18 also kills whoever is born into it later. One made afterwards, below
  // or in its place, is free of that.
  test("lives in a directory that was made after a kill", (host, directory) =>
    Effect.gen(function*() {
      const kill = () => fs.writeFileSync(path.join(directory, "cgroup.kill"), "1")
      const leaf = path.join(directory, "leaf")
      for (let round = 0; round < 3; round++) {
        fs.mkdirSync(leaf)
        const child = yield* host.spawn(shell("sleep 600 & wait", { cgroup: leaf }))
        kill()
        assert.strictEqual((yield* exitOf(child)).status, 9)
        yield* eventually("the leaf is empty", () => fs.readFileSync(path.join(leaf, "cgroup.procs"), "utf8") === "")
        fs.rmdirSync(leaf)
      }
    }))

  test("cannot be started in a directory that is gone or is no cgroup", (host, directory) =>
    Effect.gen(function*() {
      assert.deepInclude(yield* failureInside(host, path.join(directory, "nothing")), {
        stage: "container",
        errno: "ENOENT"
      })
      assert.deepInclude(yield* failureInside(host, "/tmp"), { stage: "fork" })
      assert.deepInclude(yield* failureInside(host, binary), { stage: "container", errno: "ENOTDIR" })
    }))

  test(
    "leaves no directory behind when the owner is gone, whatever its program has made below its own",
    (host, directory) =>
      Effect.gen(function*() {
        assert.deepInclude(yield* host.guard(directory), { errno: undefined })
        for (const below of [".hidden/..twice", Array.from({ length: 40 }, () => "deep").join("/")]) {
          fs.mkdirSync(path.join(directory, below), { recursive: true })
        }
        host.close()
        yield* eventually("the directory is gone", () => !fs.existsSync(directory), 1000)
      })
  )

  test("is not guarded where the directory cannot be killed", (host, directory) =>
    Effect.gen(function*() {
      assert.deepInclude(yield* host.guard("/tmp"), { errno: "ENOENT" })
      assert.deepInclude(yield* host.guard("relative"), { errno: "EINVAL" })
      assert.deepInclude(yield* host.guard(directory), { errno: undefined })
      assert.deepInclude(yield* host.unguard(directory), { errno: undefined })
      assert.deepInclude(yield* host.unguard(directory), { errno: undefined })
    }))
})
