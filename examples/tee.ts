/**
 * Shows a program's output while it runs, keeps it without its colours and secrets, and logs its complaints to a file:
 * `node --conditions=processkit-source examples/tee.ts`.
 */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Stdio from "processkit/Stdio"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tee-"))
const log = path.join(directory, "complaints.log")

const script = `
  printf '\\033[32mlogged in\\033[0m as ada, token %s\\n' "$TOKEN"
  echo "the disk is nearly full" >&2
`

const report = Command.make("sh", ["-c", script], {
  env: { TOKEN: "hunter2" },
  stdout: Stdio.tee(process.stdout),
  stderr: Stdio.file(log, { append: true }),
  sanitizeTerminal: true,
  redact: (line) => line.replaceAll("hunter2", "***")
})

const kept = await Effect.runPromise(Effect.provide(Command.run(report), NodeProcessRunner.layer))
console.log(`kept:   ${JSON.stringify(kept)}`)
console.log(`logged: ${JSON.stringify(fs.readFileSync(log, "utf8"))}`)
fs.rmSync(directory, { recursive: true })
