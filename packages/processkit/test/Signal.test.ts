import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { constants } from "node:os"
import * as Signal from "processkit/Signal"
import { expectTypeOf } from "vitest"

describe("Signal", () => {
  it("knows every signal that this system names", () => {
    const aliases = new Set(["SIGIOT", "SIGPOLL", "SIGBREAK", "SIGUNUSED", "SIGLOST"])
    for (const name of Object.keys(constants.signals)) {
      assert.strictEqual(Signal.isSignal(name), !aliases.has(name), name)
    }
  })

  it("knows real-time signals from SIGRTMIN+0 to SIGRTMIN+30, written in one way only", () => {
    for (let n = 0; n <= 30; n++) assert.isTrue(Signal.isSignal(`SIGRTMIN+${n}`), `${n}`)
    for (const n of ["31", "-1", "+1", "03", "1.5", "1e1", "", " 1", "1 ", "1\n", "٣", "NaN"]) {
      assert.isFalse(Signal.isSignal(`SIGRTMIN+${n}`), n)
    }
  })

  it("refuses what other programs accept", () => {
    for (const value of ["TERM", "sigterm", "SIGterm", " SIGTERM", "SIGTERM\n", "15", "SIGRTMIN", "SIGRTMAX-1", ""]) {
      assert.isFalse(Signal.isSignal(value), value)
    }
  })

  it("refuses what is not a string", () => {
    for (const value of [15, 0, null, undefined, {}, [], ["SIGTERM"], Object("SIGTERM"), () => "SIGTERM", 15n, true]) {
      assert.isFalse(Signal.isSignal(value))
    }
  })

  it("refuses the names that every object has", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) assert.isFalse(Signal.isSignal(name))
  })

  it.prop("gives the same answer for any text and accepts only what starts with SIG", [Schema.String], ([text]) => {
    assert.isTrue(!Signal.isSignal(text) || text.startsWith("SIG"))
  })

  it("narrows to the type of a signal", () => {
    const value: unknown = "SIGTERM"
    if (Signal.isSignal(value)) expectTypeOf(value).toEqualTypeOf<Signal.Signal>()
    expectTypeOf<"SIGRTMIN+3">().toExtend<Signal.Signal>()
    // @ts-expect-error names are exact
    const wrong: Signal.Signal = "TERM"
    assert.isFalse(Signal.isSignal(wrong))
  })
})
