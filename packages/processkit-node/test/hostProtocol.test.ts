import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import { errnoName } from "../src/internal/host/errnoName.ts"
import { decoder } from "../src/internal/host/hostEvents.ts"
import { type HostEvent, maxStrings, type Spawn } from "../src/internal/host/hostProtocol.ts"
import * as Requests from "../src/internal/host/hostRequests.ts"

const base: Spawn = {
  file: "/f",
  directory: "/",
  cgroup: "",
  arguments: ["a"],
  environment: [],
  streams: [{ _tag: "Null" }, { _tag: "Null" }, { _tag: "Null" }]
}

const byte = Arbitrary.map(Arbitrary.array(Arbitrary.Constant(0)), (zeros) => zeros.length % 256)

/** An event as the host writes it. */
const frame = (type: number, ...words: ReadonlyArray<number | bigint>): Buffer => {
  const parts = words.map((word) => {
    const part = Buffer.alloc(typeof word === "bigint" ? 8 : 4)
    if (typeof word === "bigint") part.writeBigUInt64LE(word)
    else part.writeUInt32LE(word)
    return part
  })
  const body = Buffer.concat([Buffer.from([type, 0]), ...parts])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(body.length)
  return Buffer.concat([size, body])
}

const conversation = Buffer.concat([
  frame(3, 7, 4711),
  frame(10, 7, 0x6968_0001),
  Buffer.concat([frame(10, 7), Buffer.from([2, 0])]).fill(8, 0, 1),
  frame(11, 7, 1).subarray(0, -2).fill(8, 0, 1),
  frame(5, 7, 9, 1_000_000n, 2n, 3n << 32n, 1).subarray(0, -2).fill(36, 0, 1),
  frame(8, 3, 10, 11, 12),
  frame(8, 3),
  frame(2, 3, 0, 3),
  frame(4, 8, 0x0003_0013, 2),
  frame(6, 7),
  frame(7, 7),
  frame(12, 7, 20).subarray(0, -2).fill(8, 0, 1)
])

const expected: ReadonlyArray<HostEvent> = [
  { _tag: "Spawned", id: 7, pid: 4711 },
  { _tag: "Output", id: 7, stream: 1, bytes: new TextEncoder().encode("hi") },
  { _tag: "Output", id: 7, stream: 2, bytes: new Uint8Array(0) },
  { _tag: "Handed", id: 7, stream: 1 },
  {
    _tag: "Exited",
    id: 7,
    status: 9,
    userMicros: 1_000_000,
    systemMicros: 2,
    peakBytes: 3 * 2 ** 32,
    cgroupRemoved: true
  },
  { _tag: "Members", token: 3, pids: [10, 11, 12] },
  { _tag: "Members", token: 3, pids: [] },
  { _tag: "Done", token: 3, errno: 0, count: 3 },
  { _tag: "Failed", id: 8, stage: "exec", handles: 3, errno: 2 },
  { _tag: "Emptied", id: 7 },
  { _tag: "Lost", id: 7 },
  { _tag: "Stopped", id: 7, signal: 20 }
]

const decode = (chunks: ReadonlyArray<Buffer>) => {
  const events: Array<HostEvent> = []
  const { push } = decoder()
  const understood = chunks.every((chunk) => push(chunk, (event) => events.push(event)))
  return { events, understood }
}

const cut = (bytes: Buffer, sizes: ReadonlyArray<number>): Array<Buffer> => {
  const chunks: Array<Buffer> = []
  let at = 0
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...chunks, bytes.subarray(at)]
}

describe("hostEvents", () => {
  it.prop("are the same however the bytes arrive", [Arbitrary.array(byte)], ([sizes]) => {
    assert.deepStrictEqual(decode(cut(conversation, sizes)), { events: [...expected], understood: true })
  })

  it("are the same when the bytes arrive one by one", () => {
    const chunks = cut(conversation, Array.from(conversation, () => 1))
    assert.deepStrictEqual(decode(chunks), { events: [...expected], understood: true })
  })

  it("end at the first thing that is none", () => {
    const wrong = [
      frame(13, 1), // a type that does not exist
      frame(3, 7), // too short for its type
      frame(3, 7, 8, 9), // too long for its type
      frame(8), // no token
      frame(10, 7), // no stream
      Buffer.from([0, 0, 0, 0]), // no type
      Buffer.from([255, 255, 255, 255, 3, 0]) // longer than any event
    ]
    for (const bytes of wrong) {
      const { events, understood } = decode([Buffer.concat([frame(6, 1), bytes, frame(6, 2)]), frame(6, 3)])
      assert.deepStrictEqual(events, [{ _tag: "Emptied", id: 1 }])
      assert.isFalse(understood)
    }
  })

  it.prop(
    "that are random bytes are refused or waited for, and never thrown over",
    [Arbitrary.array(byte)],
    ([bytes]) => {
      decode(cut(Buffer.from(bytes), [1, 5, 3]))
    }
  )

  it("name a step that this version does not know as the request itself", () => {
    assert.deepInclude(decode([frame(4, 8, 99, 2)]).events[0], { stage: "request" })
  })
})

describe("hostRequests", () => {
  // Run as an ordinary user, a start asked for another uid that only a polluted prototype had named.
  it("take no attribute from a polluted Object.prototype", () => {
    const clean = Result.getOrThrow(Requests.spawn(1, base))
    const pollution = { uid: 1, gid: 1, groups: [1], umask: 0, nice: 1, noNewPrivileges: true, attributes: { uid: 1 } }
    Object.assign(Object.prototype, pollution)
    try {
      assert.deepEqual(Result.getOrThrow(Requests.spawn(1, base)), clean)
    } finally {
      for (const key of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, key)
    }
  })

  it("begin with the size of what follows", () => {
    const messages = [
      Requests.hello(1, "monitored"),
      Requests.guard(1, "/sys/fs/cgroup/ü"),
      Requests.unguard(1, "/"),
      Requests.signal(1, 2, 64),
      Requests.tree(1, 2, "kill", 0),
      Requests.ping(1),
      Requests.unlink(1, 2),
      Requests.close(1, 2, 1),
      Result.getOrThrow(Requests.spawn(1, base))
    ]
    for (const bytes of messages) assert.strictEqual(bytes.readUInt32LE(0), bytes.length - 4)
  })

  it("are written as the protocol describes", () => {
    assert.strictEqual(
      Requests.hello(5, "monitored").toString("hex"),
      "0a000000 0100 05000000 0300 0100".replaceAll(" ", "")
    )
    assert.strictEqual(
      Requests.tree(5, 6, "signal", 15).toString("hex"),
      "0e000000 0600 05000000 06000000 0100 0f00".replaceAll(" ", "")
    )
    assert.strictEqual(
      Requests.tree(5, 6, "foreground", 0).toString("hex"),
      "0e000000 0600 05000000 06000000 0500 0000".replaceAll(" ", "")
    )
    assert.strictEqual(
      Requests.guard(5, "/a").toString("hex"),
      "0d000000 0200 05000000 03000000 2f6100".replaceAll(" ", "")
    )
  })

  it("name the place of a NUL and never the text that holds it", () => {
    const withNul: ReadonlyArray<readonly [Partial<Spawn>, string]> = [
      [{ file: "/secret\0" }, "program"],
      [{ directory: "/secret\0" }, "working directory"],
      [{ cgroup: "/secret\0" }, "cgroup"],
      [{ arguments: ["a", "secret\0"] }, "argument 1"],
      [{ environment: ["A=1", "B=secret\0"] }, "environment variable 2"],
      [
        { streams: [{ _tag: "File", path: "secret\0", flags: 1, mode: 0 }, { _tag: "Null" }, { _tag: "Null" }] },
        "file of stream 0"
      ]
    ]
    for (const [change, field] of withNul) {
      const refused = Requests.spawn(1, { ...base, ...change })
      assert.deepStrictEqual(refused, Result.fail({ field, problem: "holds a NUL byte" }))
    }
  })

  it("are refused where the host would end the conversation over them", () => {
    const long = Requests.spawn(1, { ...base, arguments: ["a", "x".repeat(8 << 20)] })
    const many = Requests.spawn(1, { ...base, environment: Array.from({ length: maxStrings }, () => "") })
    for (const refused of [long, many]) {
      assert.deepStrictEqual(refused, Result.fail({ field: "arguments and environment", problem: "is too long" }))
    }
  })

  it("have the same bytes whether the environment is kept from the start before or not", () => {
    const environments = [[], ["A=1"], ["A=1", "B=ü"], Array.from({ length: 2000 }, (_, i) => `NAME_${i}=${i}`)]
    for (const environment of environments) {
      const fresh = Result.getOrThrow(Requests.spawn(1, { ...base, environment }))
      const kept = Object.freeze([...environment])
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(Result.getOrThrow(Requests.spawn(1, { ...base, environment: kept })), fresh)
      }
    }
    const refused = Requests.spawn(1, { ...base, environment: Object.freeze(["A=1", "B=\0"]) })
    assert.isTrue(Result.isFailure(refused))
    assert.isTrue(Result.isFailure(Requests.spawn(1, { ...base, environment: Object.freeze(["A=1", "B=\0"]) })))
  })

  it("hold a lone surrogate as the replacement character, in the size that was announced", () => {
    const bytes = Result.getOrThrow(Requests.spawn(1, { ...base, arguments: ["a\ud800b"] }))
    assert.strictEqual(bytes.readUInt32LE(0), bytes.length - 4)
    assert.include(bytes.toString("latin1"), "a\xef\xbf\xbdb\0")
  })
})

describe("errnoName", () => {
  it("gives each number of Linux the one name that the rest of this library uses", () => {
    const names = [1, 2, 11, 12, 24, 95, 110, 0, 4711].map(errnoName)
    const expected = ["EPERM", "ENOENT", "EAGAIN", "ENOMEM", "EMFILE", "EOPNOTSUPP", "ETIMEDOUT", "UNKNOWN", "UNKNOWN"]
    if (process.platform === "linux") assert.deepStrictEqual(names, expected)
  })
})
