import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import * as Outcome from "processkit/Outcome"
import * as ProcessError from "processkit/ProcessError"
import { expectTypeOf } from "vitest"
import { intBetween } from "./arbitraries.ts"

/** Planted where a message must not look; a message that holds it has echoed a secret. */
const secret = "hunter2"

const captured = { stdout: "progress\nresult line\n", stderr: "warning\nfatal: broken\n" }

/** One of every reason; text fields that may be shown take `shown`, those that may not hold the secret. */
const reasons = (program: string, shown: string): ReadonlyArray<ProcessError.Reason> => [
  new ProcessError.NotFound({ program, searched: [`/home/${secret}/bin`] }),
  new ProcessError.NotFound({ program, searched: undefined }),
  new ProcessError.SpawnFailed({ program, errno: shown }),
  new ProcessError.InvalidCwd({ program, cwd: `/home/${secret}`, errno: shown }),
  new ProcessError.InvalidCwd({ program, cwd: `/home/${secret}`, errno: "ENOENT" }),
  new ProcessError.PermissionDenied({ program, errno: shown }),
  new ProcessError.ExecFormat({ program, interpreter: undefined }),
  new ProcessError.ExecFormat({ program, interpreter: shown }),
  new ProcessError.InvalidInput({ program, field: shown, problem: shown }),
  new ProcessError.ArgumentListTooLong({ program, bytes: 3_000_000 }),
  new ProcessError.ResourceExhausted({ program, errno: shown }),
  new ProcessError.NonZeroExit({ program, code: 3, ...captured }),
  new ProcessError.NonZeroExit({ program, code: 3, stdout: `${secret}\n`, stderr: `${secret}\n${shown}\n` }),
  new ProcessError.Signaled({ program, signal: "SIGSEGV", number: 11, ...captured }),
  new ProcessError.Signaled({ program, signal: shown as never, number: 11, stdout: "", stderr: "" }),
  new ProcessError.TimedOut({
    program,
    after: Duration.seconds(90),
    kind: "deadline",
    exit: Outcome.exited(0),
    ...captured
  }),
  new ProcessError.TimedOut({
    program,
    after: Duration.seconds(5),
    kind: "inactivity",
    exit: Outcome.signaled("SIGKILL", 9),
    stdout: "",
    stderr: ""
  }),
  new ProcessError.OutputTooLarge({
    program,
    stream: "stdout",
    maxLines: 10,
    maxBytes: 100,
    totalLines: 11,
    totalBytes: 99
  }),
  new ProcessError.StdinFailed({ program, cause: new Error(secret) }),
  new ProcessError.NotReady({ program, within: Duration.seconds(2), last: shown }),
  new ProcessError.ParseFailed({ program, cause: new Error(secret) }),
  new ProcessError.Cancelled({ program, stop: undefined }),
  new ProcessError.Cancelled({ program, stop: { signal: "SIGTERM", forced: true } }),
  new ProcessError.ResourceLimit({ limit: "memory", why: "unenforceable", detail: shown }),
  new ProcessError.Unsupported({ feature: shown, mechanism: undefined, detail: shown }),
  new ProcessError.Unsupported({ feature: shown, mechanism: "process-group", detail: shown }),
  new ProcessError.GroupClosed({ operation: shown }),
  new ProcessError.AlreadyConsumed({ program, stream: "stdin" }),
  new ProcessError.HostLost({ program, detail: shown }),
  new ProcessError.TeardownIncomplete({ program, pids: [12, 13] }),
  new ProcessError.GaveUp({ program, restarts: 4, last: shown }),
  new ProcessError.RestartStorm({ program, restarts: 9, within: Duration.minutes(1) }),
  new ProcessError.Unscripted({ program, argumentCount: 2 }),
  new ProcessError.CassetteMiss({ program, cassette: shown }),
  new ProcessError.CassetteInvalid({ cassette: shown, problem: shown }),
  new ProcessError.IoFailed({ program, operation: shown, errno: shown })
]

const examples = reasons("git", "E")

const names = [
  "NotFound",
  "SpawnFailed",
  "InvalidCwd",
  "PermissionDenied",
  "ExecFormat",
  "InvalidInput",
  "ArgumentListTooLong",
  "ResourceExhausted",
  "NonZeroExit",
  "Signaled",
  "TimedOut",
  "OutputTooLarge",
  "StdinFailed",
  "NotReady",
  "ParseFailed",
  "Cancelled",
  "ResourceLimit",
  "Unsupported",
  "GroupClosed",
  "AlreadyConsumed",
  "HostLost",
  "TeardownIncomplete",
  "GaveUp",
  "RestartStorm",
  "Unscripted",
  "CassetteMiss",
  "CassetteInvalid",
  "IoFailed"
] as const

// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]|\p{Bidi_Control}/u

const hostile = Arbitrary.map(
  Arbitrary.array(intBetween(0, 0x2100), { minLength: 1, maxLength: 40 }),
  (units) => `\x1b]0;x\x07\n\u202e${String.fromCharCode(...units)}`
)

const example = (tag: ProcessError.Reason["_tag"]): ProcessError.Reason => {
  const found = examples.find((reason) => reason._tag === tag)
  assert.isDefined(found)
  return found as ProcessError.Reason
}

describe("ProcessError", () => {
  it("has the reasons of the documentation and no others", () => {
    expectTypeOf<ProcessError.Reason["_tag"]>().toEqualTypeOf<typeof names[number]>()
    assert.deepStrictEqual(new Set(examples.map((reason) => reason._tag)), new Set(names))
    const classes = Object.entries(ProcessError).filter(([name, value]) =>
      typeof value === "function" && /^[A-Z]/.test(name) && name !== "ProcessError"
    )
    assert.deepStrictEqual(classes.map(([name]) => name).toSorted(), names.toSorted())
  })

  describe("message", () => {
    it("is the reason's message, with the program's name where there is one", () => {
      for (const reason of examples) {
        const error = ProcessError.make(reason)
        assert.strictEqual(error.message, reason.message)
        assert.isAbove(error.message.length, 10)
        if (error.program !== undefined) assert.include(error.message, "git", reason._tag)
      }
    })

    it("never holds a directory, a cause, or output but its last line", () => {
      for (const reason of examples) {
        const error = ProcessError.make(reason)
        for (const text of [error.message, String(error), error.stack ?? "", String(reason), reason.stack ?? ""]) {
          assert.notInclude(text, secret, reason._tag)
        }
      }
    })

    it.prop("is one line that is safe to show, whatever the fields hold", [hostile, hostile], ([program, shown]) => {
      for (const reason of reasons(program, shown)) {
        assert.isFalse(unsafe.test(reason.message), `${reason._tag}: ${JSON.stringify(reason.message)}`)
      }
    })

    it("is bounded, whatever the fields hold", () => {
      const huge = "x".repeat(100_000)
      for (const reason of reasons(huge, huge)) assert.isBelow(reason.message.length, 1000, reason._tag)
    })

    it("shows the last line of standard error, else of standard output", () => {
      assert.strictEqual(example("NonZeroExit").message, "git exited with code 3: fatal: broken")
      assert.strictEqual(example("Signaled").message, "git was killed by SIGSEGV: fatal: broken")
      assert.strictEqual(example("TimedOut").message, "git timed out after 1m 30s and was stopped: fatal: broken")
      const silent = new ProcessError.NonZeroExit({ program: "git", code: 1, stdout: "only this\n", stderr: " \n" })
      assert.strictEqual(silent.message, "git exited with code 1: only this")
    })

    it("names PATH only where PATH was searched", () => {
      const [searched, given] = examples
      assert.include(searched?.message, "PATH")
      assert.notInclude(given?.message, "PATH")
    })

    it.each(
      [
        ["NotFound", "install"],
        ["PermissionDenied", "check"],
        ["ExecFormat", "needs"],
        ["ArgumentListTooLong", "standard input"],
        ["ResourceExhausted", "try again"],
        ["OutputTooLarge", "raise the buffer"],
        ["GroupClosed", "keep its scope open"],
        ["Unscripted", "add a rule"],
        ["CassetteMiss", "record it again"],
        ["AlreadyConsumed", "once"]
      ] as const
    )("of %s says what to do", (tag, advice) => {
      assert.include(example(tag).message, advice)
    })

    it("takes no word for a working directory's problem from the names that every object has", () => {
      for (const errno of ["constructor", "__proto__", "toString"]) {
        const { message } = new ProcessError.InvalidCwd({ program: "git", cwd: "/", errno })
        assert.strictEqual(message, `git was not started: its working directory cannot be used (${errno})`)
      }
    })
  })

  describe("isTransient", () => {
    const always = new Set(["ResourceExhausted", "HostLost"])
    const byErrno = new Set(["SpawnFailed", "IoFailed"])

    it.each(names)("of %s is what the table says", (tag) => {
      assert.strictEqual(ProcessError.make(example(tag)).isTransient, always.has(tag))
    })

    it.each([...byErrno])("of %s depends on the errno", (tag) => {
      const transient = ["EINTR", "EAGAIN", "EBUSY", "ETXTBSY"]
      for (const errno of [...transient, "EIO", "ENOENT", "EACCES", "EPERM", "EPIPE", "", "constructor"]) {
        const reason = tag === "SpawnFailed"
          ? new ProcessError.SpawnFailed({ program: "git", errno })
          : new ProcessError.IoFailed({ program: "git", operation: "reading stdout", errno })
        assert.strictEqual(ProcessError.make(reason).isTransient, transient.includes(errno), errno)
      }
    })
  })

  it("names the program where the failure is about one", () => {
    const none = new Set(["ResourceLimit", "Unsupported", "GroupClosed", "CassetteInvalid"])
    for (const reason of examples) {
      assert.strictEqual(ProcessError.make(reason).program, none.has(reason._tag) ? undefined : "git", reason._tag)
    }
    const unknown = new ProcessError.IoFailed({ program: undefined, operation: "listing members", errno: "EIO" })
    assert.isUndefined(ProcessError.make(unknown).program)
    assert.strictEqual(unknown.message, "listing members failed for the command: EIO")
  })

  it("is recognised by its guard, and its reasons are not", () => {
    for (const reason of examples) {
      assert.isTrue(ProcessError.isProcessError(ProcessError.make(reason)))
      assert.isFalse(ProcessError.isProcessError(reason))
    }
    for (const value of [undefined, null, 5, {}, new Error("x")]) assert.isFalse(ProcessError.isProcessError(value))
  })

  describe("previews", () => {
    const long = "line\n".repeat(10_000)
    const big = new Uint8Array(5000)
    const bulky = [
      new ProcessError.NonZeroExit({ program: "git", code: 1, stdout: long, stderr: long, stdoutBytes: big }),
      new ProcessError.Signaled({ program: "git", signal: "SIGTERM", number: 15, stdout: long, stderr: long }),
      new ProcessError.TimedOut({
        program: "git",
        after: Duration.seconds(1),
        kind: "deadline",
        exit: Outcome.exited(1),
        stdout: long,
        stderr: long,
        stdoutBytes: big
      })
    ]

    it("keep long streams out of JSON and out of what the console prints", () => {
      for (const reason of bulky) {
        const error = ProcessError.make(reason)
        for (const shown of [JSON.stringify(reason), JSON.stringify(error), inspect(reason), inspect(error)]) {
          assert.isBelow(shown.length, 2500, reason._tag)
          assert.include(shown, reason._tag)
        }
      }
    })

    it("keep long streams out of a pretty cause", () => {
      for (const reason of bulky) {
        assert.isBelow(Cause.pretty(Cause.fail(ProcessError.make(reason))).length, 4000, reason._tag)
      }
    })

    it("show the length of bytes", () => {
      assert.include(JSON.stringify(bulky[0]), "<5000 bytes>")
    })

    it("leave the fields whole", () => {
      for (const reason of bulky) assert.strictEqual(reason.stdout, long)
    })

    it("are there for every reason, in JSON and on the console", () => {
      for (const reason of examples) {
        const error = ProcessError.make(reason)
        const json: { readonly _tag: string; readonly reason: { readonly _tag: string } } = JSON.parse(
          JSON.stringify(error)
        )
        assert.strictEqual(json._tag, "ProcessError")
        assert.strictEqual(json.reason._tag, reason._tag)
        assert.include(inspect(error), reason._tag)
      }
    })

    it("say what may be meant by a name with blanks", () => {
      const missing = new ProcessError.NotFound({ program: "git log", searched: ["/bin"] })
      assert.strictEqual(missing.message, "git log was not found on PATH: give its arguments apart from its name")
    })

    it("say in a word what happened, in JSON, on the console and in a log", () => {
      const error = ProcessError.make(new ProcessError.NotFound({ program: "gti", searched: ["/bin"] }))
      for (const shown of [JSON.stringify(error), inspect(error)]) assert.include(shown, error.message)
      for (const reason of examples) {
        assert.include(JSON.stringify(ProcessError.make(reason)), JSON.stringify(reason.message), reason._tag)
      }
    })
  })

  it.effect("lets one reason be handled, with its own fields, and leaves the others", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* handled(ProcessError.make(example("NonZeroExit"))), 3)
      const other = yield* Effect.flip(handled(ProcessError.make(example("NotFound"))))
      assert.strictEqual(other.reason._tag, "NotFound")
    }))

  it("narrows what is left when a reason has been handled", () => {
    const run: Effect.Effect<string, ProcessError.ProcessError> = Effect.succeed("")
    const unwrapped = run.pipe(
      Effect.unwrapReason("ProcessError"),
      Effect.catchTag("NotFound", () => Effect.succeed(0))
    )
    expectTypeOf(unwrapped).toEqualTypeOf<
      Effect.Effect<string | number, Exclude<ProcessError.Reason, ProcessError.NotFound>>
    >()
    // @ts-expect-error there is no such reason
    run.pipe(Effect.catchReason("ProcessError", "NotThere", () => Effect.succeed("")))
  })
})

const handled = (error: ProcessError.ProcessError) =>
  Effect.fail(error).pipe(
    Effect.catchReason("ProcessError", "NonZeroExit", (reason) => {
      expectTypeOf(reason).toEqualTypeOf<ProcessError.NonZeroExit>()
      return Effect.succeed(reason.code)
    })
  )
