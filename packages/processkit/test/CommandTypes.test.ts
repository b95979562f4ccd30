import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessError from "processkit/ProcessError"
import type * as ProcessResult from "processkit/ProcessResult"
import type * as ProcessRunner from "processkit/ProcessRunner"
import type * as RunningProcess from "processkit/RunningProcess"
import { Reply, ScriptedRunner } from "processkit/testing"
import { expectTypeOf } from "vitest"

const command = Command.make("git", ["status"])

type Run<A, R = never> = Effect.Effect<A, ProcessError.ProcessError, ProcessRunner.ProcessRunner | R>

class Limit extends Context.Service<Limit, number>()("test/Limit") {}

/** One value for every option, and the setter that sets it. */
const setters = {
  cwd: [Command.setCwd, "/tmp"],
  env: [Command.setEnv, { A: "b" }],
  envClear: [Command.setEnvClear, true],
  inheritEnv: [Command.setInheritEnv, ["PATH"]],
  preferLocal: [Command.setPreferLocal, "bin"],
  stdin: [Command.setStdin, "text"],
  stdout: [Command.setStdout, "inherit"],
  stderr: [Command.setStderr, "null"],
  encoding: [Command.setEncoding, "latin1"],
  lineTerminator: [Command.setLineTerminator, "carriage-return"],
  maxLineBytes: [Command.setMaxLineBytes, "1 KiB"],
  buffer: [Command.setBuffer, OutputBuffer.unbounded],
  timeout: [Command.setTimeout, "1 second"],
  inactivityTimeout: [Command.setInactivityTimeout, "1 second"],
  stop: [Command.setStop, { signal: "SIGINT" }],
  retry: [Command.setRetry, { schedule: Schedule.recurs(1) }],
  okCodes: [Command.setOkCodes, [0, 1]],
  cancelOn: [Command.setCancelOn, new AbortController().signal],
  onStdoutLine: [Command.setOnStdoutLine, () => {}],
  onStderrLine: [Command.setOnStderrLine, () => {}],
  uid: [Command.setUid, 1000],
  gid: [Command.setGid, 1000],
  groups: [Command.setGroups, [1000]],
  umask: [Command.setUmask, 0o027],
  rlimits: [Command.setRlimits, { nofile: 64 }],
  priority: [Command.setPriority, "belowNormal"],
  affinity: [Command.setAffinity, [0]],
  ioPriority: [Command.setIoPriority, "idle"],
  argv0: [Command.setArgv0, "name"],
  noNewPrivileges: [Command.setNoNewPrivileges, true],
  terminal: [Command.setTerminal, "shared"],
  windowsHide: [Command.setWindowsHide, false],
  redact: [Command.setRedact, (line: string) => line],
  sanitizeTerminal: [Command.setSanitizeTerminal, true],
  unchecked: [Command.setUnchecked, true],
  mergeStderr: [Command.setMergeStderr, true]
} as const

describe("Command", () => {
  describe("as an Effect", () => {
    it("gives a checked result and needs a runner and nothing else", () => {
      expectTypeOf(command).toExtend<Run<ProcessResult.ProcessResult<string>>>()
      expectTypeOf<Effect.Success<typeof command>>().toEqualTypeOf<ProcessResult.ProcessResult<string>>()
      expectTypeOf<Effect.Error<typeof command>>().toEqualTypeOf<ProcessError.ProcessError>()
      expectTypeOf<Effect.Services<typeof command>>().toEqualTypeOf<ProcessRunner.ProcessRunner>()
      assert.isTrue(Effect.isEffect(command) && Command.isCommand(command))
    })

    it.effect("is yielded where a result is wanted", () =>
      Effect.gen(function*() {
        const result = yield* command
        expectTypeOf(result).toEqualTypeOf<ProcessResult.ProcessResult<string>>()
        assert.strictEqual(result.stdout, "clean\n")
      }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok("clean\n"))))))
  })

  it("has verbs whose values have the types of their names", () => {
    expectTypeOf(Command.run(command)).toEqualTypeOf<Run<string>>()
    expectTypeOf(Command.runUnit(command)).toEqualTypeOf<Run<void>>()
    expectTypeOf(Command.checked(command)).toEqualTypeOf<Run<ProcessResult.ProcessResult<string>>>()
    expectTypeOf(Command.outputString(command)).toEqualTypeOf<Run<ProcessResult.ProcessResult<string>>>()
    expectTypeOf(Command.outputBytes(command)).toEqualTypeOf<Run<ProcessResult.ProcessResult<Uint8Array>>>()
    expectTypeOf(Command.exitCode(command)).toEqualTypeOf<Run<number>>()
    expectTypeOf(Command.probe(command)).toEqualTypeOf<Run<boolean>>()
    expectTypeOf(Command.resolve(command)).toEqualTypeOf<Run<string>>()
    expectTypeOf(Command.start(command)).toEqualTypeOf<Run<RunningProcess.RunningProcess, Scope.Scope>>()
    expectTypeOf(Command.stdoutLines(command)).toEqualTypeOf<
      Stream.Stream<string, ProcessError.ProcessError, ProcessRunner.ProcessRunner>
    >()
  })

  it("has verbs with a function that take the command first or last", () => {
    expectTypeOf(Command.parse(command, length)).toEqualTypeOf<Run<number>>()
    expectTypeOf(command.pipe(Command.parse(length))).toEqualTypeOf<Run<number>>()
    expectTypeOf(Command.tryParse(command, (text) => Result.succeed(text.length))).toEqualTypeOf<Run<number>>()
    expectTypeOf(command.pipe(Command.tryParse(Result.succeed))).toEqualTypeOf<Run<string>>()
    expectTypeOf(Command.firstLine(command, (line) => line === "")).toEqualTypeOf<Run<Option.Option<string>>>()
    expectTypeOf(command.pipe(Command.firstLine(Boolean))).toEqualTypeOf<Run<Option.Option<string>>>()
    assert.isTrue(Effect.isEffect(command.pipe(Command.parse(length))))
  })

  it("decodes JSON to the type of its schema, and needs what the schema needs", () => {
    const Status = Schema.Struct({ branch: Schema.String, ahead: Schema.Int })
    expectTypeOf(Command.json(command, Status)).toEqualTypeOf<
      Run<{ readonly branch: string; readonly ahead: number }>
    >()
    expectTypeOf(command.pipe(Command.json(Schema.Unknown))).toEqualTypeOf<Run<unknown>>()
    const Limited = Schema.Number.pipe(
      Schema.decodeTo(
        Schema.Number,
        SchemaTransformation.transformEffect({
          decode: (n) => Effect.map(Limit, (limit) => Math.min(n, limit)),
          encode: (n) => Effect.succeed(n)
        })
      )
    )
    expectTypeOf(Command.json(command, Limited)).toEqualTypeOf<Run<number, Limit>>()
  })

  describe("setters", () => {
    it.each(Object.entries(setters))("set %s, with the command first or last, and leave the command as it was", (
      name,
      [set, value]
    ) => {
      const dual = set as {
        (value: unknown): (self: Command.Command) => Command.Command
        (self: Command.Command, value: unknown): Command.Command
      }
      for (const changed of [dual(command, value), dual(value)(command)]) {
        assert.deepStrictEqual({ ...changed.options }, { [name]: value })
        assert.deepInclude(changed, { program: "git", args: ["status"], invalid: undefined })
      }
      assert.deepStrictEqual({ ...command.options }, {})
    })

    it("exist for every option", () => {
      expectTypeOf<keyof typeof setters>().toEqualTypeOf<keyof Command.Options>()
    })

    it("pipe", () => {
      const changed = command.pipe(
        Command.setCwd("/tmp"),
        Command.setTimeout(Duration.seconds(1)),
        Command.setArgs(["log"])
      )
      expectTypeOf(changed).toEqualTypeOf<Command.Command>()
      assert.deepStrictEqual(changed.args, ["log"])
      assert.strictEqual(changed.options.cwd, "/tmp")
    })

    it("add variables and let later ones win", () => {
      const changed = command.pipe(Command.setEnv({ A: "1", B: "2" }), Command.setEnv({ B: undefined, C: "3" }))
      assert.deepStrictEqual({ ...changed.options.env }, { A: "1", B: undefined, C: "3" })
    })

    it("keep the exit codes where the list is empty", () => {
      const changed = command.pipe(Command.setOkCodes([3]), Command.setOkCodes([]), Command.setOkCodes(undefined))
      assert.deepStrictEqual(changed.options.okCodes, [3])
    })

    it("do not make a command that cannot be read look like one that can", () => {
      const changed = Command.make`git log | less`.pipe(Command.setCwd("/tmp"), Command.setArgs(["log"]))
      assert.strictEqual(changed.invalid?.field, "the template")
    })
  })

  describe("make", () => {
    it("takes a program with arguments, with options, with both or alone", () => {
      const options = { cwd: "/tmp" }
      assert.deepStrictEqual(shape(Command.make("git")), ["git", [], {}])
      assert.deepStrictEqual(shape(Command.make("git", ["log"])), ["git", ["log"], {}])
      assert.deepStrictEqual(shape(Command.make("git", options)), ["git", [], options])
      assert.deepStrictEqual(shape(Command.make("git", ["log"], options)), ["git", ["log"], options])
    })

    // What a compiler says of a call that fits no form is about the last one.
    it("is explained by its ordinary form where a call fits none", () => {
      expectTypeOf<Parameters<typeof Command.make>>().toEqualTypeOf<
        [program: string, args?: ReadonlyArray<Command.Argument> | undefined, options?: Command.Options | undefined]
      >()
    })

    it("does not see what its caller does to a list afterwards", () => {
      const args = ["status"]
      const made = Command.make("git", args)
      args.push("--force")
      assert.deepStrictEqual(made.args, ["status"])
    })

    it("refuses in types what it refuses when it runs", () => {
      // @ts-expect-error an argument is text
      Command.make("git", [5])
      // @ts-expect-error there is no such option
      Command.make("git", { timeOut: 5 })
      // @ts-expect-error a program is no secret
      Command.make(Redacted.make("git"))
      // @ts-expect-error a signal has its whole name
      Command.make("git", { stop: { signal: "TERM" } })
      // @ts-expect-error a duration has a unit
      Command.make("git", { timeout: "5" })
      expectTypeOf(Redacted.make("secret")).toExtend<Command.Argument>()
    })
  })

  it("shows names and numbers in JSON, and no argument and no value", () => {
    const secretive = Command.make("git", ["hunter2", Redacted.make("hunter2")], {
      env: { TOKEN: "hunter2", A: Redacted.make("hunter2") },
      stdin: "hunter2"
    })
    for (const text of [JSON.stringify(secretive), String(secretive)]) assert.notInclude(text, "hunter2")
    assert.deepInclude(JSON.parse(JSON.stringify(secretive)), { argumentCount: 2, environment: ["A", "TOKEN"] })
  })
})

const length = (text: string): number => text.length

const shape = ({ args, options, program }: Command.Command): ReadonlyArray<unknown> => [program, args, { ...options }]
