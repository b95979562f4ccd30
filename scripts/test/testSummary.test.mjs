/** The line that a test run comes down to. */
import * as assert from "node:assert/strict"
import { test } from "node:test"
import { run } from "./tree.mjs"

const summary = (success, ...files) => {
  const testResults = files.map(([status, ...tests]) => ({
    name: "a.test.ts",
    status,
    assertionResults: tests.map((one) => ({ status: one }))
  }))
  const { output, status } = run("testSummary", { "report.json": JSON.stringify({ success, testResults }) }, [
    "report.json"
  ])
  return [status, output.trim().split("\n").at(-1)]
}

test("counts what passed and failed, and not what did not run", () => {
  assert.deepEqual(summary(true, ["passed", "passed", "passed", "skipped"]), [0, "tests: 2 passed, 0 failed"])
  assert.deepEqual(summary(false, ["failed", "passed", "failed"], ["passed", "passed"]), [
    1,
    "tests: 2 passed, 1 failed"
  ])
})

test("counts a file that fails outside its tests as one failure", () => {
  assert.deepEqual(summary(false, ["failed", "passed"], ["failed"]), [1, "tests: 1 passed, 2 failed"])
})

test("fails when nothing ran, and when the runner says so", () => {
  assert.deepEqual(summary(true), [1, "tests: 0 passed, 0 failed"])
  assert.deepEqual(summary(false, ["passed", "passed"]), [1, "tests: 1 passed, 0 failed"])
})
