/**
 * Fails when a file or a function has grown too long to be read in one go.
 *
 * Lines of code are counted: blank lines and comments are free.
 */
import { finish, isInternal, lineAt, packages, parse, sources, walk } from "./source.mjs"

const publicLimit = 400
const internalLimit = 300
const functionLimit = 60

/** The numbers of the lines that hold code. */
const codeLines = ({ comments, text }) => {
  let code = text
  for (const { end, start } of comments) {
    code = code.slice(0, start) + code.slice(start, end).replaceAll(/[^\n]/g, " ") + code.slice(end)
  }
  return code.split("\n").flatMap((line, index) => line.trim() === "" ? [] : [index + 1])
}

const nameOf = (node, parent) => node.id?.name ?? parent?.id?.name ?? parent?.key?.name ?? "a function"

const functionsOf = (program) => {
  const found = []
  const parents = new Map()
  walk(program, (node) => {
    for (const key of ["init", "value"]) if (node[key] && typeof node[key] === "object") parents.set(node[key], node)
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) {
      found.push({ node, name: nameOf(node, parents.get(node)) })
    }
  })
  return found
}

const checkFile = (file) => {
  const source = parse(file)
  const lines = codeLines(source)
  const limit = isInternal(file) ? internalLimit : publicLimit
  const problems = lines.length > limit ? [`${file}: ${lines.length} lines of code, at most ${limit}`] : []
  for (const { name, node } of functionsOf(source.program)) {
    const [first, last] = [lineAt(source.text, node.start), lineAt(source.text, node.end)]
    const length = lines.filter((line) => line >= first && line <= last).length
    if (length > functionLimit) {
      problems.push(`${file}:${first}: ${name} has ${length} lines of code, at most ${functionLimit}`)
    }
  }
  return problems
}

const files = packages.flatMap((name) => sources(name))
finish(files.flatMap(checkFile), `${files.length} files, none too long`)
