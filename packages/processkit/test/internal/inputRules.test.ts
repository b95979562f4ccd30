import { assert, describe, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import { Reply, ScriptedRunner } from "processkit/testing"
import * as InputRules from "../../src/internal/inputRules.ts"
import { alive, Backend, reasonOf, scripted } from "../scripted.ts"

/** What a JavaScript caller may pass where the types say something else. */
const strays: Record<string, unknown> = {
  "a number": 5,
  "NaN": NaN,
  "null": null,
  "an object": { hunter2: "hunter2" },
  "an array": [],
  "a function": () => "hunter2",
  "a boolean": true,
  "a symbol": Symbol("hunter2"),
  "a bigint": 5n,
  "a date": new Date(0),
  "an object without prototype": Object.create(null),
  "a string": "hunter2",
  "a secret": Redacted.make("hunter2"),
  "an URL": new URL("file:///hunter2"),
  "an object that reads as text": { toString: () => "hunter2" },
  "a stream": Stream.make(1)
}

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

interface Place {
  readonly field: string
  readonly make: (value: never) => Command.Command
  /** The strays that mean something here. */
  readonly fits?: ReadonlyArray<string>
}

const anObject = [
  "an object",
  "an URL",
  "an object that reads as text",
  "a date",
  "an object without prototype",
  "a secret",
  "a stream"
]

const option = (name: keyof Command.Options, field: string, fits: ReadonlyArray<string>): Place => ({
  field,
  fits,
  make: (value) => Command.make("git", [], { [name]: value })
})

const places: Record<string, Place> = {
  program: { field: "the program", make: (value) => Command.make(value), fits: ["a string"] },
  "the list of arguments": {
    field: "the arguments",
    make: (value) => Command.make("git", value, {}),
    fits: ["an array"]
  },
  "set arguments": {
    field: "the arguments",
    make: (value) => Command.setArgs(Command.make("git"), value),
    fits: ["an array"]
  },
  "an argument": {
    field: "argument 2",
    make: (value) => Command.make("git", ["log", value]),
    fits: ["a string", "a secret"]
  },
  options: { field: "the options", make: (value) => Command.make("git", [], value), fits: anObject },
  cwd: option("cwd", "the working directory", ["a string"]),
  env: option("env", "the environment", anObject),
  "set env": {
    field: "the environment",
    make: (value) => Command.setEnv(Command.make("git", { env: { A: "b" } }), value),
    fits: anObject
  },
  "a variable": {
    field: "the value of environment variable 1",
    make: (value) => Command.make("git", { env: { A: value } }),
    fits: ["a string", "a secret"]
  },
  envClear: option("envClear", "envClear", ["a boolean"]),
  inheritEnv: option("inheritEnv", "inheritEnv", ["an array", "a string"]),
  "an inherited name": {
    field: "inheritEnv 1",
    make: (value) => Command.make("git", { inheritEnv: [value] }),
    fits: ["a string"]
  },
  preferLocal: option("preferLocal", "preferLocal", ["an array", "a string"]),
  "a local directory": {
    field: "preferLocal 1",
    make: (value) => Command.make("git", { preferLocal: [value] }),
    fits: ["a string"]
  },
  stdin: option("stdin", "stdin", ["a string", "a secret", "a stream"]),
  "text of stdin": { field: "stdin", make: (value) => withStdin(Stdin.text(value)), fits: ["a string"] },
  "lines of stdin": { field: "stdin", make: (value) => withStdin(Stdin.lines(value)), fits: ["an array", "a string"] },
  "file of stdin": { field: "the path of stdin", make: (value) => withStdin(Stdin.file(value)), fits: ["a string"] },
  "one-shot stdin": { field: "stdin", make: (value) => withStdin(Stdin.once(value)), fits: ["a stream"] },
  "replayable stdin": { field: "stdin", make: (value) => withStdin(Stdin.replayable(value)), fits: ["a stream"] },
  stdout: option("stdout", "stdout", []),
  stderr: option("stderr", "stderr", []),
  encoding: option("encoding", "encoding", []),
  lineTerminator: option("lineTerminator", "lineTerminator", []),
  maxLineBytes: option("maxLineBytes", "maxLineBytes", ["a number", "a bigint"]),
  buffer: option("buffer", "the buffer", []),
  "a buffer's bytes": {
    field: "the buffer",
    make: (value) => withBuffer(OutputBuffer.tail({ bytes: value })),
    fits: ["a number", "a bigint"]
  },
  "a buffer's lines": {
    field: "the buffer",
    make: (value) => withBuffer(OutputBuffer.tail({ lines: value })),
    fits: ["a number"]
  },
  timeout: option("timeout", "timeout", ["a number", "a bigint"]),
  inactivityTimeout: option("inactivityTimeout", "inactivityTimeout", ["a number", "a bigint"]),
  stop: option("stop", "stop", anObject),
  "a stop signal": { field: "the stop signal", make: (signal) => Command.make("git", { stop: { signal } }) },
  "a stop grace": {
    field: "the stop grace",
    make: (grace) => Command.make("git", { stop: { grace } }),
    fits: ["a number", "a bigint"]
  },
  retry: option("retry", "retry", []),
  "a retry schedule": { field: "retry", make: (schedule) => Command.make("git", { retry: { schedule } }) },
  "a retry condition": {
    field: "retry",
    make: (value) => Command.make("git", { retry: { schedule: Schedule.recurs(1), while: value } }),
    fits: ["a function"]
  },
  okCodes: option("okCodes", "okCodes", ["an array"]),
  "set okCodes": {
    field: "okCodes",
    make: (value) => Command.setOkCodes(Command.make("git"), value),
    fits: ["an array"]
  },
  "an exit code": { field: "okCodes", make: (value) => Command.make("git", { okCodes: [value] }), fits: ["a number"] },
  cancelOn: option("cancelOn", "cancelOn", []),
  onStdoutLine: option("onStdoutLine", "onStdoutLine", ["a function"]),
  onStderrLine: option("onStderrLine", "onStderrLine", ["a function"]),
  uid: option("uid", "uid", ["a number"]),
  gid: option("gid", "gid", ["a number"]),
  groups: option("groups", "groups", ["an array"]),
  "a group": { field: "group 1 of groups", make: (value) => withOptions({ groups: [value] }), fits: ["a number"] },
  umask: option("umask", "umask", ["a number"]),
  rlimits: option("rlimits", "rlimits", anObject),
  "a limit": { field: "nofile of rlimits", make: (nofile) => withOptions({ rlimits: { nofile } }), fits: ["a number"] },
  "half a limit": {
    field: "core of rlimits",
    make: (soft) => withOptions({ rlimits: { core: { soft, hard: 9 } } }),
    fits: ["a number", "a bigint"]
  },
  priority: option("priority", "priority", ["a number"]),
  affinity: option("affinity", "affinity", []),
  "a processor": {
    field: "processor 1 of affinity",
    make: (value) => withOptions({ affinity: [value] }),
    fits: ["a number"]
  },
  ioPriority: option("ioPriority", "ioPriority", []),
  "a level": {
    field: "the level of ioPriority",
    make: (level) => withOptions({ ioPriority: { class: "realTime", level } }),
    fits: ["a number"]
  },
  argv0: option("argv0", "argv0", ["a string"]),
  noNewPrivileges: option("noNewPrivileges", "noNewPrivileges", ["a boolean"]),
  terminal: option("terminal", "terminal", []),
  windowsHide: option("windowsHide", "windowsHide", ["a boolean"]),
  redact: option("redact", "redact", ["a function"]),
  sanitizeTerminal: option("sanitizeTerminal", "sanitizeTerminal", ["a boolean"]),
  "file of stderr": {
    field: "the path of stderr",
    make: (value) => Command.make("git", { stderr: Stdio.file(value) }),
    fits: ["a string"]
  },
  "append of a file": {
    field: "append of stderr",
    make: (append) => Command.make("git", { stderr: Stdio.file("a", { append }) }),
    fits: ["a boolean"]
  },
  "a tee": {
    field: "the tee of stderr",
    make: (value) => Command.make("git", { stderr: Stdio.tee(value) }),
    fits: ["a function"]
  }
}

const withOptions = (options: Command.Options): Command.Command => Command.make("git", options)

const withStdin = (stdin: Stdin.Stdin): Command.Command => Command.make("git", { stdin })

const withBuffer = (buffer: OutputBuffer.OutputBuffer): Command.Command => Command.make("git", { buffer })

const verbs = {
  exitCode: (command: Command.Command) => Effect.asVoid(Command.exitCode(command)),
  outputBytes: (command: Command.Command) => Effect.asVoid(Command.outputBytes(command))
}

const rows = Object.entries(places).flatMap(([place, { field, fits = [], make }]) =>
  Object.entries(strays).filter(([kind]) => !fits.includes(kind)).map(([kind, value]) => ({
    name: `${kind} for ${place}`,
    field,
    command: () => make(value as never)
  }))
)

/** The refusal of a command, after making sure that it shows no value of it in any form. */
const refusal = (command: Command.Command): ProcessError.InvalidInput => {
  const result = InputRules.prepare(command)
  if (Result.isSuccess(result)) return assert.fail("the input was accepted")
  const { reason } = result.failure
  if (reason._tag !== "InvalidInput") return assert.fail(`refused with ${reason._tag}`)
  assert.notInclude(shown(result.failure).replaceAll(/^ +at .*$/gm, ""), "hunter2")
  return reason
}

const accepted = (command: Command.Command): InputRules.Prepared => {
  const result = InputRules.prepare(command)
  if (Result.isFailure(result)) return assert.fail(result.failure.message)
  return result.success
}

const withTimeout = (timeout: unknown): Command.Command => Command.make("git", { timeout: timeout as Duration.Input })

describe("inputRules", () => {
  describe("refuse what a JavaScript caller passes by mistake:", () => {
    it.each(rows)("$name", ({ command, field }) => {
      const reason = refusal(command())
      assert.strictEqual(reason.field, field)
    })

    it.effect("whatever the verb, and never with a defect", () =>
      Effect.gen(function*() {
        for (const { command, name } of rows) {
          for (const verb of [Command.runUnit, verbs.exitCode, verbs.outputBytes]) {
            const error = yield* Effect.flip(Effect.suspend(() => verb(command())))
            assert.strictEqual(error.reason._tag, "InvalidInput", name)
            assert.notInclude(error.message, "hunter2")
          }
        }
      }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok(""))))))

    it("a secret that was wiped", () => {
      const secret = Redacted.make("hunter2")
      Redacted.wipeUnsafe(secret)
      assert.strictEqual(refusal(Command.make("git", [secret])).field, "argument 1")
    })

    it("an array with holes", () => {
      const holes: Array<string> = []
      holes[1] = "a"
      assert.strictEqual(refusal(Command.make("git", holes)).field, "argument 1")
      assert.strictEqual(refusal(Command.make("git", { inheritEnv: holes })).field, "inheritEnv 1")
      assert.strictEqual(refusal(Command.make("git", { preferLocal: holes })).field, "preferLocal 1")
    })

    it("a map or a list of pairs for the environment", () => {
      for (const env of [new Map([["A", "hunter2"]]), [["A", "hunter2"]], "A=hunter2"]) {
        assert.strictEqual(refusal(Command.make("git", { env: env as never })).field, "the environment")
      }
    })

    it("a template that cannot be read", () => {
      assert.strictEqual(refusal(Command.make`git log | less`).field, "the template")
      assert.strictEqual(refusal(Command.make``).field, "the template")
      // The message had begun with a program that has no name.
      assert.strictEqual(
        refusal(Command.make`git log | less`).message,
        "invalid input for the command: the template cannot be read: The operator \"|\" needs a shell in template part 0"
      )
      assert.strictEqual(refusal(Command.make`${Redacted.make("hunter2")}`).field, "the template")
    })
  })

  describe("text", () => {
    const texts: ReadonlyArray<readonly [field: string, (text: string) => Command.Command]> = [
      ["the program", (text) => Command.make(text)],
      ["argument 3", (text) => Command.make("git", ["a", "b", text])],
      ["argument 1", (text) => Command.make("git", [Redacted.make(text)])],
      ["the working directory", (cwd) => Command.make("git", { cwd })],
      ["environment variable 2", (text) => Command.make("git", { env: { A: "a", [text]: "b" } })],
      ["the value of environment variable 2", (text) => Command.make("git", { env: { A: "a", B: text } })],
      ["inheritEnv 2", (text) => Command.make("git", { inheritEnv: ["A", text] })],
      ["preferLocal 1", (text) => Command.make("git", { preferLocal: text })],
      ["argv0", (argv0) => Command.make("git", { argv0 })],
      ["the path of stdin", (text) => withStdin(Stdin.file(text))]
    ]

    it("with a NUL is refused by its position, never by its value", () => {
      for (const [field, make] of texts) {
        const reason = refusal(make("hunter2\0"))
        assert.strictEqual(reason.field, field)
        assert.strictEqual(reason.problem, "contains a NUL character")
      }
    })

    it("with half of a surrogate pair is refused: UTF-8 would change it", () => {
      for (const half of ["\ud83d", "\ude00", "\ude00\ud83d", "hunter2\ud83db"]) {
        for (const [field, make] of texts) assert.strictEqual(refusal(make(half)).field, field)
      }
    })

    it("with whole surrogate pairs, control characters and noncharacters reaches the child as it is", () => {
      const odd = "😀\x1b[31m\n\r\t\u202e\uffff\u{10ffff}'\"$(x)"
      const { request } = accepted(Command.make(odd, [odd, Redacted.make(odd)], { cwd: odd, env: { A: odd } }))
      assert.deepStrictEqual(request.args, [odd, odd])
      assert.deepInclude(request, { program: odd, cwd: odd })
      assert.deepStrictEqual(request.env.set, [["A", odd]])
    })

    it("that is empty is refused where nothing can be meant by it", () => {
      const mayBeEmpty = new Set(["argument 3", "argument 1", "the value of environment variable 2", "argv0"])
      for (const [field, make] of texts) {
        if (mayBeEmpty.has(field)) accepted(make(""))
        else assert.strictEqual(refusal(make("")).field, field)
      }
    })

    it.prop("without NUL and halves is passed on unchanged", [Schema.Array(Schema.String)], ([args]) => {
      const fine = args.filter((arg) => !/[\0\p{Surrogate}]/u.test(arg))
      assert.deepStrictEqual(accepted(Command.make("git", fine)).request.args, fine)
    })
  })

  describe("the environment", () => {
    it("refuses a name with =", () => {
      assert.strictEqual(refusal(Command.make("git", { env: { "A=hunter2": "b" } })).field, "environment variable 1")
      assert.strictEqual(refusal(Command.make("git", { inheritEnv: ["A="] })).field, "inheritEnv 1")
    })

    it("takes the allow-list over everything and nothing", () => {
      assert.strictEqual(baseOf({}), "inherit")
      assert.strictEqual(baseOf({ envClear: false }), "inherit")
      assert.strictEqual(baseOf({ envClear: true }), "empty")
      assert.deepStrictEqual(baseOf({ envClear: true, inheritEnv: ["PATH"] }), ["PATH"])
      assert.deepStrictEqual(baseOf({ inheritEnv: [] }), [])
    })

    it("removes what is undefined, and takes a name of Object.prototype for a name", () => {
      const env: Record<string, string | undefined> = JSON.parse("{\"__proto__\":\"a\",\"constructor\":\"b\"}")
      env["GONE"] = undefined
      assert.deepStrictEqual(accepted(Command.make("git", { env })).request.env.set, [
        ["__proto__", "a"],
        ["constructor", "b"],
        ["GONE", undefined]
      ])
    })
  })

  describe("a duration", () => {
    const tenYears = Duration.days(3653)

    it("that is NaN is refused in every form", () => {
      const forms = [
        NaN,
        [NaN, 0],
        [0, NaN],
        { seconds: NaN },
        { minutes: 1, nanoseconds: NaN },
        { seconds: "hunter2" },
        { seconds: {} },
        { milliseconds: "5" },
        { seconds: Infinity, hours: -Infinity },
        { weeks: Number.MAX_VALUE, days: -Number.MAX_VALUE }
      ]
      for (const form of forms) assert.strictEqual(refusal(withTimeout(form)).field, "timeout", JSON.stringify(form))
    })

    it("that is negative is refused in every form", () => {
      for (
        const form of [-1, -1n, [-1, 0], "-1 seconds", { seconds: -1 }, -Infinity, "-Infinity", Duration.seconds(-1)]
      ) {
        assert.strictEqual(refusal(withTimeout(form)).problem, "is negative", String(form))
      }
    })

    it("that is no duration is refused", () => {
      for (
        const form of ["soon", "", "5", "5 parsecs", "NaN seconds", [], [1], [1, 2, 3], {}, { second: 5 }, new Date(5)]
      ) {
        assert.strictEqual(refusal(withTimeout(form)).problem, "is not a duration", JSON.stringify(form))
      }
    })

    it("above ten years is cut to ten years, so that no timer overflows", () => {
      const huge = [2 ** 53, Number.MAX_VALUE, 10n ** 30n, "99999999 weeks", [1e12, 0], { weeks: 1e9 }]
      for (const form of huge) {
        assert.isTrue(Duration.equals(accepted(withTimeout(form)).timeout ?? Duration.zero, tenYears), String(form))
      }
    })

    it("of 2^31 milliseconds stays what it is", () => {
      assert.strictEqual(Duration.toMillis(accepted(withTimeout(2 ** 31)).timeout ?? Duration.zero), 2 ** 31)
    })

    it("that is infinite stays infinite, and none is none", () => {
      for (const form of [Infinity, "Infinity", Duration.infinity, [Infinity, 0], { seconds: Infinity }]) {
        const { timeout } = accepted(withTimeout(form))
        assert.isTrue(timeout !== undefined && !Duration.isFinite(timeout))
      }
      assert.isUndefined(accepted(withTimeout(undefined)).timeout)
    })

    it("of every accepted form is what Effect makes of it", () => {
      for (
        const form of [0, 1.5, 5n, "5 seconds", [2, 500], { minutes: 1, seconds: 2 }, Duration.millis(3), { days: 0 }]
      ) {
        const expected = Duration.fromInputUnsafe(form as Duration.Input)
        assert.isTrue(Duration.equals(accepted(withTimeout(form)).timeout ?? Duration.infinity, expected), String(form))
      }
    })

    it("may be an object with accessors, as Temporal's are", () => {
      class Temporal {
        get seconds(): number {
          return 5
        }
      }
      assert.isTrue(
        Duration.equals(accepted(withTimeout(new Temporal())).timeout ?? Duration.zero, Duration.seconds(5))
      )
    })

    it.prop("is never negative, NaN or finite above ten years once it is accepted", [Schema.Number], ([millis]) => {
      const result = InputRules.prepare(withTimeout(millis))
      if (Number.isNaN(millis) || Math.round(millis * 1e6) < 0) return assert.isTrue(Result.isFailure(result))
      const timeout = accepted(withTimeout(millis)).timeout ?? Duration.zero
      assert.isTrue(
        !Duration.isNegative(timeout) && (millis === Infinity || Duration.toMillis(timeout) <= 3653 * 86_400_000)
      )
    })
  })

  describe("a size", () => {
    it("is a whole number of bytes, in every form", () => {
      const forms = [[0, 0], [1024, 1024], [7n, 7], ["1 KiB", 1024], ["2kB", 2000], [ByteSize.mebibytes(1), 1_048_576]]
      for (const [form, expected] of forms) assert.strictEqual(accepted(withSize(form)).maxLineBytes, expected)
      assert.strictEqual(accepted(Command.make("git")).maxLineBytes, 1_048_576)
    })

    it("that is negative, fractional, too large or no size is refused", () => {
      for (const form of [-1, 1.5, NaN, Infinity, 2 ** 53, 2n ** 53n, -1n, "1", "many", "1 YB", "-1 B", ""]) {
        assert.strictEqual(refusal(withSize(form)).field, "maxLineBytes", String(form))
      }
    })
  })

  describe("a buffer", () => {
    it("that fails above nothing is refused", () => {
      assert.strictEqual(refusal(withBuffer(OutputBuffer.failAbove({}))).field, "the buffer")
    })

    it("keeps 64 MiB and fails above by default", () => {
      assert.deepStrictEqual(accepted(Command.make("git")).retention, {
        policy: "FailAbove",
        bytes: 67_108_864,
        lines: Infinity
      })
    })

    it("becomes plain numbers", () => {
      const { retention } = accepted(withBuffer(OutputBuffer.headTail({ bytes: "1 KiB", lines: 0 })))
      assert.deepStrictEqual(retention, { policy: "HeadTail", bytes: 1024, lines: 0 })
    })

    it("with a policy that does not exist is refused", () => {
      for (const _tag of ["Tial", "", undefined, "constructor"]) {
        assert.strictEqual(refusal(withBuffer({ _tag, bytes: 5 } as never)).field, "the buffer")
      }
    })

    it("with a number of lines that is no count is refused", () => {
      for (const lines of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
        assert.strictEqual(refusal(withBuffer(OutputBuffer.head({ lines }))).field, "the buffer", `${lines}`)
      }
    })
  })

  it("takes any label of TextDecoder, and refuses every other", () => {
    assert.strictEqual(accepted(withEncoding("latin1")).encoding, "windows-1252")
    assert.strictEqual(accepted(withEncoding(" UTF-16 ")).encoding, "utf-16le")
    assert.strictEqual(accepted(Command.make("git")).encoding, "utf-8")
    for (const label of ["", "hunter2", "utf-42", "replacement"]) {
      assert.strictEqual(refusal(withEncoding(label)).field, "encoding", label)
    }
  })

  it("takes whole numbers for exit codes, and an empty list for the default", () => {
    assert.deepStrictEqual(accepted(withCodes([0, 1, 255, -1])).okCodes, [0, 1, 255, -1])
    assert.deepStrictEqual(accepted(withCodes([])).okCodes, [0])
    for (const code of [0.5, NaN, Infinity, 2 ** 53]) assert.strictEqual(refusal(withCodes([0, code])).field, "okCodes")
  })

  it("does not see what its caller does to a list after the start", () => {
    const okCodes = [0]
    const prepared = accepted(Command.make("git", { okCodes }))
    okCodes.push(1)
    assert.deepStrictEqual(prepared.okCodes, [0])
  })

  describe("stdin", () => {
    it("is a pipe only where something is fed", () => {
      assert.deepStrictEqual(inputOf("null"), ["null", "Nothing"])
      assert.deepStrictEqual(inputOf("inherit"), ["inherit", "Nothing"])
      assert.deepStrictEqual(inputOf("pipe"), ["pipe", "Interactive"])
      assert.deepStrictEqual(inputOf("text"), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(""), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(new Uint8Array(1)), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(Stdin.text("null")), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(Redacted.make("null")), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(Redacted.make(new Uint8Array(1))), ["pipe", "Bytes"])
      assert.deepStrictEqual(inputOf(Stdin.file("/a")), [{ _tag: "File", path: "/a" }, "Nothing"])
      assert.deepStrictEqual(inputOf(Stream.make("a")), ["pipe", "Feed"])
      assert.strictEqual(accepted(Command.make("git")).request.stdin, "null")
    })

    it("is fed once where its source says so", () => {
      const once = Stdin.once(Stream.make("a"))
      assert.isTrue(InputRules.feedsOnce(withStdin(once)))
      for (const again of ["text", Stream.make("a"), Stdin.replayable(Stream.make("a")), Stdin.lines(["a"])] as const) {
        assert.isFalse(InputRules.feedsOnce(withStdin(again)))
      }
    })
  })

  it("completes a stop policy from its base", () => {
    const grace = Duration.seconds(1)
    const base = { signal: "SIGINT", grace } as const
    assert.deepStrictEqual(InputRules.stopPolicy(undefined, base), { signal: "SIGINT", grace })
    assert.deepStrictEqual(InputRules.stopPolicy({ signal: "SIGHUP" }, base), { signal: "SIGHUP", grace })
    assert.deepStrictEqual(InputRules.stopPolicy({ grace: 0 }).signal, "SIGTERM")
  })

  it("sees none of what a polluted Object.prototype adds", () => {
    const clean = preparedFromHalfEmptyOptions()
    try {
      for (const [name, value] of pollution) {
        // oxlint-disable-next-line no-extend-native
        Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true })
      }
      assert.deepStrictEqual(preparedFromHalfEmptyOptions(), clean)
    } finally {
      for (const [name] of pollution) Reflect.deleteProperty(Object.prototype, name)
    }
  })
})

describe("an invalid input", () => {
  it.effect("starts nothing, whatever it is", () =>
    Effect.gen(function*() {
      for (const { command } of rows) yield* Effect.ignore(Command.run(command()))
      assert.deepStrictEqual((yield* Backend).spawned, [])
    }).pipe(Effect.provide(scripted())))

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

const withSize = (maxLineBytes: unknown): Command.Command =>
  Command.make("git", { maxLineBytes: maxLineBytes as ByteSize.Input })

const withEncoding = (encoding: string): Command.Command => Command.make("git", { encoding })

const withCodes = (okCodes: ReadonlyArray<number>): Command.Command => Command.make("git", { okCodes })

const baseOf = (options: Command.Options): unknown => accepted(Command.make("git", options)).request.env.base

const inputOf = (stdin: Stdin.Stdin): ReadonlyArray<unknown> => {
  const { payload, request } = accepted(withStdin(stdin))
  return [request.stdin, payload._tag]
}

const preparedFromHalfEmptyOptions = (): InputRules.Prepared => {
  const buffer = OutputBuffer.tail({})
  return accepted(Command.make("git", ["a"], { stop: {}, buffer, env: {}, timeout: { seconds: 1 }, rlimits: {} }))
}

const pollution: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ["cwd", "/evil"],
  ["env", { A: "evil" }],
  ["envClear", true],
  ["inheritEnv", ["evil"]],
  ["preferLocal", "/evil"],
  ["stdin", "evil"],
  ["stdout", "inherit"],
  ["stderr", "null"],
  ["encoding", "utf-16le"],
  ["maxLineBytes", 1],
  ["buffer", 1],
  ["timeout", 1],
  ["okCodes", [66]],
  ["stop", { signal: "SIGKILL" }],
  ["retry", 1],
  ["cancelOn", 1],
  ["onStdoutLine", 1],
  ["onStderrLine", 1],
  ["invalid", "evil"],
  ["signal", "SIGKILL"],
  ["grace", 0],
  ["bytes", 1],
  ["lines", 1],
  ["minutes", 9],
  ["_tag", "Unbounded"],
  ["shell", true],
  ["uid", 0],
  ["gid", 0],
  ["groups", [0]],
  ["umask", 0],
  ["rlimits", { nofile: 1 }],
  ["priority", "high"],
  ["affinity", [0]],
  ["ioPriority", "idle"],
  ["argv0", "evil"],
  ["noNewPrivileges", true],
  ["terminal", "shared"],
  ["windowsHide", false],
  ["nofile", 1],
  ["soft", 1],
  ["hard", 1]
]
