import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Conclusion from "../../src/internal/conclusion.ts"
import * as Outcome from "../../src/Outcome.ts"

const deadline: Conclusion.Intervention = { _tag: "Deadline", after: Duration.seconds(1), kind: "deadline" }
const inactivity: Conclusion.Intervention = { _tag: "Deadline", after: Duration.seconds(2), kind: "inactivity" }
const cancelled: Conclusion.Intervention = { _tag: "Cancelled" }
const overflow: Conclusion.Intervention = { _tag: "Overflow" }
const stopped: Conclusion.Intervention = { _tag: "Stopped" }
const interventions = [undefined, deadline, inactivity, cancelled, overflow, stopped]

const exits: ReadonlyArray<Outcome.Exit> = [Outcome.exited(0), Outcome.exited(3), Outcome.signaled("SIGKILL", 9)]

const tooMuch = { maxLines: undefined, maxBytes: 10, totalLines: undefined, totalBytes: 11 }

const stream = (fields: Partial<Conclusion.StreamEnd> = {}): Conclusion.StreamEnd => ({
  name: "stdout",
  errno: undefined,
  cut: false,
  dropped: undefined,
  overflow: undefined,
  totalBytes: 0,
  ...fields
})

const facts = (fields: Partial<Conclusion.Facts<string>> = {}): Conclusion.Facts<string> => ({
  program: "git",
  report: { exit: Outcome.exited(0), usage: undefined },
  intervention: undefined,
  stop: undefined,
  streams: [stream(), stream({ name: "stderr" })],
  stdinFailure: undefined,
  stdout: () => "out",
  stderr: () => "err",
  stderrBytes: undefined,
  duration: Duration.millis(5),
  leftovers: 0,
  okCodes: [0],
  overflowFails: true,
  whole: false,
  ...fields
})

const failure = (fields: Partial<Conclusion.Facts<string>>) => {
  const concluded = Conclusion.conclude(facts(fields))
  return Result.isFailure(concluded) ? concluded.failure.reason : assert.fail("the run succeeded")
}

const success = (fields: Partial<Conclusion.Facts<string>>) => {
  const concluded = Conclusion.conclude(facts(fields))
  return Result.isSuccess(concluded) ? concluded.success : assert.fail(concluded.failure.message)
}

/** What a verb asks of the output. */
const demands: ReadonlyArray<readonly [overflowFails: boolean, whole: boolean]> = [
  [true, true],
  [true, false],
  [false, true],
  [false, false]
]

/** Every combination of what can be known at the end of a run. */
const combinations = interventions.flatMap((intervention) =>
  exits.flatMap((exit) =>
    [undefined, tooMuch].flatMap((overflow) =>
      [undefined, "EIO"].flatMap((errno) =>
        [undefined, { cause: "broken" }].flatMap((stdinFailure) =>
          demands.map(([overflowFails, whole]): Partial<Conclusion.Facts<string>> => ({
            intervention,
            report: { exit, usage: undefined },
            streams: [stream({ overflow, dropped: overflow, errno })],
            stdinFailure,
            overflowFails,
            whole
          }))
        )
      )
    )
  )
)

/** The ranks, written down a second time and in another way. */
const expected = (facts: Partial<Conclusion.Facts<string>>): string => {
  const [end] = facts.streams ?? []
  const exit = facts.report?.exit
  if (facts.intervention?._tag === "Cancelled") return "Cancelled"
  if (end?.overflow !== undefined && facts.overflowFails === true) return "OutputTooLarge"
  if (end?.errno !== undefined) return "IoFailed"
  if (facts.intervention?._tag === "Deadline") return "result TimedOut"
  if (exit?._tag !== "Exited" || exit.code !== 0) return `result ${exit?._tag}`
  if (facts.stdinFailure !== undefined) return "StdinFailed"
  return facts.whole === true && end?.dropped !== undefined ? "OutputTooLarge" : "result Exited"
}

describe("conclusion", () => {
  describe("outranking", () => {
    it("keeps the first intervention, but lets a cancellation outrank a deadline", () => {
      for (const first of interventions) {
        for (const second of [deadline, inactivity, cancelled, overflow, stopped]) {
          const wins = first === undefined || (first._tag === "Deadline" && second._tag === "Cancelled")
            ? second
            : first
          assert.strictEqual(Conclusion.outranking(first, second), wins)
        }
      }
    })
  })

  describe("deadlineOf", () => {
    // One of silence was given the time that the whole run may take, or none at all.
    it("gives the deadline that a backend tells of the time that the command has for it", () => {
      const limits = { timeout: Duration.seconds(1), inactivityTimeout: Duration.seconds(2) }
      const of = (kind: "deadline" | "inactivity" | undefined, own: typeof limits | Record<string, undefined>) =>
        Conclusion.deadlineOf(
          Exit.succeed({ exit: Outcome.exited(0), usage: undefined, deadline: kind }),
          own as typeof limits
        )
      assert.deepStrictEqual(of("deadline", limits), deadline)
      assert.deepStrictEqual(of("inactivity", limits), inactivity)
      assert.deepStrictEqual(of("inactivity", {}), { ...inactivity, after: Duration.zero })
      assert.isUndefined(of(undefined, limits))
    })
  })

  describe("outcomeOf", () => {
    it("is a timeout after a deadline, whatever the process returned, and keeps what it returned", () => {
      for (const exit of exits) {
        assert.deepStrictEqual(
          Conclusion.outcomeOf(exit, deadline),
          Outcome.timedOut({
            after: Duration.seconds(1),
            kind: "deadline",
            exit
          })
        )
        assert.deepInclude(Conclusion.outcomeOf(exit, inactivity), { kind: "inactivity", exit })
      }
    })

    it("is the exit where no deadline passed", () => {
      for (const exit of exits) {
        for (const intervention of [undefined, cancelled, overflow, stopped]) {
          assert.strictEqual(Conclusion.outcomeOf(exit, intervention), exit)
        }
      }
    })
  })

  describe("conclude", () => {
    it("gives every combination of facts the one conclusion of highest rank", () => {
      for (const combination of combinations) {
        const concluded = Conclusion.conclude(facts(combination))
        const found = Result.isFailure(concluded)
          ? concluded.failure.reason._tag
          : `result ${concluded.success.outcome._tag}`
        assert.strictEqual(found, expected(combination), JSON.stringify(combination))
      }
    })

    it("puts what was known into the result", () => {
      const usage = { userTime: Duration.zero, systemTime: Duration.zero, peakMemoryBytes: 1 }
      const stop = { signal: "SIGTERM", forced: true } as const
      const result = success({
        report: { exit: Outcome.exited(3), usage },
        stop,
        leftovers: 2,
        okCodes: [3],
        stderrBytes: () => Uint8Array.of(1)
      })
      const { duration, leftovers, okCodes, program, stderr, stderrBytes, stdout } = result
      assert.deepStrictEqual([program, stdout, stderr, leftovers, okCodes], ["git", "out", "err", 2, [3]])
      assert.deepStrictEqual([result.usage, result.stop, stderrBytes], [usage, stop, Uint8Array.of(1)])
      assert.strictEqual(Duration.toMillis(duration), 5)
    })

    it("leaves out of the result what nobody knows", () => {
      assert.notProperty(success({}), "usage")
      assert.notProperty(success({}), "stop")
      assert.notProperty(success({}), "stderrBytes")
    })

    it("says of either stream that it was truncated or incomplete", () => {
      for (const name of ["stdout", "stderr"] as const) {
        const others = [stream()]
        assert.isTrue(success({ streams: [...others, stream({ name, dropped: tooMuch })] }).truncated)
        assert.isTrue(success({ streams: [...others, stream({ name, cut: true })] }).incomplete)
      }
      assert.deepInclude(success({ streams: [] }), { truncated: false, incomplete: false })
    })

    it("misses nothing of standard error where standard output has to be whole", () => {
      const streams = [stream(), stream({ name: "stderr", dropped: tooMuch })]
      assert.isTrue(success({ whole: true, streams }).truncated)
      assert.strictEqual(failure({ whole: true, streams: [stream({ dropped: tooMuch })] })._tag, "OutputTooLarge")
    })

    it("names the stream that was too large or could not be read", () => {
      assert.deepInclude(failure({ streams: [stream(), stream({ name: "stderr", overflow: tooMuch })] }), {
        stream: "stderr",
        ...tooMuch
      })
      assert.deepInclude(failure({ streams: [stream({ name: "stderr", errno: "EIO" })] }), {
        operation: "reading stderr",
        errno: "EIO"
      })
    })

    it("keeps why standard input failed, also where that is undefined", () => {
      assert.deepInclude(failure({ stdinFailure: { cause: undefined } }), { _tag: "StdinFailed", cause: undefined })
      const cause = new Error("source")
      assert.propertyVal(failure({ stdinFailure: { cause } }), "cause", cause)
    })

    it("blames no input that failed where the program failed too", () => {
      const failed = { stdinFailure: { cause: "x" }, report: { exit: Outcome.exited(1), usage: undefined } }
      assert.deepStrictEqual(success(failed).outcome, Outcome.exited(1))
    })

    it("says how a cancelled program was stopped", () => {
      const stop = { signal: "SIGTERM", forced: false } as const
      assert.deepInclude(failure({ intervention: cancelled, stop }), { program: "git", stop })
    })

    it("reads no output of a run that has no result", () => {
      failure({ intervention: cancelled, stdout: unread, stderr: unread })
      failure({ streams: [stream({ overflow: tooMuch })], stdout: unread, stderr: unread })
    })
  })

  it("fails where an output is longer than any text, and says how long it is", () => {
    const totalBytes = 2 ** 29
    assert.deepInclude(failure({ stdout: endless, streams: [stream({ totalBytes })] }), {
      _tag: "OutputTooLarge",
      stream: "stdout",
      totalBytes
    })
    assert.deepInclude(failure({ stderr: endless, streams: [stream(), stream({ name: "stderr", totalBytes })] }), {
      _tag: "OutputTooLarge",
      stream: "stderr",
      totalBytes
    })
  })
})

const unread = (): never => assert.fail("the output was read")

const endless = (): string => "x".repeat(2 ** 29)
