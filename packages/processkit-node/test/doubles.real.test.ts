import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Batch from "processkit/Batch"
import * as CliClient from "processkit/CliClient"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as Pipeline from "processkit/Pipeline"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as RunningProcess from "processkit/RunningProcess"
import * as Supervisor from "processkit/Supervisor"
import { Reply, ScriptedRunner } from "processkit/testing"
import { allowance } from "./slowness.ts"

/** One program, as a script for a real shell and as a reply for a scripted runner. */
interface Tool {
  readonly script: string
  readonly reply: Reply.Reply
}

/** One process without children: a shell would need one to wait with, and say what became of it. */
const node = (listens: string): string =>
  `exec '${process.execPath}' -e "${listens}; setInterval(() => {}, 1e6); console.log('up')"`

const tools = {
  prints: { script: "printf 'a\\nb\\n'; echo err >&2", reply: Reply.lines(["a", "b"]).pipe(Reply.withStderr("err\n")) },
  json: { script: "echo '{\"n\":1}'", reply: Reply.ok("{\"n\":1}\n") },
  bytes: { script: "printf '\\377\\000\\n'", reply: Reply.bytes(new Uint8Array([0xff, 0, 0x0a])) },
  no: { script: "exit 1", reply: Reply.fail(1) },
  fails: { script: "echo half; echo why >&2; exit 3", reply: Reply.withStdout(Reply.fail(3, "why\n"), "half\n") },
  dies: { script: "kill -TERM $$", reply: Reply.signaled("SIGTERM") },
  waits: { script: "echo up; exec sleep 60", reply: Reply.withStdout(Reply.pending, "up\n") },
  polite: {
    script: node("process.on('SIGTERM', () => { console.log('bye'); process.exit(7) })"),
    reply: Reply.pending.pipe(Reply.withStdout("up\n"), Reply.withSignal("SIGTERM", { stdout: "bye\n", code: 7 }))
  },
  stubborn: {
    script: node("process.on('SIGTERM', () => {})"),
    reply: Reply.pending.pipe(Reply.withStdout("up\n"), Reply.withSignal("SIGTERM", "ignore"))
  },
  leaves: { script: "echo out; sleep 60 & exit 0", reply: Reply.ok("out\n").pipe(Reply.withDescendant(Reply.pending)) },
  cat: { script: "exec cat", reply: Reply.reads((stdin) => Reply.ok(stdin)) },
  upper: { script: "tr a-z A-Z", reply: Reply.reads((stdin) => Reply.ok(stdin.toUpperCase())) },
  asks: {
    script: "printf 'name? '; read name; echo \"hello $name\"",
    reply: Reply.dialog("name? ", (name) => Reply.ok(`hello ${name}\n`))
  }
} satisfies Record<string, Tool>

const tool = (name: keyof typeof tools, options: Command.Options = {}): Command.Command =>
  Command.make("sh", ["-c", tools[name].script], options)

const missing = Command.make("processkit-no-such-program")

const doubles = ScriptedRunner.layer(
  ...Object.values(tools).map(({ reply, script }) => ScriptedRunner.onExactly(["sh", "-c", script], reply)),
  ScriptedRunner.on([missing.program], Reply.notFound)
)

type Program = Effect.Effect<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner | Scope.Scope>

const soon = { grace: "200 millis" } as const

/** Deadlines before which a program has said that it is up, a shell or Node. */
const [shellIsUp, nodeIsUp] = [allowance(1000), allowance(2000)]

/** Waits until a program says that it is up. */
const up = (running: RunningProcess.RunningProcess) => running.waitForLine("up", { within: "20 seconds" })

const scenarios: Record<string, Program> = {
  "run": Command.run(tool("prints")),
  "runUnit": Command.runUnit(tool("prints")),
  "checked": Command.checked(tool("prints")),
  "outputString of a failure": Command.outputString(tool("fails")),
  "outputBytes": Command.outputBytes(tool("bytes")),
  "text that is none": Command.run(tool("bytes")),
  "exitCode": Command.exitCode(tool("fails")),
  "exitCode of a signal": Command.exitCode(tool("dies")),
  "probe": Effect.all([
    Command.probe(tool("prints")),
    Command.probe(tool("no")),
    Effect.result(Command.probe(tool("fails")))
  ]),
  "json": Command.json(tool("json"), Schema.Struct({ n: Schema.Number })),
  "json that is none": Command.json(tool("prints"), Schema.Struct({ n: Schema.Number })),
  "parse": Command.parse(tool("prints"), (text) => text.length),
  "firstLine": Command.firstLine(tool("waits"), (line) => line === "up"),
  "lines": Stream.runCollect(Command.stdoutLines(tool("prints"))),
  "lines of a failure": Stream.runCollect(Command.stdoutLines(tool("fails"))),
  "a failure": Command.run(tool("fails")),
  "a signal": Command.run(tool("dies")),
  "a program that is missing": Command.run(missing),
  "codes that are fine": Command.checked(tool("fails", { okCodes: [0, 3] })),
  "input": Command.run(tool("cat", { stdin: "in\n" })),
  "input from a stream": Command.run(tool("cat", { stdin: Stream.make("a", "b") })),
  "a buffer that keeps the end": Command.outputString(tool("prints", { buffer: OutputBuffer.tail({ lines: 1 }) })),
  "a buffer that fails": Command.outputString(tool("prints", { buffer: OutputBuffer.failAbove({ bytes: 1 }) })),
  "a deadline": Command.outputString(tool("waits", { timeout: shellIsUp })),
  "a deadline that is obeyed": Command.outputString(tool("polite", { timeout: nodeIsUp })),
  "inactivity": Command.outputString(tool("waits", { inactivityTimeout: shellIsUp })),
  "a descendant that holds the pipe": Command.outputString(tool("leaves")),
  "a retry that comes to nothing": Command.run(
    tool("fails", { retry: { schedule: Schedule.recurs(2), while: () => true } })
  ),
  "a dialog": Effect.gen(function*() {
    const running = yield* Command.start(tool("asks", { stdin: "pipe" }))
    yield* running.waitForOutput("name? ", { within: "20 seconds" })
    yield* running.stdin.writeLine("ada")
    return (yield* running.result).stdout
  }),
  "a stop that is obeyed": Effect.gen(function*() {
    const running = yield* Command.start(tool("polite"))
    yield* up(running)
    return [yield* running.stop(), yield* running.result]
  }),
  "a result after the scope of a program": Effect.flatMap(
    Effect.scoped(Effect.tap(Command.start(tool("waits")), up)),
    ({ result }) => result
  ),
  "a stop that is not": Effect.gen(function*() {
    const running = yield* Command.start(tool("stubborn", { stop: soon }))
    yield* up(running)
    return [yield* running.stop(), yield* running.outcome]
  }),
  "a program that is not ready": Effect.gen(function*() {
    const running = yield* Command.start(tool("fails"))
    return yield* running.waitForLine("never", { within: "20 seconds" })
  }),
  "a group": Effect.gen(function*() {
    const group = yield* ProcessGroup.makeWith({ stop: soon })
    const running = yield* group.start(tool("waits"))
    yield* up(running)
    yield* group.suspend
    yield* group.resume
    const count = (yield* group.members).length
    const output = yield* ProcessGroup.provide(Command.run(tool("prints")), group)
    const report = yield* group.shutdown()
    return [
      count,
      output,
      report,
      yield* running.outcome,
      yield* Effect.flatMap(group.start(tool("no")), ({ outcome }) => outcome)
    ]
  }),
  "a pipeline": Command.pipeTo(tool("prints"), tool("upper")).pipe(Pipeline.run),
  "a pipeline whose first stage fails": Command.pipeTo(tool("fails"), tool("cat")).pipe(Pipeline.run),
  "a pipeline with a stage that may fail": Command.pipeTo(Command.unchecked(tool("fails")), tool("cat")).pipe(
    Pipeline.run
  ),
  "a pipeline with a stage that is missing": Command.pipeTo(tool("prints"), missing).pipe(Pipeline.run),
  "a batch": Batch.outputAll([tool("prints"), tool("fails"), missing, tool("cat", { stdin: "x" })], { concurrency: 2 }),
  "a race": Effect.gen(function*() {
    const all = [yield* Command.start(tool("waits")), yield* Command.start(tool("no"))] as const
    return yield* RunningProcess.waitAny([...all])
  }),
  "a client": CliClient.make("sh", { timeout: "30 seconds" }).pipe(
    Effect.flatMap((client) => client.run(["-c", tools.prints.script]))
  ),
  "a supervisor that gives up": Supervisor.run(tool("fails"), { restart: RestartPolicy.onCrash, maxRestarts: 2 }),
  "a supervisor that is satisfied": Supervisor.run(tool("prints"), { restart: RestartPolicy.onCrash })
}

/** What differs from run to run, and says nothing about what was run. */
const incidental = new Set(["duration", "searched", "usage", "pid", "startedAt", "elapsed", "stack"])

const comparable = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value
  if (value instanceof Error) return { ...(comparable({ ...value }) as object), message: value.message }
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !incidental.has(key)).map(([key, value]) => [key, comparable(value)])
  )
}

const ended = (program: Program) =>
  Effect.map(
    Effect.scoped(Effect.result(program)),
    (result) => comparable(Result.isSuccess(result) ? { success: result.success } : { failure: result.failure })
  )

describe("a scripted runner comes to the same as a real one:", () => {
  for (const [name, program] of Object.entries(scenarios)) {
    it.live(name, () =>
      Effect.gen(function*() {
        const [scripted, real] = yield* Effect.all([
          Effect.provide(ended(program), doubles),
          Effect.provide(ended(program), NodeProcessRunner.layer)
        ], { concurrency: 2 })
        assert.deepStrictEqual(scripted, real)
      }))
  }
})
