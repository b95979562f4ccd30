/**
 * What supervision costs: memory, descriptors and listeners over very many restarts, and memory for very many programs.
 *
 *     node --expose-gc --conditions=processkit-source packages/processkit-node/benchmark/supervision.ts [restarts] [programs]
 *
 * Exits with 1 where something grows that must not.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as Supervisor from "processkit/Supervisor"
import { Reply, ScriptedRunner } from "processkit/testing"

const restarts = Number(process.argv[2] ?? 100_000)
const programs = Number(process.argv[3] ?? 1000)

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** How many directories of control groups are there for programs of this process; they come and go while one looks. */
const containers = (): number => {
  const { stdout } = spawnSync("find", ["/sys/fs/cgroup", "-type", "d", "-path", `*/processkit-*-${process.pid}-*/*`], {
    encoding: "utf8"
  })
  return stdout.split("\n").length - 1
}

interface Footprint {
  readonly heap: number
  readonly descriptors: number
  readonly listeners: number
  readonly resources: number
  readonly containers: number
}

const footprint = (): Footprint => ({
  heap: Math.round(heap() / 1024),
  descriptors: fs.readdirSync("/proc/self/fd").length,
  listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  resources: process.getActiveResourcesInfo().filter((kind) => kind !== "Immediate").length,
  containers: containers()
})

/** Restarts a program over and over, with a footprint after the first tenth and after the last. */
const manyRestarts = (command: Command.Command) =>
  Effect.scoped(Effect.gen(function*() {
    const policy = { restart: RestartPolicy.always, backoff: Schedule.spaced(0), maxRestarts: restarts }
    const began = performance.now()
    const session = yield* Supervisor.make(command, policy)
    const until = (incarnation: number) =>
      Effect.repeat(Effect.andThen(Effect.sleep("20 millis"), session.status), {
        until: (status) => status.incarnation >= incarnation || status.phase === "ended"
      })
    yield* until(restarts / 10)
    const early = footprint()
    yield* until(restarts - 100)
    const late = footprint()
    const outcome = yield* session.await
    const each = (performance.now() - began) / (outcome.restarts + 1)
    yield* Stream.runDrain(session.events)
    return { early, late, each }
  }))

const report = (name: string, { each, early, late }: Effect.Success<ReturnType<typeof manyRestarts>>): boolean => {
  console.log(`${name}: ${restarts} restarts, ${(each * 1000).toFixed(0)} µs each`)
  for (const key of Object.keys(early) as Array<keyof Footprint>) {
    console.log(`  ${key.padEnd(12)} ${early[key]} after a tenth, ${late[key]} at the end`)
  }
  const grown = (Object.keys(early) as Array<keyof Footprint>).filter((key) =>
    late[key] > early[key] + (key === "heap" ? 5 * 1024 : key === "resources" ? 4 : 2)
  )
  if (grown.length > 0) console.log(`  grew: ${grown.join(", ")}`)
  return grown.length === 0
}

const server = Command.make("server")

/** Heap for each of so many things that are made and stay, what their maker got of them included. */
const heapOf = <E, R>(make: Effect.Effect<unknown, E, R>) =>
  Effect.scoped(Effect.gen(function*() {
    yield* make
    yield* Effect.sleep("200 millis")
    const before = heap()
    const made = yield* Effect.replicateEffect(make, programs)
    yield* Effect.sleep("200 millis")
    return (heap() - before) / made.length / 1024
  }))

/** What a supervised program costs, with a readiness gate and a health check, the run and its scripted program included. */
const manyPrograms = Effect.gen(function*() {
  const options = { ready: Effect.void, healthCheck: { check: Effect.void, every: "1 hour" } } as const
  const started = yield* heapOf(Command.start(server))
  const supervised = yield* heapOf(Supervisor.make(server, options))
  console.log(
    `${programs} programs: ${started.toFixed(1)} KiB of heap for each run, ${supervised.toFixed(1)} supervised`
  )
  return supervised
}).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.on(["server"], Reply.pending))))

const program = Effect.gen(function*() {
  const perProgram = yield* manyPrograms
  const real = yield* Effect.provide(manyRestarts(Command.make("/bin/true")), NodeProcessRunner.layer)
  return report("/bin/true", real) && perProgram < 20
})

process.exitCode = (await Effect.runPromise(program)) ? 0 : 1
