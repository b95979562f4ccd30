import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import { alive, Backend, reasonOf, scripted } from "./scripted.ts"

const secret = "S3CR3T-hunter2"

/** Makes a command as a JavaScript caller would, whom no type stops. */
const unchecked = Command.make as (...input: ReadonlyArray<unknown>) => Command.Command

/** Every way in which an error could be shown. */
const shown = (error: ProcessError.ProcessError): string =>
  [
    error.message,
    error.stack,
    String(error),
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    JSON.stringify(error.reason),
    Inspectable.toStringUnknown(error),
    error.reason.message,
    error.reason.stack,
    inspect(error.cause)
  ].join("\n")

type Inputs = ReadonlyArray<readonly [field: string, command: () => Command.Command]>

const nul = `${secret}\0`
const lone = `${secret}\ud800`
const option = (field: string, options: object): Inputs[number] => [field, () => unchecked("tool", [], options)]

const inputs: Inputs = [
  ["the program", () => unchecked("")],
  ["the program", () => unchecked(nul)],
  ["the program", () => unchecked(lone)],
  ["the program", () => unchecked(undefined)],
  ["the program", () => unchecked(null)],
  ["the program", () => unchecked(42)],
  ["the program", () => unchecked({ toString: () => secret })],
  ["the program", () => unchecked(Redacted.make(secret))],
  ["argument 1", () => unchecked("tool", [nul])],
  ["argument 2", () => unchecked("tool", ["fine", lone])],
  ["argument 3", () => unchecked("tool", ["fine", "fine", Redacted.make(nul)])],
  ["argument 1", () => unchecked("tool", [undefined])],
  ["argument 1", () => unchecked("tool", [null])],
  ["argument 1", () => unchecked("tool", [5])],
  ["argument 1", () => unchecked("tool", [[secret]])],
  ["argument 1", () => unchecked("tool", [Redacted.make(5)])],
  ["the arguments", () => unchecked("tool", secret)],
  ["the arguments", () => unchecked("tool", 5)],
  option("the working directory", { cwd: "" }),
  option("the working directory", { cwd: nul }),
  option("the working directory", { cwd: new URL(`file:///${secret}`) }),
  option("environment variable 1", { env: { "": secret } }),
  option("environment variable 1", { env: { [`A=${secret}`]: "" } }),
  option("environment variable 2", { env: { A: "", [nul]: "" } }),
  option("environment variable 1", { env: { [lone]: "" } }),
  option("the value of environment variable 1", { env: { A: nul } }),
  option("the value of environment variable 1", { env: { A: Redacted.make(lone) } }),
  option("the value of environment variable 1", { env: { A: 5 } }),
  option("the value of environment variable 1", { env: { A: null } }),
  option("the environment", { env: secret }),
  option("the environment", { env: [secret] }),
  option("the environment", { env: 5 }),
  option("inheritEnv 1", { inheritEnv: [`${secret}=`] }),
  option("inheritEnv 1", { inheritEnv: [5] }),
  option("inheritEnv", { inheritEnv: 5 }),
  option("preferLocal 1", { preferLocal: [""] }),
  option("preferLocal 2", { preferLocal: ["a", nul] }),
  option("preferLocal", { preferLocal: {} }),
  option("stdin", { stdin: 5 }),
  option("stdin", { stdin: { secret } }),
  option("stdin", { stdin: null }),
  option("stdout", { stdout: secret }),
  option("stderr", { stderr: null }),
  option("encoding", { encoding: secret }),
  option("encoding", { encoding: 5 }),
  option("maxLineBytes", { maxLineBytes: NaN }),
  option("maxLineBytes", { maxLineBytes: -1 }),
  option("maxLineBytes", { maxLineBytes: secret }),
  option("maxLineBytes", { maxLineBytes: null }),
  option("the buffer", { buffer: { _tag: "Tail", bytes: NaN } }),
  option("the buffer", { buffer: { _tag: "Tail", bytes: secret } }),
  option("the buffer", { buffer: { _tag: "Tail", lines: -1 } }),
  option("the buffer", { buffer: { _tag: "Tail", lines: 1.5 } }),
  option("the buffer", { buffer: { _tag: "Tail", lines: NaN } }),
  option("the buffer", { buffer: { _tag: secret } }),
  option("the buffer", { buffer: {} }),
  option("the buffer", { buffer: null }),
  option("the buffer", { buffer: 5 }),
  option("timeout", { timeout: NaN }),
  option("timeout", { timeout: secret }),
  option("inactivityTimeout", { inactivityTimeout: NaN }),
  option("inactivityTimeout", { inactivityTimeout: secret }),
  option("the stop signal", { stop: { signal: "TERM" } }),
  option("the stop signal", { stop: { signal: 15 } }),
  option("the stop grace", { stop: { grace: NaN } }),
  option("the stop grace", { stop: { grace: -5 } }),
  option("the stop grace", { stop: { grace: secret } }),
  option("stop", { stop: secret }),
  option("stop", { stop: null }),
  option("okCodes", { okCodes: ["0"] }),
  option("okCodes", { okCodes: [NaN] }),
  option("okCodes", { okCodes: 0 }),
  option("okCodes", { okCodes: null }),
  option("cancelOn", { cancelOn: secret }),
  option("cancelOn", { cancelOn: {} }),
  option("cancelOn", { cancelOn: null }),
  option("onStdoutLine", { onStdoutLine: secret }),
  option("onStderrLine", { onStderrLine: null }),
  option("retry", { retry: secret }),
  option("retry", { retry: {} }),
  option("retry", { retry: 3 })
]

describe("an invalid input", () => {
  inputs.forEach(([field, make], i) => {
    it.effect(`is refused before anything is started, by position: ${field} (${i + 1})`, () =>
      Effect.gen(function*() {
        const runs: ReadonlyArray<Effect.Effect<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner>> = [
          Command.run(make()),
          Command.outputString(make()),
          Command.exitCode(make())
        ]
        for (const run of runs) {
          const error = yield* Effect.flip(run)
          assert.deepInclude(error.reason, { _tag: "InvalidInput", field })
          assert.notInclude(shown(error).replaceAll(/^ +at .*$/gm, ""), secret)
        }
        assert.deepStrictEqual((yield* Backend).spawned, [])
      }).pipe(Effect.provide(scripted())))
  })

  it.effect("is refused by start, group.start and resolve alike", () =>
    Effect.gen(function*() {
      const bad = Command.make("tool", ["a\0"])
      const group = yield* ProcessGroup.make
      const reasons = [
        yield* reasonOf(Command.start(bad)),
        yield* reasonOf(group.start(bad)),
        yield* reasonOf(Command.resolve(bad)),
        yield* reasonOf(ProcessGroup.provide(Command.run(bad), group))
      ]
      for (const reason of reasons) assert.deepInclude(reason, { _tag: "InvalidInput", field: "argument 1" })
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("of a group is refused when it is opened, signalled or shut down", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(ProcessGroup.makeWith({ stop: { grace: NaN } })), { _tag: "InvalidInput" })
      const group = yield* ProcessGroup.make
      assert.deepInclude(yield* reasonOf(group.signal("TERM" as "SIGTERM")), { _tag: "InvalidInput" })
      assert.deepInclude(yield* reasonOf(group.shutdown({ grace: -1 })), { _tag: "InvalidInput" })
      const running = yield* group.start(Command.make("waits"))
      assert.deepInclude(yield* reasonOf(running.stop({ grace: NaN })), { _tag: "InvalidInput" })
      assert.deepInclude(yield* reasonOf(running.signal("KILL" as "SIGKILL")), { _tag: "InvalidInput" })
      assert.strictEqual((yield* alive).length, 1)
    }).pipe(Effect.provide(scripted())))
})
