/** The contract of backends: children that are connected with each other. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

/** A link, in the two forms in which starts name it. */
const newLink = (container: ProcessBackend.Container) =>
  container.openLink === undefined
    ? Effect.fail(new Probe.ContractBroken({ detail: "a backend with links has no openLink" }))
    : Effect.map(container.openLink, (link) => ({ link, end: { _tag: "Link", link } as const }))

const everyByte = Effect.gen(function*() {
  const { echoesStdin, floods } = yield* Probe.programs
  const container = yield* Probe.container
  const first = yield* newLink(container)
  const second = yield* newLink(container)
  const writer = yield* Probe.spawn(container, floods(1_000_000), { stdout: first.end })
  yield* Probe.spawn(container, echoesStdin, { stdin: first.end, stdout: second.end })
  const reader = yield* Probe.spawn(container, echoesStdin, { stdin: second.end })
  for (const { link } of [first, second, first, second]) yield* link.release
  yield* Probe.ended(reader)
  yield* Probe.ended(writer)
  const wrong = Probe.difference(reader.stdout.bytes, Probe.pattern(1_000_000))
  yield* Probe.holds(wrong === undefined, `what came through has ${wrong}`)
  yield* Probe.same([Probe.exitOf(writer), Probe.exitOf(reader)], ["0", "0"], "the exits")
  const held = [writer.child.stdout, reader.child.stdin].some((stream) => stream !== undefined)
  yield* Probe.holds(!held, "the owner has an end of the link")
})

const goneReader = Effect.gen(function*() {
  const { exitsWith, floods } = yield* Probe.programs
  const container = yield* Probe.container
  const { end } = yield* newLink(container)
  const writer = yield* Probe.spawn(container, floods(8_000_000), { stdout: end })
  const reader = yield* Probe.spawn(container, exitsWith(0), { stdin: end })
  yield* Probe.exited(reader)
  yield* Probe.exited(writer)
  yield* Probe.holds(Probe.exitOf(writer) !== "0", "a writer without a reader has worked")
})

const noReader = Effect.gen(function*() {
  const { floods, missing } = yield* Probe.programs
  const container = yield* Probe.container
  const { end, link } = yield* newLink(container)
  const writer = yield* Probe.spawn(container, floods(8_000_000), { stdout: end })
  yield* Effect.ignore(container.spawn(Probe.request(missing, { stdin: end })))
  yield* link.release
  yield* Probe.exited(writer)
  yield* Probe.holds(Probe.exitOf(writer) !== "0", "a writer whose reader was never there has worked")
})

const oneStream = Effect.gen(function*() {
  const { echoesStdin, printsTwoStreams } = yield* Probe.programs
  const container = yield* Probe.container
  const { end } = yield* newLink(container)
  const writer = yield* Probe.spawn(container, printsTwoStreams, { stdout: end, stderr: "stdout" })
  const reader = yield* Probe.spawn(container, echoesStdin, { stdin: end })
  yield* Probe.ended(reader)
  yield* Probe.ended(writer)
  yield* Probe.same(reader.stdout.text, "out\nerr\n", "what came through")
})

const dyingReader = Effect.gen(function*() {
  const { floods, waits } = yield* Probe.programs
  const container = yield* Probe.container
  const { end } = yield* newLink(container)
  const writer = yield* Probe.spawn(container, floods(8_000_000), { stdout: end })
  const reader = yield* Probe.spawn(container, waits, { stdin: end })
  yield* Probe.ready(reader)
  yield* Effect.sleep("20 millis")
  yield* Probe.same(Probe.exitOf(writer), "running", "a writer whose reader does not read")
  yield* reader.child.kill
  yield* Probe.exited(writer)
})

const onlyOnce = Effect.gen(function*() {
  const { echoesStdin, printsTwoStreams } = yield* Probe.programs
  const container = yield* Probe.container
  const { end } = yield* newLink(container)
  yield* Probe.spawn(container, printsTwoStreams, { stdout: end })
  const second = yield* Effect.exit(container.spawn(Probe.request(printsTwoStreams, { stdout: end })))
  yield* Probe.same(second._tag, "Failure", "the start of a second writer")
  const reader = yield* Probe.spawn(container, echoesStdin, { stdin: end })
  yield* Probe.ended(reader)
  yield* Probe.same(reader.stdout.text, "out\n", "what came through")
})

export const linkCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("carries every byte between children, then end of file", ["links"], everyByte),
  Probe.claim("breaks the link of a writer whose reader has ended", ["links"], goneReader),
  Probe.claim("breaks the link of a writer whose reader was not started, once it is released", ["links"], noReader),
  Probe.claim(
    "holds up a writer whose reader is slow, and breaks its link when the reader dies",
    ["links"],
    dyingReader
  ),
  Probe.claim("gives each end of a link to one child", ["links"], onlyOnce),
  Probe.claim("puts both outputs into one link, in the order of the writes", ["links"], oneStream)
]
