/**
 * Four workers take jobs from a directory until none is left. Some jobs make a worker crash; it is started again.
 *
 * Run it with `node --conditions=processkit-source examples/worker-pool.ts`.
 */
import * as Effect from "effect/Effect"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Backoff from "processkit/Backoff"
import * as Command from "processkit/Command"
import * as StormGuard from "processkit/StormGuard"
import * as Supervisor from "processkit/Supervisor"
import * as SupervisorGroup from "processkit/SupervisorGroup"

const script = fileURLToPath(new URL("supervised/worker.mjs", import.meta.url))

const jobs = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = mkdtempSync(join(tmpdir(), "jobs-"))
    for (let i = 0; i < 40; i++) writeFileSync(join(directory, `${i % 8 === 3 ? "bad" : "good"}-${i}.job`), "")
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

/** A worker that ends when there is nothing to do, and is started again when it crashes. */
const worker = (directory: string, name: string): SupervisorGroup.Member => ({
  command: Command.make(process.execPath, [script, directory, name], { onStderrLine: (line) => console.log(line) }),
  backoff: Backoff.exponential({ base: "50 millis" })
})

const pool = (directory: string) =>
  SupervisorGroup.run(
    Object.fromEntries(["ada", "bob", "cyd", "dan"].map((name) => [name, worker(directory, name)])),
    { stormGuard: StormGuard.giveUp({ restarts: 20, within: "1 minute" }) }
  )

const program = Effect.scoped(Effect.gen(function*() {
  const directory = yield* jobs
  // A pool that fails as a whole is started again twice: its workers find what is left.
  const { members } = yield* Supervisor.supervise(pool(directory), { maxRestarts: 2 })
  for (const [name, { restarts }] of Object.entries(members)) yield* Effect.log(`${name}: ${restarts} restarts`)
  yield* Effect.log(`${readdirSync(directory).filter((file) => file.endsWith(".job")).length} jobs are left`)
}))

await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
