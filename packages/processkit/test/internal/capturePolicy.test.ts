import { assert, describe, it } from "@effect/vitest"
import { type CapturePolicy, cleaner } from "../../src/internal/capturePolicy.ts"
import { LineCutter } from "../../src/internal/lineCutter.ts"
import { stripped } from "../../src/internal/terminalText.ts"
import { chunked, rules, sizes, text, utf8 } from "../arbitraries.ts"

const none: CapturePolicy = { redact: undefined, sanitizeTerminal: false }

const hide = (line: string): string => line.replaceAll("a", "#")

const clean = (policy: Partial<CapturePolicy>, line: string, isCut = false): string | undefined =>
  cleaner({ ...none, ...policy }, "stdout", () => {})?.(line, isCut)

const cutter = (policy: CapturePolicy) => new LineCutter(rules({ clean: cleaner(policy, "stdout", () => {}) }))

const linesOf = (chunks: ReadonlyArray<Uint8Array>, cutter: LineCutter): Array<string> => [
  ...chunks.flatMap((chunk) => cutter.push(chunk)),
  ...cutter.end(true)
]

describe("capturePolicy", () => {
  it("is nothing where nothing is asked for", () => {
    assert.isUndefined(cleaner(none, "stdout", () => {}))
  })

  it("tells which stream a line is from", () => {
    const seen: Array<string> = []
    const redact = (line: string, stream: string) => `${seen.push(`${stream} ${line}`)}`
    cleaner({ ...none, redact }, "stdout", () => {})?.("a", false)
    cleaner({ ...none, redact }, "stderr", () => {})?.("b", false)
    assert.deepStrictEqual(seen, ["stdout a", "stderr b"])
  })

  // An escape in the middle of a secret would hide it from every pattern.
  it("takes escapes out before the line is redacted", () => {
    assert.strictEqual(clean({ redact: hide, sanitizeTerminal: true }, "\x1b[1mb\x1b[ma"), "b#")
    assert.strictEqual(clean({ sanitizeTerminal: true }, "\x1b[1mb\x1b[ma"), "ba")
  })

  it("blanks a line for which the caller's function throws or gives no text, and says so once", () => {
    const failing: ReadonlyArray<() => unknown> = [
      () => {
        throw new Error("secret")
      },
      () => undefined,
      () => 5,
      () => Promise.resolve("late"),
      // vitest fails a run that leaves a rejection unheard.
      () => Promise.reject(new Error("secret")),
      () => Object("boxed")
    ]
    for (const redact of failing) {
      let told = 0
      const clean = cleaner({ ...none, redact: redact as never }, "stdout", () => void told++)
      assert.strictEqual(clean?.("secret", false), "")
      assert.strictEqual(clean?.("secret", false), "")
      assert.strictEqual(told, 1)
    }
  })

  it("asks again for the line after one that was blanked", () => {
    let calls = 0
    const redact = (line: string) => {
      if (calls++ === 0) throw new Error("once")
      return hide(line)
    }
    const clean = cleaner({ ...none, redact }, "stdout", () => {})
    assert.deepStrictEqual([clean?.("a", false), clean?.("ab", false)], ["", "#b"])
  })

  it("withholds a line that was cut, and asks nobody about it", () => {
    assert.strictEqual(clean({ redact: () => assert.fail("asked") }, "secr…", true), "…")
    assert.strictEqual(clean({ sanitizeTerminal: true }, "long…", true), "long…")
  })

  it.prop("makes the same of a stream whatever its chunks", [text, sizes], ([text, sizes]) => {
    const policy = { redact: hide, sanitizeTerminal: true }
    const plain = linesOf([utf8(text)], cutter(none))
    assert.deepStrictEqual(
      linesOf(chunked(utf8(text), sizes), cutter(policy)),
      plain.map((line) => hide(stripped(line)))
    )
  })
})
