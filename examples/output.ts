/**
 * Follows a build: shows its lines as they come, those of standard error marked, and what it cost at the end.
 *
 * `node --conditions=processkit-source examples/output.ts`
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type * as ProcessEvent from "processkit/ProcessEvent"

const build = Command.make("sh", [
  "-c",
  "for i in 1 2 3; do printf '%d%%\\r' $((i * 33)); sleep 0.1; done; echo 'one warning' >&2; sleep 0.1; echo built"
], { lineTerminator: "carriage-return" })

const shown = (event: ProcessEvent.ProcessEvent): string => {
  switch (event._tag) {
    case "Started":
      return `started as ${event.pid}`
    case "Stdout":
      return `  ${event.line}`
    case "Stderr":
      return `! ${event.line}`
    case "Exited":
      return `ended: ${event.outcome._tag}`
  }
}

const program = Effect.scoped(Effect.gen(function*() {
  const running = yield* Command.start(build)
  yield* Stream.runForEach(running.events, (event) => Effect.sync(() => console.log(shown(event))))
  const { stderr, stdout } = yield* running.counters
  console.log(`${stdout.lines} lines, ${stdout.bytes} bytes, and ${stderr.lines} on standard error`)
}))

await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
