import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import { mechanisms } from "./hostedWorld.ts"
import { run } from "./programs.ts"

describe("an owner with half a gigabyte in memory", () => {
  // S18: fork copies the tables of the owner's memory, and its event loop stands still for as long as that takes.
  for (const { name } of mechanisms) {
    it.live(`is held up by a start for a third at most of what Node's own costs it (${name})`, () =>
      Effect.gen(function*() {
        const report = JSON.parse(yield* Command.run(run("has-much-memory.mjs", [name])))
        assert.strictEqual(report.megabytes, 512)
        assert.isBelow(report.ours, report.bare / 3, JSON.stringify(report))
      }).pipe(Effect.provide(NodeProcessRunner.layer)))
  }
})
