/** Checks the syntax of many files, four at a time, with a progress line: `node --conditions=processkit-source examples/batch.ts`. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Batch from "processkit/Batch"
import * as Command from "processkit/Command"
import * as ProcessResult from "processkit/ProcessResult"

const files = fs.globSync("scripts/**/*.mjs")

const program = Effect.gen(function*() {
  const results = yield* Batch.outputAll(
    files.map((file) => Command.make(process.execPath, ["--check", file])),
    {
      concurrency: 4,
      onProgress: ({ completed, failed, total }) => {
        process.stderr.write(`\r${completed} of ${total} checked, ${failed} broken`)
      }
    }
  )
  process.stderr.write("\n")
  return files.filter((_, i) => {
    const result = results[i]
    return result === undefined || Result.isFailure(result) || !ProcessResult.isSuccess(result.success)
  })
})

const broken = await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
console.log(broken.length === 0 ? "every file is fine" : `broken: ${broken.join(", ")}`)
