import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"

/** Field 41 of `/proc/<pid>/stat`; the name before the fields may hold anything. Source: proc_pid_stat(5). */
const policyIn = (stat: string): string | undefined => stat.slice(stat.lastIndexOf(")") + 2).split(" ")[41 - 3]

describe("a program that the host starts", () => {
  // The host itself stands back for whoever wakes it, by a policy that its children would inherit.
  it.live("has the scheduling policy of its owner", () =>
    Effect.gen(function*() {
      const own = policyIn(
        yield* Command.run(Command.make("cat", ["/proc/self/stat"])).pipe(
          Effect.provide(NodeProcessRunner.layerProcessGroup())
        )
      )
      const hosted = policyIn(
        yield* Command.run(Command.make("cat", ["/proc/self/stat"])).pipe(
          Effect.provide(NodeProcessRunner.layerSubreaper)
        )
      )
      assert.isDefined(own)
      assert.strictEqual(hosted, own)
    }))
})
