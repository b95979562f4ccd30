import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Outcome from "processkit/Outcome"
import { expectTypeOf } from "vitest"

const exited = Outcome.exited(143)
const signaled = Outcome.signaled("SIGTERM", 15)
const timedOut = Outcome.timedOut({ after: Duration.seconds(1), kind: "deadline", exit: Outcome.exited(0) })

describe("Outcome", () => {
  it("has one guard for each kind, and each fits one kind only", () => {
    const guards = [Outcome.isExited, Outcome.isSignaled, Outcome.isTimedOut]
    const rows = [exited, signaled, timedOut].map((outcome) => guards.map((guard) => guard(outcome)))
    assert.deepStrictEqual(rows, [[true, false, false], [false, true, false], [false, false, true]])
  })

  it("has a code only where the process returned one and no deadline ended it", () => {
    assert.deepStrictEqual([exited, signaled, timedOut].map(Outcome.code), [143, undefined, undefined])
    assert.strictEqual(Outcome.code(Outcome.exited(0)), 0)
  })

  it("has a signal only where somebody else's signal ended the process", () => {
    const killed = Outcome.timedOut({ after: Duration.zero, kind: "inactivity", exit: Outcome.signaled("SIGKILL", 9) })
    const signals = [exited, signaled, timedOut, killed].map(Outcome.signal)
    assert.deepStrictEqual(signals, [undefined, "SIGTERM", undefined, undefined])
  })

  it("keeps what the process really returned inside a timeout", () => {
    assert.deepStrictEqual(timedOut.exit, { _tag: "Exited", code: 0 })
  })

  it("says that nobody knows of a core dump unless it is told", () => {
    assert.deepStrictEqual(signaled, { _tag: "Signaled", signal: "SIGTERM", number: 15, coreDumped: undefined })
    assert.isTrue(Outcome.signaled("SIGSEGV", 11, true).coreDumped)
  })

  it("narrows by its guards", () => {
    const outcome: Outcome.Outcome = timedOut
    if (Outcome.isTimedOut(outcome)) expectTypeOf(outcome.exit).toEqualTypeOf<Outcome.Exit>()
    expectTypeOf<Outcome.Outcome["_tag"]>().toEqualTypeOf<"Exited" | "Signaled" | "TimedOut">()
  })
})
