/**
 * Counts the words of a text with three programs and no shell, and shows who is to blame when one of them fails.
 *
 * `node --conditions=processkit-source examples/pipeline.ts`
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Pipeline from "processkit/Pipeline"
import * as ProcessResult from "processkit/ProcessResult"

const text = "the quick brown fox jumps over the lazy dog and the cat"

/** The words of a text, the most frequent one first; more than one is not wanted, so that `sort` may be cut off. */
const mostFrequent = Pipeline.make(
  Command.make("tr", [" ", "\n"], { stdin: text }),
  Command.make("sort"),
  Command.make("uniq", ["-c"]),
  Command.unchecked(Command.make("sort", ["-rn"])),
  Command.make("head", ["-n", "1"])
).pipe(Pipeline.timeout("10 seconds"))

/** A middle stage that fails, between one that would wait for ever and one that only reads. */
const failing = Pipeline.make(
  Command.make("sleep", ["600"]),
  Command.make("sh", ["-c", "echo no such table >&2; exit 4"]),
  Command.make("cat")
)

const program = Effect.gen(function*() {
  yield* Console.log(`${Pipeline.display(mostFrequent)}\n  ${(yield* Pipeline.run(mostFrequent)).trim()}`)
  const result = yield* Pipeline.outputString(failing)
  yield* Console.log(`${Pipeline.display(failing)}`)
  for (const [i, stage] of result.stages.entries()) {
    const end = ProcessResult.code(stage) ?? ProcessResult.signal(stage)
    yield* Console.log(
      `  ${stage.program.padEnd(6)} ${end}${i === result.culprit ? `  <- ${result.stderr.trim()}` : ""}`
    )
  }
})

NodeRuntime.runMain(Effect.provide(program, NodeProcessRunner.layer))
