/** The example checker finds every fence, keeps its lines, and fails when an example does. */
import * as assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { test } from "node:test"
import { rewrite } from "../doctest/assertions.mjs"
import { extract } from "../doctest/fences.mjs"

const fence = (code, info = "ts") => `\`\`\`${info}\n${code}\n\`\`\`\n`

/** Runs the whole checker on one markdown file. */
const check = (text) => {
  mkdirSync("build", { recursive: true })
  writeFileSync("build/doctest.md", text)
  const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/doctest/main.mjs", "build/doctest.md"], {
    encoding: "utf8"
  })
  return { status, output: stdout + stderr }
}

const refused = (name, expected, text) =>
  test(`refuses ${name}`, () => {
    const { output, status } = check(text)
    assert.match(output, expected)
    assert.equal(status, 1)
  })

const found = (file, lines) => extract(file, lines.join("\n")).examples.map(({ code, line }) => [line, code.trim()])

test("keeps the line of every example in markdown, also inside a list", () => {
  const lines = [
    "one",
    "",
    "- item",
    "  ```ts",
    "  a()",
    "    b()",
    "  ```",
    "```sh",
    "c",
    "```",
    "```ts",
    "d()",
    "```"
  ]
  assert.deepEqual(found("a.md", lines), [[4, "a()\n  b()"], [11, "d()"]])
})

test("looks into doc comments, and only there", () => {
  const doc = ["/**", " * Text.", " *", " * ```ts", " * if (b) {", " *   c()", " * }", " * ```", " */"]
  assert.deepEqual(found("a.ts", ["const a = `", "\\`\\`\\`ts", "`", ...doc]), [[7, "if (b) {\n  c()\n}"]])
  assert.equal(extract("a.md", "```ts\na()\n```\n").examples[0].code, "\na()\n")
})

test("turns each claim into one assertion on its own line", () => {
  const lines = [
    "f(1) // => 2",
    "console.log(x) // => 3",
    "const y = f(2) // => 4",
    "const g = function*() {",
    "  return yield* y // => 5",
    "}"
  ]
  const { claims, code, problems } = rewrite({ file: "a.md", code: lines.join("\n") })
  assert.deepEqual(problems, [])
  assert.equal(claims, 4)
  assert.deepEqual(code.split("\n"), [
    `await $check(f(1), (2), "a.md:1") // => 2`,
    `console.log(await $check(x, (3), "a.md:2")) // => 3`,
    `const y = f(2);await $check(y, (4), "a.md:3") // => 4`,
    "const g = function*() {",
    `  return $check(yield* y, (5), "a.md:5") // => 5`,
    "}"
  ])
})

test("accepts structural equality, promises and Effect's own data", () => {
  const code = `import * as Effect from "effect/Effect"\nimport * as Option from "effect/Option"
[{ a: 1 }].at(0) // => { a: 1 }\nEffect.runPromise(Effect.succeed(Option.some(1))) // => Option.some(1)`
  assert.deepEqual(check(fence(code)), { status: 0, output: "1 examples type-checked, 1 of them run\n" })
})

refused("a type error, at its line", /build\/doctest\.md:3: error TS2322/, `# Title\n${fence("const a: string = 1")}`)
refused("a wrong result, at its line", /build\/doctest\.md:3: expected 3, got 2/, `# Title\n${fence("1 + 1 // => 3")}`)
refused(
  "a promise that fails",
  /build\/doctest\.md:1: Error: no/,
  fence(`const p = Promise.reject(new Error("no"))\np // => 1`)
)
refused("an example that ends the process", /md:1: the process ended while it ran/, fence("1 // => 1\nprocess.exit(0)"))
refused(
  "an error thrown later",
  /build\/doctest\.md:1: Error: late/,
  fence(`setTimeout(() => { throw new Error("late") })\nnew Promise((done) => setTimeout(done, 50, 1)) // => 1`)
)
refused("a claim that belongs to no value", /build\/doctest\.md:3: no value ends before/, fence("f()\n// => 1"))
refused("a fence that opts out", /build\/doctest\.md:1: the fence says "ts no-check"/, fence("1", "ts no-check"))
refused("a fence that does not parse", /build\/doctest\.md:3: /, fence("\nconst = 1"))
refused("a fence that never ends", /build\/doctest\.md:1: the fence is never closed/, "```ts\n1\n")
