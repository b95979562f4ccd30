/**
 * Starts a program that outlives this one, unless it runs already, and remembers it by its id and start time:
 * `node --conditions=processkit-source examples/detached.ts`. Run it twice; the program ends by itself after a minute.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Processes from "processkit/Processes"
import * as Stdio from "processkit/Stdio"

const directory = path.join(os.tmpdir(), `processkit-detached-${process.getuid?.() ?? 0}`)
const note = path.join(directory, "daemon.json")
const log = Stdio.file(path.join(directory, "daemon.log"), { append: true })
fs.mkdirSync(directory, { recursive: true, mode: 0o700 })

const daemon = Command.make("sh", ["-c", "for i in $(seq 60); do date; sleep 1; done"], {
  cwd: "/",
  stdout: log,
  stderr: log
})

/** Whom an earlier run has started, where it is alive and still the same. */
const running = Effect.gen(function*() {
  if (!fs.existsSync(note)) return undefined
  const { pid, startTime } = JSON.parse(fs.readFileSync(note, "utf8"))
  return (yield* Processes.isAlive(pid, startTime)) ? pid : undefined
})

const started = Effect.gen(function*() {
  const pid = yield* Command.startDetached(daemon)
  const { startTime } = Option.getOrThrow(yield* Processes.info(pid))
  fs.writeFileSync(note, JSON.stringify({ pid, startTime }))
  return pid
})

const program = Effect.gen(function*() {
  const found = yield* running
  console.log(found === undefined ? `started ${yield* started}` : `${found} is running`)
  console.log(`its log is ${path.join(directory, "daemon.log")}`)
})

await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
