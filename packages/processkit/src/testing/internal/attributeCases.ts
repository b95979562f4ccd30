/** The contract of backends: the attributes that children are started with. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as SpawnAttributes from "../../SpawnAttributes.ts"
import type * as BackendSuite from "../BackendSuite.ts"
import * as Probe from "./probe.ts"

type Asked = SpawnAttributes.SpawnAttributes

/** What a child says of one of its attributes. */
const told = (name: SpawnAttributes.Name, attributes: Asked) =>
  Effect.gen(function*() {
    const { printsAttribute } = yield* Probe.programs
    const watched = yield* Probe.alone(printsAttribute(name), { attributes })
    yield* Probe.ended(watched)
    return watched.stdout.text
  })

const gives = (claim: string, name: SpawnAttributes.Name, attributes: Asked, expected: string): BackendSuite.Case =>
  Probe.claim(
    claim,
    [name],
    Effect.flatMap(told(name, attributes), (text) => Probe.same(text, expected, `the ${name} of the child`))
  )

const listed = Effect.gen(function*() {
  const { containment } = yield* Probe.container
  const { attributes } = containment
  yield* Probe.same(attributes, [...new Set(attributes)], "the attributes that a container lists")
})

const groupless = Effect.flatMap(
  told("groups", { uid: 65_534 }),
  (text) => Probe.same(text, "", "the groups of a child that has another user and no groups")
)

const terminal = { terminal: "shared" } as const

const refusesSecond = Effect.gen(function*() {
  const { exitsWith, waits } = yield* Probe.programs
  yield* Probe.alone(waits, { attributes: terminal })
  const second = yield* Effect.result(Probe.alone(exitsWith(0), { attributes: terminal }))
  const refused = Result.isFailure(second) && second.failure._tag === "ProcessError" &&
    second.failure.reason._tag === "Unsupported"
  yield* Probe.holds(refused, "a second child got the terminal while another had it")
})

const nofile = { resource: "nofile", soft: 200, hard: 300 } as const

export const attributeCases: ReadonlyArray<BackendSuite.Case> = [
  Probe.claim("lists each attribute that it can set once", [], listed),
  gives("starts a child as another user", "uid", { uid: 65_534 }, "65534"),
  gives("starts a child in another group", "gid", { gid: 65_534 }, "65534"),
  gives(
    "gives a child exactly the groups asked for",
    "groups",
    { gid: 65_534, groups: [65_532, 65_533] },
    "65532 65533"
  ),
  Probe.claim("leaves no groups to a child that becomes another user", ["uid"], groupless),
  gives("sets the mask for new files", "umask", { umask: 0o027 }, "27"),
  gives("sets both limits of a resource", "rlimits", { rlimits: [nofile] }, "200 300"),
  gives("sets the scheduling priority", "priority", { priority: 10 }, "10"),
  gives("sets the processors that may be used", "affinity", { affinity: [0] }, "0"),
  gives("sets class and level of input and output", "ioPriority", {
    ioPriority: { class: "bestEffort", level: 6 }
  }, "bestEffort 6"),
  gives("shows a child another name of its own", "argv0", { argv0: "another name" }, "another name"),
  gives("takes the way to new privileges away", "noNewPrivileges", { noNewPrivileges: true }, "1"),
  gives("lends a child the terminal", "terminal", terminal, "shared"),
  Probe.claim("lends the terminal to one child at a time", ["terminal"], refusesSecond),
  Probe.claim(
    "lends the terminal again once a child has ended",
    ["terminal"],
    Effect.forEach(["first", "second"], (which) =>
      Effect.flatMap(
        told("terminal", terminal),
        (text) => Probe.same(text, "shared", `the terminal of the ${which} child`)
      ), { discard: true })
  )
]
