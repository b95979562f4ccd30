/**
 * Prints the one line that a test run comes down to, from the report that vitest wrote: `testSummary.mjs <report>`.
 *
 * A file that fails outside its tests, because it does not load or left something behind, counts as one failure. It
 * fails when a test failed, and when there was none.
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"

const report = JSON.parse(readFileSync(process.argv[2], "utf8"))
const results = report.testResults.map(({ assertionResults, name, status }) => ({
  name,
  tests: assertionResults,
  failedOutside: status === "failed" && !assertionResults.some((test) => test.status === "failed")
}))
const tests = results.flatMap((result) => result.tests)
const passed = tests.filter((test) => test.status === "passed").length
const outside = results.filter((result) => result.failedOutside)
const failed = tests.filter((test) => test.status === "failed").length + outside.length
const other = tests.filter((test) => test.status !== "passed" && test.status !== "failed").length

for (const { name } of outside) console.log(`failed outside its tests: ${path.relative(".", name)}`)
if (other > 0) console.log(`not run: ${other}`)
console.log(`tests: ${passed} passed, ${failed} failed`)
if (failed > 0 || passed === 0 || !report.success) process.exitCode = 1
