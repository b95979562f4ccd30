/**
 * Keeps a web server alive: it is started, waited for, watched, and started again when it crashes or answers no more.
 *
 * Run it with `node --conditions=processkit-source examples/supervised-server.ts`.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as Readiness from "processkit/Readiness"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import { freePort } from "./supervised/freePort.ts"

const server = (port: number) =>
  Command.make(process.execPath, [fileURLToPath(new URL("supervised/server.mjs", import.meta.url)), `${port}`])

/** What a client gets, or why it gets nothing. */
const ask = (url: string) =>
  Effect.promise((signal) =>
    fetch(url, { signal }).then((response) => response.text(), (error: Error) => `nothing: ${error.message}`)
  ).pipe(Effect.timeoutOrElse({ duration: "300 millis", orElse: () => Effect.succeed("nothing: no answer") }))

const program = Effect.scoped(Effect.gen(function*() {
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}`
  const session = yield* Supervisor.make(server(port), {
    ready: Readiness.http(url),
    healthCheck: { check: Readiness.http(url), every: "200 millis", timeout: "200 millis", failures: 2 },
    backoff: Backoff.exponential({ base: "100 millis", max: "2 seconds" }),
    stormGuard: StormGuard.giveUp({ restarts: 5, within: "1 minute" })
  })
  const events = Stream.runForEach(session.events, ({ _tag, ...event }) => Effect.log(_tag, event))
  yield* Effect.forkScoped(events)

  for (const path of ["/", "/crash", "/", "/wedge", "/"]) {
    yield* session.ready
    yield* Effect.log(`GET ${path}:`, (yield* ask(`${url}${path}`)).trim())
    yield* Effect.sleep(path === "/" ? 0 : "1 second")
  }
  const { livenessKills, restarts } = yield* session.stop()
  yield* Effect.log(`${restarts} restarts, ${livenessKills} of them because it was not healthy`)
}))

await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
