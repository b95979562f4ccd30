/**
 * What the checks know about library source: which files there are, how they parse, where a line is.
 *
 * TypeScript 7 has no JavaScript API, so the parser is the one the bundler uses. Checks run in the repository root,
 * which is the working directory: their own tests run them on small trees elsewhere.
 */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs"
import { parseSync } from "rolldown/utils"

export const packages = existsSync("packages") ? readdirSync("packages").toSorted() : []

/** Every source file of a package, relative to the root. */
export const sources = (name) => globSync(`packages/${name}/src/**/*.ts`).toSorted()

export const isInternal = (file) => file.includes("/internal/")

export const isBarrel = (file) => file.endsWith("/index.ts")

/** Modules that users import: neither internal nor a barrel. */
export const publicModules = (name) => sources(name).filter((file) => !isInternal(file) && !isBarrel(file))

/** `packages/p/src/testing/Reply.ts` is `testing/Reply`. */
export const moduleName = (file) => file.replace(/^packages\/[^/]+\/src\//, "").replace(/\.ts$/, "")

const parsed = new Map()

/** The syntax tree, module record and comments of a file; a file that does not parse stops the check. */
export const parse = (file) => {
  if (!parsed.has(file)) {
    const text = readFileSync(file, "utf8")
    parsed.set(file, { text, ...parseText(file, text) })
  }
  return parsed.get(file)
}

export const parseText = (file, text) => {
  const result = parseSync(file, text, { lang: "ts", sourceType: "module" })
  const [error] = result.errors
  if (error) throw new SyntaxError(`${file}:${lineAt(text, error.labels[0]?.start ?? 0)}: ${error.message}`)
  return { program: result.program, module: result.module, comments: result.comments }
}

/** The 1-based line of an offset. */
export const lineAt = (text, offset) => text.slice(0, offset).split("\n").length

/** Calls `visit` with every node of a tree, parents first. */
export const walk = (node, visit) => {
  if (Array.isArray(node)) { for (const item of node) walk(item, visit) }
  else if (node !== null && typeof node === "object") {
    if (typeof node.type === "string") visit(node)
    for (const value of Object.values(node)) if (typeof value === "object") walk(value, visit)
  }
}

/** Ends a check: the problems one per line and exit code 1, or one line that says what was looked at. */
export const finish = (problems, summary) => {
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
  else console.log(summary)
}
