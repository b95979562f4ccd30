/**
 * What a guest's report comes down to: one line, and the names of the tests that failed.
 */

/** The name of the test that says which mechanism is chosen; it is the place where the mechanism stands. */
const choice = /^takes the mechanism (\S+),/

const testsOf = (report) => report.testResults.flatMap(({ assertionResults }) => assertionResults)

/** A file that failed outside of its tests: an import, or what was left behind by it. */
const brokenFiles = (report) =>
  report.testResults.filter(({ assertionResults, status }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed")
  ).map(({ message, name }) => `${name}: ${message || "failed outside of its tests"}`)

/** Fails where there is no report, no test, no mechanism, or a failure. */
export const summary = (layout, report, seconds) => {
  const time = `${seconds.toFixed(0)} s`
  if (report === null) return { ok: false, line: `${layout}: the guest ended without a report, ${time}`, failures: [] }
  const tests = testsOf(report)
  const count = (status) => tests.filter((test) => test.status === status).length
  const mechanism = tests.filter((test) => test.status === "passed").map((test) => choice.exec(test.title)?.[1])
    .find((name) => name !== undefined)
  const failures = [
    ...tests.filter((test) => test.status === "failed").map((test) => `${test.fullName}: ${test.failureMessages?.[0]}`),
    ...brokenFiles(report)
  ].map((text) => text.split("\n").slice(0, 3).join(" | "))
  const ok = failures.length === 0 && count("passed") > 0 && mechanism !== undefined && report.success === true
  const skipped = tests.length - count("passed") - count("failed")
  const line = `${layout}: ${mechanism ?? "no mechanism"}, ${count("passed")} passed, ${count("failed")} failed` +
    `${skipped === 0 ? "" : `, ${skipped} skipped`}, ${time}`
  return { ok, line, failures }
}
