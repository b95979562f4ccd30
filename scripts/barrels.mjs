/**
 * Writes the barrels: an `index.ts` re-exports the modules beside it as namespaces and holds nothing else.
 *
 * `--check` writes nothing and fails when a barrel is not what would be written.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { finish, packages, publicModules } from "./source.mjs"

const checkOnly = process.argv.includes("--check")

// The order that the formatter wants: capital letters count as small ones.
const order = new Intl.Collator("en", { sensitivity: "base" }).compare

const barrel = (modules) => {
  const names = modules.map((file) => path.basename(file, ".ts")).toSorted(order)
  return names.length === 0 ? "export {}\n" : names.map((name) => `export * as ${name} from "./${name}.ts"\n`).join("")
}

const problems = []
let count = 0
for (const name of packages) {
  const root = `packages/${name}/src`
  const groups = { [root]: [], ...Object.groupBy(publicModules(name), (file) => path.posix.dirname(file)) }
  for (const [directory, modules] of Object.entries(groups)) {
    if (directory !== root && directory !== `${root}/testing`) {
      problems.push(`${directory}: public modules live in src or src/testing; everything else belongs under internal`)
      continue
    }
    const file = `${directory}/index.ts`
    const text = barrel(modules)
    const same = existsSync(file) && readFileSync(file, "utf8") === text
    if (!same && checkOnly) problems.push(`${file}: out of date, run npm run barrels`)
    else if (!same) writeFileSync(file, text)
    count += 1
  }
}
finish(problems, `${count} barrels up to date`)
