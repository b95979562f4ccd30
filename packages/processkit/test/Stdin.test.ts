import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Stdin from "processkit/Stdin"
import { expectTypeOf } from "vitest"

const isOnce = (source: Stdin.Source): boolean => source._tag === "Feed" && source.once !== undefined

const fed = (source: Stdin.Source) =>
  source._tag === "Feed" ? Stream.runCollect(source.stream) : Effect.die("the source is not fed")

class Needed extends Context.Service<Needed, string>()("test/Needed") {}

function* numbers(): Generator<string> {
  yield "1"
  yield "2"
}

describe("Stdin", () => {
  it("counts what can be iterated anew as replayable", () => {
    const again: ReadonlyArray<Iterable<string>> = [
      [],
      ["a"],
      new Set(["a"]),
      "text",
      { [Symbol.iterator]: numbers }
    ]
    for (const iterable of again) assert.isFalse(isOnce(Stdin.lines(iterable)))
  })

  it("counts an iterator as one-shot, also where an object only hands it out", () => {
    const running = numbers()
    const once: ReadonlyArray<Iterable<string>> = [
      numbers(),
      new Set(["a"]).values(),
      ["a"].values(),
      { [Symbol.iterator]: () => running }
    ]
    for (const iterable of once) assert.isTrue(isOnce(Stdin.lines(iterable)))
  })

  it("takes nothing from an iterator before it is fed", () => {
    const running = numbers()
    Stdin.lines(running)
    assert.deepStrictEqual([...running], ["1", "2"])
  })

  it.effect("ends every line, and feeds a replayable source every time", () =>
    Effect.gen(function*() {
      const source = Stdin.lines(new Set(["a", "", "b"]))
      for (let run = 0; run < 2; run++) assert.deepStrictEqual(yield* fed(source), ["a\n", "\n", "b\n"])
      assert.deepStrictEqual(yield* fed(Stdin.lines(numbers())), ["1\n", "2\n"])
    }))

  it("shares whether a one-shot source was taken between all who hold it", () => {
    const source = Stdin.once(Stream.make("a"))
    const copy = { ...source }
    if (source._tag === "Feed" && copy._tag === "Feed") assert.strictEqual(source.once, copy.once)
    assert.isTrue(isOnce(source))
    assert.isFalse(isOnce(Stdin.replayable(Stream.make("a"))))
  })

  it("is recognised by its guard", () => {
    for (const source of [Stdin.text("a"), Stdin.file("/a"), Stdin.lines([]), Stdin.once(Stream.empty)]) {
      assert.isTrue(Stdin.isSource(source))
    }
    for (const value of ["null", new Uint8Array(0), Stream.empty, null, undefined, 5]) {
      assert.isFalse(Stdin.isSource(value))
    }
  })

  it("may be text, bytes, a stream or a source", () => {
    expectTypeOf<string>().toExtend<Stdin.Stdin>()
    expectTypeOf<Uint8Array>().toExtend<Stdin.Stdin>()
    expectTypeOf<Stream.Stream<string | Uint8Array, Error>>().toExtend<Stdin.Stdin>()
    expectTypeOf<Stdin.Source>().toExtend<Stdin.Stdin>()
    expectTypeOf<Redacted.Redacted<string>>().toExtend<Stdin.Stdin>()
    expectTypeOf<Redacted.Redacted<number>>().not.toExtend<Stdin.Stdin>()
    // @ts-expect-error a stream that needs a service has nobody to provide it
    const needy: Stdin.Stdin = Stream.fromEffect(Effect.service(Needed))
    assert.isDefined(needy)
  })
})
