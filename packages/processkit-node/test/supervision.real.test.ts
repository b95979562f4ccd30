import { assert, layer } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Readiness from "processkit/Readiness"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import { eventually, isAlive, survivors } from "./oracle.ts"
import { reasonOf, run, sh, timed } from "./programs.ts"
import { allowance, slowness } from "./slowness.ts"
import { beBusy } from "./world.ts"

const every = (delay: Duration.Input) => ({ backoff: Schedule.spaced(delay) })

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** A file that ends with the scope. */
const scratch = Effect.acquireRelease(
  Effect.sync(() => path.join(fs.mkdtempSync(path.join(os.tmpdir(), "supervision-")), "notes")),
  (file) => Effect.sync(() => fs.rmSync(path.dirname(file), { recursive: true }))
)

const notes = (file: string): ReadonlyArray<string> =>
  fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : []

/** The process that a session says is up. */
const pidOf = (session: Supervisor.Session) =>
  Effect.map(Effect.andThen(session.ready, session.status), ({ pid }) => pid ?? assert.fail("nothing is up"))

const saysSomething: Supervisor.Probe = (running) => Stream.runHead(running.stdoutLines)

const saysOnStderr: Supervisor.Probe = (running) => Stream.runHead(running.stderrLines)

const runners = {
  "the best mechanism": NodeProcessRunner.layer,
  "process groups": NodeProcessRunner.layerProcessGroup()
}

for (const [name, runner] of Object.entries(runners)) {
  layer(runner, { excludeTestServices: true })(`supervision by ${name}`, (it) => {
    it.effect("runs a program that crashes once more than it may restart", () =>
      Effect.gen(function*() {
        const file = yield* scratch
        const crash = sh("echo life >> \"$1\"; exit 3", [file])
        const outcome = yield* Supervisor.run(crash, { ...every("20 millis"), maxRestarts: 2 })
        assert.deepInclude(outcome, { reason: "RestartsExhausted", restarts: 2 })
        assert.deepInclude(outcome.lastResult?.outcome, { _tag: "Exited", code: 3 })
        assert.strictEqual(notes(file).length, 3)
      }))

    it.effect("runs a program that ends well again where it is told always", () =>
      Effect.gen(function*() {
        const policy = { ...every("10 millis"), restart: RestartPolicy.always, maxRestarts: 5 }
        const outcome = yield* Supervisor.run(Command.make("true"), policy)
        assert.deepInclude(outcome, { reason: "RestartsExhausted", restarts: 5 })
      }))

    // V6
    it.effect("pauses in a storm of real failures", () =>
      Effect.gen(function*() {
        const [outcome, elapsed] = yield* timed(Supervisor.run(Command.make("false"), {
          backoff: Backoff.exponential({ base: "1 millis", max: "5 millis" }),
          stormGuard: StormGuard.pause({ threshold: 1.5, pause: "50 millis" }),
          maxRestarts: 6
        }))
        assert.deepInclude(outcome, { reason: "RestartsExhausted", restarts: 6 })
        assert.isAtLeast(outcome.stormPauses, 2)
        assert.isAtLeast(elapsed, outcome.stormPauses * 25)
      }))

    // V7
    it.effect("fails at once for a program that does not exist", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* reasonOf(Supervisor.run(Command.make("no-such-program"))))._tag, "NotFound")
      }))

    it.effect("stops a program gracefully, and gives what it said last", () =>
      Effect.gen(function*() {
        const program = sh("trap 'echo bye; exit 0' TERM; echo up >&2; while :; do sleep 0.05; done")
        const session = yield* Supervisor.make(program, { ready: saysOnStderr })
        yield* session.ready
        const outcome = yield* session.stop()
        assert.deepInclude(outcome, { reason: "Stopped", restarts: 0 })
        assert.include(outcome.lastResult?.stdout, "bye")
        assert.deepStrictEqual(survivors(), [])
      }))

    // V9
    it.effect("kills a program that ignores a stop after the grace, or at once when told twice", () =>
      Effect.gen(function*() {
        const stubborn = run("ignores-sigterm.sh", [], { stop: { grace: "30 seconds" } })
        const first = yield* Supervisor.make(stubborn, { ready: saysSomething })
        yield* first.ready
        const [outcome, elapsed] = yield* timed(first.stop({ grace: "200 millis" }))
        assert.deepInclude(outcome.lastResult?.stop, { signal: "SIGTERM", forced: true })
        assert.isAtLeast(elapsed, 190)
        const second = yield* Supervisor.make(stubborn, { ready: saysSomething })
        yield* second.ready
        const stopping = yield* Effect.forkChild(timed(second.stop()), { startImmediately: true })
        // Into the grace, wherever exactly.
        yield* Effect.sleep("100 millis")
        yield* second.stop()
        assert.isBelow((yield* Fiber.join(stopping))[1], 20_000)
        assert.deepStrictEqual(survivors(), [])
      }))

    // V12
    it.effect("kills a wedged program at once, and says so while it waits", () =>
      Effect.gen(function*() {
        const healthCheck = { check: Effect.succeed(false), every: "50 millis", failures: 2 } as const
        const session = yield* Supervisor.make(Command.make("sleep", ["60"]), { healthCheck, ...every("1 minute") })
        const pid = yield* pidOf(session)
        yield* eventually("the program is killed", () => !isAlive(pid))
        yield* Effect.repeat(session.status, {
          until: ({ phase }) => phase === "waiting",
          schedule: Schedule.spaced(5)
        })
        assert.deepInclude(yield* session.status, { pid: undefined, startedAt: undefined, livenessKills: 1 })
        assert.deepInclude(yield* session.stop(), { reason: "Stopped", restarts: 0, livenessKills: 1 })
      }))

    // V11
    it.effect("begins no life while a process of the last one is alive", () =>
      Effect.gen(function*() {
        const file = yield* scratch
        // Each life looks whether the sleeper of the last one is there, and leaves one that ignores what it can.
        const leaves = sh(
          // A zombie is dead, also where nobody reaps it.
          "state=$([ -e \"$1.pid\" ] && ps -o state= -p $(cat \"$1.pid\"))\n" +
            "case $state in ''|Z*) ;; *) echo overlap >> \"$1\" ;; esac\n" +
            "echo life >> \"$1\"; (trap '' TERM HUP; sleep 60 & echo $! > \"$1.pid\"; wait) >/dev/null 2>&1 &\n" +
            "while [ ! -s \"$1.pid\" ]; do sleep 0.01; done; exit 1",
          [file]
        )
        const outcome = yield* Supervisor.run(leaves, { ...every(0), maxRestarts: 10 })
        assert.strictEqual(outcome.restarts, 10)
        assert.deepStrictEqual(new Set(notes(file)), new Set(["life"]))
        assert.isAtLeast(outcome.lastResult?.leftovers ?? 0, 1)
        assert.deepStrictEqual(survivors(), [])
      }))

    it.effect("leaves a shared group as it was", () =>
      Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const sibling = yield* group.start(Command.make("sleep", ["60"]))
        const members = yield* group.members
        const supervised = Supervisor.run(Command.make("false"), { ...every("10 millis"), maxRestarts: 3 })
        assert.deepInclude(yield* ProcessGroup.provide(supervised, group), { restarts: 3 })
        assert.deepStrictEqual([...(yield* group.members)].toSorted(), [...members].toSorted())
        assert.isTrue(yield* sibling.isRunning)
        assert.strictEqual(yield* ProcessGroup.provide(Command.run(Command.make("echo", ["still"])), group), "still")
      }))

    it.effect("ends a whole tree when it is interrupted", () =>
      Effect.gen(function*() {
        const file = yield* scratch
        const tree = sh("(sleep 60 & sleep 60) & sleep 60 & echo up > \"$1\"; wait", [file])
        const fiber = yield* Effect.forkChild(Supervisor.run(tree), { startImmediately: true })
        yield* eventually("the tree is up", () => notes(file).length > 0)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(survivors(), [])
      }))

    it.effect("of a group starts in order, takes the rest down with one that crashes, and stops in reverse", () =>
      Effect.gen(function*() {
        const file = yield* scratch
        const untilLastIsUp = "until grep -q +c \"$1\"; do sleep 0.02; done"
        const program = (name: string, crashes = false) => ({
          command: sh(
            `trap 'sleep 0.3; echo "-${name}" >> "$1"; exit 0' TERM; echo "+${name}" >> "$1"; echo up\n` +
              `${crashes ? `[ -e "$1.crashed" ] || { ${untilLastIsUp}; : > "$1.crashed"; exit 1; }` : ""}\n` +
              "while :; do sleep 0.02; done",
            [file]
          ),
          ready: Readiness.line("up"),
          // Shorter than it takes to stop: who failed waits for the others to be down.
          ...every("10 millis")
        })
        const session = yield* SupervisorGroup.make({
          c: { ...program("c"), dependsOn: ["b"] },
          b: { ...program("b", true), dependsOn: ["a"] },
          a: program("a")
        }, { strategy: "restForOne" })
        yield* eventually("the last one is up again", () => notes(file).filter((note) => note === "+c").length === 2)
        yield* session.ready
        const { members, reason } = yield* session.stop()
        assert.deepStrictEqual([reason, members.b.restarts], ["Stopped", 1])
        assert.deepStrictEqual(notes(file), ["+a", "+b", "+c", "-c", "+b", "+c", "-c", "-b", "-a"])
        assert.deepStrictEqual(survivors(), [])
      }))

    it.effect("waits until a server answers, and restarts it when it does not any more", () =>
      Effect.gen(function*() {
        const url = "http://127.0.0.1"
        const file = yield* scratch
        // The first life stops to answer after a while; its port is free again for the second.
        const server = Command.make(process.execPath, [
          "-e",
          "const { createServer } = require('node:http'); const fs = require('node:fs')\n" +
          "const [port, file] = process.argv.slice(1); const first = !fs.existsSync(file); fs.writeFileSync(file, 'x')\n" +
          "let answers = 0; const wedge = () => { if (first && ++answers === 3) for (;;); }\n" +
          "createServer((_, response) => response.end('fine', wedge)).listen(Number(port), '127.0.0.1')"
        ])
        const port = yield* freePort
        const address = `${url}:${port}/`
        const session = yield* Supervisor.make(Command.setArgs(server, [...server.args, `${port}`, file]), {
          ready: Readiness.http(address),
          healthCheck: { check: Readiness.http(address), every: "50 millis", timeout: allowance(500), failures: 2 },
          ...every("20 millis")
        })
        yield* Effect.repeat(session.status, {
          until: ({ incarnation, isReady }) => incarnation === 2 && isReady,
          schedule: Schedule.spaced(10)
        })
        assert.deepInclude(yield* session.stop(), { restarts: 1, livenessKills: 1 })
      }))

    // V13
    it.effect("kills nobody because its own event loop was blocked", () =>
      Effect.gen(function*() {
        // Answers through a file, in time unless somebody holds the loop.
        const check = Effect.andThen(Command.run(Command.make("echo", ["fine"])), Effect.sleep("20 millis"))
        const timeout = allowance(600)
        const healthCheck = { check, every: "30 millis", timeout, failures: 2 } as const
        const sessions = yield* Effect.replicateEffect(
          Supervisor.make(Command.make("sleep", ["60"]), { healthCheck }),
          5
        )
        for (let i = 0; i < 3; i++) {
          // Another place in the rhythm of the checks each time.
          yield* Effect.sleep(`${50 + 17 * i} millis`)
          beBusy(1.5 * timeout + 600)
        }
        // Time for a verdict that was reached meanwhile.
        yield* Effect.sleep("200 millis")
        for (const session of sessions) {
          assert.deepInclude(yield* session.status, { incarnation: 1, livenessKills: 0 })
        }
        yield* Effect.forEach(sessions, (session) => session.stop(), { concurrency: 5 })
      }))

    // V13
    it.effect("takes nobody for not ready because its own event loop was blocked", () =>
      Effect.gen(function*() {
        const file = yield* scratch
        const program = sh("sleep 0.1; echo up; echo up >> \"$1\"; exec sleep 60", [file])
        for (const [i, ready] of [saysSomething, Readiness.line("up")].entries()) {
          const session = yield* Supervisor.make(program, { ready, readyWithin: 800 * slowness, ...every("1 minute") })
          // Outside of a timer, so that all timers are due before what was said meanwhile is read.
          yield* Effect.callback<void>((resume) => {
            setImmediate(() => {
              beBusy(1200 * slowness, () => notes(file).length > i)
              resume(Effect.void)
            })
          })
          yield* session.ready
          assert.deepInclude(yield* session.stop({ grace: 0 }), { reason: "Stopped", livenessKills: 0 })
        }
      }))
  })
}
