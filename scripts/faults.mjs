/**
 * Fails when the table of faults says something of a test that is not so.
 *
 * Each row of `docs/faults.md` ends in a cell of references, `file` and a part of a name, with " · " between them. The
 * file is a test file without `.test.ts`, or a part of the contract suite; the name is that of a test or of the group
 * that it is in, where `…` stands for what a name fills in. The part has to fit exactly one name of the file. Rows begin
 * with an id of their own. A comment over a test that begins with ids may name no others.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { finish, lineAt, parse, walk } from "./source.mjs"

const table = "docs/faults.md"
const idShape = /^[A-Z]\d{1,3}$/

const testFiles = globSync("packages/*/test/**/*.test.ts").toSorted()
const caseFiles = globSync("packages/*/src/testing/internal/*Cases.ts")

/** `packages/p/test/internal/relay.test.ts` is `internal/relay`. */
const shortName = (file) =>
  file.replace(/^packages\/[^/]+\/(?:test|src\/testing\/internal)\//, "").replace(/(\.test)?\.ts$/, "")

const files = Map.groupBy([...testFiles, ...caseFiles], shortName)

/** The text of a literal, with `…` for what a template fills in; undefined for anything else. */
const textOf = (node) => {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value
  if (node?.type === "TemplateLiteral") return node.quasis.map((part) => part.value.cooked).join("…")
  return undefined
}

const isAssertion = (callee) => /^assert\b/.test(callee)

/** Where a test's name can stand: before its body, in front of a row of a table of tests, or as a property of one. */
const candidates = (node, text) => {
  if (node.type === "CallExpression" && node.arguments.length > 1) {
    return isAssertion(text.slice(node.callee.start, node.callee.end)) ? [] : [node.arguments[0]]
  }
  if (node.type === "CallExpression" && node.callee.type === "CallExpression") return [node.arguments[0]]
  if (node.type === "ArrayExpression") return [node.elements[0]]
  if (node.type !== "Property") return []
  return node.key.name === "name" ? [node.value] : [node.key]
}

const namesOf = (file) => {
  const { program, text } = parse(file)
  const names = new Set()
  walk(program, (node) => {
    for (const found of candidates(node, text).map(textOf)) {
      if (found !== undefined && found.includes(" ")) names.add(found)
    }
  })
  return [...names]
}

const known = new Map()
const namesIn = (file) => known.get(file) ?? known.set(file, namesOf(file)).get(file)

/** What is wrong with one reference, in words. */
const problemOf = (reference) => {
  const [, name, part] = /^`([^`]+)` (.+)$/.exec(reference) ?? []
  if (name === undefined) return `"${reference}" is not \`file\` and a part of a name`
  const [file, second] = files.get(name) ?? []
  if (file === undefined) return `there is no test file ${name}`
  if (second !== undefined) return `${name} is both ${file} and ${second}`
  const fitting = namesIn(file).filter((it) => it.includes(part))
  if (fitting.length === 1) return undefined
  return fitting.length === 0
    ? `${file} has no test "${part}"`
    : `"${part}" fits ${fitting.length} names of ${file}: ${fitting.join("; ")}`
}

const rows = existsSync(table)
  ? readFileSync(table, "utf8").split("\n").flatMap((text, index) => {
    const cells = text.split("|").map((cell) => cell.trim())
    return idShape.test(cells[1] ?? "") ? [{ cells: cells.slice(1, -1), line: index + 1 }] : []
  })
  : []

const problems = []
if (rows.length === 0) problems.push(`${table}: has no rows`)
const ids = new Set()
for (const { cells, line } of rows) {
  const report = (problem) => problems.push(`${table}:${line}: ${problem}`)
  const [id] = cells
  if (ids.has(id)) report(`${id} is there twice`)
  ids.add(id)
  if (cells.length !== 4 || cells.includes("")) report(`${id} has not the four cells that a row has`)
  else for (const problem of cells[3].split(" · ").map(problemOf)) if (problem !== undefined) report(problem)
}

/** The ids with which a comment begins. */
const idsOf = (comment) => /^ ([A-Z]\d{1,3}(?:, [A-Z]\d{1,3})*)(?![\w.])/.exec(comment)?.[1]?.split(", ") ?? []

for (const file of testFiles) {
  const { comments, text } = parse(file)
  for (const { start, type, value } of comments) {
    if (type !== "Line") continue
    for (const id of idsOf(value).filter((id) => !ids.has(id))) {
      problems.push(`${file}:${lineAt(text, start)}: ${id} is not in ${table}`)
    }
  }
}

finish(problems, `${rows.length} faults, each with a test that exists`)
