import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Command from "processkit/Command"
import { mechanisms } from "./hostedWorld.ts"
import { eventually } from "./oracle.ts"

/** What Node keeps the event loop alive for because nobody reads at the other end. */
const unread = () => process.getActiveResourcesInfo().filter((kind) => kind.endsWith("WriteWrap")).length

/** Without an environment a request is so short that the host has read all of them before it starts the first. */
const sleep = Command.make("/bin/sleep", ["600"], { envClear: true })

for (const { name, runner } of mechanisms) {
  describe(`after three hundred starts at once by ${name}`, () => {
    // The host read what Node writes for each pipe that it takes only when a message came, and after the last start of
    // many none does: the socket filled up, and what waited to be written kept its owner from ever ending.
    it.live("nothing is left that waits to be written", () =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.replicateEffect(Command.start(sleep), 300, { concurrency: "unbounded" }))
        yield* eventually("the host has read everything", () => unread() === 0)
      }).pipe(Effect.provide(runner)), 120_000)
  })
}
