import { assert, describe, it } from "@effect/vitest"
import { PassThrough } from "node:stream"
import * as ByteSink from "../src/internal/byteSink.ts"
import * as ByteSource from "../src/internal/byteSource.ts"

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

const receiving = (wanted: () => boolean = () => true) => {
  const events: Array<string> = []
  const receiver = {
    chunk: (bytes: Uint8Array) => {
      events.push(Buffer.from(bytes).toString())
      return wanted()
    },
    end: (errno: string | undefined) => void events.push(`end ${errno}`)
  }
  return { events, receiver }
}

const fail = (code: string) => Object.assign(new Error("text with arguments"), { code })

describe("a byte source", () => {
  it("delivers nothing before it is started, and everything afterwards", async () => {
    const socket = new PassThrough()
    const source = ByteSource.make(socket)
    socket.write("one")
    await turn()
    const { events, receiver } = receiving()
    source.start(receiver)
    await turn()
    socket.end("two")
    await turn()
    assert.deepStrictEqual(events, ["one", "two", "end undefined"])
  })

  it("stays silent after false until it is resumed, even if Node resumes the stream by itself", async () => {
    const socket = new PassThrough()
    const source = ByteSource.make(socket)
    const { events, receiver } = receiving(() => false)
    source.start(receiver)
    for (const text of ["one", "two", "three"]) {
      socket.write(text)
      await turn()
    }
    assert.deepStrictEqual(events, ["one"])
    socket.resume() // as Node does to the streams of a child that has exited
    socket.end()
    await turn()
    assert.deepStrictEqual(events, ["one"])
    for (let i = 0; i < 4; i++) {
      source.resume()
      await turn()
    }
    assert.deepStrictEqual(events, ["one", "two", "three", "end undefined"])
  })

  it("ends once, with the errno where reading failed", async () => {
    const socket = new PassThrough()
    const { events, receiver } = receiving()
    ByteSource.make(socket).start(receiver)
    socket.destroy(fail("EBADF"))
    await turn()
    assert.deepStrictEqual(events, ["end EBADF"])
  })

  it("takes the disappearance of the writer for an ordinary end", () => {
    for (const errno of ["ECONNRESET", "EPIPE", "EIO"]) assert.isUndefined(ByteSource.endOf(errno))
    assert.strictEqual(ByteSource.endOf("EBADF"), "EBADF")
  })

  it("says nothing after it was closed, not even an error", async () => {
    const socket = new PassThrough()
    const source = ByteSource.make(socket)
    const { events, receiver } = receiving()
    source.start(receiver)
    source.close()
    source.close()
    source.resume()
    socket.emit("data", Buffer.from("one"))
    socket.emit("error", fail("EBADF"))
    await turn()
    assert.deepStrictEqual(events, [])
    assert.isTrue(socket.destroyed)
  })

  it("may be closed by its receiver", async () => {
    const socket = new PassThrough()
    const source = ByteSource.make(socket)
    const { events, receiver } = receiving(() => {
      source.close()
      return true
    })
    source.start(receiver)
    socket.end("one")
    await turn()
    assert.deepStrictEqual(events, ["one"])
  })

  it("tells its end to a receiver that comes after it", async () => {
    const socket = new PassThrough()
    const source = ByteSource.make(socket)
    socket.destroy()
    await turn()
    const { events, receiver } = receiving()
    source.start(receiver)
    assert.deepStrictEqual(events, ["end undefined"])
  })
})

describe("a byte sink", () => {
  it("reports a write when it is done, and the end after it", async () => {
    const socket = new PassThrough()
    const sink = ByteSink.make(socket)
    const results: Array<string | undefined> = []
    sink.write(Buffer.from("one"), (errno) => results.push(errno))
    sink.end()
    sink.end()
    sink.write(Buffer.from("two"), (errno) => results.push(errno))
    await turn()
    assert.strictEqual(socket.read().toString(), "one")
    assert.deepStrictEqual(results.toSorted(), ["closed", undefined])
    assert.isFalse(socket.errored !== null)
  })

  it("is closed for writes after it was dropped", async () => {
    const sink = ByteSink.make(new PassThrough())
    sink.close()
    sink.close()
    const results: Array<string | undefined> = []
    sink.write(Buffer.from("one"), (errno) => results.push(errno))
    await turn()
    assert.deepStrictEqual(results, ["closed"])
  })

  it("names other failures by their errno", () => {
    assert.deepStrictEqual(
      ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED", "ENOSPC", undefined].map(ByteSink.writeResult),
      [
        "closed",
        "closed",
        "closed",
        "ENOSPC",
        undefined
      ]
    )
  })
})
