/**
 * One run of a program that prints 100 000 lines, captured as one text.
 */
import assert from "node:assert/strict"
import * as Capture from "./capture.ts"
import type { Series } from "./harness.ts"
import * as PrintedLines from "./printedLines.ts"

export const captureLines = (quick: boolean): Series => ({
  title: "100 000 lines of 80 bytes, captured as text",
  contenders: Capture.contenders("cat", PrintedLines.args()),
  repetitions: quick ? 1 : 10,
  check: Capture.expecting(({ stdout }) => assert.equal(stdout.length, PrintedLines.length))
})
