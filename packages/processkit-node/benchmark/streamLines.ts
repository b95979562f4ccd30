/**
 * One run of a program that prints 100 000 lines, looked at line by line while they come: the work is to add up the
 * lengths of the lines. Nothing has to be kept.
 */
import type * as Effect from "effect/Effect"
import type * as EffectStream from "effect/Stream"
import assert from "node:assert/strict"
import type { Contender, Series } from "./harness.ts"
import * as PrintedLines from "./printedLines.ts"
import * as Runtimes from "./runtimes.ts"

type Load = (program: string, args: ReadonlyArray<string>) => ReturnType<Contender["load"]>

/** What anybody would write by hand: a decoder, a search for line ends, and what is left of the chunk before. */
const byHand: Load = async (program, args) => {
  const [{ spawn }, { StringDecoder }] = await Promise.all([
    import("node:child_process"),
    import("node:string_decoder")
  ])
  return () =>
    new Promise<number>((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
      const decoder = new StringDecoder("utf8")
      let rest = ""
      let sum = 0
      child.stdout.on("data", (chunk: Buffer) => {
        const text = rest + decoder.write(chunk)
        let from = 0
        for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
          const line = text.slice(from, at)
          sum += line.length
          from = at + 1
        }
        rest = text.slice(from)
      })
      child.stderr.resume()
      child.on("error", reject)
      child.on("close", () => resolve(sum + rest.length))
    })
}

const readline: Load = async (program, args) => {
  const [{ spawn }, { createInterface }] = await Promise.all([import("node:child_process"), import("node:readline")])
  return async () => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    const closed = new Promise((resolve) => child.on("close", resolve))
    child.stderr.resume()
    let sum = 0
    createInterface({ input: child.stdout }).on("line", (line) => {
      sum += line.length
    })
    await closed
    return sum
  }
}

const execa: Load = async (program, args) => {
  const { execa } = await import("execa")
  return async () => {
    let sum = 0
    for await (const line of execa(program, args, { stdin: "ignore", buffer: false })) sum += line.length
    return sum
  }
}

const tinyexec: Load = async (program, args) => {
  const { x } = await import("tinyexec")
  return async () => {
    let sum = 0
    const running = x(program, args, { nodeOptions: { stdio: ["ignore", "pipe", "pipe"] } })
    for await (const line of running) sum += line.length
    return sum
  }
}

const nanoSpawn: Load = async (program, args) => {
  const { default: spawn } = await import("nano-spawn")
  return async () => {
    let sum = 0
    for await (const line of spawn(program, [...args], { stdin: "ignore" })) sum += line.length
    return sum
  }
}

const zx: Load = async (program, args) => {
  const { $ } = await import("zx/core")
  const quiet = $({ quiet: true, stdio: ["ignore", "pipe", "pipe"] })
  return async () => {
    let sum = 0
    for await (const line of quiet`${program} ${args}`) sum += line.length
    return sum
  }
}

type Sum = <E, R>(lines: EffectStream.Stream<string, E, R>) => Effect.Effect<number, E, R>

/** Adds up a stream of lines, array by array. */
const byArray = async (): Promise<Sum> => {
  const Stream = await import("effect/Stream")
  return (lines) =>
    Stream.runFold(Stream.mapArray(lines, (array) => [array.reduce((sum, line) => sum + line.length, 0)]), () => 0, add)
}

/** Adds up a stream of lines with an effect for each of them. */
const byLine = async (): Promise<Sum> => {
  const [Effect, Stream] = await Promise.all([import("effect/Effect"), import("effect/Stream")])
  return (lines) =>
    Effect.suspend(() => {
      let sum = 0
      const each = (line: string) =>
        Effect.sync(() => {
          sum += line.length
        })
      return Effect.map(Stream.runForEach(lines, each), () => sum)
    })
}

const add = (sum: number, more: number): number => sum + more

const effect = (by: () => Promise<Sum>): Load => async (program, args) => {
  const [ChildProcess, { ChildProcessSpawner }, Stream, sum] = await Promise.all([
    import("effect/process/ChildProcess"),
    import("effect/process/ChildProcessSpawner"),
    import("effect/Stream"),
    by()
  ])
  const runtime = await Runtimes.effect()
  const command = ChildProcess.make(program, args, { stdin: "ignore" })
  const lines = Stream.unwrap(ChildProcessSpawner.useSync((spawner) => spawner.streamLines(command)))
  return () => runtime.runPromise(sum(lines))
}

const processkit = (by: () => Promise<Sum>): Load => async (program, args) => {
  const [{ make, stdoutLines }, sum] = await Promise.all([import("processkit/Command"), by()])
  const runtime = await Runtimes.processkit()
  return () => runtime.runPromise(sum(stdoutLines(make(program, args))))
}

const others: ReadonlyArray<readonly [name: string, load: Load]> = [
  ["node:child_process spawn, by hand", byHand],
  ["node:child_process spawn, node:readline", readline],
  ["execa", execa],
  ["tinyexec", tinyexec],
  ["nano-spawn", nanoSpawn],
  ["zx", zx]
]

const series = (title: string, by: () => Promise<Sum>) => (quick: boolean): Series => ({
  title: `100 000 lines of 80 bytes, ${title}`,
  contenders: [...others, ["Effect ChildProcess", effect(by)] as const, ["processkit", processkit(by)] as const]
    .map(([name, load]) => ({ name, load: () => load("cat", PrintedLines.args()) })),
  repetitions: quick ? 1 : 5,
  check: (sum) => assert.equal(sum, PrintedLines.length - PrintedLines.lineCount)
})

export const streamLines = series("as a stream of lines in arrays", byArray)

/** The same, with an effect for every line; the others know no other way. */
export const eachLine = series("with an effect for every line", byLine)
