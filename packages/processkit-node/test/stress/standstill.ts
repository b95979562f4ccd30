/**
 * Has an owner of supervised programs stand still for ten seconds, and fails where it kills any of them for that:
 * `npm run test:stress`.
 *
 * It stands still in both ways there are: its event loop is blocked, and its whole process is stopped by a signal. Every
 * check is due, and every patience used up, in the moment in which it goes on. One program is really wedged, so that a
 * watch that notices nothing at all is seen too.
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Supervisor from "processkit/Supervisor"

const standstill = Number(process.argv[2] ?? 10_000)
const programs = 20

const sleeps = Command.make("sleep", ["600"])

/** A check that answers in time unless somebody holds the loop, through a process of its own. */
const answers = Effect.andThen(Command.runUnit(Command.make("true")), Effect.sleep("20 millis"))

const watched = (check: Effect.Effect<unknown, unknown, never> | typeof answers) =>
  Supervisor.make(sleeps, { healthCheck: { check, every: "500 millis", timeout: "2 seconds", failures: 2 } })

const block = Effect.sync(() => {
  const until = performance.now() + standstill
  while (performance.now() < until);
})

/** Stops this process, and has a program that is none of ours continue it. */
const stop = Effect.sync(() => {
  spawn("sh", ["-c", `sleep ${standstill / 1000}; kill -CONT ${process.pid}`], { detached: true, stdio: "ignore" })
    .unref()
  process.kill(process.pid, "SIGSTOP")
})

const kills = (sessions: ReadonlyArray<Supervisor.Session>) =>
  Effect.map(
    Effect.forEach(sessions, ({ status }) => status),
    (all) => all.reduce((sum, { livenessKills }) => sum + livenessKills, 0)
  )

/** Stands still several times, each at another moment of the checks, and goes on for some of them in between. */
const through = (name: string, standStill: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const sessions = yield* Effect.replicateEffect(watched(answers), programs)
    const wedged = yield* watched(Effect.never)
    yield* Effect.forEach(sessions, ({ ready }) => ready)
    for (let i = 0; i < 3; i++) {
      yield* Effect.sleep(700 + 170 * i)
      yield* standStill
      yield* Effect.sleep("1 second")
    }
    const killed = yield* kills(sessions)
    yield* Effect.sleep("8 seconds")
    const noticed = yield* kills([wedged])
    const isRight = killed === 0 && noticed > 0
    console.log(
      `${isRight ? "ok" : "WRONG"}  ${name}, 3 times for ${standstill} ms: ` +
        `${killed} of ${programs} sound programs killed, the wedged one ${noticed > 0 ? "killed" : "spared"}`
    )
    return isRight
  }).pipe(Effect.scoped)

const program = Effect.all([through("a blocked event loop", block), through("a stopped owner", stop)])

const right = await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
process.exitCode = right.every((isRight) => isRight) ? 0 : 1
