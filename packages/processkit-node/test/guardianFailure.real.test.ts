import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as LiveTrees from "../src/internal/liveTrees.ts"
import * as ProcessGroupBackend from "../src/internal/processGroupBackend.ts"
import { exitOf, request } from "./world.ts"

describe("a guardian that cannot be started", () => {
  it.live("lets nothing else be started, and says why", () =>
    Effect.gen(function*() {
      const container = yield* ProcessGroupBackend.make({ guardianShell: ["/no/such/shell"] }).open
      const error = yield* Effect.flip(container.spawn(request("/bin/true")))
      assert.strictEqual(error.reason._tag, "Unsupported")
      assert.include(error.message, "/no/such/shell could not be started (ENOENT)")
      assert.strictEqual(LiveTrees.count(), 0)
    }))

  it.live("does not stand in the way of the next", () =>
    Effect.gen(function*() {
      const container = yield* ProcessGroupBackend.make().open
      const { exit } = yield* Effect.flatMap(container.spawn(request("/bin/true")), exitOf)
      assert.deepStrictEqual(exit, { _tag: "Exited", code: 0 })
    }))
})
