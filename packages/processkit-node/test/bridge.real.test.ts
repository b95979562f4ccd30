import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as ChildProcessBridge from "processkit/ChildProcessBridge"
import type * as ProcessRunner from "processkit/ProcessRunner"
import { FaultyBackend } from "processkit/testing"
import { mechanisms } from "./hostedWorld.ts"
import { type Case, cases, descriptors } from "./spawnerCases.ts"

/** A drop-in for `NodeServices.layer`: the same services, with the spawner on our runner. */
const bridgedOver = (runner: Layer.Layer<ProcessRunner.ProcessRunner>) =>
  Layer.merge(NodeServices.layer, Layer.provide(ChildProcessBridge.layerSpawner, runner))

const bridged = bridgedOver(NodeProcessRunner.layer)

const guide = fs.readFileSync(new URL("../../../docs/bridge.md", import.meta.url), "utf8")

const check = (observed: unknown, expected: unknown) => assert.deepStrictEqual(observed, expected)

layer(bridged, { excludeTestServices: true })("the bridge", (it) => {
  for (const { bridge, expected, name, observe } of cases) {
    const difference = bridge === undefined ? "" : ` (difference ${bridge.difference})`
    it.effect(`${name}${difference}`, () =>
      Effect.map(observe, (observed) => check(observed, bridge === undefined ? expected : bridge.expected)))
  }
})

// What a descriptor is made of differs from mechanism to mechanism; the rest above does not.
const others = [
  ...mechanisms,
  { name: "process-group", runner: NodeProcessRunner.layerProcessGroup() },
  // It gave a child without them, and whoever read from them found nothing.
  { name: "a backend with faults", runner: Layer.provide(FaultyBackend.layer(), NodeProcessRunner.layerBackend) }
]
for (const { name: mechanism, runner } of others) {
  layer(bridgedOver(runner), { excludeTestServices: true })(`the bridge over ${mechanism}`, (it) => {
    for (const { bridge, expected, name, observe } of descriptors) {
      it.effect(
        name,
        () => Effect.map(observe, (observed) => check(observed, bridge === undefined ? expected : bridge.expected))
      )
    }
  })
}

describe("the guide of the bridge", () => {
  it("names every difference, and none that is not shown", () => {
    const shown = new Set(cases.flatMap(({ bridge }: Case) => bridge === undefined ? [] : [bridge.difference]))
    const named = new Set(Array.from(guide.matchAll(/^\| (\d+) /gm), ([, number]) => Number(number)))
    assert.deepStrictEqual([...named].toSorted((a, b) => a - b), [...shown].toSorted((a, b) => a - b))
  })

  it("is about more than sixty cases", () => {
    assert.isAbove(cases.length, 60)
  })
})
