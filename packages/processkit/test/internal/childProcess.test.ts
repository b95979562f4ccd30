import { assert, describe, it } from "@effect/vitest"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Redacted from "effect/Redacted"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { flatten, inputConfig, outputConfig, translated, wholeCommand } from "../../src/internal/childProcess.ts"

const make = (options: ChildProcess.CommandOptions) => ChildProcess.make("p", ["a"], options)

/** The field of what cannot be done, if anything cannot. */
const problemOf = (command: ChildProcess.Command) => wholeCommand(command).invalid?.field

const streams = (options: ChildProcess.CommandOptions) => {
  const { stderr, stdin, stdout } = wholeCommand(make(options)).options
  return [stdin, stdout, stderr]
}

const script = (shell: boolean | string) => {
  const { args, program } = translated(ChildProcess.make("echo $A", { shell }))
  return [program, ...args]
}

describe("a foreign command", () => {
  it("keeps its program, its arguments and their secrets", () => {
    const secret = Redacted.make("s")
    const { args, invalid, program } = translated(ChildProcess.make("p", ["a", secret]))
    assert.deepStrictEqual([program, args, invalid], ["p", ["a", secret], undefined])
  })

  it("replaces the environment unless it extends it", () => {
    const env = { A: "1", B: undefined }
    assert.deepInclude(translated(make({ env })).options, { env, envClear: true })
    assert.deepInclude(translated(make({ env, extendEnv: true })).options, { env, envClear: false })
    assert.deepInclude(translated(make({})).options, { env: undefined, envClear: false })
    assert.deepInclude(translated(make({ extendEnv: true })).options, { envClear: false })
  })

  it("is stopped as it says", () => {
    assert.deepStrictEqual(translated(make({ killSignal: "SIGINT", forceKillAfter: 5 })).options.stop, {
      signal: "SIGINT",
      grace: 5
    })
  })

  it("with a shell is that shell with the whole script", () => {
    assert.deepStrictEqual(script(true), ["/bin/sh", "-c", "echo $A"])
    assert.deepStrictEqual(script("/bin/bash"), ["/bin/bash", "-c", "echo $A"])
    assert.deepStrictEqual([script(false), script("")], [["echo $A"], ["echo $A"]])
    assert.strictEqual(problemOf(make({ shell: true })), "the option shell")
  })

  it("is refused where an option of it could not be honoured", () => {
    assert.strictEqual(problemOf(make({ additionalFds: { fd3: { type: "output" } } })), "the option additionalFds")
    assert.strictEqual(problemOf(make({ detached: false })), "the option detached")
    assert.strictEqual(problemOf(make({ stdout: Sink.drain as never })), "the option stdout")
    assert.strictEqual(problemOf(make({ stderr: { stream: Sink.drain as never } })), "the option stderr")
    assert.strictEqual(problemOf(make({ stdin: { stream: Stream.empty, endOnDone: false } })), "the option stdin")
    assert.strictEqual(problemOf(ChildProcess.pipeTo(make({}), make({}))), "the command")
    assert.strictEqual(problemOf(make({ stdin: "banana" as never })), "the option stdin")
    assert.strictEqual(problemOf(make({ stdin: {} as never })), "the option stdin")
    assert.strictEqual(problemOf(make({ stdout: 3 as never })), "the option stdout")
    assert.strictEqual(problemOf(make({ stderr: { stream: Stream.empty as never } })), "the option stderr")
    assert.isUndefined(problemOf(make({ stdin: null as never, stdout: null as never })))
    for (const fine of [{}, { additionalFds: {} }, { detached: true }, { windowsHide: true }, { shell: false }]) {
      assert.isUndefined(problemOf(make(fine)))
    }
  })

  it("has the streams of its own, whichever way they are written", () => {
    const stream = Stream.make(new Uint8Array(1))
    assert.deepStrictEqual(streams({}), ["pipe", "pipe", "pipe"])
    assert.deepStrictEqual(streams({ stdin: "ignore", stdout: "ignore", stderr: "inherit" }), [
      "null",
      "null",
      "inherit"
    ])
    assert.deepStrictEqual(streams({ stdin: "overlapped", stdout: { stream: "inherit" }, stderr: {} }), [
      "pipe",
      "inherit",
      "pipe"
    ])
    assert.strictEqual(streams({ stdin: stream })[0], stream)
    assert.strictEqual(streams({ stdin: { stream } })[0], stream)
  })

  it("says how its streams are set up", () => {
    const stream = Stream.empty
    assert.deepStrictEqual(inputConfig(undefined), { stream: "pipe" })
    assert.deepStrictEqual(inputConfig({ stream, endOnDone: false }), { stream, endOnDone: false })
    assert.strictEqual(inputConfig(stream).stream, stream)
    assert.strictEqual(outputConfig(Sink.drain as never), Sink.drain as never)
    assert.deepStrictEqual([outputConfig(undefined), outputConfig({ stream: "ignore" })], ["pipe", "ignore"])
  })
})

describe("a foreign pipeline", () => {
  it("has its stages from left to right, however it is nested", () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => ChildProcess.make(name)) as [
      ChildProcess.StandardCommand,
      ChildProcess.StandardCommand,
      ChildProcess.StandardCommand
    ]
    const left = ChildProcess.pipeTo(ChildProcess.pipeTo(a, b, { from: "stderr" }), c, { from: "all" })
    const right = ChildProcess.pipeTo(a, ChildProcess.pipeTo(b, c, { from: "all" }), { from: "stderr" })
    for (const nested of [left, right]) {
      const { links, stages } = flatten(nested)
      assert.deepStrictEqual(stages.map(({ command }) => command), ["a", "b", "c"])
      assert.deepStrictEqual(links.map(({ from }) => from), ["stderr", "all"])
    }
    assert.deepStrictEqual(flatten(a), { stages: [a], links: [] })
  })
})
