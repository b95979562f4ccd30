/** The contract of backends: what children read. */
import * as Effect from "effect/Effect"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const everyByte = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const watched = yield* Probe.alone(echoesStdin, { stdin: "pipe" })
  const bytes = Probe.pattern(300_000)
  for (const part of [bytes.subarray(0, 1), bytes.subarray(1, 100_000), bytes.subarray(100_000)]) {
    yield* Probe.same(yield* Probe.write(watched, part), undefined, "the answer to a write")
  }
  watched.child.stdin?.end()
  yield* Probe.ended(watched)
  const wrong = Probe.difference(watched.stdout.bytes, bytes)
  yield* Probe.holds(wrong === undefined, `what came back has ${wrong}`)
  yield* Probe.same(Probe.exitOf(watched), "0", "the exit")
})

const endAtOnce = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const watched = yield* Probe.alone(echoesStdin, { stdin: "pipe" })
  watched.child.stdin?.end()
  watched.child.stdin?.end()
  yield* Probe.ended(watched)
  yield* Probe.same([Probe.exitOf(watched), watched.stdout.text], ["0", ""], "exit and output")
})

const nullInput = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const watched = yield* Probe.alone(echoesStdin, { stdin: "null" })
  yield* Probe.ended(watched)
  yield* Probe.same([Probe.exitOf(watched), watched.stdout.text], ["0", ""], "exit and output")
})

const goneReader = Effect.gen(function*() {
  const { exitsWith } = yield* Probe.programs
  const watched = yield* Probe.alone(exitsWith(0), { stdin: "pipe" })
  yield* Probe.exited(watched)
  yield* Probe.same(yield* Probe.write(watched, Probe.pattern(10)), "closed", "the answer to a write after the exit")
})

const afterEnd = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits, { stdin: "pipe" })
  watched.child.stdin?.end()
  yield* Probe.same(yield* Probe.write(watched, Probe.pattern(10)), "closed", "the answer to a write after the end")
})

const blockedWriter = Effect.gen(function*() {
  const { waits } = yield* Probe.programs
  const watched = yield* Probe.alone(waits, { stdin: "pipe" })
  yield* Probe.ready(watched)
  const answers: Array<string> = []
  // More than any pipe or socket takes while nobody reads.
  watched.child.stdin?.write(Probe.pattern(8 * 1_048_576), (errno) => answers.push(errno ?? "written"))
  yield* Effect.sleep("20 millis")
  yield* Probe.same(answers, [], "answers before anybody reads")
  yield* watched.container.kill
  yield* Probe.until("an answer to the write", () => answers.length > 0)
  yield* Probe.same(answers, ["closed"], "the answer once the reader is gone")
})

const closed = Effect.gen(function*() {
  const { echoesStdin } = yield* Probe.programs
  const watched = yield* Probe.alone(echoesStdin, { stdin: "pipe" })
  watched.child.stdin?.close()
  watched.child.stdin?.close()
  yield* Probe.ended(watched)
  yield* Probe.same(Probe.exitOf(watched), "0", "the exit of a child whose input was closed")
})

export const inputCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("feeds every byte of standard input, then end of file", [], everyByte),
  Probe.claim("gives end of file to a child that is fed nothing", [], endAtOnce),
  Probe.claim("gives end of file to a child whose standard input is null", [], nullInput),
  Probe.claim("answers a write to a child that has gone with closed", [], goneReader),
  Probe.claim("answers a write after the end of input with closed", [], afterEnd),
  Probe.claim("answers a write that waits with closed once the child dies", [], blockedWriter),
  Probe.claim("gives end of file to a child whose input was closed", [], closed)
]
