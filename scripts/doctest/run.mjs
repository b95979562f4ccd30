/**
 * Runs examples one after the other in this process: `run.mjs <result file> <example>...`.
 *
 * The results are written after each, so that an example which ends the process is known by being the last.
 */
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

const [resultFile, ...examples] = process.argv.slice(2)
const limit = 30_000
const results = []

let fail = () => {}
for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (error) => fail(error))

for (const example of examples) {
  results.push({ example, error: "the process ended while it ran" })
  writeFileSync(resultFile, JSON.stringify(results))
  let timer
  const trouble = new Promise((_, reject) => {
    fail = reject
    timer = setTimeout(() => reject(new Error(`did not end within ${limit / 1000} seconds`)), limit)
  })
  try {
    await Promise.race([import(pathToFileURL(path.resolve(example)).href), trouble])
    results.at(-1).error = undefined
  } catch (error) {
    results.at(-1).error = error instanceof Error ? error.stack ?? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
writeFileSync(resultFile, JSON.stringify(results))
process.exit(0)
