import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as Outcome from "processkit/Outcome"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessResult from "processkit/ProcessResult"
import { expectTypeOf } from "vitest"

const result = (fields: Partial<ProcessResult.ProcessResult> = {}): ProcessResult.ProcessResult =>
  ProcessResult.make({
    program: "git",
    stdout: "out\n",
    stderr: "err\n",
    outcome: Outcome.exited(0),
    duration: Duration.millis(3),
    ...fields
  })

const timedOut = (exit: Outcome.Exit): Outcome.Outcome =>
  Outcome.timedOut({ after: Duration.seconds(1), kind: "deadline", exit })

const streams = (stdout: string, stderr: string): ProcessResult.ProcessResult => result({ stdout, stderr })

describe("ProcessResult", () => {
  it("is complete and successful unless it is told otherwise", () => {
    const { incomplete, leftovers, okCodes, stop, truncated, usage } = result()
    assert.deepStrictEqual([truncated, incomplete, leftovers, okCodes, stop, usage], [
      false,
      false,
      0,
      [0],
      undefined,
      undefined
    ])
    assert.isTrue(ProcessResult.isProcessResult(result()))
    for (const value of [{ ...result() }, {}, null, undefined, "x"]) {
      assert.isFalse(ProcessResult.isProcessResult(value))
    }
  })

  it("succeeds with one of its codes and with nothing else", () => {
    assert.isTrue(succeeds(Outcome.exited(0), [0]))
    assert.isTrue(succeeds(Outcome.exited(3), [0, 3]))
    assert.isFalse(succeeds(Outcome.exited(0), [3]))
    assert.isFalse(succeeds(Outcome.exited(143), [0]))
    assert.isFalse(succeeds(Outcome.signaled("SIGTERM", 15), [0, 15, 143]))
    assert.isFalse(succeeds(timedOut(Outcome.exited(0)), [0]))
  })

  it("gives its code and its signal only where they are", () => {
    assert.strictEqual(ProcessResult.code(result({ outcome: Outcome.exited(7) })), 7)
    assert.isUndefined(ProcessResult.code(result({ outcome: Outcome.signaled("SIGKILL", 9) })))
    assert.strictEqual(ProcessResult.signal(result({ outcome: Outcome.signaled("SIGKILL", 9) })), "SIGKILL")
    assert.isUndefined(ProcessResult.signal(result()))
  })

  describe("ensureSuccess", () => {
    const fails: ReadonlyArray<readonly [Outcome.Outcome, ProcessError.Reason["_tag"]]> = [
      [timedOut(Outcome.exited(0)), "TimedOut"],
      [timedOut(Outcome.exited(1)), "TimedOut"],
      [timedOut(Outcome.signaled("SIGKILL", 9)), "TimedOut"],
      [Outcome.signaled("SIGSEGV", 11, true), "Signaled"],
      [Outcome.exited(1), "NonZeroExit"]
    ]

    it.effect("asks for the timeout first, then the signal, then the code", () =>
      Effect.gen(function*() {
        for (const [outcome, tag] of fails) {
          const error = yield* Effect.flip(ProcessResult.ensureSuccess(result({ outcome })))
          assert.strictEqual(error.reason._tag, tag)
          assert.deepInclude(error.reason, { program: "git", stdout: "out\n", stderr: "err\n" })
        }
        const ok = result()
        assert.strictEqual(yield* ProcessResult.ensureSuccess(ok), ok)
      }))

    it("says the same as its pure form", () => {
      for (const [outcome, tag] of fails) {
        const checked = ProcessResult.checkSuccess(result({ outcome }))
        assert.isTrue(Result.isFailure(checked) && checked.failure.reason._tag === tag)
      }
      assert.isTrue(Result.isSuccess(ProcessResult.checkSuccess(result())))
    })

    it("takes every detail of the outcome along", () => {
      const exit = Outcome.exited(0)
      const timeout = ProcessResult.toError(result({ outcome: timedOut(exit) })).reason
      assert.deepInclude(timeout, { after: Duration.seconds(1), kind: "deadline", exit })
      const signaled = ProcessResult.toError(result({ outcome: Outcome.signaled("SIGSEGV", 11) })).reason
      assert.deepInclude(signaled, { signal: "SIGSEGV", number: 11 })
      assert.deepInclude(ProcessResult.toError(result({ outcome: Outcome.exited(4) })).reason, { code: 4 })
    })

    it("keeps captured bytes, with their text beside them", () => {
      const stdout = Uint8Array.of(0x61, 0xff)
      const { reason } = ProcessResult.toError(ProcessResult.make({ ...result(), stdout, outcome: Outcome.exited(1) }))
      assert.deepInclude(reason, { stdout: "a\ufffd", stdoutBytes: stdout })
      assert.notProperty(ProcessResult.toError(result({ outcome: Outcome.exited(1) })).reason, "stdoutBytes")
    })
  })

  describe("combined", () => {
    it("puts standard error on a line of its own, and adds nothing where one stream is empty", () => {
      assert.strictEqual(ProcessResult.combined(streams("a", "b")), "a\nb")
      assert.strictEqual(ProcessResult.combined(streams("a\n", "b")), "a\nb")
      assert.strictEqual(ProcessResult.combined(streams("a", "")), "a")
      assert.strictEqual(ProcessResult.combined(streams("", "b")), "b")
      assert.strictEqual(ProcessResult.combined(streams("", "")), "")
    })

    it.prop("holds both streams, in order", [Schema.String, Schema.String], ([stdout, stderr]) => {
      const combined = ProcessResult.combined(streams(stdout, stderr))
      assert.isTrue(combined.startsWith(stdout) && combined.endsWith(stderr))
      assert.isAtMost(combined.length, stdout.length + stderr.length + 1)
    })
  })

  it("gives standard error, trimmed, for a diagnosis, or standard output where that says nothing", () => {
    assert.strictEqual(ProcessResult.diagnostic(streams("out", " a\nb \n")), "a\nb")
    assert.strictEqual(ProcessResult.diagnostic(streams(" out\n", " \n\t")), "out")
    assert.strictEqual(ProcessResult.diagnostic(streams("", "")), "")
  })

  describe("outputContainsAny", () => {
    it("ignores the case of ASCII letters and of no others", () => {
      assert.isTrue(contains(["not FOUND"]))
      assert.isTrue(contains(["nothing", "wARNING"]))
      assert.isTrue(contains(["é w"]))
      assert.isFalse(contains(["É w"]))
    })

    it("does not look across the streams", () => {
      assert.isFalse(contains(["foundé", "found\né"]))
    })

    it("finds an empty text everywhere and an empty list nowhere", () => {
      assert.isTrue(contains([""]))
      assert.isFalse(contains([]))
      assert.isTrue(ProcessResult.outputContainsAny(streams("", ""), [""]))
    })

    it("takes its result first or last", () => {
      assert.isTrue(streams("a", "").stdout === "a" && ProcessResult.outputContainsAny(["A"])(streams("a", "")))
    })
  })

  describe("previews", () => {
    const long = "x".repeat(5000)
    const big = new Uint8Array(5000)

    it("cut text and count bytes, in JSON and on the console", () => {
      const shown: ReadonlyArray<ProcessResult.ProcessResult<unknown>> = [
        result({ stdout: long, stderr: long }),
        ProcessResult.make({ ...result({ stderr: long }), stdout: big, stderrBytes: big })
      ]
      for (const one of shown) {
        for (const text of [JSON.stringify(one), inspect(one), String(one)]) assert.isBelow(text.length, 1500)
      }
      assert.include(JSON.stringify(shown[1]), "<5000 bytes>")
      assert.deepInclude(JSON.parse(JSON.stringify(shown[0])), { _id: "ProcessResult", stdout: `${"x".repeat(200)}…` })
    })

    it("leave the fields whole", () => {
      assert.strictEqual(result({ stdout: long }).stdout, long)
    })
  })

  it("keeps the type of its output through every check", () => {
    const bytes = ProcessResult.make({ ...result(), stdout: new Uint8Array(0) })
    expectTypeOf(ProcessResult.ensureSuccess(bytes)).toEqualTypeOf<
      Effect.Effect<ProcessResult.ProcessResult<Uint8Array<ArrayBuffer>>, ProcessError.ProcessError>
    >()
    // @ts-expect-error bytes cannot be joined with text
    assert.throws(() => ProcessResult.combined(bytes))
  })
})

const succeeds = (outcome: Outcome.Outcome, okCodes: ReadonlyArray<number>): boolean =>
  ProcessResult.isSuccess(result({ outcome, okCodes }))

const contains = (texts: ReadonlyArray<string>): boolean =>
  ProcessResult.outputContainsAny(streams("Fatal: NOT found", "é Warning"), texts)
