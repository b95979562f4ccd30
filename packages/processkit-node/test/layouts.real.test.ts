/**
 * What becomes of the promise in each layout of the cgroup hierarchy.
 *
 * `npm run test:vm` names the layout in `PROCESSKIT_LAYOUT`, and then the choice must be the one below. Without a name the
 * rest must hold wherever the tests run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type { Mechanism } from "processkit/Mechanism"
import * as ProcessGroup from "processkit/ProcessGroup"
import { directoriesAnywhereOf, hasCgroups, ownGroups, ready } from "./hostedWorld.ts"
import { eventually, hasProc, survivors } from "./oracle.ts"
import { ending, owning } from "./owners.ts"
import { has, reasonOf, run, sh } from "./programs.ts"

interface Choice {
  readonly mechanism: Mechanism
  /** Why there are no cgroups, where there are none. */
  readonly refusal?: string
}

const choices: Readonly<Record<string, Choice>> = {
  root: { mechanism: "cgroup-v2" },
  delegated: { mechanism: "cgroup-v2" },
  container: { mechanism: "cgroup-v2" },
  hybrid: { mechanism: "cgroup-v2" },
  readonly: { mechanism: "subreaper", refusal: "the cgroup hierarchy is mounted read-only" },
  session: { mechanism: "subreaper", refusal: "the cgroup of this process is not writable by this user" },
  none: { mechanism: "subreaper", refusal: "no cgroup v2 hierarchy is mounted" }
}

const layout = process.env["PROCESSKIT_LAYOUT"]
const isNamed = has("a named layout (npm run test:vm) for the choice in each of them", layout !== undefined)
const expected = choices[layout ?? ""]
if (isNamed && expected === undefined) throw new Error(`nothing is known of the layout ${layout}`)

/** Before anything was started here. */
const predicted = Effect.runSync(NodeProcessRunner.containment)

const opened = Effect.scoped(Effect.map(ProcessGroup.make, ({ containment }) => containment)).pipe(
  Effect.provide(NodeProcessRunner.layer)
)

const stayers = ["new-session.sh", "double-forks.sh", "job-control.sh", "ignores-sigterm.sh", "stops-itself.sh"]

describe.runIf(expected !== undefined)(`the layout ${layout}`, () => {
  it.live(`takes the mechanism ${expected?.mechanism}, and says what it refused and why`, () =>
    Effect.gen(function*() {
      const { mechanism, refused } = yield* opened
      assert.strictEqual(mechanism, expected?.mechanism)
      const reasons = refused.map((one) => [one.mechanism, one.reason.replace(/^.* mechanism cgroup-v2: /, "")])
      assert.deepEqual(reasons, expected?.refusal === undefined ? [] : [["cgroup-v2", expected.refusal]])
    }))

  it.live("has a pinned cgroup-v2 exactly where it would be taken, and a typed refusal elsewhere", () => {
    const pinned = Effect.provide(Command.run(sh("echo x")), NodeProcessRunner.layerCgroup)
    const detail = expected?.refusal
    if (detail === undefined) return Effect.map(pinned, (text) => assert.strictEqual(text, "x"))
    return Effect.map(
      reasonOf(pinned),
      (reason) => assert.deepInclude(reason, { _tag: "Unsupported", mechanism: "cgroup-v2", detail })
    )
  })
})

describe("the best mechanism of this layout", () => {
  it.live("is the one that was predicted, for the same reasons", () =>
    Effect.gen(function*() {
      const found = yield* opened
      assert.strictEqual(predicted.mechanism, found.mechanism)
      assert.deepEqual(predicted.refused.map((one) => one.mechanism), found.refused.map((one) => one.mechanism))
      for (const [i, { reason }] of predicted.refused.entries()) assert.include(found.refused[i]?.reason, reason)
    }))

  it.live.runIf(hasProc)(
    "leaves nobody who tries to stay, and no directory of the group",
    () =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
          for (const name of stayers) yield* ready(group, run(name, name === "stops-itself.sh" ? ["deaf"] : []))
          yield* group.start(run("chain-of-fifty.sh", ["20"]))
          yield* eventually("all are there", () => survivors().length >= 30)
          assert.isAtLeast((yield* group.members).length, 30)
        }))
        assert.deepEqual(survivors(), [])
        assert.deepEqual(ownGroups(), [])
      }).pipe(Effect.provide(NodeProcessRunner.layer))
  )

  it.live.runIf(hasProc)("leaves nobody and no directory of an owner that is killed", () =>
    Effect.gen(function*() {
      // 40 members; see ownerDeathHosted.real.
      const owner = yield* owning("owns-hosted-groups.ts", ["SIGKILL", "best"], 40)
      const directories = () => directoriesAnywhereOf(owner.pid)
      assert.lengthOf(directories(), hasCgroups ? 1 : 0)
      const left = yield* ending(owner, () => directories().length === 0)
      assert.deepEqual(left, { ended: [null, "SIGKILL"], survivors: [] })
      assert.deepEqual(directories(), [])
    }))
})
