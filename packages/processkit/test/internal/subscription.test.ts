import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { Pump } from "../../src/internal/pump.ts"
import * as Retention from "../../src/internal/retention.ts"
import * as Subscription from "../../src/internal/subscription.ts"
import { chunked, rules, sizes, text, utf8 } from "../arbitraries.ts"
import { FakeSource } from "./fakes.ts"

const highWater = 256 * 1024

const readingFailed = (_: Pump, errno: string): string => `reading failed: ${errno}`

const setup = (limits: Partial<Retention.Limits> = {}) => {
  const source = new FakeSource()
  const pump = new Pump({
    source,
    stream: "stdout",
    observer: undefined,
    owner: {
      retain: () => Retention.make({ policy: "Unbounded", bytes: Infinity, lines: Infinity, ...limits }, rules()),
      onChunk: () => {},
      onEnd: () => {}
    }
  })
  pump.start()
  return { source, pump, lines: Subscription.stream(() => [Subscription.lines(pump, identity)], readingFailed) }
}

/** Lets the forked fibers run until they wait for something. */
const settle = Effect.forEach([1, 2, 3, 4], () => Effect.yieldNow)

describe("subscription", () => {
  it.effect("gives the lines that come, and ends with the output", () =>
    Effect.gen(function*() {
      const { lines, source } = setup()
      const all = yield* Effect.forkChild(Stream.runCollect(lines))
      yield* settle
      for (const piece of ["one\ntw", "o\n", "", "three"]) {
        source.says(piece)
        yield* settle
      }
      source.ends()
      assert.deepStrictEqual(yield* Fiber.join(all), ["one", "two", "three"])
    }))

  it.effect("gives a late subscriber everything from the first line on, the line under way included", () =>
    Effect.gen(function*() {
      for (const limits of [{}, { policy: "Tail", lines: 100 }] as const) {
        const { lines, source } = setup(limits)
        source.says("one\ntwo\nthr")
        const all = yield* Effect.forkChild(Stream.runCollect(lines))
        yield* settle
        source.says("ee\nfour")
        source.ends()
        assert.deepStrictEqual(yield* Fiber.join(all), ["one", "two", "three", "four"])
      }
    }))

  it.effect("gives everything to a subscriber that comes after the end", () =>
    Effect.gen(function*() {
      for (const limits of [{}, { policy: "Tail", lines: 100 }] as const) {
        const { lines, source } = setup(limits)
        source.says("one\ntwo")
        source.ends()
        assert.deepStrictEqual(yield* Stream.runCollect(lines), ["one", "two"])
      }
    }))

  it.effect("takes the output from what the result keeps", () =>
    Effect.gen(function*() {
      for (const limits of [{}, { policy: "Tail", lines: 100 }] as const) {
        const { lines, pump, source } = setup(limits)
        source.says("one\n")
        source.ends()
        yield* Stream.runDrain(lines)
        assert.strictEqual(pump.retention.text(), "")
      }
    }))

  it.effect.prop(
    "gives the same lines whoever comes first, the chunks or the consumer",
    [text, sizes],
    ([text, sizes]) =>
      Effect.gen(function*() {
        const { lines, source } = setup()
        const chunks = chunked(utf8(text), sizes)
        const [before, after] = [chunks.slice(0, chunks.length / 2), chunks.slice(chunks.length / 2)]
        for (const chunk of before) source.says(chunk)
        const all = yield* Effect.forkChild(Stream.runCollect(lines))
        yield* settle
        for (const chunk of after) source.says(chunk)
        source.ends()
        const other = setup()
        other.source.says(utf8(text))
        other.source.ends()
        assert.deepStrictEqual(yield* Fiber.join(all), yield* Stream.runCollect(other.lines))
      })
  )

  it.effect("fails after the lines that came before where reading failed", () =>
    Effect.gen(function*() {
      const { lines, source } = setup()
      source.says("one\ntwo")
      source.ends("EIO")
      const seen: Array<string> = []
      const error = yield* Effect.flip(Stream.runForEach(lines, (line) => Effect.sync(() => seen.push(line))))
      assert.deepStrictEqual([seen, error], [["one", "two"], "reading failed: EIO"])
    }))

  describe("back-pressure", () => {
    const line = `${"x".repeat(1023)}\n`

    it.effect("holds the pipe up above 256 KiB of lines that nobody pulled, and no earlier", () =>
      Effect.scoped(Effect.gen(function*() {
        const { lines, pump, source } = setup()
        const pull = yield* Stream.toPull(lines)
        source.says("first\n")
        yield* pull
        for (let waiting = 1024; waiting <= highWater; waiting += 1024) assert.isTrue(source.says(line))
        assert.isFalse(source.says(line))
        assert.isTrue(pump.paused)
      })))

    it.effect("lets the pipe flow again once everything that waited was pulled", () =>
      Effect.scoped(Effect.gen(function*() {
        const { lines, pump, source } = setup()
        const pull = yield* Stream.toPull(lines)
        source.says("first\n")
        yield* pull
        source.says(line.repeat(128))
        source.says(line.repeat(129))
        assert.isTrue(pump.paused)
        yield* pull
        assert.isTrue(pump.paused)
        yield* pull
        assert.isFalse(pump.paused)
        assert.deepStrictEqual(source.log, ["start", "resume"])
      })))

    it.effect("does not hold a long line up that has no end yet", () =>
      Effect.scoped(Effect.gen(function*() {
        const { lines, source } = setup()
        const pull = yield* Stream.toPull(lines)
        const next = yield* Effect.forkChild(pull)
        yield* settle
        for (let i = 0; i < 10; i++) assert.isTrue(source.says("x".repeat(100_000)))
        source.says("\n")
        assert.strictEqual((yield* Fiber.join(next))[0].length, 1_000_000)
      })))
  })

  describe("a consumer that leaves", () => {
    it.effect("lets the rest be read and dropped", () =>
      Effect.gen(function*() {
        const { lines, pump, source } = setup()
        source.says("one\ntwo\n")
        assert.deepStrictEqual(yield* Stream.runHead(lines), Option.some("one"))
        for (let i = 0; i < 100; i++) assert.isTrue(source.says("x".repeat(10_000)))
        source.ends()
        assert.strictEqual(pump.bytesSeen, 1_000_008)
        assert.strictEqual(pump.retention.text(), "")
      }))

    it.effect("frees a pipe that it had held up", () =>
      Effect.gen(function*() {
        const { lines, pump, source } = setup()
        yield* Effect.scoped(Effect.gen(function*() {
          const pull = yield* Stream.toPull(lines)
          source.says("first\n")
          yield* pull
          source.says("x\n".repeat(highWater))
          assert.isTrue(pump.paused)
        }))
        assert.isFalse(pump.paused)
        assert.deepStrictEqual(source.log, ["start", "resume"])
      }))

    it.effect("does so while it waits for a line, too", () =>
      Effect.gen(function*() {
        const { lines, source } = setup()
        const fiber = yield* Effect.forkChild(Stream.runDrain(lines))
        yield* settle
        yield* Fiber.interrupt(fiber)
        for (let i = 0; i < 100; i++) assert.isTrue(source.says("x".repeat(10_000)))
      }))
  })

  // Between the look at what waits and the wait itself the fiber may be made to yield. A line that came then woke nobody,
  // and where it was the last one, the consumer waited for ever.
  it.effect("misses no line and no end that comes while its consumer is about to wait", () =>
    Effect.gen(function*() {
      // A fiber that yields this often does so at every place where one may, and these turns reach every place.
      for (const operations of [3, 4, 5]) {
        for (let turns = 0; turns < 30; turns++) {
          const { lines, source } = setup()
          const all = yield* Stream.runCollect(lines).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
            Effect.forkChild
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          source.says("only\n")
          source.ends()
          assert.deepStrictEqual(yield* Fiber.join(all), ["only"])
        }
      }
    }))

  it.effect("gives lines in arrays, one for each chunk", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lines, source } = setup()
      const pull = yield* Stream.toPull(lines)
      source.says("first\n")
      assert.deepStrictEqual(yield* pull, ["first"])
      source.says("a\nb\n")
      source.says("c\n")
      source.ends()
      assert.deepStrictEqual([yield* pull, yield* pull], [["a", "b"], ["c"]])
      assert.strictEqual(yield* pull.pipe(Effect.as("more"), Pull.catchDone(() => Effect.succeed("done"))), "done")
    })))
})
