/**
 * Compares what the packages export with the list kept beside them, so that no name appears or vanishes unnoticed.
 *
 * `packages/<package>/exports.txt` has one line per name and kind. `--update` rewrites it; a reviewer sees the change.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { finish, moduleName, packages, parse, publicModules } from "./source.mjs"

const kinds = {
  VariableDeclaration: "const",
  FunctionDeclaration: "function",
  TSDeclareFunction: "function",
  ClassDeclaration: "class",
  TSInterfaceDeclaration: "interface",
  TSTypeAliasDeclaration: "type",
  TSModuleDeclaration: "namespace",
  TSEnumDeclaration: "enum"
}

const nameOf = (node) => node.name ?? node.value

/** The names and kinds that one top-level statement exports. */
const exported = (node) => {
  if (node.type === "ExportAllDeclaration") {
    const name = node.exported ? nameOf(node.exported) : "*"
    return [`${name} (${node.exportKind === "type" ? "types of" : "all of"} ${node.source.value})`]
  }
  if (node.type === "ExportDefaultDeclaration") return ["default"]
  if (node.type !== "ExportNamedDeclaration") return []
  const { declaration } = node
  if (declaration === null || declaration === undefined) {
    return node.specifiers.map((item) =>
      `${nameOf(item.exported)} ${node.exportKind === "type" || item.exportKind === "type" ? "type" : "re-export"}`
    )
  }
  const names = declaration.type === "VariableDeclaration"
    ? declaration.declarations.map((item) => item.id)
    : [declaration.id]
  return names.map((id) => `${nameOf(id)} ${kinds[declaration.type]}`)
}

const listOf = (name) =>
  publicModules(name)
    .flatMap((file) =>
      [...new Set(parse(file).program.body.flatMap(exported))].toSorted().map((line) => `${moduleName(file)}.${line}`)
    )

const problems = []
let count = 0
for (const name of packages) {
  const path = `packages/${name}/exports.txt`
  const now = listOf(name)
  count += now.length
  const text = now.map((line) => `${line}\n`).join("")
  if (process.argv.includes("--update")) writeFileSync(path, text)
  const kept = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter((line) => line !== "") : []
  for (const line of kept) if (!now.includes(line)) problems.push(`${path}: - ${line}`)
  for (const line of now) if (!kept.includes(line)) problems.push(`${path}: + ${line}`)
}
if (problems.length > 0) problems.push("If this is meant: npm run exports -- --update, and a changeset.")
finish(problems, `${count} exports, as listed`)
