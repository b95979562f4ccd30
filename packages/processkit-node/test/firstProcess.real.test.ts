import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { text } from "node:stream/consumers"
import { fixture, has, isRoot } from "./programs.ts"

const canBeFirst = has(
  "root and unshare(1), to be the first process of a namespace",
  isRoot && spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0
)

describe.runIf(canBeFirst)("an owner that is the first process, as in a container without an init", () => {
  // D10, T12: orphans fall to it and become zombies that nobody reaps; a wait for them would last the grace and longer.
  for (const mechanism of ["best", "process-group"]) {
    it.live(`closes its groups without waiting for zombies, and runs on (${mechanism})`, () =>
      Effect.gen(function*() {
        const owner = [process.execPath, "--conditions=processkit-source", fixture("is-first-process.ts"), mechanism]
        const scene = spawn("unshare", ["--pid", "--fork", "--mount-proc", ...owner], {
          cwd: "/",
          stdio: ["ignore", "pipe", "inherit"]
        })
        const { members, ...report } = JSON.parse(yield* Effect.promise(() => text(scene.stdout)))
        assert.deepEqual(report, { pid: 1, isPrompt: true, left: 0, later: "fine" })
        assert.isAtLeast(members, 8)
      }))
  }
})
