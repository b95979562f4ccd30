/** The contract of backends: streams that are files. */
import * as Effect from "effect/Effect"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const { contentOf, from, into } = Probe

const written = Effect.gen(function*() {
  const { freshPath, printsTwoStreams } = yield* Probe.programs
  const path = yield* freshPath
  const watched = yield* Probe.alone(printsTwoStreams, { stdout: into(path) })
  yield* Probe.exited(watched)
  yield* Probe.same(watched.child.stdout === undefined, true, "whether there is no pipe for a file")
  yield* Probe.until("the end of the other stream", () => watched.stderr.ends.length > 0)
  yield* Probe.same(watched.stderr.text, "err\n", "the stream that is a pipe")
  yield* Probe.same(yield* contentOf(path), "out\n", "the file")
})

const again = Effect.gen(function*() {
  const { freshPath, printsTwoStreams } = yield* Probe.programs
  const path = yield* freshPath
  const expected = ["out\n", "out\n", "out\nout\n", "out\n"]
  for (const [i, append] of [true, false, true, false].entries()) {
    yield* Probe.exited(yield* Probe.alone(printsTwoStreams, { stdout: into(path, append), stderr: "null" }))
    yield* Probe.same(yield* contentOf(path), expected[i], `the file after start ${i + 1}`)
  }
})

const shared = Effect.gen(function*() {
  const { freshPath, printsTwoStreams } = yield* Probe.programs
  const path = yield* freshPath
  for (const append of [false, true]) {
    const both = { stdout: into(path, append), stderr: into(path, append) }
    yield* Probe.exited(yield* Probe.alone(printsTwoStreams, both))
  }
  yield* Probe.same(yield* contentOf(path), "out\nerr\nout\nerr\n", "a file that is both streams")
})

const untouched = Effect.gen(function*() {
  const { freshPath, missing, printsTwoStreams } = yield* Probe.programs
  const path = yield* freshPath
  yield* Probe.exited(yield* Probe.alone(printsTwoStreams, { stdout: into(path), stderr: "null" }))
  const failed = yield* Effect.exit(Probe.alone(missing, { stdout: into(path) }))
  yield* Probe.same(failed._tag, "Failure", "the start of a program that is missing")
  yield* Probe.same(yield* contentOf(path), "out\n", "the file that it would have written to")
})

const fed = Effect.gen(function*() {
  const { echoesStdin, floods, freshPath } = yield* Probe.programs
  const path = yield* freshPath
  yield* Probe.exited(yield* Probe.alone(floods(300_000), { stdout: into(path) }))
  const watched = yield* Probe.alone(echoesStdin, { stdin: from(path) })
  yield* Probe.same(watched.child.stdin === undefined, true, "whether there is no pipe for a file")
  yield* Probe.ended(watched)
  const wrong = Probe.difference(watched.stdout.bytes, Probe.pattern(300_000))
  yield* Probe.holds(wrong === undefined, `what was read has ${wrong}`)
})

export const fileCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("sends a stream to a file that it makes, and leaves the other one alone", [], written),
  Probe.claim("empties a file before it is written to, or appends", [], again),
  Probe.claim("gives both streams one position in a file that both name", [], shared),
  Probe.claim("leaves a file alone where the program is missing", [], untouched),
  Probe.claim("feeds standard input from a file", [], fed)
]
