/**
 * Fails when the packages, as they would be published, hold a file they should not or cannot be used.
 *
 * Both are packed and installed, without a network, in an empty project whose only other dependency is this
 * repository's `effect`. There every public module is imported from Node and from TypeScript, and what is private must
 * stay out of reach. Needs a build.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { finish, isBarrel, moduleName, packages, publicModules, sources } from "./source.mjs"

const unwanted = /(^|\/)(test|tests|fixtures|benchmark|scratchpad)\/|\.(test|bench)\.|tsbuildinfo|^\./
const wanted = ["package.json", "LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "src/index.ts"]

const home = mkdtempSync(path.join(tmpdir(), "pack-"))
const problems = []

/** Packs one package and looks at what went in. */
const pack = (name) => {
  const args = ["pack", "--json", "--loglevel=error", "--pack-destination", home, `--workspace=packages/${name}`]
  const output = JSON.parse(execFileSync("npm", args, { encoding: "utf8" }))
  const [{ filename, files, size }] = Array.isArray(output) ? output : Object.values(output)
  const paths = files.map((file) => file.path)
  console.log(
    [`${filename}: ${paths.length} files, ${size} bytes packed`, ...paths.map((file) => `  ${file}`)].join("\n")
  )
  for (const file of paths.filter((one) => unwanted.test(one))) problems.push(`${name}: ${file} must not ship`)
  for (const file of wanted.filter((one) => !paths.includes(one))) problems.push(`${name}: ${file} is missing`)
  const modules = new Set(sources(name).map(moduleName))
  for (const file of paths.filter((one) => /^dist\/.*\.js$/.test(one))) {
    if (!modules.has(file.slice("dist/".length, -".js".length))) {
      problems.push(`${name}: ${file} has no source any more`)
    }
  }
  return path.join(home, filename)
}

const specifiers = (name) => {
  const modules = publicModules(name).map(moduleName).filter((module) => !module.startsWith("testing/"))
  return [
    name,
    ...existsSync(`packages/${name}/src/testing/index.ts`) ? [`${name}/testing`] : [],
    ...modules.map((module) => `${name}/${module}`)
  ]
}

const hidden = (name) => {
  const modules = sources(name).filter((file) => !isBarrel(file)).map(moduleName)
  return ["index", ...modules.filter((module) => /^(internal|testing)\//.test(module))].map((module) =>
    `${name}/${module}`
  )
}

const program = `
const problems = []
for (const name of ${JSON.stringify(packages.flatMap(specifiers))}) {
  try { await import(name) } catch (error) { problems.push(name + " cannot be imported: " + error) }
  if (!import.meta.resolve(name).includes("/dist/")) problems.push(name + " is not the built file")
}
for (const name of ${JSON.stringify(packages.flatMap(hidden))}) {
  try { await import(name); problems.push(name + " can be imported") } catch (error) {
    if (error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") problems.push(name + " fails with " + error)
  }
}
console.log(problems.join("\\n"))
process.exitCode = problems.length === 0 ? 0 : 1
`

const consumer = packages.flatMap(specifiers).map((name, index) =>
  `import type * as M${index} from "${name}"\nexport type { M${index} }\n`
).join("")

const compilerOptions = {
  module: "NodeNext",
  target: "ES2022",
  lib: ["ES2023"],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: []
}

const use = (tarballs) => {
  writeFileSync(path.join(home, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  const install = [
    "install",
    "--offline",
    "--legacy-peer-deps",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...tarballs
  ]
  execFileSync("npm", install, { cwd: home, stdio: ["ignore", "ignore", "inherit"] })
  mkdirSync(path.join(home, "node_modules"), { recursive: true })
  symlinkSync(path.resolve("node_modules/effect"), path.join(home, "node_modules/effect"))
  writeFileSync(path.join(home, "program.js"), program)
  writeFileSync(path.join(home, "consumer.ts"), consumer)
  writeFileSync(path.join(home, "tsconfig.json"), JSON.stringify({ include: ["consumer.ts"], compilerOptions }))
  for (
    const [command, ...args] of [[process.execPath, "program.js"], [path.resolve("node_modules/.bin/tsc"), "-p", home]]
  ) {
    const { status, stderr, stdout } = spawnSync(command, args, { cwd: home, encoding: "utf8" })
    if (status !== 0) problems.push((stdout + stderr).trim())
  }
}

try {
  use(packages.map(pack))
} finally {
  rmSync(home, { recursive: true, force: true })
}
finish(problems, "both packages install and import")
