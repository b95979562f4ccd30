/** The cases of the bridge against Effect's own layer: what the bridge claims to be like, and where it claims to differ. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cases } from "./spawnerCases.ts"

const leaking = cases.filter(({ leaksThere }) => leaksThere)
console.warn(`left out, Effect's layer would leave a descriptor behind: ${leaking.map(({ name }) => name).join(", ")}`)

layer(NodeServices.layer, { excludeTestServices: true })("Effect's own spawner", (it) => {
  for (const { expected, name, observe } of cases.filter((found) => !leaking.includes(found))) {
    it.effect(name, () => Effect.map(observe, (observed) => assert.deepStrictEqual(observed, expected)))
  }
})
