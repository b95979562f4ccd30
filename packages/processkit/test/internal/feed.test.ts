import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Feed } from "../../src/internal/feed.ts"
import * as Stdin from "../../src/Stdin.ts"
import { utf8 } from "../arbitraries.ts"
import { FakeSink } from "./fakes.ts"

type Items = Stream.Stream<string | Uint8Array, unknown>

const feeding = (stream: Items, sink = new FakeSink()) => {
  const feed = new Feed(sink)
  feed.start(Stdin.replayable(stream), Context.empty())
  return { feed, sink }
}

const fed = (stream: Items) => {
  const { feed, sink } = feeding(stream)
  return Effect.as(feed.ended, { failure: feed, log: sink.log })
}

const settle = Effect.forEach([1, 2, 3, 4], () => Effect.yieldNow)

describe("feed", () => {
  it("writes bytes in one piece and ends", () => {
    const sink = new FakeSink()
    new Feed(sink).start({ _tag: "Bytes", bytes: utf8("all of it") }, Context.empty())
    assert.deepStrictEqual(sink.log, ["write all of it", "end"])
  })

  it("only ends where there is nothing to write", () => {
    const sink = new FakeSink()
    new Feed(sink).start({ _tag: "Bytes", bytes: new Uint8Array(0) }, Context.empty())
    assert.deepStrictEqual(sink.log, ["end"])
  })

  it("leaves an interactive input to its writer", () => {
    const sink = new FakeSink()
    new Feed(sink).start({ _tag: "Interactive" }, Context.empty())
    assert.deepStrictEqual(sink.log, [])
  })

  it.effect("writes text and bytes of a stream in order, and ends after them", () =>
    Effect.gen(function*() {
      const { failure, log } = yield* fed(Stream.make("a", utf8("b"), "é", utf8("c")))
      assert.strictEqual(log.join("").replaceAll("write ", ""), "abécend")
      assert.isUndefined(failure.failure)
    }))

  // Each half was sent as a U+FFFD of its own.
  it.effect("sends a character whose halves come apart", () =>
    Effect.gen(function*() {
      const { log } = yield* fed(Stream.rechunk(Stream.make("a\ud83d", "\ude00b\ud83d"), 1))
      assert.deepStrictEqual(log, ["write a", "write 😀b", "write \ufffd", "end"])
    }))

  // All that a source gave at once was joined first: 256 MB for 4096 blocks of 64 KiB, which is how ranges come.
  it.effect("writes what comes at once in pieces, and joins none that is large", () =>
    Effect.gen(function*() {
      const block = "x".repeat(65_536)
      const { log } = yield* fed(Stream.make("a", utf8("b"), utf8(block), utf8(block), "c", block, "d"))
      assert.deepStrictEqual(log.map((entry) => entry.length - "write ".length), [65_538, 65_536, 65_537, 1, -3])
    }))

  it.effect("waits for each write before it pulls again", () =>
    Effect.gen(function*() {
      const sink = new FakeSink({ waits: true })
      const { feed } = feeding(Stream.make("a", "b").pipe(Stream.rechunk(1)), sink)
      yield* settle
      assert.deepStrictEqual(sink.log, ["write a"])
      sink.answer()
      yield* settle
      assert.deepStrictEqual(sink.log, ["write a", "write b"])
      sink.answer()
      yield* feed.ended
      assert.deepStrictEqual(sink.log, ["write a", "write b", "end"])
    }))

  it.effect("ends quietly where the child does not read any more, and runs the source's finalizers", () =>
    Effect.gen(function*() {
      const sink = new FakeSink({ waits: true })
      let finalized = false
      const source = Stream.ensuring(Stream.forever(Stream.make("a")), Effect.sync(() => finalized = true))
      const { feed } = feeding(source, sink)
      yield* settle
      sink.answer("closed")
      yield* feed.ended
      assert.isUndefined(feed.failure)
      assert.isTrue(finalized)
    }))

  it("ends quietly where the child does not read bytes to their end", () => {
    const sink = new FakeSink({ waits: true })
    const feed = new Feed(sink)
    feed.start({ _tag: "Bytes", bytes: utf8("a") }, Context.empty())
    sink.answer("closed")
    assert.isUndefined(feed.failure)
  })

  describe("remembers why its input did not reach its end:", () => {
    it.effect("the source failed, and the child gets end of file", () =>
      Effect.gen(function*() {
        const { failure, log } = yield* fed(Stream.concat(Stream.make("a"), Stream.fail("broken")))
        assert.deepStrictEqual(failure.failure, { cause: "broken" })
        assert.deepStrictEqual(log, ["write a", "end"])
      }))

    it.effect("the source failed with nothing", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual((yield* fed(Stream.fail(undefined))).failure.failure, { cause: undefined })
      }))

    it.effect("the source died", () =>
      Effect.gen(function*() {
        const defect = new Error("defect")
        assert.deepStrictEqual((yield* fed(Stream.die(defect))).failure.failure, { cause: defect })
      }))

    // A source that interrupts itself was taken for one that the end of the child had interrupted: half an input
    // passed for a whole one.
    it.effect("the source interrupted itself", () =>
      Effect.gen(function*() {
        const source = Stream.concat(Stream.make("a"), Stream.fromEffect(Effect.interrupt))
        assert.isDefined((yield* fed(source)).failure.failure)
      }))

    it.effect("the pipe failed", () =>
      Effect.gen(function*() {
        const sink = new FakeSink({ waits: true })
        const { feed } = feeding(Stream.make("a"), sink)
        yield* settle
        sink.answer("EIO")
        yield* feed.ended
        assert.deepStrictEqual(feed.failure, { cause: "EIO" })
      }))

    it("the pipe failed under bytes", () => {
      const sink = new FakeSink({ waits: true })
      const feed = new Feed(sink)
      feed.start({ _tag: "Bytes", bytes: utf8("a") }, Context.empty())
      sink.answer("EIO")
      assert.deepStrictEqual(feed.failure, { cause: "EIO" })
    })

    // A number was dropped in silence, since it can be set into an array of no length.
    it.effect("the source gave what is neither text nor bytes", () =>
      Effect.gen(function*() {
        for (const stray of [5, null, undefined, {}, [1, 2], new Uint16Array(1), Symbol("s")]) {
          const { failure } = yield* fed(Stream.make("a", stray as never))
          assert.isDefined(failure.failure, String(stray))
          assert.isDefined((yield* fed(Stream.make(stray as never))).failure.failure, String(stray))
        }
      }))
  })

  describe("that is cancelled", () => {
    it.effect("interrupts its source, closes the pipe and remembers no failure", () =>
      Effect.gen(function*() {
        let finalized = false
        const source = Stream.ensuring(Stream.never, Effect.sync(() => finalized = true))
        const { feed, sink } = feeding(Stream.concat(Stream.make("a"), source))
        yield* settle
        feed.cancel()
        yield* feed.ended
        assert.isTrue(finalized)
        assert.include(sink.log, "close")
        assert.isUndefined(feed.failure)
      }))

    it.effect("does not wait for a write that the pipe never answers", () =>
      Effect.gen(function*() {
        const { feed } = feeding(Stream.make("a"), new FakeSink({ waits: true }))
        yield* settle
        feed.cancel()
        yield* feed.ended
        assert.isUndefined(feed.failure)
      }))

    it.effect("closes the pipe also where nothing was fed", () =>
      Effect.gen(function*() {
        const sink = new FakeSink()
        const feed = new Feed(sink)
        feed.cancel()
        yield* feed.ended
        assert.deepStrictEqual(sink.log, ["close"])
      }))
  })
})
