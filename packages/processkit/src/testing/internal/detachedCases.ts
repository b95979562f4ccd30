/** The contract of backends: programs that belong to no container. */
import * as Effect from "effect/Effect"
import * as ProcessBackend from "../../ProcessBackend.ts"
import type * as ProcessError from "../../ProcessError.ts"
import type * as BackendPrograms from "../BackendPrograms.ts"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const nowhere = new Probe.ContractBroken({ detail: "the backend has nowhere to start a detached program" })

const outside: Effect.Effect<
  ProcessBackend.Outside,
  ProcessError.ProcessError | Probe.ContractBroken,
  ProcessBackend.ProcessBackend
> = Effect.flatMap(
  ProcessBackend.ProcessBackend,
  (backend): Effect.Effect<ProcessBackend.Outside, ProcessError.ProcessError | Probe.ContractBroken> =>
    backend.outside ?? Effect.fail(nowhere)
)

/** Starts a program outside, with streams that it can have there. */
const detach = (line: BackendPrograms.Line, overrides: Partial<ProcessBackend.SpawnRequest> = {}) =>
  Effect.flatMap(
    outside,
    ({ spawn }) => spawn(Probe.request(line, { stdout: "null", stderr: "null", ...overrides }))
  )

const eventually = (path: string, content: string) =>
  Probe.untilSeen(
    "the content of a file that a detached program writes",
    Effect.map(Effect.scoped(Probe.contentOf(path)), (text) => text === content)
  )

const files = Effect.gen(function*() {
  const { echoesStdin, freshPath, printsTwoStreams } = yield* Probe.programs
  const [path, copy] = [yield* freshPath, yield* freshPath]
  for (const [i, append] of [false, true, false].entries()) {
    const pid = yield* detach(printsTwoStreams, { stdout: Probe.into(path, append), stderr: Probe.into(path, append) })
    yield* Probe.holds(Number.isSafeInteger(pid) && pid > 1, "a detached program has no id")
    yield* eventually(path, "out\nerr\n".repeat(i % 2 + 1))
  }
  yield* detach(echoesStdin, { stdin: Probe.from(path), stdout: Probe.into(copy) })
  yield* eventually(copy, "out\nerr\n")
})

const outlives = Effect.gen(function*() {
  const { exitsWith, freshPath, waits, waitsFor } = yield* Probe.programs
  const [signal, path] = [yield* freshPath, yield* freshPath]
  yield* Effect.scoped(Effect.gen(function*() {
    const container = yield* Probe.container
    yield* Probe.ready(yield* Probe.spawn(container, waits))
    const pid = yield* detach(waitsFor(signal), { stdout: Probe.into(path) })
    const members = yield* container.members
    yield* Probe.holds(!members.includes(pid), "a detached program is a member of a container")
  }))
  yield* Probe.exited(yield* Probe.alone(exitsWith(0), { stdout: Probe.into(signal) }))
  yield* eventually(path, "found\n")
})

const failsWith = (
  tag: ProcessError.Reason["_tag"],
  line: BackendPrograms.Line,
  overrides: Partial<ProcessBackend.SpawnRequest> = {}
) =>
  detach(line, overrides).pipe(
    Effect.as("none"),
    Effect.catchTag("ProcessError", (error) => Effect.succeed(error.reason._tag)),
    Effect.flatMap((reason) => Probe.same(reason, tag, "the reason"))
  )

const missing = Effect.flatMap(Probe.programs, ({ missing }) => failsWith("NotFound", missing))

const noDirectory = Effect.flatMap(
  Probe.programs,
  ({ exitsWith }) => failsWith("InvalidCwd", exitsWith(0), { cwd: "/nonexistent-directory-of-the-suite" })
)

const attributes = Effect.gen(function*() {
  const { freshPath, printsAttribute } = yield* Probe.programs
  const [path, { containment }] = [yield* freshPath, yield* outside]
  yield* Probe.holds(containment.attributes.includes("umask"), "the attribute is not listed")
  yield* detach(printsAttribute("umask"), { attributes: { umask: 0o027 }, stdout: Probe.into(path) })
  yield* eventually(path, "27")
})

export const detachedCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("starts a program outside of every container, with files for streams", ["detached"], files),
  Probe.claim("lets a program outside outlive every container", ["detached"], outlives),
  Probe.claim("fails outside with NotFound for a program that does not exist", ["detached"], missing),
  Probe.claim(
    "fails outside with InvalidCwd for a directory that does not exist",
    ["detached", "workingDirectory"],
    noDirectory
  ),
  Probe.claim("sets attributes of a program outside", ["detached", "umask"], attributes)
]
