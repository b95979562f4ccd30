/**
 * Starts a server that is ready late, waits until it is, asks it something, and ends it.
 *
 * Then starts a second one on the same port, which cannot become ready, to show what is said then.
 *
 * Run it with `node --conditions=processkit-source examples/late-server.ts`.
 */
import * as Effect from "effect/Effect"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Readiness from "processkit/Readiness"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const server = (port: number) =>
  Command.make(process.execPath, [fileURLToPath(new URL("late-server/server.mjs", import.meta.url)), `${port}`])

const program = Effect.scoped(Effect.gen(function*() {
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}/`
  const group = yield* ProcessGroup.make
  const running = yield* group.start(server(port))

  const ready = Readiness.all([Readiness.line(/listening/), Readiness.http(url)])
  const [took] = yield* Effect.timed(running.waitFor(ready, { within: "10 seconds" }))
  yield* Effect.log("ready after", took)
  yield* Effect.log(yield* Effect.promise(() => fetch(url).then((response) => response.text())))

  const second = yield* group.start(server(port))
  yield* Effect.catchReason(
    second.waitForLine(/listening/, { within: "10 seconds" }),
    "ProcessError",
    "NotReady",
    ({ message }) => Effect.log(message)
  )
  yield* Effect.log("it said", (yield* second.result).stderr)
}))

await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
