/**
 * Sixteen runs at a time of a program that does nothing: what runs cost each other, and how long the event loop stands
 * still while they are started.
 */
import assert from "node:assert/strict"
import * as Capture from "./capture.ts"
import type { Series } from "./harness.ts"

const times = 16

export const concurrentTrue = (quick: boolean): Series => ({
  title: `\`true\`, ${times} at a time (one unit is all ${times})`,
  contenders: Capture.contenders("true", [], times),
  repetitions: quick ? 1 : 8,
  check: Capture.expecting(({ stdout }) => assert.equal(stdout, ""))
})
