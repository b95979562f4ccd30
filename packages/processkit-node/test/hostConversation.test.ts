import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import * as Connections from "../src/internal/host/hostConnection.ts"
import type { HostProcess } from "../src/internal/host/hostProcess.ts"
import type { Spawn } from "../src/internal/host/hostProtocol.ts"

/** A connection to a host that starts and does everything that it is asked for. */
const connected = () => {
  const { open, receiver } = Connections.make("monitored")
  const answer = (bytes: Buffer): void => {
    const token = bytes.readUInt32LE(6)
    if (bytes.readUInt16LE(4) === 4) receiver.event({ _tag: "Spawned", id: token, pid: 4321 })
    else receiver.event({ _tag: "Done", token, errno: 0, count: 1 })
  }
  const host: HostProcess = {
    pid: 1234,
    send: (bytes) => queueMicrotask(() => answer(Buffer.from(bytes))),
    hold: () => {},
    close: (why = "closed") => receiver.lost(why),
    nudge: () => {},
    abandon: (why) => receiver.lost(why)
  }
  return { host: open(host), receiver }
}

const nothing = { _tag: "Null" } as const

const start: Spawn = {
  file: "/bin/true",
  directory: "/",
  cgroup: "",
  arguments: ["true"],
  environment: [],
  streams: [nothing, nothing, nothing]
}

const usedBytes = (): number => {
  v8.setFlagsFromString("--expose-gc")
  vm.runInNewContext("gc")()
  return process.memoryUsage().heapUsed
}

describe("a conversation with a host", () => {
  it.effect("tells who is given a child of the stop that was told together with its start", () =>
    Effect.gen(function*() {
      const { host, receiver } = connected()
      const starting = yield* Effect.forkChild(host.spawn(start), { startImmediately: true })
      receiver.event({ _tag: "Spawned", id: 1, pid: 4321 })
      receiver.event({ _tag: "Stopped", id: 1, signal: 20 })
      const child = yield* Fiber.join(starting)
      const stops: Array<number> = []
      child.onStopped((signal) => stops.push(signal))
      receiver.event({ _tag: "Stopped", id: 1, signal: 21 })
      assert.deepStrictEqual(stops, [20, 21])
      host.close()
    }))

  it.effect("keeps nothing of a request about a child that was answered", () =>
    Effect.gen(function*() {
      const { host } = connected()
      const child = yield* host.spawn(start)
      const ask = (times: number) =>
        Effect.forEach(Array.from({ length: times }), () => child.signal(0), { discard: true })
      yield* ask(1000)
      const before = usedBytes()
      yield* ask(150_000)
      assert.isBelow(usedBytes() - before, 1_000_000)
      host.close()
    }))
})
