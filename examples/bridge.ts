/**
 * A program for Effect's own spawner, run contained: `node --conditions=processkit-source examples/bridge.ts`.
 *
 * Only the layer at the end is ours. With `NodeServices.layer` alone, the daemon would survive.
 */
import { NodeServices } from "@effect/platform-node"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as ChildProcessBridge from "processkit/ChildProcessBridge"
import { isAlive } from "./demo/liveness.ts"

/** Starts a daemon that leaves for a session of its own, and prints its process id. */
const startsDaemon = ChildProcess.make("sh", ["-c", "setsid sh -c 'echo $$; exec sleep 600' & wait"])

const program = Effect.gen(function*() {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const sorted = ChildProcess.make("printf", ["pear\napple\n"]).pipe(ChildProcess.pipeTo(ChildProcess.make("sort")))
  yield* Console.log(`sorted: ${(yield* spawner.lines(sorted)).join(", ")}`)
  const daemon = yield* Effect.scoped(Effect.flatMap(
    startsDaemon,
    (handle) =>
      Effect.map(
        Stream.runHead(Stream.splitLines(Stream.decodeText(handle.stdout))),
        (line) => Number(Option.getOrThrow(line))
      )
  ))
  yield* Console.log(`the daemon ${daemon} is ${isAlive(daemon) ? "still running" : "gone"}`)
})

const services = Layer.merge(
  NodeServices.layer,
  Layer.provide(ChildProcessBridge.layerSpawner, NodeProcessRunner.layer)
)

await Effect.runPromise(Effect.provide(program, services))
