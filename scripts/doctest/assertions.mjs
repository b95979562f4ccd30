/**
 * Turns `expression // => expected` into an assertion, on the same line.
 *
 * The comment belongs to the statement that ends on its line: an expression, `console.log` of one value, one `const`,
 * or a `return`. A promise at the top level is awaited. A comment that belongs to no such statement is a problem, so
 * that no promise in the documentation goes unchecked.
 */
import { lineAt, parseText, walk } from "../source.mjs"

const arrow = /^\s*=>\s*(?<expected>.+?)\s*$/

const loggedValue = (expression) => {
  const isLog = expression.type === "CallExpression" && expression.callee.type === "MemberExpression" &&
    expression.callee.object.name === "console" && expression.callee.property.name === "log"
  return isLog && expression.arguments.length === 1 ? expression.arguments[0] : expression
}

/** The node at whose end a claim about the statement stands; a semicolon may follow, even on the next line. */
const valueOf = (statement) => {
  if (statement.type === "ExpressionStatement") return statement.expression
  if (statement.type === "ReturnStatement") return statement.argument ?? undefined
  if (statement.type !== "VariableDeclaration" || statement.declarations.length !== 1) return undefined
  const [declaration] = statement.declarations
  return declaration.id.type === "Identifier" ? declaration : undefined
}

/** Wraps the value of a statement in a check. */
const editsFor = (statement, isTop, args) => {
  const value = valueOf(statement)
  const pause = isTop ? "await " : ""
  if (value.type === "VariableDeclarator") {
    return [{ at: value.end, insert: `;${pause}$check(${value.id.name}, ${args})` }]
  }
  const checked = loggedValue(value)
  return [{ at: checked.start, insert: `${pause}$check(` }, { at: checked.end, insert: `, ${args})` }]
}

/** The example with its assertions, how many there are, and the comments that could not be made one. */
export const rewrite = ({ code, file }) => {
  const { comments, program } = parseText(file, code)
  const claims = comments.filter((comment) => comment.type === "Line" && arrow.test(comment.value))
  const statements = []
  walk(program, (node) => {
    if (valueOf(node) !== undefined) statements.push(node)
  })
  const edits = []
  const problems = []
  for (const claim of claims) {
    const { expected } = arrow.exec(claim.value).groups
    const number = lineAt(code, claim.start)
    const args = `(${expected}), ${JSON.stringify(`${file}:${number}`)}`
    const owner = statements.findLast((node) => {
      const { end } = valueOf(node)
      return end <= claim.start && /^[ \t]*;?[ \t]*$/.test(code.slice(end, claim.start))
    })
    if (owner === undefined) problems.push(`${file}:${number}: no value ends before "//${claim.value}"`)
    else edits.push(...editsFor(owner, program.body.includes(owner), args))
  }
  const rewritten = edits.toSorted((a, b) => b.at - a.at || edits.indexOf(b) - edits.indexOf(a))
    .reduce((text, { at, insert }) => text.slice(0, at) + insert + text.slice(at), code)
  return { code: rewritten, claims: claims.length, problems }
}
