/** What a project does to publish a version: three programs, and decisions between them. */
import * as Effect from "effect/Effect"
import * as Command from "processkit/Command"

/** Tags the commit with the version that the package has and pushes the tag, unless it was pushed before. */
export const release = Effect.gen(function*() {
  const version = yield* Command.run(Command.make`npm pkg get version`)
  const tag = `v${version.replaceAll("\"", "")}`
  const isKnown = yield* Command.probe(Command.make`git ls-remote --exit-code origin ${`refs/tags/${tag}`}`.pipe(
    // git says 2 where there is none, which is no error here.
    Command.setOkCodes([0, 2])
  )).pipe(Effect.catchReason("ProcessError", "NonZeroExit", () => Effect.succeed(false)))
  if (isKnown) return `${tag} is out already`
  yield* Command.runUnit(Command.make`git tag ${tag}`)
  yield* Command.runUnit(Command.make("git", ["push", "origin", tag], { timeout: "1 minute" }))
  return `${tag} is out`
})
