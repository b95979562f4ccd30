/**
 * Opens your editor on a note, with the terminal, and says what you wrote:
 * `node --conditions=processkit-source examples/edit.ts`. Where nobody sits before a terminal it says so.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"

/** A directory that is gone with the scope. */
const scratch = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "note-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const program = Effect.gen(function*() {
  const file = path.join(yield* scratch, "note.txt")
  fs.writeFileSync(file, "Say something, save it, and leave.\n")
  yield* Command.runUnit(Command.make(process.env["EDITOR"] ?? "vi", [file], { terminal: "shared" }))
  yield* Console.log(yield* Command.run(Command.make("wc", ["-w", file])))
}).pipe(
  Effect.catchReason("ProcessError", "Unsupported", (reason) => Console.log(reason.message)),
  Effect.catchReason("ProcessError", "NotFound", () => Console.log("there is no such editor; set EDITOR"))
)

await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeProcessRunner.layer))
