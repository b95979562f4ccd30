/** What `npm run test:vm` says without starting a machine: what is missing, and what a report comes down to. */
import * as assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { test } from "node:test"
import { check } from "../vm/needs.mjs"
import { summary } from "../vm/summary.mjs"

const took = { title: "takes the mechanism subreaper, and says what it refused and why", status: "passed" }
const passed = { title: "ends", fullName: "the backend ends", status: "passed" }
const failed = { title: "ends", fullName: "the backend ends", status: "failed", failureMessages: ["Error: x\n  at y"] }

const reportOf = (tests, more = {}) => ({
  success: !tests.includes(failed),
  testResults: [{ name: "a.test.ts", status: "passed", assertionResults: tests, ...more }]
})

test("a layout that does not exist is refused with those that do", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/vm/main.mjs", "lunar"], { encoding: "utf8" })
  assert.equal(status, 2)
  assert.match(stderr, /no such layout: lunar; there are root, delegated/)
})

test("what is missing is named, with the packages that have it", () => {
  const isFit = process.platform === "linux" && process.arch === "x64"
  const expected = isFit ? /not found: qemu-system-x86_64, [^]*apt-get install \S+ qemu-system-x86 / : /x64 Linux/
  assert.throws(() => check(() => undefined), expected)
})

test("a layout is one line: mechanism, passed, failed, seconds", () => {
  const { failures, line, ok } = summary("none", reportOf([took, passed]), 12.3)
  assert.deepEqual({ failures, line, ok }, {
    failures: [],
    line: "none: subreaper, 2 passed, 0 failed, 12 s",
    ok: true
  })
})

test("a failed test fails the layout and is named", () => {
  const { failures, ok } = summary("none", reportOf([took, failed]), 1)
  assert.equal(ok, false)
  assert.deepEqual(failures, ["the backend ends: Error: x |   at y"])
})

test("so do a file that failed outside of its tests, a choice that was not tested, and the lack of a report", () => {
  const outside = summary("none", { ...reportOf([took], { status: "failed", message: "leak" }), success: false }, 1)
  assert.deepEqual([outside.ok, outside.failures], [false, ["a.test.ts: leak"]])
  assert.equal(summary("none", reportOf([passed]), 1).ok, false)
  assert.equal(summary("none", null, 1).ok, false)
})
