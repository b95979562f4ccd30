/**
 * Shows what a program used: node --conditions=processkit-source examples/profile.ts [program] [argument…]
 */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"

const spins = "let n = 0; const end = Date.now() + 500; while (Date.now() < end) n++"
const [program = process.execPath, ...args] = process.argv.slice(2)
const command = Command.make(program, process.argv.length > 2 ? args : ["-e", spins])

const shown = Effect.scoped(Effect.gen(function*() {
  const running = yield* Command.start(command)
  const profile = yield* running.profile("50 millis")
  const time = profile.cpuTime === undefined ? "unknown" : `${Duration.toMillis(profile.cpuTime)} ms`
  const peak = profile.peakMemoryBytes === undefined
    ? "unknown"
    : `${Math.round(profile.peakMemoryBytes / 2 ** 20)} MiB`
  yield* Console.log(`time of the processor: ${time}`)
  yield* Console.log(`most memory at once:   ${peak}`)
  yield* Console.log(`cores busy on average: ${profile.averageCores?.toFixed(2) ?? "unknown"}`)
}))

await Effect.runPromise(Effect.provide(shown, NodeProcessRunner.layer))
