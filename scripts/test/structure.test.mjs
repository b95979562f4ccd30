/** The checks of structure: circular, exports and barrels. */
import * as assert from "node:assert/strict"
import { test } from "node:test"
import { core, passes, refuses, run } from "./tree.mjs"

passes("circular", "a type-only import back", {
  [`${core}/Command.ts`]: `import * as Runner from "./ProcessRunner.ts"\nexport const a = Runner.b\n`,
  [`${core}/ProcessRunner.ts`]: `import type * as Command from "./Command.ts"\nexport const b: typeof Command.a = 1\n`
})
refuses(
  "circular",
  "a circle",
  /circle: .*pump\.ts -> .*lines\.ts -> .*pump\.ts|circle: .*lines\.ts -> .*pump\.ts -> .*lines\.ts/,
  {
    [`${core}/internal/pump.ts`]: `import { a } from "./lines.ts"\nexport const b = a\n`,
    [`${core}/internal/lines.ts`]: `import { b } from "./pump.ts"\nexport const a = () => b\n`
  }
)
refuses("circular", "an import that keeps only its side effect", /circle: /, {
  [`${core}/internal/pump.ts`]: `import { type a } from "./lines.ts"\nexport const b: a = 1\n`,
  [`${core}/internal/lines.ts`]: `export * from "./pump.ts"\n`
})
refuses("circular", "a word that imports an error", /Outcome\.ts \(words\) imports .*ProcessError\.ts \(errors\)/, {
  [`${core}/Outcome.ts`]: `export * as E from "processkit/ProcessError"\n`,
  [`${core}/ProcessError.ts`]: "export const a = 1\n"
})
refuses("circular", "a verb inside internal, however late", /engine\.ts \(internal\) imports .*Command\.ts \(verbs\)/, {
  [`${core}/internal/engine.ts`]: `export const late = () => import("../Command.ts")\n`,
  [`${core}/Command.ts`]: "export const a = 1\n"
})
refuses("circular", "an import of the barrel", /a barrel/, {
  [`${core}/Command.ts`]: `import * as Ours from "./index.ts"\nexport const a = Ours\n`,
  [`${core}/index.ts`]: "export {}\n"
})
refuses("circular", "a module in no layer", /add Surprise to the table/, {
  [`${core}/Surprise.ts`]: "export const a = 1\n"
})

const shapes =
  `export const a = 1\nexport type B = 1\nexport interface C {}\nexport function d(): void\nexport function d() {}\nexport { a as e }\n`
const listed = "Outcome.B type\nOutcome.C interface\nOutcome.a const\nOutcome.d function\nOutcome.e re-export\n"
passes("exports", "what is listed", { [`${core}/Outcome.ts`]: shapes, "packages/processkit/exports.txt": listed })
refuses("exports", "a new name", /\+ Outcome\.f const/, {
  [`${core}/Outcome.ts`]: `${shapes}export const f = 1\n`,
  "packages/processkit/exports.txt": listed
})
refuses("exports", "a lost name", /- Outcome\.g const/, {
  [`${core}/Outcome.ts`]: shapes,
  "packages/processkit/exports.txt": `${listed}Outcome.g const\n`
})

const barrel = {
  [`${core}/B.ts`]: "",
  [`${core}/A.ts`]: "",
  [`${core}/internal/c.ts`]: "",
  [`${core}/index.ts`]: `export * as A from "./A.ts"\nexport * as B from "./B.ts"\n`
}
passes("barrels", "a barrel of everything public", barrel, ["--check"])
refuses("barrels", "a module that is not in the barrel", /out of date/, { ...barrel, [`${core}/D.ts`]: "" }, [
  "--check"
])
refuses("barrels", "a missing barrel", /testing\/index\.ts: out of date/, { ...barrel, [`${core}/testing/D.ts`]: "" }, [
  "--check"
])
refuses("barrels", "a public module in a folder of its own", /belongs under internal/, {
  ...barrel,
  [`${core}/other/D.ts`]: ""
}, ["--check"])
test("barrels writes what it asks for", () => {
  const { seen } = run(
    "barrels",
    { ...barrel, [`${core}/testing/D.ts`]: "" },
    [],
    (read) => read(`${core}/testing/index.ts`)
  )
  assert.equal(seen, `export * as D from "./D.ts"\n`)
})
