import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { HandleSource } from "../src/internal/host/handleSource.ts"
import { type Handle, isHandle } from "../src/internal/host/hostPipe.ts"

/** The bare handle of one end of a pipe, as Node's channel would bring it. */
const handleOf = (fd: number): Handle => {
  const socket = new net.Socket({ fd, readable: false, writable: false })
  const handle: unknown = Reflect.get(socket, "_handle")
  Reflect.set(socket, "_handle", null)
  return isHandle(handle) ? handle : assert.fail("no handle")
}

/** A pipe: what its reading end gives, and its writing end, which may be handed over as the reading one. */
const piping = (flags: number) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "handle-"))
  const file = path.join(directory, "pipe")
  execFileSync("mkfifo", [file])
  const writer = fs.openSync(file, fs.constants.O_RDWR)
  const source = new HandleSource(handleOf(fs.openSync(file, flags | fs.constants.O_NONBLOCK)))
  fs.rmSync(directory, { recursive: true })
  return { source, writer }
}

const receiving = (source: HandleSource) => {
  const events: Array<string> = []
  const ended = new Promise<ReadonlyArray<string>>((resolve) =>
    source.start({
      chunk: (bytes) => events.push(new TextDecoder().decode(bytes)) > 0,
      end: (errno) => {
        events.push(`end ${errno}`)
        resolve(events)
      }
    })
  )
  return { ended, events }
}

describe("a source over a handle", () => {
  it("gives what was written, and its end when nobody writes any more", async () => {
    const { source, writer } = piping(fs.constants.O_RDONLY)
    const { ended } = receiving(source)
    fs.writeSync(writer, "all of it")
    fs.closeSync(writer)
    assert.deepStrictEqual(await ended, ["all of it", "end undefined"])
    source.close()
  })

  it("ends once, with the errno where reading failed", async () => {
    // A handle that cannot be read from (`uv__stream_open` of libuv 1.x notes what a descriptor was opened for).
    const { source, writer } = piping(fs.constants.O_WRONLY)
    const { ended, events } = receiving(source)
    assert.deepStrictEqual(await ended, ["end ENOTCONN"])
    source.resume()
    source.close()
    await new Promise((resolve) => void setImmediate(resolve))
    assert.deepStrictEqual(events, ["end ENOTCONN"])
    fs.closeSync(writer)
  })

  it("says nothing after it was closed, not even why", async () => {
    const { source, writer } = piping(fs.constants.O_WRONLY)
    const { events } = receiving(source)
    source.close()
    await new Promise((resolve) => void setTimeout(resolve, 20))
    assert.deepStrictEqual(events, [])
    fs.closeSync(writer)
  })
})
