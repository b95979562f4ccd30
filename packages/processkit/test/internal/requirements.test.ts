import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Containment from "processkit/Containment"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Requirements from "../../src/internal/requirements.ts"
import { reasonOf, scripted } from "../scripted.ts"

const weak: Containment.Containment = {
  mechanism: "process-group",
  tree: "linked",
  ownerDeath: "linked",
  suspend: true,
  limits: [],
  attributes: [],
  realTimeSignals: false,
  escapes: "daemons",
  refused: [{ mechanism: "cgroup-v2", reason: "read-only" }, { mechanism: "subreaper", reason: "no host" }]
}
const strong: Containment.Containment = {
  ...weak,
  mechanism: "cgroup-v2",
  tree: "whole",
  ownerDeath: "whole",
  refused: []
}

const isMet = (required: ProcessGroup.Requirements, given: Containment.Containment): boolean =>
  Result.isSuccess(Requirements.check(required, given))

describe("requirements of a group", () => {
  it("are met by what is at least as strong", () => {
    for (const given of [weak, strong]) {
      assert.isTrue(isMet({}, given))
      assert.isTrue(isMet({ ownerDeath: "linked" }, given))
      assert.isTrue(isMet({ mechanism: given.mechanism }, given))
    }
    assert.isTrue(isMet({ tree: "whole", ownerDeath: "whole" }, strong))
  })

  it("are not met by what is weaker, and the failure says what is missing and why there is nothing better", () => {
    for (const required of [{ tree: "whole" }, { ownerDeath: "whole" }, { mechanism: "cgroup-v2" }] as const) {
      const checked = Requirements.check(required, weak)
      assert.isTrue(Result.isFailure(checked))
      if (Result.isSuccess(checked)) continue
      assert.strictEqual(checked.failure.reason._tag, "Unsupported")
      assert.include(checked.failure.message, "cgroup-v2: read-only; subreaper: no host")
    }
    const weaker = Requirements.check({ mechanism: "process-group" }, strong)
    assert.include(Result.isFailure(weaker) ? weaker.failure.message : "", "stronger")
    assert.isFalse(isMet({ ownerDeath: "linked" }, { ...weak, ownerDeath: "none" }))
  })

  it.effect("that cannot be met open no group, and what is no requirement is refused by name", () =>
    Effect.gen(function*() {
      const opened = ProcessGroup.makeWith({ require: { mechanism: "cgroup-v2" } })
      assert.strictEqual((yield* reasonOf(Effect.scoped(opened)))._tag, "Unsupported")
      for (
        const require of [
          { tree: "linked" },
          { ownerDeath: 1 },
          { mechanism: {} },
          { mechanism: "cgroup" },
          { trees: 1 },
          "whole",
          null
        ]
      ) {
        const reason = yield* reasonOf(Effect.scoped(ProcessGroup.makeWith(Object.assign({}, { require }) as never)))
        assert.strictEqual(reason._tag, "InvalidInput", JSON.stringify(require))
      }
    }).pipe(Effect.provide(scripted())))
})
