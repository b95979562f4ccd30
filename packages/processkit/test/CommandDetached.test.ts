import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Stdin from "processkit/Stdin"
import * as Stdio from "processkit/Stdio"
import { DryRunRunner, FaultyBackend, Invocation, RecordingRunner, Reply, ScriptedRunner } from "processkit/testing"
import { alive, Backend, reasonOf, scripted, settle, tagOf } from "./scripted.ts"
import { backend } from "./scriptedPrograms.ts"

const line = (line: string): string => line

/** One value for each option that somebody has to be there for. */
const owned: Readonly<Record<string, Command.Options>> = {
  timeout: { timeout: "1 second" },
  inactivityTimeout: { inactivityTimeout: "1 second" },
  terminal: { terminal: "shared" },
  stop: { stop: { grace: 0 } },
  retry: { retry: { schedule: Schedule.recurs(1) } },
  okCodes: { okCodes: [0, 1] },
  cancelOn: { cancelOn: new AbortController().signal },
  buffer: { buffer: OutputBuffer.unbounded },
  encoding: { encoding: "utf-8" },
  lineTerminator: { lineTerminator: "newline" },
  maxLineBytes: { maxLineBytes: 10 },
  onStdoutLine: { onStdoutLine: () => {} },
  onStderrLine: { onStderrLine: () => {} },
  redact: { redact: line },
  sanitizeTerminal: { sanitizeTerminal: true },
  unchecked: { unchecked: true },
  mergeStderr: { mergeStderr: true }
}

const streams: ReadonlyArray<readonly [field: string, options: Command.Options]> = [
  ["stdin", { stdin: "inherit" }],
  ["stdin", { stdin: "pipe" }],
  ["stdin", { stdin: Stdin.text("text") }],
  ["stdin", { stdin: "text" }],
  ["stdin", { stdin: new Uint8Array(1) }],
  ["stdin", { stdin: Stream.make("text") }],
  ["stdin", { stdin: Redacted.make("text") }],
  ["stdout", { stdout: "pipe" }],
  ["stdout", { stdout: "inherit" }],
  ["stdout", { stdout: Stdio.tee(Sink.drain) }],
  ["stderr", { stderr: "pipe" }],
  ["stderr", { stderr: "inherit" }],
  ["stderr", { stderr: Stdio.tee(Sink.drain) }]
]

const started = Effect.map(Backend, ({ spawned }) => spawned.map(({ request }) => request))

const only = Effect.map(started, ([request, ...more]): ProcessBackend.SpawnRequest => {
  if (request === undefined || more.length > 0) return assert.fail(`${more.length + 1} starts`)
  return request
})

const refusalBy = (service: ProcessBackend.ProcessBackend["Service"], options?: Command.Options) =>
  reasonOf(ProcessRunner.fromBackend(service).startDetached(Command.make("waits", [], options)))

describe("startDetached", () => {
  for (const [name, options] of Object.entries(owned)) {
    it.effect(`refuses ${name} by its name, and starts nothing`, () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(Command.startDetached(Command.make("waits", [], options)))
        assert.deepInclude(reason, { _tag: "InvalidInput", program: "waits", field: name })
        assert.strictEqual(
          reason.message,
          `invalid input for waits: ${name} needs an owner, and a detached program has none`
        )
        assert.deepEqual(yield* started, [])
      }).pipe(Effect.provide(scripted())))
  }

  it.effect("refuses every stream that would end with its owner, by its name", () =>
    Effect.gen(function*() {
      for (const [field, options] of streams) {
        const reason = yield* reasonOf(Command.startDetached(Command.make("waits", [], options)))
        assert.deepInclude(reason, { _tag: "InvalidInput", field })
      }
      assert.deepEqual(yield* started, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("refuses an option that it does not know, and takes one that is undefined for absent", () =>
    Effect.gen(function*() {
      const future = { invented: true } as Command.Options
      const reason = yield* reasonOf(Command.startDetached(Command.make("waits", [], future)))
      assert.deepInclude(reason, { _tag: "InvalidInput", field: "invented" })
      yield* Command.startDetached(Command.make("waits", [], { timeout: undefined, stdin: undefined }))
      assert.lengthOf(yield* started, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("checks what it keeps as every start does", () =>
    Effect.gen(function*() {
      const invalid: ReadonlyArray<readonly [Command.Command, field: string]> = [
        [Command.make(""), "the program"],
        [Command.make("waits", ["a\0b"]), "argument 1"],
        [Command.make("waits", { cwd: "" }), "the working directory"],
        [Command.make("waits", { env: { "A=B": "c" } }), "environment variable 1"],
        [Command.make("waits", { umask: 0o1000 }), "umask"],
        [Command.make("waits", { stdin: Stdin.file("") }), "the path of stdin"],
        [Command.make("waits", { stdout: Stdio.file("") }), "the path of stdout"],
        [Command.make("waits", { stderr: Stdio.file("a\0b") }), "the path of stderr"]
      ]
      for (const [command, field] of invalid) {
        assert.deepInclude(yield* reasonOf(Command.startDetached(command)), { _tag: "InvalidInput", field })
      }
      assert.deepEqual(yield* started, [])
    }).pipe(Effect.provide(scripted())))

  it.effect("keeps what is over when the program runs, and gives it nothing to read and nowhere to write", () =>
    Effect.gen(function*() {
      yield* Command.startDetached(Command.make("waits", ["a", Redacted.make("b")], {
        cwd: "/",
        env: { A: "1", B: Redacted.make("2") },
        inheritEnv: ["PATH"],
        preferLocal: "/bin",
        argv0: "other",
        uid: 1,
        gid: 2,
        groups: [3],
        umask: 0o77,
        rlimits: { nofile: 10 },
        priority: "idle",
        affinity: [0],
        ioPriority: "idle",
        noNewPrivileges: true,
        windowsHide: true
      }))
      const request = yield* only
      assert.deepEqual(request.args, ["a", "b"])
      assert.deepEqual(request.env, { base: ["PATH"], set: [["A", "1"], ["B", "2"]] })
      assert.deepEqual([request.stdin, request.stdout, request.stderr], ["null", "null", "null"])
      assert.deepEqual({ ...request.attributes }, {
        argv0: "other",
        uid: 1,
        gid: 2,
        groups: [3],
        umask: 0o77,
        rlimits: [{ resource: "nofile", soft: 10, hard: 10 }],
        priority: 19,
        affinity: [0],
        ioPriority: "idle",
        noNewPrivileges: true,
        windowsHide: true
      })
    }).pipe(Effect.provide(scripted())))

  it.effect("connects files", () =>
    Effect.gen(function*() {
      yield* Command.startDetached(Command.make("waits", [], {
        stdin: Stdin.file("/in"),
        stdout: Stdio.file("/out"),
        stderr: Stdio.file("/err", { append: true })
      }))
      const { stderr, stdin, stdout } = yield* only
      assert.deepEqual(stdin, { _tag: "File", path: "/in" })
      assert.deepEqual(stdout, { _tag: "File", path: "/out", append: false })
      assert.deepEqual(stderr, { _tag: "File", path: "/err", append: true })
    }).pipe(Effect.provide(scripted())))

  it.effect("gives an id, and the program outlives the scope and the fiber it was started in", () =>
    Effect.gen(function*() {
      const pid = yield* Effect.scoped(Command.startDetached(Command.make("waits")))
      const fiber = yield* Effect.forkChild(Effect.andThen(Command.startDetached(Command.make("waits")), Effect.never))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      const left = yield* alive
      assert.lengthOf(left, 2)
      assert.include(left, pid)
    }).pipe(Effect.provide(scripted())))

  it.effect("fails as a start does for a program that does not exist", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tagOf(Command.startDetached(Command.make("missing"))), "NotFound")
    }).pipe(Effect.provide(scripted())))

  it.effect("inside a group starts a program that is no member, and that the end of the group spares", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        yield* group.start(Command.make("waits"))
        const pid = yield* ProcessGroup.provide(Command.startDetached(Command.make("ignoresTerm")), group)
        const members = yield* group.members
        assert.lengthOf(members, 1)
        assert.notInclude(members, pid)
        yield* group.kill
        assert.deepEqual(yield* alive, [pid])
      }))
      assert.lengthOf(yield* alive, 1)
    }).pipe(Effect.provide(scripted())))

  it.effect("is Unsupported where the backend has no such start, or cannot set what is asked for", () =>
    Effect.gen(function*() {
      const { outside = assert.fail("none"), ...without } = backend().service
      assert.deepInclude(yield* refusalBy(without), {
        _tag: "Unsupported",
        feature: "starting a detached program",
        mechanism: "scripted"
      })
      const bare = Effect.map(outside, (outside) => ({
        ...outside,
        containment: { ...outside.containment, attributes: ["uid"] as const }
      }))
      assert.deepInclude(yield* refusalBy({ ...without, outside: bare }, { umask: 0 }), {
        _tag: "Unsupported",
        feature: "the option umask"
      })
    }))

  it.effect("is one span and one more spawn, without arguments or variables", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span(options) {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function*() {
      const command = Command.make("/bin/waits", ["--token=S3CR3T", Redacted.make("S3CR3T")], {
        env: { TOKEN: "S3CR3T" }
      })
      const runner = ProcessRunner.fromBackend(backend({ "/bin/waits": { main: () => Effect.never } }).service)
      const pid = yield* Effect.provideService(Command.startDetached(command), ProcessRunner.ProcessRunner, runner)
      assert.deepEqual(spans.map(({ name }) => name), ["processkit.detached"])
      assert.deepEqual([...(spans[0]?.attributes ?? [])], [
        ["process.executable.name", "waits"],
        ["process.pid", pid]
      ])
      assert.strictEqual(spans[0]?.status._tag, "Ended")
      const metrics = inspect(yield* Metric.snapshot, { depth: 20 })
      assert.include(metrics, "processkit_spawns_total")
      for (const text of [metrics, inspect(spans, { depth: 8 })]) assert.notInclude(text, "S3CR3T")
    }).pipe(Effect.withTracer(tracer))
  })
})

describe("mapDetached", () => {
  it.effect("decorates detached starts alone, also of a runner whose methods are inherited", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const below: ProcessRunner.ProcessRunner["Service"] = Object.create(
        ProcessRunner.fromBackend(backend().service)
      )
      const decorated = ProcessRunner.mapDetached(
        ProcessRunner.mapStart(below, (start) => start),
        (start, { program }) => Effect.andThen(Effect.sync(() => void seen.push(program)), start)
      )
      yield* decorated.startDetached(Command.make("waits"))
      yield* Effect.scoped(decorated.start(Command.make("exitsWith", ["0"])))
      yield* Effect.scoped(Effect.flatMap(
        decorated.openGroup(),
        ({ runner }) => runner.startDetached(Command.make("ignoresTerm"))
      ))
      assert.deepEqual(seen, ["waits", "ignoresTerm"])
      assert.strictEqual(yield* decorated.resolve(Command.make("waits")), "waits")
    }))
})

describe("a double for detached programs", () => {
  const editor = Command.make("editor", ["file"])

  it.effect("answers by rule, with an id that no system gives out", () =>
    Effect.gen(function*() {
      assert.isAbove(yield* Command.startDetached(editor), 2 ** 31)
      assert.strictEqual(yield* tagOf(Command.startDetached(Command.make("gone"))), "NotFound")
      assert.strictEqual(yield* tagOf(Command.startDetached(Command.make("busy"))), "ResourceExhausted")
      assert.strictEqual(yield* tagOf(Command.startDetached(Command.make("unknown"))), "Unscripted")
    }).pipe(Effect.provide(ScriptedRunner.layer(
      ScriptedRunner.on(["editor"], Reply.pending),
      ScriptedRunner.on(["gone"], Reply.notFound),
      ScriptedRunner.on(["busy"], Reply.spawnFailed("EAGAIN"))
    ))))

  it.effect("records them as detached, inside groups too, and those that fail", () =>
    Effect.gen(function*() {
      yield* Command.startDetached(editor)
      const group = yield* ProcessGroup.make
      yield* ProcessGroup.provide(Command.startDetached(editor), group)
      yield* Command.runUnit(editor)
      yield* Effect.exit(Command.startDetached(Command.setTimeout(editor, "1 second")))
      const calls = yield* RecordingRunner.calls
      assert.deepEqual(calls.map(({ isDetached }) => isDetached), [true, true, false, true])
      assert.deepEqual(Invocation.line(calls[0] ?? assert.fail("none")), ["editor", "file"])
      assert.deepInclude(calls.map((call) => call.toJSON())[0], { isDetached: true })
      assert.notProperty(calls.map((call) => call.toJSON())[2], "isDetached")
    }).pipe(
      Effect.scoped,
      Effect.provide(RecordingRunner.layer.pipe(
        Layer.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.ok())))
      ))
    ))

  it.effect("plans them in a dry run, checked", () =>
    Effect.gen(function*() {
      yield* Command.startDetached(editor)
      assert.strictEqual(
        yield* tagOf(Command.startDetached(Command.setStdout(editor, "pipe"))),
        "InvalidInput"
      )
      assert.deepEqual(yield* DryRunRunner.commands, ["editor file"])
    }).pipe(Effect.provide(DryRunRunner.layer())))

  it.effect("fails them at every occasion that a fault may take", () =>
    Effect.gen(function*() {
      const program = Command.startDetached(Command.make("waits"))
      const ends = yield* FaultyBackend.sweep(program, (at) => FaultyBackend.spawnFails({ at, errno: "ENOMEM" }))
      assert.deepEqual(ends.map(({ _tag }) => _tag), ["Failure", "Success"])
      const asked = yield* FaultyBackend.sweep(program, (at) => FaultyBackend.operationFails({ at }))
      assert.deepEqual(asked.map(({ _tag }) => _tag), ["Failure", "Success"])
      const lost = yield* FaultyBackend.sweep(program, (at) => FaultyBackend.hostLost({ at }))
      assert.deepEqual(lost.map(({ _tag }) => _tag), ["Failure", "Success"])
    }).pipe(Effect.provide(ScriptedRunner.layer(ScriptedRunner.fallback(Reply.pending)))))
})
