/** The contract of backends: how children end. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const codes = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  for (const code of [0, 1, 2, 143, 255]) {
    const watched = yield* Probe.alone(exitsWith(code))
    yield* Probe.ended(watched)
    yield* Probe.same(Probe.exitOf(watched), String(code), "the exit")
  }
})

const signals = Effect.gen(function*() {
  const { diesBySignal } = yield* Probe.programs
  for (const [signal, number] of [["SIGKILL", 9], ["SIGTERM", 15], ["SIGINT", 2], ["SIGHUP", 1]] as const) {
    const watched = yield* Probe.alone(diesBySignal(signal))
    yield* Probe.ended(watched)
    yield* Probe.same(Probe.exitOf(watched), `${signal} (${number})`, "the exit")
  }
})

const once = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  const watched = yield* Probe.alone(exitsWith(3))
  yield* Probe.ended(watched)
  const late: Array<unknown> = []
  watched.child.onExit((exit) => late.push(exit))
  yield* Probe.until("the report to a late observer", () => late.length > 0)
  yield* Effect.sleep("20 millis")
  yield* Probe.same([watched.exits.length, late.length], [1, 1], "reports to an early and a late observer")
  yield* Probe.same(late[0], watched.exits[0], "the report to a late observer")
})

const answered = Effect.gen(function*() {
  const { trapsTerm } = yield* Probe.programs
  const watched = yield* Probe.alone(trapsTerm)
  yield* Probe.ready(watched)
  yield* watched.child.signalLeader("SIGTERM")
  yield* Probe.ended(watched)
  yield* Probe.same([Probe.exitOf(watched), watched.stdout.text], ["143", "ready\nbye\n"], "exit and output")
})

const afterwards = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  const watched = yield* Probe.alone(exitsWith(0))
  yield* Probe.ended(watched)
  yield* watched.child.signalLeader("SIGKILL")
  yield* watched.child.signal("SIGKILL")
  yield* watched.child.kill
  yield* Probe.same(yield* watched.child.awaitEmpty(Duration.seconds(5)), [], "members of a child that has exited")
  yield* Probe.same(Probe.exitOf(watched), "0", "the exit")
})

export const exitCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("reports exit codes as codes", [], codes),
  Probe.claim("reports a death by signal with its name and number", ["signals"], signals),
  Probe.claim("reports the exit once, also to whoever asks late", [], once),
  Probe.claim("reports the code of a child that answers a signal with one", ["signals"], answered),
  Probe.claim("does nothing to a child that has exited", [], afterwards)
]
