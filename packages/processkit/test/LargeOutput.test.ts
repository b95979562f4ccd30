import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type * as ProcessRunner from "processkit/ProcessRunner"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { timed } from "./processorTime.ts"
import { scripted } from "./scripted.ts"

const size = 10 * 1024 * 1024

const filled = (unit: string): Uint8Array => {
  const bytes = Buffer.alloc(size, unit, "latin1")
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** What is slow to read for whoever looks at everything again with each byte; and ordinary lines, to compare with. */
const contents: Record<string, Uint8Array> = {
  "ordinary lines": filled("sixty bytes of an ordinary line of output, as programs print\n"),
  "carriage returns": filled("\r"),
  "one long line": filled("x"),
  "beginnings of escapes": filled("\x1b["),
  "beginnings of titles": filled("\x1b]0;"),
  "bytes that are no text": filled("\xff\xc0"),
  "empty lines": filled("\n")
}

const prints = (bytes: Uint8Array): Program => ({
  main: (io) => Effect.as(io.write("stdout", bytes), Outcome.exited(0))
})

const programs = Object.fromEntries(Object.entries(contents).map(([name, bytes]) => [name, prints(bytes)]))

type Work = (program: string) => Effect.Effect<unknown, unknown, ProcessRunner.ProcessRunner>

const uses: Record<string, Work> = {
  captured: (program) => Command.outputString(Command.make(program)),
  "kept as a tail of lines": (program) =>
    Command.outputString(Command.make(program, { buffer: OutputBuffer.tail({ lines: 1000, bytes: "1 MiB" }) })),
  "read as lines": (program) => Stream.runDrain(Command.stdoutLines(Command.make(program))),
  "sanitized and redacted": (program) =>
    Command.outputString(Command.make(program, { sanitizeTerminal: true, redact: (line) => line })),
  "the message of a failure": (program) =>
    Effect.map(Effect.flip(Command.run(Command.make(program, { okCodes: [1] }))), (error) => error.message)
}

describe("ten megabytes of output", () => {
  // X6. A quadratic reader takes hours for this.
  for (const [use, work] of Object.entries(uses)) {
    it.effect(
      `take time in proportion to their size, whatever they are, when they are ${use}`,
      () =>
        Effect.gen(function*() {
          const ordinary = yield* timed(work("ordinary lines"))
          for (const name of Object.keys(contents)) {
            const elapsed = yield* timed(work(name))
            assert.isBelow(elapsed, 2000 + 30 * ordinary, name)
          }
        }).pipe(Effect.provide(scripted(programs))),
      120_000
    )
  }
})
