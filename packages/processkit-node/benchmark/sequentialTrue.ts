/**
 * One run after the other of a program that does nothing: what a run costs beyond the program.
 */
import assert from "node:assert/strict"
import * as Capture from "./capture.ts"
import type { Series } from "./harness.ts"

export const sequentialTrue = (quick: boolean): Series => ({
  title: "`true`, one after the other",
  contenders: Capture.contenders("true", []),
  repetitions: quick ? 5 : 50,
  check: Capture.expecting(({ stdout }) => assert.equal(stdout, ""))
})
