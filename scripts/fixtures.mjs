/**
 * Fails when a fixture is used by no test: a misbehaviour that nobody provokes is dead code.
 *
 * A fixture counts as used when its name stands in quotes, with or without extension, in a test, a suite or another
 * fixture.
 */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { finish } from "./source.mjs"

const directory = "packages/processkit-node/test/fixtures"
const entries = existsSync(directory) ? readdirSync(directory, { recursive: true, withFileTypes: true }) : []
const fixtures = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
const users = [...globSync("packages/*/test/**/*.test.ts"), ...globSync("packages/*/test/**/*Suite.ts"), ...fixtures]
const texts = new Map(users.map((file) => [file, readFileSync(file, "utf8")]))

const isUsed = (fixture) => {
  const name = path.basename(fixture)
  const stem = path.parse(name).name
  const quoted = new RegExp(`["'\`/](?:${RegExp.escape(name)}|${RegExp.escape(stem)})["'\`]`)
  return [...texts].some(([file, text]) => file !== fixture && quoted.test(text))
}

finish(
  fixtures.filter((fixture) => !isUsed(fixture)).map((fixture) => `${fixture}: named in no test`),
  `${fixtures.length} fixtures, all used`
)
