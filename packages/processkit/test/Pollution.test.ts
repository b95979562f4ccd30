import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import { Backend, scripted, settle } from "./scripted.ts"

const nasty: Record<string, unknown> = {
  shell: "/bin/sh",
  cwd: "/polluted",
  env: { POLLUTED: "1" },
  envClear: true,
  inheritEnv: ["POLLUTED"],
  preferLocal: "/polluted",
  argv0: "polluted",
  stdin: "polluted",
  stdout: "null",
  stderr: "null",
  encoding: "utf-16le",
  maxLineBytes: 1,
  timeout: 0,
  inactivityTimeout: 0,
  okCodes: [7],
  uid: 0,
  signal: "SIGKILL",
  grace: 0,
  escalate: false,
  lines: 1,
  bytes: 1,
  overflow: "end",
  stage: "polluted",
  launch: "polluted",
  unchecked: "polluted",
  mergeStderr: "polluted",
  POLLUTED: "1"
}

/** Effect reads some of these names from objects of its own, so that each is tried by itself. */
const pollute = (key: string) => {
  // oxlint-disable-next-line no-extend-native -- what this test is about
  Object.defineProperty(Object.prototype, key, {
    value: nasty[key],
    configurable: true,
    enumerable: true,
    writable: true
  })
}

describe("a polluted Object.prototype", () => {
  afterEach(() => {
    for (const key of Object.keys(nasty)) Reflect.deleteProperty(Object.prototype, key)
  })

  for (const key of Object.keys(nasty)) {
    it.effect(`changes no run: ${key}`, () =>
      Effect.gen(function*() {
        // The runtime of the test itself reads options of its own until the first yield.
        yield* Effect.yieldNow
        pollute(key)
        const command = Command.make("trapsTerm", ["x"], {
          env: { MINE: "1" },
          stop: { signal: "SIGTERM" },
          buffer: OutputBuffer.tail({ bytes: 100 })
        })
        const running = yield* Command.start(command)
        const lined = yield* Command.outputString(
          Command.make("printsTwoStreams", { buffer: OutputBuffer.tail({ lines: 5 }), stop: { grace: "1 second" } })
        )
        yield* settle()
        const first = yield* running.stop()
        const result = yield* running.result
        const group = yield* ProcessGroup.makeWith({})
        const member = yield* group.start(Command.make("trapsTerm", {}))
        yield* settle()
        const report = yield* group.shutdown({})
        const ended = yield* member.outcome
        Reflect.deleteProperty(Object.prototype, key)

        assert.deepStrictEqual([first.signal, first.forced, report.signal, report.forced], [
          "SIGTERM",
          false,
          "SIGTERM",
          false
        ])
        assert.deepStrictEqual([result.outcome, ended], [Outcome.exited(143), Outcome.exited(143)])
        assert.deepStrictEqual([result.stdout, lined.stdout, lined.stderr], ["ready\nbye\n", "out\n", "err\n"])
        assert.deepStrictEqual([lined.truncated, lined.okCodes], [false, [0]])
        const [request] = (yield* Backend).spawned.map((spawned) => spawned.request)
        assert.deepStrictEqual(Object.fromEntries(Object.entries(request ?? {})), {
          program: "trapsTerm",
          args: ["x"],
          cwd: undefined,
          env: { base: "inherit", set: [["MINE", "1"]] },
          preferLocal: [],
          stdin: "null",
          stdout: "pipe",
          stderr: "pipe",
          attributes: Object.create(null)
        })
      }).pipe(Effect.provide(scripted())))
  }

  it.effect("changes no wait", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("waits"))
      yield* settle()
      const polluted = { within: 0, stream: "stderr", fresh: true, host: "", status: 1, attempt: -1, after: NaN }
      for (const [key, value] of Object.entries(polluted)) {
        // oxlint-disable-next-line no-extend-native -- what this test is about
        Object.defineProperty(Object.prototype, key, { value, configurable: true, writable: true })
      }
      const waits: ReadonlyArray<Effect.Effect<unknown, ProcessError.ProcessError>> = [
        running.waitForOutput("", {}),
        running.waitForPort(80, {}),
        running.waitForHttp("http://localhost/", {}),
        running.waitForLine("ready", {})
      ]
      const [output, port, http, line] = yield* Effect.forEach(waits, (wait) =>
        Effect.forkChild(Effect.exit(wait), {
          startImmediately: true
        }))
      yield* Effect.yieldNow
      for (const key of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, key)
      assert.deepStrictEqual(line?.pollUnsafe(), Exit.succeed(Exit.succeed("ready")))
      assert.deepStrictEqual([output, port, http].map((fiber) => fiber?.pollUnsafe()), [
        undefined,
        undefined,
        undefined
      ])
    }).pipe(Effect.provide(scripted())))

  it.effect("adds nothing to an environment", () =>
    Effect.gen(function*() {
      pollute("POLLUTED")
      const seen = yield* Command.run(
        Command.make("printsVariable", ["POLLUTED"], { inheritEnv: ["POLLUTED", "PATH"] })
      )
      assert.strictEqual(seen, "")
    }).pipe(Effect.provide(scripted())))

  it.effect("is not how __proto__ as a variable is read", () =>
    Effect.gen(function*() {
      const env = JSON.parse("{\"__proto__\": \"mine\", \"constructor\": \"yours\"}")
      const asked = (name: string) => Command.run(Command.setEnv(Command.make("printsVariable", [name]), env))
      assert.deepStrictEqual([yield* asked("__proto__"), yield* asked("constructor")], ["=mine", "=yours"])
    }).pipe(Effect.provide(scripted())))
})
