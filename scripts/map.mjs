/**
 * Fails when `docs/map.md` leaves out a module of the library, or names one that is gone.
 *
 * A module is on the map when its file stands there in backticks, with or without folders before it; a public one also when
 * its name does. `host/{lender,loan}.ts` and `*Cases.ts` stand for several.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { finish, isBarrel, isInternal, packages, sources } from "./source.mjs"

const map = "docs/map.md"

const text = existsSync(map) ? readFileSync(map, "utf8") : ""
const words = [...text.matchAll(/`([^`\n]+)`/g)].map(([, word]) => word)
const files = words.filter((word) => /^[\w./*{},-]+\.ts$/.test(word))
const modules = packages.flatMap(sources).filter((file) => !isBarrel(file))

const isOnMap = (file) => {
  const { base, name } = path.parse(file)
  return files.some((given) => path.matchesGlob(base, path.basename(given))) ||
    (!isInternal(file) && words.includes(name))
}

const all = globSync("**/*.ts", { exclude: (name) => name === "node_modules" || name === "dist" })
const isThere = (given) => all.some((file) => path.matchesGlob(file, `**/${given}`))

finish(
  [
    ...modules.filter((file) => !isOnMap(file)).map((file) => `${file}: not on the map`),
    ...files.filter((given) => !isThere(given)).map((given) => `${map}: no file ${given}`)
  ],
  `${modules.length} modules, all on the map`
)
