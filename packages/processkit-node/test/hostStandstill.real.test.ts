import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Host from "../src/internal/host/host.ts"
import type { HostChild } from "../src/internal/host/hostAnswers.ts"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import { type Hosted, mechanisms, ownGroups, ready } from "./hostedWorld.ts"
import { binary, cgroupHome, exitOf, inCgroup, isAlive, isSupported, makeMark, request, shell } from "./hostWorld.ts"
import { eventually, survivors } from "./oracle.ts"
import { has, run, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

const group = ProcessGroup.makeWith({ stop: { grace: 0 } })

const hostOf = ({ name }: Hosted): number => Host.running(name === "subreaper" ? "monitored" : "direct")?.pid ?? 0

const stop = (pid: number): void => void process.kill(pid, "SIGSTOP")

/** Stops a process again and again, for some time, and leaves it stopped. */
const keepingStopped = <A, E, R>(pid: () => number, milliseconds: number, body: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const timer = setInterval(() => stop(pid()), 5)
      setTimeout(() => clearInterval(timer), milliseconds)
      stop(pid())
      return timer
    }),
    () => body,
    (timer) => Effect.sync(() => clearInterval(timer))
  )

for (const mechanism of mechanisms) {
  describe(`a host of ${mechanism.name} that stands still`, () => {
    it.live("is continued, and what waits for it goes on: a start, an exit, a close", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const held = yield* Scope.provide(group, scope)
        yield* ready(held, run("ignores-sigterm.sh"))
        const ending = yield* held.start(Command.make("sleep", ["0.2"]))
        const host = hostOf(mechanism)
        stop(host)
        const [[text, outcome], elapsed] = yield* timed(
          Effect.all([Command.run(Command.make("echo", ["x"])), ending.outcome], { concurrency: "unbounded" })
        )
        assert.deepEqual([text, outcome._tag], ["x", "Exited"])
        assert.isBelow(elapsed, allowance(5_000))
        assert.strictEqual(hostOf(mechanism), host)
        stop(host)
        yield* Scope.close(scope, Exit.void)
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(mechanism.runner)))

    it.live("for five seconds, whoever continues it, loses no start and no exit", () =>
      Effect.gen(function*() {
        yield* Command.run(Command.make("true"))
        const host = hostOf(mechanism)
        const many = Effect.forEach(
          Array.from({ length: 50 }, (_, i) => `${i}`),
          (text) => Effect.result(Command.run(Command.make("echo", [text]))),
          { concurrency: "unbounded" }
        )
        const results = yield* keepingStopped(() => host, 5_000, many)
        assert.deepEqual(
          results.map((result) => Result.isSuccess(result) && result.success),
          Array.from({ length: 50 }, (_, i) => `${i}`)
        )
        assert.strictEqual(hostOf(mechanism), host)
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(mechanism.runner)))
  })
}

const canFreeze = has("a writable cgroup, to freeze a host in", isSupported && cgroupHome !== undefined)

/** A host that is given up soon, in a cgroup of its own. */
const inFreezer = (
  mode: HostConnection["mode"],
  body: (host: HostConnection, freeze: (frozen: boolean) => void) => Effect.Effect<unknown, unknown>
) =>
  inCgroup(cgroupHome ?? "", (directory) =>
    Effect.acquireUseRelease(
      Host.connect(mode, () => [Result.succeed({ path: binary, discard: () => {} })], {
        answer: allowance(50),
        exit: allowance(200),
        looks: 10
      }),
      (host) => {
        fs.writeFileSync(`${directory}/cgroup.procs`, `${host.pid}`)
        return body(host, (frozen) => fs.writeFileSync(`${directory}/cgroup.freeze`, frozen ? "1" : "0"))
      },
      (host) => Effect.sync(host.close)
    ))

const tagOf = <A>(effect: Effect.Effect<A, unknown>) =>
  Effect.map(
    Effect.flip(effect),
    (error) => error instanceof Error && "reason" in error ? (error.reason as { _tag: string })._tag : "another error"
  )

const lossOf = (child: HostChild): Effect.Effect<string> => Effect.orDie(tagOf(exitOf(child)))

describe.runIf(canFreeze).each(["direct", "monitored"] as const)("a %s host that cannot be continued", (mode) => {
  it.live("is given up: what it held and what it was asked for fails with HostLost, and everybody is dead", () =>
    inFreezer(mode, (host, freeze) =>
      Effect.gen(function*() {
        const mark = makeMark()
        const child = yield* host.spawn(
          shell("sleep 600 & sleep 600", { environment: [mark.entry, "PATH=/usr/bin:/bin"] })
        )
        yield* eventually("all are there", () => mark.survivors().length === 3)
        freeze(true)
        const start = yield* Effect.forkChild(tagOf(host.spawn(request("/bin/true", []))))
        const asked = yield* Effect.forkChild(tagOf(child.signal(0)))
        assert.deepEqual([yield* Fiber.join(start), yield* Fiber.join(asked), yield* lossOf(child)], [
          "HostLost",
          "HostLost",
          "HostLost"
        ])
        assert.isTrue(host.isLost())
        yield* eventually("the host is gone", () => !isAlive(host.pid))
        freeze(false)
        // In direct mode the group's directory does that; a host by itself has none.
        if (mode === "direct") { for (const pid of mark.survivors()) process.kill(pid, "SIGKILL") }
        yield* eventually("everybody is dead", () => mark.survivors().length === 0)
      })))

  it.live("is given up also where nothing but an exit is awaited of it", () =>
    inFreezer(mode, (host, freeze) =>
      Effect.gen(function*() {
        const child = yield* host.spawn(request("/bin/sleep", ["600"]))
        freeze(true)
        assert.strictEqual(yield* lossOf(child), "HostLost")
        freeze(false)
        if (mode === "direct") process.kill(child.pid, "SIGKILL")
        yield* eventually("it is dead", () => !isAlive(child.pid))
      })))

  it.live("takes more than its socket holds once it can, in the order in which it was sent", () =>
    inFreezer(mode, (host, freeze) =>
      Effect.gen(function*() {
        freeze(true)
        // Thirty megabytes, a hundred times what the kernel buffers.
        const environment = [`PADDING=${"x".repeat(100_000)}`]
        const starts = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 300 }), () => host.spawn(request("/bin/true", [], { environment })), {
            concurrency: "unbounded"
          })
        )
        yield* Effect.yieldNow
        freeze(false)
        const children = yield* Fiber.join(starts)
        const exits = yield* Effect.forEach(children, exitOf, { concurrency: "unbounded" })
        assert.isTrue(exits.every(({ status }) => status === 0))
        const ids = children.map(({ id }) => id)
        assert.deepEqual(ids, ids.toSorted((a, b) => a - b))
      })))
})
