/** Prints what git knows about this directory: `node --conditions=processkit-source examples/git.ts`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import { Git } from "./git/Git.ts"

const program = Effect.gen(function*() {
  const git = yield* Git
  const branch = Option.getOrElse(yield* git.currentBranch, () => "no branch")
  console.log(`git ${yield* git.version}, on ${branch}, ${(yield* git.status).length} changes`)
  for (const { author, hash, subject } of yield* git.log(3)) console.log(`${hash.slice(0, 8)} ${author}: ${subject}`)
}).pipe(
  Effect.catchReason("ProcessError", "NotFound", () => Effect.sync(() => console.log("git is not installed")))
)

await Effect.runPromise(
  Effect.provide(program, Layer.provide(Git.layer(process.cwd()), NodeProcessRunner.layer))
)
