import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import { LineCutter } from "../../src/internal/lineCutter.ts"
import { LineObserver } from "../../src/internal/lineObserver.ts"
import { Pump, type Subscriber } from "../../src/internal/pump.ts"
import * as Retention from "../../src/internal/retention.ts"
import { rules } from "../arbitraries.ts"
import { FakeSource } from "./fakes.ts"

const setup = (observer?: LineObserver) => {
  const source = new FakeSource()
  const events: Array<string> = []
  const pump = new Pump({
    source,
    stream: "stdout",
    observer,
    owner: {
      retain: () => Retention.make({ policy: "Unbounded", bytes: Infinity, lines: Infinity }, rules()),
      onChunk: () => events.push("chunk"),
      onEnd: () => events.push("end")
    }
  })
  pump.start()
  return { source, pump, events }
}

/** Somebody who wants more, or not. */
class Reader implements Subscriber {
  readonly seen: Array<string> = []
  readonly keeps: boolean
  wantsMore: boolean
  constructor(wantsMore: boolean, keeps = false) {
    this.wantsMore = wantsMore
    this.keeps = keeps
  }
  chunk(bytes: Uint8Array): boolean {
    this.seen.push(new TextDecoder().decode(bytes))
    return this.wantsMore
  }
  end(errno: string | undefined): void {
    this.seen.push(`end ${errno}`)
  }
}

const observing = (seen: Array<string>): LineObserver =>
  new LineObserver((line) => seen.push(line), new LineCutter(rules()), Context.empty())

describe("pump", () => {
  it("wants more from the start, and keeps it, whether or not anybody looks", () => {
    const { events, pump, source } = setup()
    assert.isTrue(source.says("one\n"))
    assert.isTrue(source.says("two"))
    source.ends()
    assert.strictEqual(pump.retention.text(), "one\ntwo")
    assert.strictEqual(pump.bytesSeen, 7)
    assert.deepStrictEqual(events, ["chunk", "chunk", "end"])
    assert.deepStrictEqual(source.log, ["start", "close"])
  })

  it("pauses for a subscriber that is behind, and resumes when it can take more", () => {
    const { pump, source } = setup()
    pump.subscribe(new Reader(false))
    assert.isFalse(source.says("a"))
    assert.isTrue(pump.paused)
    pump.proceed()
    assert.isFalse(pump.paused)
    assert.deepStrictEqual(source.log, ["start", "resume"])
  })

  it("gives a source its memory back where nobody keeps a chunk, and only there", () => {
    const { pump, source } = setup()
    source.says("kept by the buffer")
    pump.retention.handOver()
    source.says("kept by nobody")
    pump.subscribe(new Reader(true, true))
    source.says("kept by a subscriber")
    pump.unsubscribe()
    pump.subscribe(new Reader(true))
    source.says("read at once")
    assert.deepStrictEqual(source.recycled, ["kept by nobody", "read at once"])
  })

  it("copies what somebody keeps where it is a small part of its memory, and gives that back", () => {
    const { pump, source } = setup()
    const memory = new Uint8Array(20_000)
    for (const [length, letter] of [[10_000, "a"], [10_001, "b"]] as const) {
      source.says(memory.fill(letter.charCodeAt(0)).subarray(0, length))
    }
    memory.fill(0)
    assert.deepStrictEqual(source.recycled, ["a".repeat(10_000)])
    assert.strictEqual(pump.retention.text(), "a".repeat(10_000) + "\0".repeat(10_001))
  })

  it("asks for no more where it had not paused", () => {
    const { pump, source } = setup()
    pump.subscribe(new Reader(true))
    assert.isTrue(source.says("a"))
    pump.proceed()
    pump.unsubscribe()
    assert.deepStrictEqual(source.log, ["start"])
  })

  it("reads on for nobody when a subscriber that is behind leaves", () => {
    const { pump, source } = setup()
    const reader = new Reader(false)
    pump.subscribe(reader)
    source.says("a")
    pump.unsubscribe()
    assert.deepStrictEqual(source.log, ["start", "resume"])
    assert.isTrue(source.says("b"))
    assert.deepStrictEqual(reader.seen, ["a"])
    assert.strictEqual(pump.bytesSeen, 2)
  })

  it("tells a subscriber of the end, and of why reading failed, also one that comes after it", () => {
    const { pump, source } = setup()
    const [early, late] = [new Reader(true), new Reader(true)]
    pump.subscribe(early)
    source.ends("EIO")
    pump.subscribe(late)
    assert.deepStrictEqual([early.seen, late.seen], [["end EIO"], ["end EIO"]])
    assert.strictEqual(pump.errno, "EIO")
  })

  it("ends once, whoever ends it, and hears nothing after that", () => {
    const { events, pump, source } = setup()
    source.says("a")
    source.ends()
    source.ends("EIO")
    pump.close()
    assert.isTrue(source.says("b"))
    assert.deepStrictEqual(events, ["chunk", "end"])
    assert.strictEqual(pump.retention.text(), "a")
    assert.deepInclude(pump, { ended: true, cut: false, errno: undefined, bytesSeen: 1 })
  })

  it("says that it was closed before its end, and keeps what it had", () => {
    const { events, pump, source } = setup()
    const reader = new Reader(false)
    pump.subscribe(reader)
    source.says("a")
    pump.close()
    assert.deepInclude(pump, { ended: true, cut: true, errno: undefined, paused: false })
    assert.include(source.log, "close")
    assert.deepStrictEqual(reader.seen, ["a", "end undefined"])
    assert.deepStrictEqual(events, ["chunk", "end"])
    assert.strictEqual(pump.retention.text(), "a")
  })

  it("shows every line to its observer before it says that it has ended", () => {
    const seen: Array<string> = []
    const { events, source } = setup(observing(seen))
    source.says("one\ntw")
    source.says("o\nthree")
    assert.deepStrictEqual(seen, ["one", "two"])
    source.ends()
    assert.deepStrictEqual([seen, events.at(-1)], [["one", "two", "three"], "end"])
  })

  it("is not hurt by an observer that throws, and shows it nothing more", () => {
    const seen: Array<string> = []
    const throwing = new LineObserver(
      (line) => {
        seen.push(line)
        throw new Error(line)
      },
      new LineCutter(rules()),
      Context.empty()
    )
    const { events, pump, source } = setup(throwing)
    assert.isTrue(source.says("one\ntwo\n"))
    source.says("three\n")
    source.ends()
    assert.deepStrictEqual(seen, ["one"])
    assert.strictEqual(pump.retention.text(), "one\ntwo\nthree\n")
    assert.deepStrictEqual(events, ["chunk", "chunk", "end"])
  })
})
