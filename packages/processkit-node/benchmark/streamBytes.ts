/**
 * One run of a program that prints 8 MB, whose bytes are counted while they come.
 *
 * tinyexec, nano-spawn and zx have no stream of bytes of their own: whoever wants one takes Node's from the child they
 * started, as the second row does.
 */
import assert from "node:assert/strict"
import type { Contender, Series } from "./harness.ts"
import * as PrintedLines from "./printedLines.ts"
import * as Runtimes from "./runtimes.ts"

type Load = (program: string, args: ReadonlyArray<string>) => ReturnType<Contender["load"]>

const byHand: Load = async (program, args) => {
  const { spawn } = await import("node:child_process")
  return () =>
    new Promise<number>((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
      let sum = 0
      child.stdout.on("data", (chunk: Buffer) => {
        sum += chunk.length
      })
      child.stderr.resume()
      child.on("error", reject)
      child.on("close", () => resolve(sum))
    })
}

const iterated: Load = async (program, args) => {
  const { spawn } = await import("node:child_process")
  return async () => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    const closed = new Promise((resolve) => child.on("close", resolve))
    child.stderr.resume()
    let sum = 0
    for await (const chunk of child.stdout) sum += (chunk as Buffer).length
    await closed
    return sum
  }
}

const execa: Load = async (program, args) => {
  const { execa } = await import("execa")
  return async () => {
    let sum = 0
    const running = execa(program, args, { stdin: "ignore", buffer: false, encoding: "buffer" })
    for await (const chunk of running.iterable({ binary: true, preserveNewlines: true })) sum += chunk.length
    return sum
  }
}

const add = (sum: number, more: Uint8Array): number => sum + more.length

const effect: Load = async (program, args) => {
  const [Effect, Stream, ChildProcess, runtime] = await Promise.all([
    import("effect/Effect"),
    import("effect/Stream"),
    import("effect/process/ChildProcess"),
    Runtimes.effect()
  ])
  const counted = Effect.scoped(Effect.flatMap(
    ChildProcess.make(program, args, { stdin: "ignore" }),
    ({ stdout }) => Stream.runFold(stdout, () => 0, add)
  ))
  return () => runtime.runPromise(counted)
}

const processkit: Load = async (program, args) => {
  const [{ make, stdoutChunks }, Stream, runtime] = await Promise.all([
    import("processkit/Command"),
    import("effect/Stream"),
    Runtimes.processkit()
  ])
  return () => runtime.runPromise(Stream.runFold(stdoutChunks(make(program, args)), () => 0, add))
}

const ways: ReadonlyArray<readonly [name: string, load: Load]> = [
  ["node:child_process spawn, by hand", byHand],
  ["node:child_process spawn, for await", iterated],
  ["execa", execa],
  ["Effect ChildProcess", effect],
  ["processkit", processkit]
]

export const streamBytes = (quick: boolean): Series => ({
  title: "8 MB as a stream of bytes",
  contenders: ways.map(([name, load]) => ({ name, load: () => load("cat", PrintedLines.args()) })),
  repetitions: quick ? 1 : 5,
  check: (sum) => assert.equal(sum, PrintedLines.length)
})
