/**
 * Ways to run a program and have its two outputs as text and its exit code.
 *
 * All of them give the program an empty standard input and the owner's environment, collect both streams to their end
 * and wait for the exit. What each does beyond that is its own.
 */
import type { Stream } from "effect/Stream"
import assert from "node:assert/strict"
import type { Outcome } from "processkit/Outcome"
import type { Contender } from "./harness.ts"
import * as Runtimes from "./runtimes.ts"

/** What every contender has to come up with. */
export interface Captured {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null | undefined
}

/** Loads a contender for one program. */
export type Capture = (program: string, args: ReadonlyArray<string>) => Promise<() => Promise<Captured>>

/** More than any series prints. */
const maxBuffer = 64 * 1024 * 1024

/** What anybody would write by hand, and what every ratio refers to. */
export const bare: Capture = async (program, args) => {
  const { spawn } = await import("node:child_process")
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
      const stdout: Array<Buffer> = []
      const stderr: Array<Buffer> = []
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
      child.on("error", reject)
      child.on("close", (code) =>
        resolve({ stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), code }))
    })
}

/** Node's own collector. It knows no way to leave out the pipe for standard input, so it makes one more. */
export const execFile: Capture = async (program, args) => {
  const { execFile } = await import("node:child_process")
  return () =>
    new Promise((resolve, reject) => {
      const child = execFile(program, args, { maxBuffer }, (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr, code: child.exitCode })
        else reject(error)
      })
    })
}

export const execa: Capture = async (program, args) => {
  const { execa } = await import("execa")
  return async () => {
    const { exitCode, stderr, stdout } = await execa(program, args, { stdin: "ignore", stripFinalNewline: false })
    return { stdout, stderr, code: exitCode }
  }
}

export const tinyexec: Capture = async (program, args) => {
  const { x } = await import("tinyexec")
  return async () => {
    const running = x(program, args, { nodeOptions: { stdio: ["ignore", "pipe", "pipe"] } })
    const { exitCode, stderr, stdout } = await running
    return { stdout, stderr, code: exitCode }
  }
}

/** It strips the last line end, which is put back: the others were asked to keep it, or do. */
export const nanoSpawn: Capture = async (program, args) => {
  const { default: spawn } = await import("nano-spawn")
  return async () => {
    const { stderr, stdout } = await spawn(program, [...args], { stdin: "ignore" })
    return { stdout: stdout === "" ? stdout : `${stdout}\n`, stderr, code: 0 }
  }
}

/** It knows no way to run a program but through a shell. */
export const zx: Capture = async (program, args) => {
  const { $ } = await import("zx/core")
  const quiet = $({ quiet: true, stdio: ["ignore", "pipe", "pipe"] })
  return async () => {
    const { exitCode, stderr, stdout } = await quiet`${program} ${args}`
    return { stdout, stderr, code: exitCode }
  }
}

export const effect: Capture = async (program, args) => {
  const [Effect, Stream, ChildProcess, runtime] = await Promise.all([
    import("effect/Effect"),
    import("effect/Stream"),
    import("effect/process/ChildProcess"),
    Runtimes.effect()
  ])
  const text = <E>(bytes: Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(bytes))
  const captured = Effect.scoped(
    Effect.flatMap(
      ChildProcess.make(program, args, { stdin: "ignore" }),
      ({ exitCode, stderr, stdout }) =>
        Effect.all({ stdout: text(stdout), stderr: text(stderr), code: exitCode }, { concurrency: "unbounded" })
    )
  )
  return () => runtime.runPromise(captured)
}

/** This library in the way it is meant to be used: a private group for each run, and every precaution on. */
export const processkit: Capture = async (program, args) => {
  const runtime = await Runtimes.processkit()
  const { outputString, make } = await import("processkit/Command")
  const command = make(program, args)
  return async () => capturedOf(await runtime.runPromise(outputString(command)))
}

/** This library with one group that all runs share, opened before and never closed. */
export const processkitGroup: Capture = async (program, args) => {
  const runtime = await Runtimes.processkit()
  const [Effect, Scope, { ProcessRunner }, { outputString, make }] = await Promise.all([
    import("effect/Effect"),
    import("effect/Scope"),
    import("processkit/ProcessRunner"),
    import("processkit/Command")
  ])
  const group = await runtime.runPromise(
    Effect.flatMap(ProcessRunner, (runner) => Scope.provide(runner.openGroup(), Scope.makeUnsafe()))
  )
  const captured = Effect.provideService(outputString(make(program, args)), ProcessRunner, group.runner)
  return async () => capturedOf(await runtime.runPromise(captured))
}

const capturedOf = (
  result: { readonly stdout: string; readonly stderr: string; readonly outcome: Outcome }
): Captured => ({
  stdout: result.stdout,
  stderr: result.stderr,
  code: result.outcome._tag === "Exited" ? result.outcome.code : undefined
})

const ways: ReadonlyArray<readonly [name: string, capture: Capture]> = [
  ["node:child_process spawn", bare],
  ["node:child_process execFile", execFile],
  ["execa", execa],
  ["tinyexec", tinyexec],
  ["nano-spawn", nanoSpawn],
  ["zx", zx],
  ["Effect ChildProcess", effect],
  ["processkit", processkit],
  ["processkit, one shared group", processkitGroup]
]

/**
 * Looks at one character. A text that was put together from pieces is no text yet in V8 until somebody does, and the
 * copying would be left out of the account.
 */
const use = (captured: Captured): Captured => {
  captured.stdout.charCodeAt(captured.stdout.length >> 1)
  return captured
}

/** Every way to run one program, the yardstick first; `times` of it at once are one unit of work. */
export const contenders = (program: string, args: ReadonlyArray<string>, times = 1): ReadonlyArray<Contender> =>
  ways.map(([name, capture]) => ({
    name,
    load: async () => {
      const run = await capture(program, args)
      const used = async () => use(await run())
      return () => Promise.all(Array.from({ length: times }, used))
    }
  }))

/** Checks every answer of one unit of work. */
export const expecting = (check: (captured: Captured) => void) => (answers: unknown): void => {
  for (const captured of answers as ReadonlyArray<Captured>) {
    assert.equal(captured.code, 0)
    assert.equal(captured.stderr, "")
    check(captured)
  }
}
