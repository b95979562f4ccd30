import { assert, describe, it } from "@effect/vitest"
import type { Handle } from "../src/internal/host/hostPipe.ts"
import { HostRelay } from "../src/internal/host/hostRelay.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const nothing = new Uint8Array(0)

/** A relay, what its receiver saw, and how often the host was told that nobody wants more. */
const relaying = (wanted: () => boolean = () => true) => {
  const events: Array<string> = []
  let abandoned = 0
  const relay = new HostRelay(() => abandoned++)
  const receiver = {
    chunk: (chunk: Uint8Array) => {
      events.push(new TextDecoder().decode(chunk))
      return wanted()
    },
    end: (errno: string | undefined) => void events.push(`end ${errno}`)
  }
  return { relay, receiver, events, abandoned: () => abandoned }
}

const counted = (): { readonly handle: Handle; readonly closed: () => number } => {
  let closed = 0
  return { handle: { close: () => void closed++ }, closed: () => closed }
}

describe("a relayed stream", () => {
  it("delivers nothing before it is started, and then everything in order, and its end", () => {
    const { events, receiver, relay } = relaying()
    relay.told(bytes("one"))
    relay.told(bytes("two"))
    assert.deepStrictEqual(events, [])
    relay.start(receiver)
    relay.told(bytes("three"))
    relay.told(nothing)
    assert.deepStrictEqual(events, ["one", "two", "three", "end undefined"])
    assert.isTrue(relay.isOver)
  })

  it("stays silent after false until it is resumed, its end included", () => {
    const { events, receiver, relay } = relaying(() => false)
    relay.start(receiver)
    relay.told(bytes("one"))
    relay.told(bytes("two"))
    relay.told(nothing)
    assert.deepStrictEqual(events, ["one"])
    relay.resume()
    assert.deepStrictEqual(events, ["one", "two"])
    relay.resume()
    assert.deepStrictEqual(events, ["one", "two", "end undefined"])
  })

  it("delivers nothing after its receiver closed it in the middle of a delivery", () => {
    const { abandoned, events, relay } = relaying()
    relay.told(bytes("one"))
    relay.told(bytes("two"))
    relay.start({
      chunk: (chunk) => {
        events.push(new TextDecoder().decode(chunk))
        relay.close()
        return true
      },
      end: () => void events.push("end")
    })
    relay.told(nothing)
    assert.deepStrictEqual(events, ["one"])
    assert.strictEqual(abandoned(), 1)
  })

  it("tells the host once where it is closed before its end, and not where that was told", () => {
    const early = relaying()
    early.relay.close()
    early.relay.close()
    assert.strictEqual(early.abandoned(), 1)
    const late = relaying()
    late.relay.start(late.receiver)
    late.relay.told(nothing)
    late.relay.close()
    assert.strictEqual(late.abandoned(), 0)
  })

  it("closes a pipe that arrives when nobody wants it any more, in either order of the two channels", () => {
    const pipeLast = relaying()
    const last = counted()
    pipeLast.relay.handed()
    pipeLast.relay.close()
    assert.isFalse(pipeLast.relay.isOver)
    pipeLast.relay.take(last.handle)
    assert.deepStrictEqual([last.closed(), pipeLast.abandoned(), pipeLast.relay.isOver], [1, 0, true])
    const wordLast = relaying()
    const first = counted()
    wordLast.relay.close()
    wordLast.relay.take(first.handle)
    wordLast.relay.handed()
    assert.deepStrictEqual([first.closed(), wordLast.relay.isOver], [1, true])
  })

  it("is coming from the word on, until its pipe is lost, it has ended, or nobody wants it", () => {
    const { relay } = relaying()
    assert.isFalse(relay.isComing())
    relay.handed()
    assert.isTrue(relay.isComing())
    const [lost, unwanted, ended] = [relaying().relay, relaying().relay, relaying().relay]
    for (const one of [lost, unwanted, ended]) one.handed()
    lost.take(undefined)
    unwanted.close()
    ended.end(undefined)
    assert.deepStrictEqual([lost.isComing(), unwanted.isComing(), ended.isComing()], [false, false, false])
  })

  it("fails behind its last bytes where there was no descriptor for the pipe", () => {
    const { events, receiver, relay } = relaying()
    relay.take(undefined)
    relay.start(receiver)
    relay.told(bytes("last"))
    assert.deepStrictEqual(events, ["last"])
    relay.handed()
    assert.deepStrictEqual(events, ["last", "end EMFILE"])
  })

  it("says once that it is closed", () => {
    const { relay } = relaying()
    let closed = 0
    relay.onClose = () => closed++
    relay.close()
    relay.close()
    assert.strictEqual(closed, 1)
  })
})
