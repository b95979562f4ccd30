/**
 * Runs the contract of backends and the tests of layouts in virtual machines with every cgroup controller.
 *
 *     npm run test:vm -- [layout…]
 *
 * What a mechanism can do depends on how the cgroup hierarchy looks to us, and the machine of a developer has one look.
 * A guest has any: see `guest/layouts`. Prints one line per layout, and fails where a test did. Needs a Debian with apt;
 * says what is missing. The console of each guest stays in `build/vm/<layout>.log`.
 */
import { mkdirSync, rmSync } from "node:fs"
import * as path from "node:path"
import { run } from "./guest.mjs"
import { image } from "./image.mjs"
import { kernel } from "./kernel.mjs"
import { check, Missing } from "./needs.mjs"
import { summary } from "./summary.mjs"

const layouts = ["root", "delegated", "container", "readonly", "session", "none", "hybrid"]
const secondsPerLayout = 1800

const repository = path.resolve(import.meta.dirname, "../..")
const build = path.join(repository, "build/vm")

/** What only this run needs, so that two may run at once. */
const work = path.join(build, `run-${process.pid}`)
process.once("exit", () => rmSync(work, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1))

const stage = (name) => console.error(`vm: ${name}`)

const runLayout = async (layout, machine) => {
  const log = path.join(build, `${layout}.log`)
  const start = performance.now()
  const report = await run({
    ...machine,
    layout,
    log,
    report: path.join(work, `${layout}.report`),
    seconds: secondsPerLayout
  })
  const { failures, line, ok } = summary(layout, report, (performance.now() - start) / 1000)
  console.log(line)
  for (const failure of failures) console.log(`  ${failure}`)
  if (!ok) console.log(`  console: ${path.relative(process.cwd(), log)}`)
  return ok
}

const main = async (names) => {
  const unknown = names.filter((name) => !layouts.includes(name))
  if (unknown.length > 0) throw new Missing(`no such layout: ${unknown.join(", ")}; there are ${layouts.join(", ")}`)
  check()
  mkdirSync(work, { recursive: true })
  stage("kernel")
  const machine = { kernel: kernel(path.join(build, "kernel")) }
  stage("disk")
  machine.disk = image(repository, work)
  stage("guests")
  let ok = true
  for (const layout of names.length === 0 ? layouts : names) ok = await runLayout(layout, machine) && ok
  return ok
}

try {
  process.exitCode = await main(process.argv.slice(2)) ? 0 : 1
} catch (error) {
  if (!(error instanceof Missing)) throw error
  console.error(`vm: ${error.message}`)
  process.exitCode = 2
}
