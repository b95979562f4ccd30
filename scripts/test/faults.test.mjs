/** The table of faults: what it may say of tests. */
import { passes, refuses } from "./tree.mjs"

const file = "packages/processkit/test/Run.test.ts"

/** A table of one row, and what it refers to. */
const tree = (tests, more = {}) => ({
  "docs/faults.md":
    `# Faults\n\n|     | fault | seen | by |\n| --- | --- | --- | --- |\n| R7  | a race | an end | ${tests} |\n`,
  [file]: [
    `import { it } from "vitest"`,
    `// R7, and more`,
    `it("ends a start that races its close", () => {})`,
    `it.effect(\`ends by the \${first} and keeps it\`, () => {})`,
    `const cases = [["a child of its own", 1]]`,
    `assert.strictEqual(seen, "no name at all")`
  ].join("\n"),
  ...more
})

passes("faults", "a row that names a test", tree("`Run` races its close"))
passes("faults", "a row that names two, one of them in a template", tree("`Run` races its close · `Run` by the … and"))
passes("faults", "a row that names a row of a table of tests", tree("`Run` a child of its own"))
passes(
  "faults",
  "a row that names a case of the contract",
  tree("`treeCases` answers at once", {
    "packages/processkit/src/testing/internal/treeCases.ts":
      `export const all = [{ name: "answers at once for nobody" }]`
  })
)
refuses(
  "faults",
  "a test that does not exist",
  /Run\.test\.ts has no test "races its end"/,
  tree("`Run` races its end")
)
refuses("faults", "what only an assertion says", /has no test "no name at all"/, tree("`Run` no name at all"))
refuses("faults", "a part that fits two tests", /"ends" fits 2 names/, tree("`Run` ends"))
refuses("faults", "a file that does not exist", /there is no test file Walk/, tree("`Walk` races its close"))
refuses("faults", "a reference without a file", /is not `file` and a part/, tree("races its close"))
refuses(
  "faults",
  "two rows with one id",
  /R7 is there twice/,
  tree("`Run` races its close |\n| R7  | another | end | `Run` races its close")
)
refuses("faults", "a row without a test", /R7 has not the four cells/, tree(""))
refuses("faults", "an id over a test that the table does not have", /Run2\.test\.ts:1: R8 is not in/, {
  ...tree("`Run` races its close"),
  "packages/processkit/test/Run2.test.ts": "// R7, R8: both\n"
})
refuses("faults", "a table without rows", /has no rows/, { "docs/faults.md": "# Faults\n" })
