import { assert, describe, it } from "@effect/vitest"
import * as OutputBuffer from "processkit/OutputBuffer"

describe("OutputBuffer", () => {
  it("is plain data: the policy and its bounds", () => {
    const bounds = { bytes: "1 KiB", lines: 10 } as const
    assert.deepStrictEqual(OutputBuffer.tail(bounds), { _tag: "Tail", ...bounds })
    assert.deepStrictEqual(OutputBuffer.head(bounds), { _tag: "Head", ...bounds })
    assert.deepStrictEqual(OutputBuffer.headTail(bounds), { _tag: "HeadTail", ...bounds })
    assert.deepStrictEqual(OutputBuffer.failAbove(bounds), { _tag: "FailAbove", ...bounds })
    assert.deepStrictEqual(OutputBuffer.unbounded, { _tag: "Unbounded" })
  })

  it("fails above 64 MiB where a command names no buffer", () => {
    assert.deepStrictEqual(OutputBuffer.defaultBuffer, { _tag: "FailAbove", bytes: "64 MiB" })
  })
})
