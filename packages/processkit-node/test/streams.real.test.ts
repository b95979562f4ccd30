import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { collect, eventually, exitOf, inContainer, request } from "./world.ts"

const table = fs.existsSync("/proc/self/stat") ? "proc" : "ps"
const descriptors = () => fs.readdirSync("/dev/fd").length

describe("the streams of a child", () => {
  it.live("carry a megabyte there and back", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.start({ program: "cat", args: [] }, { stdin: "pipe", stdout: "pipe" })
        const output = collect(child.stdout)
        const payload = Buffer.alloc(1 << 20, "0123456789abcdef")
        const written = yield* Effect.callback<string | undefined>((resume) =>
          child.stdin?.write(payload, (errno) => resume(Effect.succeed(errno)))
        )
        assert.isUndefined(written)
        child.stdin?.end()
        yield* exitOf(child)
        yield* eventually("the output ends", () => output.ended)
        assert.strictEqual(output.text, payload.toString())
      })))

  it.live("hold back what a paused receiver has not asked for, across the exit of the child", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.start({ program: "sh", args: ["-c", "printf one; read -r line; printf two"] }, {
          stdin: "pipe",
          stdout: "pipe"
        })
        const events: Array<string> = []
        child.stdout?.start({
          chunk: (bytes) => {
            events.push(Buffer.from(bytes).toString())
            return false
          },
          end: (errno) => void events.push(`end ${errno}`)
        })
        yield* eventually("the first part is here", () => events.length === 1)
        child.stdin?.write(Buffer.from("go on\n"), () => {})
        yield* exitOf(child)
        yield* world.backend.sleep(Duration.millis(50))
        assert.deepStrictEqual(events, ["one"])
        yield* eventually("the rest comes, each part when it is asked for", () => {
          child.stdout?.resume()
          return events.length === 3
        })
        assert.deepStrictEqual(events, ["one", "two", "end undefined"])
      })))

  it.live("report a child that closed its input", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.fixture("closes-stdin.sh", [], { stdin: "pipe", stdout: "pipe" })
        const output = collect(child.stdout)
        yield* eventually("the child is ready", () => output.text !== "")
        const results: Array<string | undefined> = []
        child.stdin?.write(Buffer.from("x"), (errno) => results.push(errno))
        child.stdin?.write(Buffer.from("x"), (errno) => results.push(errno))
        yield* eventually("both writes are answered", () => results.length === 2)
        assert.deepStrictEqual(results, ["closed", "closed"])
      })))

  it.live("report a child that has exited with input unread", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.start({ program: "true", args: [] }, { stdin: "pipe" })
        const results: Array<string | undefined> = []
        child.stdin?.write(Buffer.alloc(1 << 20), (errno) => results.push(errno))
        yield* exitOf(child)
        yield* eventually("the write is answered", () => results.length === 1)
        assert.deepStrictEqual(results, ["closed"])
      })))

  it.live("answer every write when their input is dropped", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.start({ program: "sleep", args: ["600"] }, { stdin: "pipe" })
        const results: Array<string | undefined> = []
        for (let i = 0; i < 3; i++) child.stdin?.write(Buffer.alloc(1 << 20), (errno) => results.push(errno))
        child.stdin?.close()
        yield* eventually("all writes are answered", () => results.length === 3)
        assert.deepStrictEqual(results, ["closed", "closed", "closed"])
      })))

  it.live("give their descriptors back when they are closed", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(world.container.spawn(request("/bin/true")), exitOf)
        const before = descriptors()
        const pipes = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const
        const child = yield* world.start({ program: "sleep", args: ["600"] }, pipes)
        assert.isAbove(descriptors(), before)
        child.stdin?.close()
        child.stdout?.close()
        child.stderr?.close()
        yield* eventually("the descriptors are back", () => descriptors() <= before + 1)
      })))

  it.live("are absent where they are no pipes", () =>
    inContainer(table, (world) =>
      Effect.gen(function*() {
        const child = yield* world.start({ program: "cat", args: [] })
        assert.deepStrictEqual([child.stdin, child.stdout, child.stderr], [undefined, undefined, undefined])
        const { exit } = yield* exitOf(child)
        assert.deepStrictEqual(exit, { _tag: "Exited", code: 0 })
        assert.deepStrictEqual(yield* exitOf(child), yield* exitOf(child))
      })))
})
