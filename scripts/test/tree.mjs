/**
 * Runs a check on a small tree of files. Every check is tested for passing on a tree that is in order and for failing
 * on one that is not: a check that cannot fail is worth nothing.
 */
import * as assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { test } from "node:test"

/** Where the sources of the core stand in such a tree. */
export const core = "packages/processkit/src"

/** Runs a check on a temporary tree; `look` may read the tree before it goes. */
export const run = (script, files, args = [], look = () => undefined) => {
  const root = mkdtempSync(path.join(tmpdir(), "checks-"))
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.join(root, path.dirname(file)), { recursive: true })
      writeFileSync(path.join(root, file), text)
    }
    const result = spawnSync(process.execPath, [path.resolve(`scripts/${script}.mjs`), ...args], {
      cwd: root,
      encoding: "utf8"
    })
    return {
      status: result.status,
      output: result.stdout + result.stderr,
      seen: look((file) => readFileSync(path.join(root, file), "utf8"))
    }
  } finally {
    rmSync(root, { recursive: true })
  }
}

export const passes = (script, name, files, args) =>
  test(`${script} accepts ${name}`, () => {
    const { output, status } = run(script, files, args)
    assert.equal(status, 0, output)
  })

export const refuses = (script, name, expected, files, args) =>
  test(`${script} refuses ${name}`, () => {
    const { output, status } = run(script, files, args)
    assert.match(output, expected)
    assert.equal(status, 1)
  })
