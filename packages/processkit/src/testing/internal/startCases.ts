/** The contract of backends: what children are started with, and starts that fail. */
import * as Effect from "effect/Effect"
import * as ProcessBackend from "../../ProcessBackend.ts"
import type * as ProcessError from "../../ProcessError.ts"
import type * as BackendPrograms from "../BackendPrograms.ts"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

const nasty = ["", " ", "a b", "$HOME", "\"quoted\"", "it's", "line\nbreak", "tab\t", "back\\slash", "*", "--flag=ü€😀"]

const args = Effect.gen(function*() {
  const { printsArguments } = yield* Probe.programs
  const watched = yield* Probe.alone(printsArguments(nasty))
  yield* Probe.ended(watched)
  yield* Probe.same(watched.stdout.text.split("\0").slice(0, -1), nasty, "the arguments")
})

const variable = (name: string, env: ProcessBackend.Environment) =>
  Effect.gen(function*() {
    const { printsVariable } = yield* Probe.programs
    const watched = yield* Probe.alone(printsVariable(name), { env })
    yield* Probe.ended(watched)
    return watched.stdout.text
  })

const environment = Effect.gen(function*() {
  const value = "a b=c\n$HOME ü"
  const set: ProcessBackend.Environment["set"] = [["SUITE_SET", value], ["SUITE_GONE", "x"], ["SUITE_GONE", undefined]]
  for (const base of ["inherit", "empty", ["PATH"]] as const) {
    yield* Probe.same(yield* variable("SUITE_SET", { base, set }), `=${value}`, "a variable that was set")
    yield* Probe.same(yield* variable("SUITE_GONE", { base, set }), "", "a variable that was removed")
  }
})

const inheritance = Effect.gen(function*() {
  const inherited = yield* variable("PATH", { base: "inherit", set: [] })
  yield* Probe.holds(inherited.length > 1, "PATH is not inherited")
  yield* Probe.same(yield* variable("PATH", { base: ["PATH"], set: [] }), inherited, "a variable on the allow-list")
  yield* Probe.same(yield* variable("PATH", { base: "empty", set: [] }), "", "a variable of an empty environment")
  yield* Probe.same(yield* variable("PATH", { base: ["SUITE_NO"], set: [] }), "", "a variable not on the allow-list")
  yield* Probe.same(yield* variable("PATH", { base: "inherit", set: [["PATH", undefined]] }), "", "a removed variable")
})

const directory = Effect.gen(function*() {
  const { printsDirectory } = yield* Probe.programs
  const watched = yield* Probe.alone(printsDirectory, { cwd: "/" })
  yield* Probe.ended(watched)
  yield* Probe.same(watched.stdout.text, "/", "the working directory")
})

/** Checks that a start fails for a reason, leaves nobody behind, and spares the container. */
const failsWith = (
  tag: ProcessError.Reason["_tag"],
  line: BackendPrograms.Line,
  overrides: Partial<ProcessBackend.SpawnRequest> = {}
) =>
  Effect.gen(function*() {
    const { exitsWith } = yield* Probe.programs
    const container = yield* Probe.container
    const reason = yield* Probe.spawn(container, line, overrides).pipe(
      Effect.as("none"),
      Effect.catchTag("ProcessError", (error) => Effect.succeed(error.reason._tag))
    )
    yield* Probe.same(reason, tag, "the reason")
    yield* Probe.same(yield* container.members, [], "members after a start that failed")
    const next = yield* Probe.spawn(container, exitsWith(0))
    yield* Probe.ended(next)
    yield* Probe.same(Probe.exitOf(next), "0", "the exit of the next child")
  })

const missing = Effect.flatMap(Probe.programs, ({ missing }) => failsWith("NotFound", missing))

const noDirectory = Effect.flatMap(
  Probe.programs,
  ({ exitsWith }) => failsWith("InvalidCwd", exitsWith(0), { cwd: "/nonexistent-directory-of-the-suite" })
)

const resolving = Effect.gen(function*() {
  const backend = yield* ProcessBackend.ProcessBackend
  const { exitsWith, missing } = yield* Probe.programs
  const path = yield* backend.resolve(Probe.request(exitsWith(0)))
  yield* Probe.holds(path.length > 0, "a program has no path")
  const reason = yield* backend.resolve(Probe.request(missing)).pipe(
    Effect.as("none"),
    Effect.catchTag("ProcessError", (error) => Effect.succeed(error.reason._tag))
  )
  yield* Probe.same(reason, "NotFound", "the reason")
})

const prediction = Effect.gen(function*() {
  const backend = yield* ProcessBackend.ProcessBackend
  const container = yield* Probe.container
  yield* Probe.same(container.containment, backend.containment, "what a container promises")
})

export const startCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("passes arguments byte for byte", ["arguments"], args),
  Probe.claim("sets and removes variables on top of every base", ["environment"], environment),
  Probe.claim("inherits all of the environment, none of it, or what is named", ["environment"], inheritance),
  Probe.claim("starts a child in its working directory", ["workingDirectory"], directory),
  Probe.claim("fails with NotFound for a program that does not exist, and stays usable", [], missing),
  Probe.claim("fails with InvalidCwd for a directory that does not exist", ["workingDirectory"], noDirectory),
  Probe.claim("resolves what it would start, and fails as it would", [], resolving),
  Probe.claim("promises for a container what it promises beforehand", [], prediction)
]
