import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as Pipeline from "processkit/Pipeline"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { countedAbort, prints, settle } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"

/** What an injection needs to look at afterwards. */
interface World {
  readonly below: ReturnType<typeof backend>
  readonly layer: Layer.Layer<ProcessRunner.ProcessRunner>
  readonly signal: AbortSignal
  readonly listeners: () => number
  /** How many sources of input are open. */
  sources: number
  /** How many containers were opened and not given back. */
  containers: number
}

const flaky = (): Program => {
  let run = 0
  return { main: (io) => prints("fine\n", run++ === 0 ? 1 : 0).main(io) }
}

const slowly: Program = {
  main: (io) =>
    Effect.andThen(
      settle(3),
      Effect.andThen(io.write("stdout", "a\nb\n"), Effect.andThen(settle(3), prints("c").main(io)))
    )
}

/** A world whose every operation takes a few turns, so that an interrupt can fall between any two. */
const world = (): World => {
  const below = backend({ flaky: flaky(), slowly })
  const service = mapContainer({
    ...below.service,
    open: Effect.tap(below.service.open, () => {
      self.containers++
      return settle(2)
    })
  }, ({ kill, signal, spawn }) => ({
    spawn: (request) => Effect.andThen(settle(2), Effect.tap(spawn(request), () => settle(2))),
    signal: (name) => Effect.andThen(settle(1), signal(name)),
    kill: Effect.andThen(settle(1), kill),
    release: Effect.sync(() => void self.containers--)
  }))
  const { listeners, signal } = countedAbort()
  const self: World = {
    below,
    layer: Layer.succeed(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(service)),
    signal,
    listeners,
    sources: 0,
    containers: 0
  }
  return self
}

const source = (world: World) =>
  Stream.make("a", "b").pipe(
    Stream.mapEffect((text) => Effect.as(settle(2), text)),
    Stream.onStart(Effect.sync(() => void world.sources++)),
    Stream.ensuring(Effect.sync(() => void world.sources--))
  )

type Scenario = (world: World) => Effect.Effect<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

const scenarios: Record<string, Scenario> = {
  "a run that is fed": (world) =>
    Command.run(Command.make("echoesStdin", { stdin: source(world), cancelOn: world.signal, timeout: "1 hour" })),
  "a run that fails": (world) =>
    Effect.ignore(Command.run(Command.make("exitsWith", ["1"], { cancelOn: world.signal }))),
  "a start that fails": (world) =>
    Effect.ignore(Command.run(Command.make("missing", { cancelOn: world.signal, stdin: source(world) }))),
  "a run whose descendant is left": (world) =>
    Command.start(Command.make("spawnsTree", { cancelOn: world.signal })).pipe(
      Effect.tap(() => settle(3)),
      Effect.flatMap((running) => Effect.andThen(running.signal("SIGKILL"), running.result)),
      Effect.scoped
    ),
  "a run that is repeated": (world) =>
    Command.run(Command.make("flaky", {
      cancelOn: world.signal,
      retry: { schedule: Schedule.recurs(3), while: () => true }
    })),
  "a first line": (world) =>
    Command.firstLine(Command.make("waits", { cancelOn: world.signal }), (line) => line === "ready"),
  "a stream of lines": (world) =>
    Stream.runDrain(Command.stdoutLines(Command.make("slowly", { cancelOn: world.signal }))),
  "a stream that is left": (world) =>
    Stream.runDrain(
      Stream.take(Command.stdoutLines(Command.make("floods", ["900000"], { cancelOn: world.signal })), 1)
    ),
  "a stop": (world) =>
    Effect.scoped(
      Effect.flatMap(Command.start(Command.make("ignoresTerm", { cancelOn: world.signal })), (running) =>
        Effect.andThen(settle(2), running.stop()))
    ),
  "a deadline of nothing": (world) =>
    Effect.ignore(
      Command.run(Command.make("ignoresTerm", { cancelOn: world.signal, timeout: 0, stdin: source(world) }))
    ),
  "a pipeline": (world) =>
    Pipeline.run(
      Pipeline.make(
        Command.make("echoesStdin", { stdin: source(world) }),
        Command.make("echoesStdin"),
        Command.make("slowly")
      ).pipe(Pipeline.setCancelOn(world.signal), Pipeline.timeout("1 hour"))
    ),
  "a pipeline that fails": (world) =>
    Effect.ignore(Pipeline.run(
      Pipeline.setCancelOn(
        Pipeline.make(Command.make("ignoresTerm"), Command.make("exitsWith", ["1"]), Command.make("echoesStdin")),
        world.signal
      )
    )),
  "a pipeline whose last stage cannot be started": (world) =>
    Effect.ignore(Pipeline.run(Pipeline.make(
      Command.make("floods", ["900000"], { cancelOn: world.signal }),
      Command.make("echoesStdin"),
      Command.make("missing")
    ))),
  "a pipeline in a group": (world) =>
    Effect.scoped(
      Effect.flatMap(ProcessGroup.make, (group) =>
        ProcessGroup.provide(
          Pipeline.run(Pipeline.make(Command.make("slowly", { cancelOn: world.signal }), Command.make("echoesStdin"))),
          group
        ))
    ),
  "a group": (world) =>
    Effect.scoped(
      Effect.flatMap(ProcessGroup.make, (group) =>
        Effect.andThen(
          group.start(Command.make("ignoresTerm", { cancelOn: world.signal })),
          group.start(Command.make("spawnsTree"))
        ))
    ),
  "a verb in a group": (world) =>
    Effect.scoped(
      Effect.flatMap(ProcessGroup.make, (group) =>
        ProcessGroup.provide(
          Command.run(Command.make("slowly", { cancelOn: world.signal, stdin: source(world) })),
          group
        ))
    )
}

const injections = 200

/** Interrupts a scenario after so many turns, and tells whether it had completed by then. */
const injected = (scenario: Scenario, turns: number) =>
  Effect.gen(function*() {
    const here = world()
    const fiber = yield* Effect.forkChild(Effect.provide(scenario(here), here.layer), { startImmediately: true })
    yield* settle(turns)
    const completed = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber)
    const left = {
      alive: here.below.alive(),
      listeners: here.listeners(),
      sources: here.sources,
      containers: here.containers
    }
    assert.deepStrictEqual(
      left,
      { alive: [], listeners: 0, sources: 0, containers: 0 },
      `interrupted after ${turns} turns`
    )
    if (completed) yield* Fiber.await(fiber)
    return completed
  })

describe("an interrupt between any two steps leaves no process, listener, source or container behind", () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it.effect(name, () =>
      Effect.gen(function*() {
        let turns = 0
        while (!(yield* injected(scenario, turns))) assert.isBelow(turns++, injections, "never completes")
        assert.isAbove(turns, 3)
      }))
  }
})
