/**
 * Finds the examples: every ```ts fence of a markdown file, or of the doc comments of a source file.
 *
 * The code of an example is padded with blank lines up to its line in the original, so whatever a compiler or a stack
 * trace says about a line of the copy is true of the original.
 */
import { lineAt, parseText } from "../source.mjs"

const opening = /^(?<indent>\s*)(?<ticks>`{3,})(?<info>.*)$/

/** Fences of numbered lines. A fence that claims to be TypeScript but is not exactly `ts` is a problem. */
const fencesOf = (file, lines) => {
  const examples = []
  const problems = []
  let open
  for (const { number, text } of lines) {
    const match = opening.exec(text)
    if (open !== undefined) {
      if (match !== null && match.groups.ticks.length >= open.ticks && match.groups.info.trim() === "") {
        if (open.info === "ts") {
          examples.push({ file, line: open.line, code: "\n".repeat(open.line) + open.code.join("\n") + "\n" })
        }
        open = undefined
      } else open.code.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text.trimStart())
      continue
    }
    if (match === null) continue
    const info = match.groups.info.trim()
    open = { line: number, indent: match.groups.indent, ticks: match.groups.ticks.length, info, code: [] }
    if (info !== "ts" && /^(ts|tsx|typescript|mts)\b/i.test(info)) {
      problems.push(`${file}:${number}: the fence says "${info}"; every TypeScript example is checked and says "ts"`)
    }
  }
  if (open !== undefined) problems.push(`${file}:${open.line}: the fence is never closed`)
  return { examples, problems }
}

const docLines = (file, text) => {
  const docs = parseText(file, text).comments.filter((comment) =>
    comment.type === "Block" && comment.value.startsWith("*")
  )
  return docs.map((doc) => {
    const first = lineAt(text, doc.start)
    return doc.value.split("\n").map((line, index) => ({ number: first + index, text: line.replace(/^\s*\* ?/, "") }))
  })
}

/** The examples of one file, and what is wrong with its fences. */
export const extract = (file, text) => {
  const groups = file.endsWith(".ts")
    ? docLines(file, text)
    : [text.split("\n").map((line, index) => ({ number: index + 1, text: line }))]
  const found = groups.map((lines) => fencesOf(file, lines))
  return { examples: found.flatMap((item) => item.examples), problems: found.flatMap((item) => item.problems) }
}
