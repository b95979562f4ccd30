/**
 * Type-checks every TypeScript example of the documentation and runs those that claim a result with `// =>`.
 *
 * Without arguments it takes the README files, `docs/` and the doc comments of the sources. All examples go to one
 * compiler run and one Node process; package names resolve to the sources. A failure names file and line.
 */
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { finish } from "../source.mjs"
import { rewrite } from "./assertions.mjs"
import { extract } from "./fences.mjs"

const here = path.dirname(fileURLToPath(import.meta.url))
const given = process.argv.slice(2)
const files = given.length > 0
  ? given
  : globSync(["README.md", "docs/**/*.md", "packages/*/README.md", "packages/*/src/**/*.ts"]).toSorted()
const out = given.length > 0 ? "build/doctest-selected" : "build/doctest"

const compilerOptions = {
  noEmit: true,
  composite: false,
  incremental: false,
  declarationMap: false,
  rootDir: "/",
  lib: ["ES2023", "DOM"],
  types: ["node"],
  rewriteRelativeImportExtensions: false,
  allowImportingTsExtensions: true,
  noUnusedLocals: false,
  noUnusedParameters: false
}

const problems = []

/** Writes the examples and gives, for each written file, where it came from. */
const write = () => {
  const written = new Map()
  for (const file of files) {
    const found = extract(file, readFileSync(file, "utf8"))
    problems.push(...found.problems)
    for (const example of found.examples) {
      try {
        const { claims, code, problems: unclear } = rewrite(example)
        problems.push(...unclear)
        const target = `${out}/${file.replaceAll("/", "__").replace(/\.\w+$/, "")}__${example.line}.ts`
        const helper = path.relative(out, path.join(here, "check.ts"))
        const imports = claims > 0 ? `import { $check } from ${JSON.stringify(helper)}` : "export {}"
        writeFileSync(target, imports + code)
        written.set(target, { ...example, claims })
      } catch (error) {
        problems.push(error.message)
      }
    }
  }
  return written
}

/** Replaces every written file, with or without a position, by the original and its line. */
const translate = (written, text) => {
  let result = text
  for (const [target, { file }] of written) {
    const absolute = `(?:file://)?(?:${RegExp.escape(path.resolve("."))}/)?${RegExp.escape(target)}`
    result = result.replaceAll(
      new RegExp(`${absolute}(?:\\((\\d+),\\d+\\)|:(\\d+)(?::\\d+)?)?`, "g"),
      (_, a, b) => `${file}:${a ?? b ?? ""}`
    )
  }
  return result
}

const compile = (written) => {
  const base = path.relative(out, path.resolve(here, "../../tsconfig.base.json"))
  writeFileSync(`${out}/tsconfig.json`, JSON.stringify({ extends: base, include: ["*.ts"], compilerOptions }))
  const result = spawnSync("tsc", ["-p", out, "--pretty", "false"], { encoding: "utf8" })
  if (result.error) throw result.error
  if (result.status !== 0) problems.push(translate(written, (result.stdout + result.stderr).trim()))
}

const run = (written) => {
  const resultFile = `${out}/results.json`
  const examples = [...written].filter(([, { claims }]) => claims > 0).map(([target]) => target)
  const args = ["--conditions=processkit-source", path.join(here, "run.mjs"), resultFile, ...examples]
  const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 26 })
  for (const { error, example } of JSON.parse(readFileSync(resultFile, "utf8"))) {
    if (error === undefined) continue
    const { file, line } = written.get(example)
    problems.push(`${file}:${line}: ${translate(written, error)}\n${translate(written, stdout + stderr)}`.trim())
  }
  return examples.length
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const written = write()
if (written.size > 0) compile(written)
const ran = problems.length === 0 && [...written.values()].some(({ claims }) => claims > 0) ? run(written) : 0
finish(problems, `${written.size} examples type-checked, ${ran} of them run`)
