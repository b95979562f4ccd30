/**
 * Measures what floods of output and input cost the owner's memory, and fails where it is too much: `npm run test:stress`.
 *
 * Each case runs in a process of its own, after a warm-up of the same kind, and its memory is looked at every 20 ms. The
 * bounds are those of the documentation: an owner grows by less than 40 MB whatever the program writes and however
 * slowly it is read, and 1000 kept lines of 80 bytes cost less than 1 MB.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as OutputBuffer from "processkit/OutputBuffer"
import * as Pipeline from "processkit/Pipeline"
import type * as ProcessError from "processkit/ProcessError"
import type * as ProcessRunner from "processkit/ProcessRunner"

type Case = (size: number) => Effect.Effect<unknown, ProcessError.ProcessError, ProcessRunner.ProcessRunner>

const gigabyte = 2 ** 30

const sh = (script: string, size: number, options: Command.Options = {}) =>
  Command.make("/bin/sh", ["-c", script, "sh", String(size)], options)

const withoutNewline = "head -c $1 /dev/zero | tr '\\0' x"
const flood = "yes 0123456789012345678901234567890123456789 | head -c $1"

const block = new Uint8Array(65_536)
const blocks = (size: number) => Stream.map(Stream.range(1, size / block.length), () => block)

const cases: Record<string, Case> = {
  "1 GB without a newline, as lines": (size) => Stream.runDrain(Command.stdoutLines(sh(withoutNewline, size))),
  "1 GB without a newline, as chunks": (size) => Stream.runDrain(Command.stdoutChunks(sh(withoutNewline, size))),
  "1 GB without a newline, of which a tail is kept": (size) =>
    Command.outputString(sh(withoutNewline, size, { buffer: OutputBuffer.tail({ lines: 1000, bytes: "1 MiB" }) })),
  "1 GB of lines, as lines": (size) => Stream.runDrain(Command.stdoutLines(sh(flood, size))),
  "1 GB of lines, as events": (size) => Stream.runDrain(Command.events(sh(flood, size))),
  "1 GB of lines, of which a tail is kept": (size) =>
    Command.outputString(sh(flood, size, { buffer: OutputBuffer.tail({ lines: 1000 }) })),
  "1 GB of lines, of which a tail of bytes is kept": (size) =>
    Command.outputString(sh(flood, size, { buffer: OutputBuffer.tail({ bytes: "1 MiB" }) })),
  "1 GB of input, many blocks at once": (size) => Command.exitCode(sh("cat >/dev/null", size, { stdin: blocks(size) })),
  "1 GB through gzip and back": (size) =>
    Stream.runDrain(
      Pipeline.stdoutChunks(Pipeline.make(sh("gzip -1", size, { stdin: blocks(size) }), Command.make("gzip", ["-d"])))
    ),
  "a flood without end, whose reader sleeps": (size) =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* Command.start(Command.make("yes"))
      const slow = Stream.runForEach(running.stdoutLines, () => Effect.sleep("20 millis"))
      yield* Effect.timeoutOption(slow, size < gigabyte ? "200 millis" : "5 seconds")
    }))
}

const growthOf = (name: string): Effect.Effect<number, ProcessError.ProcessError, ProcessRunner.ProcessRunner> =>
  Effect.gen(function*() {
    const run = cases[name] ?? (() => Effect.void)
    yield* run(64 * 2 ** 20)
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    let peak = before
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    }, 20)
    yield* run(gigabyte)
    clearInterval(timer)
    return (peak - before) / 2 ** 20
  })

/** What the heap and the buffers hold, once everything that can go has gone. */
const memory = Effect.gen(function*() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    yield* Effect.sleep("50 millis")
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
})

/** What a live process costs whose buffer keeps so many lines of its flood; both have had the same done to them. */
const costOf = (lines: number) =>
  Effect.scoped(Effect.gen(function*() {
    const script = "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c $1"
    const running = yield* Command.start(
      sh(`${script}; exec sleep 600`, 64 * 2 ** 20, { buffer: OutputBuffer.tail({ lines }) })
    )
    yield* Effect.repeat(Effect.andThen(Effect.sleep("10 millis"), running.counters), {
      until: ({ stdout }) => stdout.bytes === 64 * 2 ** 20
    })
    return yield* memory
  }))

const keptLines = Effect.gen(function*() {
  yield* costOf(1000)
  const without = yield* costOf(0)
  return ((yield* costOf(1000)) - without) / 2 ** 20
})

const kept = "1000 kept lines of 80 bytes, the newest of a flood"

const measured = (name: string): number => {
  const { stderr, stdout } = spawnSync(
    process.execPath,
    ["--conditions=processkit-source", "--expose-gc", import.meta.filename, name],
    { encoding: "utf8" }
  )
  if (stdout === "") console.error(stderr)
  return stdout === "" ? Number.NaN : Number(stdout)
}

const [wanted] = process.argv.slice(2)
if (wanted !== undefined) {
  const growth = wanted === kept ? keptLines : growthOf(wanted)
  process.stdout.write(String(await Effect.runPromise(Effect.provide(growth, NodeProcessRunner.layer))))
  process.exit()
}

let failures = 0
for (const [name, bound] of [...Object.keys(cases).map((name) => [name, 40] as const), [kept, 1] as const]) {
  const growth = measured(name)
  const holds = growth < bound
  if (!holds) failures++
  console.log(`${holds ? "holds" : "FAILS"}  ${growth.toFixed(1).padStart(6)} MB of ${bound}  ${name}`)
}
process.exit(failures === 0 ? 0 : 1)
