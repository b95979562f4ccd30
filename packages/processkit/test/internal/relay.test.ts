import { assert, describe, it } from "@effect/vitest"
import { Relay } from "../../src/internal/relay.ts"
import { bytes, chunked, sizes } from "../arbitraries.ts"
import { FakeSink, FakeSource } from "./fakes.ts"

const setup = (waits = false) => {
  const source = new FakeSource()
  const sink = new FakeSink({ waits })
  return { source, sink, relay: new Relay(source) }
}

const quarter = "x".repeat(64 * 1024)

describe("relay", () => {
  it("reads at once, and holds the writer up until it has a reader", () => {
    const { relay, sink, source } = setup()
    assert.deepStrictEqual(source.log, ["start"])
    assert.isFalse(source.says("first"))
    relay.connect(sink)
    assert.deepStrictEqual([source.log, sink.log], [["start", "resume"], ["write first"]])
    assert.isTrue(source.says("second"))
    source.ends()
    assert.deepStrictEqual(sink.log, ["write first", "write second", "end"])
  })

  it("passes on the end that came before there was a reader", () => {
    const { relay, sink, source } = setup()
    source.says("all")
    source.ends()
    relay.connect(sink)
    assert.deepStrictEqual(sink.log, ["write all", "end"])
  })

  it("holds the writer up while 256 KiB are on their way, and no longer", () => {
    const { relay, sink, source } = setup(true)
    relay.connect(sink)
    assert.deepStrictEqual([1, 2, 3, 4].map(() => source.says(quarter)), [true, true, true, false])
    assert.deepStrictEqual(source.log, ["start"])
    sink.answer()
    assert.deepStrictEqual(source.log, ["start", "resume"])
    assert.isFalse(source.says(quarter))
    sink.answer()
    assert.deepStrictEqual(source.log, ["start", "resume", "resume"])
  })

  it("lets go of the writer when the reader has left, quietly", () => {
    const { relay, sink, source } = setup(true)
    relay.connect(sink)
    source.says("a")
    sink.answer("closed")
    assert.deepStrictEqual(source.log, ["start", "close"])
    assert.deepStrictEqual(sink.log, ["write a", "close"])
    assert.isUndefined(relay.failure)
  })

  it("remembers what kept it from the end, and ends both sides", () => {
    const writing = setup(true)
    writing.relay.connect(writing.sink)
    writing.source.says("a")
    writing.sink.answer("EIO")
    assert.deepStrictEqual(writing.relay.failure, { side: "writing", errno: "EIO" })
    assert.deepStrictEqual([writing.source.log.at(-1), writing.sink.log.at(-1)], ["close", "close"])

    const reading = setup()
    reading.relay.connect(reading.sink)
    reading.source.ends("EBADF")
    assert.deepStrictEqual(reading.relay.failure, { side: "reading", errno: "EBADF" })
    assert.deepStrictEqual(reading.sink.log, ["close"])
  })

  it("closes a reader that comes too late", () => {
    const { relay, sink, source } = setup()
    source.says("lost")
    relay.close()
    relay.close()
    relay.connect(sink)
    assert.deepStrictEqual([source.log, sink.log], [["start", "close"], ["close"]])
    assert.isUndefined(relay.failure)
  })

  it.prop("passes on every byte in order, however it comes", [bytes, sizes], ([bytes, sizes]) => {
    const source = new FakeSource()
    const relay = new Relay(source)
    const seen: Array<number> = []
    const chunks = chunked(bytes, sizes)
    const [first, ...rest] = chunks
    if (first !== undefined) source.says(first)
    relay.connect({
      write: (bytes, done) => {
        seen.push(...bytes)
        done(undefined)
      },
      end: () => seen.push(-1),
      close: () => {}
    })
    for (const chunk of rest) source.says(chunk)
    source.ends()
    assert.deepStrictEqual(seen, [...bytes, -1])
  })
})
