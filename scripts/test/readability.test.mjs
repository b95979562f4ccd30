/** The checks that keep the code readable: docsTags, fixtures, map and size. */
import { core, passes, refuses } from "./tree.mjs"

const doc = (extra = "", since = "@since 0.1.0") =>
  `/**\n * Says what it is.\n *\n * ${extra}\n * @stability experimental\n * ${since}\n */\n`
const header = doc()
const documented = doc("@category models")

const fixtures = "packages/processkit-node/test/fixtures"

const lines = (count, make = (index) => `const v${index} = ${index}\n`) =>
  Array.from({ length: count }, (_, index) => make(index)).join("")

const module = (body) => ({
  [`${core}/Outcome.ts`]: `${header}import * as A from "./A.ts"\n\n${body}`,
  [`${core}/internal/a.ts`]: "export const b = 1\n"
})
passes(
  "docsTags",
  "documented exports",
  module(`${documented}export const a = A\n\n${documented}// why\nexport function b(): void\nexport function b() {}\n`)
)
refuses(
  "docsTags",
  "an export without comment",
  /Outcome\.ts:11: a has no doc comment/,
  module("\nexport const a = A\n")
)
refuses("docsTags", "a missing category", /a lacks @category/, module(`${header}export const a = A\n`))
refuses(
  "docsTags",
  "a comment without words",
  /a lacks a description/,
  module(`/**\n * @category a\n * @stability stable\n * @since 0.1.0\n */\nexport type a = 1\n`)
)
refuses(
  "docsTags",
  "a malformed version",
  /malformed @since "soon"/,
  module(`${doc("@category a", "@since soon")}export type a = 1\n`)
)
refuses("docsTags", "the category misc", /empty category/, module(`${doc("@category misc")}export type a = 1\n`))
refuses("docsTags", "a module without header", /module header is missing/, {
  [`${core}/Outcome.ts`]: `${documented}export const a = 1\n`
})
refuses("docsTags", "a re-export without comment", /b has no doc comment/, module("const a = 1\nexport { a as b }\n"))

const drawn = (text) => ({
  "docs/map.md": text,
  [`${core}/Command.ts`]: "",
  [`${core}/internal/run.ts`]: "",
  [`${core}/internal/treeCases.ts`]: "",
  [`${core}/internal/host/loan.ts`]: ""
})
passes(
  "map",
  "files by name, by pattern and in folders",
  drawn("`Command`, `run.ts`, `*Cases.ts`, `host/{lender,loan}.ts`")
)
refuses(
  "map",
  "a module that it leaves out",
  /run\.ts: not on the map/,
  drawn("`Command`, `*Cases.ts`, `host/loan.ts`, run.ts")
)
refuses(
  "map",
  "the name of an internal module without its file",
  /run\.ts: not on the map/,
  drawn("`Command`, `run`, `*Cases.ts`, `host/loan.ts`, `docs/**`")
)
refuses(
  "map",
  "a file that is gone",
  /no file internal\/pump\.ts/,
  drawn("`Command`, `run.ts`, `*Cases.ts`, `host/loan.ts`, `internal/pump.ts`")
)

passes("fixtures", "a fixture that a test names", {
  [`${fixtures}/double-forks.mjs`]: "",
  "packages/processkit-node/test/A.real.test.ts": `run("double-forks")`
})
refuses("fixtures", "a fixture that only a comment names", /double-forks\.mjs: named in no test/, {
  [`${fixtures}/double-forks.mjs`]: "",
  "packages/processkit-node/test/A.real.test.ts": `// double-forks\nrun("double-forks-twice")`
})

passes("size", "400 lines and any number of comments", {
  [`${core}/A.ts`]: lines(400) + lines(200, () => "// why\n\n/*\n * more\n */\n")
})
refuses("size", "401 lines", /401 lines of code, at most 400/, { [`${core}/A.ts`]: lines(401) })
refuses("size", "301 lines inside internal", /301 lines of code, at most 300/, {
  [`${core}/internal/a.ts`]: lines(301)
})
refuses("size", "a function of 61 lines", /A\.ts:1: long has 61 lines/, {
  [`${core}/A.ts`]: `export const long = () => {\n${lines(59)}}\n`
})
passes("size", "a function of 60 lines", { [`${core}/A.ts`]: `export const long = () => {\n${lines(58)}}\n` })
