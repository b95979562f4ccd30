/**
 * Runs by an owner that holds a gigabyte: `fork` copies its page tables, and whoever forks in it pays for them.
 */
import assert from "node:assert/strict"
import * as Capture from "./capture.ts"
import type { Series } from "./harness.ts"

const megabyte = 2 ** 20

/** A gigabyte that is really there, because every page of it was written to. */
const hold = (): () => void => {
  const held = Array.from({ length: 1024 }, () => Buffer.alloc(megabyte, 1))
  return () => {
    held.length = 0
    globalThis.gc?.()
  }
}

export const largeOwner = (quick: boolean): Series => ({
  title: "`true`, started by a process that holds 1 GB",
  contenders: Capture.contenders("true", []),
  repetitions: quick ? 1 : 5,
  surroundings: hold,
  check: Capture.expecting(({ stdout }) => assert.equal(stdout, ""))
})
