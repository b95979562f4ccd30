/** The contract of backends: what children write. */
import * as Effect from "effect/Effect"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const megabyte = 1_048_576

const exact = (received: Probe.Received, length: number): Effect.Effect<void, Probe.ContractBroken> => {
  const wrong = Probe.difference(received.bytes, Probe.pattern(length))
  return Probe.holds(wrong === undefined, `standard output has ${wrong}`)
}

const bothStreams = Effect.gen(function*() {
  const { printsTwoStreams } = yield* Probe.programs
  const watched = yield* Probe.alone(printsTwoStreams)
  yield* Probe.ended(watched)
  yield* Probe.same([watched.stdout.text, watched.stderr.text], ["out\n", "err\n"], "both streams")
})

const endsOnce = Effect.gen(function*() {
  const { printsTwoStreams } = yield* Probe.programs
  const watched = yield* Probe.alone(printsTwoStreams)
  yield* Probe.ended(watched)
  yield* Effect.sleep("20 millis")
  const cleanEnds = [watched.stdout.ends, watched.stderr.ends].map((ends) => ends.map((errno) => errno ?? "clean"))
  yield* Probe.same(cleanEnds, [["clean"], ["clean"]], "the ends of both streams")
})

const flood = Effect.gen(function*() {
  const { floods } = yield* Probe.programs
  const watched = yield* Probe.alone(floods(megabyte))
  yield* Probe.ended(watched)
  yield* exact(watched.stdout, megabyte)
})

const backPressure = Effect.gen(function*() {
  const { floods } = yield* Probe.programs
  const refusals = 5
  const watched = yield* Probe.alone(floods(megabyte), {}, ({ stdout }) => {
    stdout.answers.push(...Array.from({ length: refusals }, () => false))
  })
  for (let chunks = 1; chunks <= refusals; chunks++) {
    yield* Probe.until(`chunk ${chunks}`, () => watched.stdout.chunks.length >= chunks)
    // A source that does not keep silent would deliver now.
    yield* Effect.sleep("20 millis")
    yield* Probe.same(watched.stdout.chunks.length, chunks, "chunks delivered before the source was resumed")
    watched.child.stdout?.resume()
  }
  yield* Probe.ended(watched)
  yield* exact(watched.stdout, megabyte)
})

const exitWhilePaused = Effect.gen(function*() {
  const { floods } = yield* Probe.programs
  const watched = yield* Probe.alone(floods(1000), {}, ({ stdout }) => stdout.answers.push(false))
  yield* Probe.exited(watched)
  watched.child.stdout?.resume()
  yield* Probe.ended(watched)
  yield* exact(watched.stdout, 1000)
})

const closing = Effect.gen(function*() {
  const { floods } = yield* Probe.programs
  const watched = yield* Probe.alone(floods(megabyte), {}, ({ child, stdout }) => {
    stdout.onChunk = () => child.stdout?.close()
  })
  yield* Probe.exited(watched)
  watched.child.stdout?.close()
  yield* Effect.sleep("20 millis")
  yield* Probe.same(
    [watched.stdout.chunks.length, watched.stdout.ends.length],
    [1, 0],
    "chunks and ends after the close"
  )
})

const noPipes = Effect.gen(function*() {
  const { printsTwoStreams } = yield* Probe.programs
  const watched = yield* Probe.alone(printsTwoStreams, { stdout: "null", stderr: "null" })
  yield* Probe.exited(watched)
  const { stderr, stdin, stdout } = watched.child
  yield* Probe.same(
    [stdin, stdout, stderr].map((end) => end === undefined),
    [true, true, true],
    "ends that are no pipes"
  )
  yield* Probe.same(Probe.exitOf(watched), "0", "the exit")
})

export const outputCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("delivers both streams as they were written", [], bothStreams),
  Probe.claim("ends each stream once", [], endsOnce),
  Probe.claim("delivers a megabyte byte for byte", [], flood),
  Probe.claim("is silent after a refused chunk until it is resumed, and loses nothing", [], backPressure),
  Probe.claim("keeps what an exited child wrote for a reader that is late", [], exitWhilePaused),
  Probe.claim("delivers nothing after a source was closed", [], closing),
  Probe.claim("has no stream where there is no pipe", [], noPipes)
]
