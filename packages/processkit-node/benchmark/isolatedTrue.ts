/**
 * Runs with a pause between them: what a run costs when nothing of the one before is still warm, in caches or in the
 * kernel, where joining a cgroup from outside waits for all processors.
 */
import assert from "node:assert/strict"
import * as Capture from "./capture.ts"
import type { Series } from "./harness.ts"

export const isolatedTrue = (quick: boolean): Series => ({
  title: "`true`, 100 ms apart",
  contenders: Capture.contenders("true", []),
  repetitions: quick ? 1 : 5,
  pause: 100,
  check: Capture.expecting(({ stdout }) => assert.equal(stdout, ""))
})
