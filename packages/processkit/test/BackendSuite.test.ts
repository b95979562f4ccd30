import { assert, describe, it } from "@effect/vitest"
import { BackendSuite } from "processkit/testing"
import { layer, programs } from "./scriptedPrograms.ts"

const capabilities: BackendSuite.Capabilities = {
  signals: true,
  descendants: true,
  stop: true,
  environment: true,
  arguments: true,
  workingDirectory: "a scripted program has no directory",
  nativeTime: "a scripted tree answers at once"
}

BackendSuite.suite({ describe, it }, { name: "scripted", layer, capabilities, programs })

describe("BackendSuite", () => {
  it("leaves a case out for every capability that is missing, and says why", () => {
    const printed: Array<string> = []
    const registered: Array<string> = []
    BackendSuite.suite({
      describe: (_, body) => body(),
      it: (name) => void registered.push(name),
      print: (line) => void printed.push(line)
    }, { name: "lame", layer, programs, capabilities: { ...capabilities, stop: "the reason" } })
    assert.strictEqual(registered.length + printed.length, BackendSuite.cases.length)
    assert.strictEqual(printed.filter((line) => line.includes("stop: the reason")).length, 3)
  })

  it("names every claim once", () => {
    const names = BackendSuite.cases.map((one) => one.name)
    assert.deepStrictEqual(names, [...new Set(names)])
  })
})
