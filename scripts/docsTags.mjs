/**
 * Fails when a public module or an exported declaration lacks its documentation.
 *
 * A module begins with a header that has `@since` and `@stability`. Every exported declaration has a comment with a
 * description, `@since`, `@stability` and exactly one `@category`; of overloads only the first needs one.
 */
import { finish, lineAt, packages, parse, publicModules } from "./source.mjs"

const forbidden = new Set(["utils", "util", "helpers", "common", "misc"])

const problemsOf = (comment, tags) => {
  const found = []
  const values = (tag) =>
    [...comment.matchAll(new RegExp(String.raw`^\s*\* @${tag}(?:[ \t]+(.*))?$`, "gm"))].map((match) => match[1] ?? "")
  const check = (tag, shape) => {
    const given = values(tag)
    if (given.length !== 1) found.push(given.length === 0 ? `lacks @${tag}` : `has ${given.length} @${tag}`)
    else if (!shape.test(given[0].trim())) found.push(`has the malformed @${tag} "${given[0]}"`)
  }
  if (!/^\s*\*+\s+[^\s@*]/m.test(comment)) found.push("lacks a description")
  check("since", /^\d+\.\d+\.\d+$/)
  check("stability", /^(stable|unstable|experimental)$/)
  if (tags.includes("category")) {
    check("category", /^\S.*$/)
    if (forbidden.has(values("category")[0]?.trim().toLowerCase())) {
      found.push(`has the empty category "${values("category")[0]}"`)
    }
  }
  return found
}

const isDoc = (comment) => comment.type === "Block" && comment.value.startsWith("*")

/** Name, start and kind of everything exported by a statement; re-exports in braces are documented one by one. */
const exportedBy = (node) => {
  if (node.type === "ExportAllDeclaration") {
    return [{ name: node.exported?.name ?? `* from ${node.source.value}`, start: node.start }]
  }
  if (node.type === "ExportDefaultDeclaration") return [{ name: "default", start: node.start }]
  if (node.type !== "ExportNamedDeclaration") return []
  const { declaration } = node
  if (!declaration) {
    return node.specifiers.map((item) => ({ name: item.exported.name ?? item.exported.value, start: item.start }))
  }
  const id = declaration.type === "VariableDeclaration" ? declaration.declarations[0].id : declaration.id
  return [{ name: id.name ?? "(pattern)", start: node.start, overload: /Function/.test(declaration.type) }]
}

const checkModule = (file) => {
  const { comments, program, text } = parse(file)
  const docs = comments.filter(isDoc)
  const found = []
  /** The doc comment with nothing but blanks and other comments between it and the start. */
  const before = (start) => {
    const doc = docs.findLast((comment) => comment.end <= start)
    if (doc === undefined) return undefined
    const between = comments.filter((comment) => comment.start >= doc.end && comment.end <= start)
      .reduceRight(
        (rest, comment) => rest.slice(0, comment.start - doc.end) + rest.slice(comment.end - doc.end),
        text.slice(doc.end, start)
      )
    return between.trim() === "" ? doc : undefined
  }

  const first = program.body[0]
  const header = docs.find((comment) => text.slice(0, comment.start).trim() === "")
  if (header === undefined) found.push([1, "module header", "is missing"])
  else {
    const ownedByExport = first && exportedBy(first).length > 0 && before(first.start) === header
    if (ownedByExport) found.push([1, "module header", "is missing (the first comment belongs to the first export)"])
    else {for (const problem of problemsOf(header.value, [])) {
        found.push([lineAt(text, header.start), "module header", problem])
      }}
  }

  const seen = new Set()
  for (const item of program.body.flatMap(exportedBy)) {
    if (item.overload && seen.has(item.name)) continue
    if (item.overload) seen.add(item.name)
    const doc = before(item.start)
    const problems = doc === undefined || doc === header ? ["has no doc comment"] : problemsOf(doc.value, ["category"])
    for (const problem of problems) found.push([lineAt(text, item.start), item.name, problem])
  }
  return found.map(([line, name, problem]) => `${file}:${line}: ${name} ${problem}`)
}

const files = packages.flatMap((name) => publicModules(name))
finish(files.flatMap(checkModule), `${files.length} public modules, every export documented`)
