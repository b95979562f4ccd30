/**
 * 200 MB through three programs: `head | cat | wc`. The work is to say how many bytes came out, and that all programs
 * have ended well.
 */
import assert from "node:assert/strict"
import type { ChildProcess } from "node:child_process"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Contender, Series } from "./harness.ts"
import * as Runtimes from "./runtimes.ts"

const bytes = 200_000_000

const head = ["head", "-c", String(bytes), "/dev/zero"] as const
const wc = ["wc", "-c"] as const

const argsOf = ([, ...args]: readonly [string, ...ReadonlyArray<string>]): ReadonlyArray<string> => args

const succeeded = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => code === 0 ? resolve() : reject(new Error(`${child.spawnfile} ended with ${code}`)))
  })

const textOf = (child: ChildProcess): Promise<string> => {
  let text = ""
  child.stdout?.on("data", (chunk: Buffer) => text += chunk.toString())
  return succeeded(child).then(() => text)
}

/** What Node's documentation suggests: every byte goes through the owner twice. */
const nodePipe: Contender["load"] = async () => {
  const { spawn } = await import("node:child_process")
  return async () => {
    const first = spawn(head[0], argsOf(head), { stdio: ["ignore", "pipe", "inherit"] })
    const second = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] })
    const third = spawn(wc[0], argsOf(wc), { stdio: ["pipe", "pipe", "inherit"] })
    first.stdout.pipe(second.stdin)
    second.stdout.pipe(third.stdin)
    const [text] = await Promise.all([textOf(third), succeeded(first), succeeded(second)])
    return Number(text)
  }
}

const spawned = (program: string, args: ReadonlyArray<string>): Contender["load"] => async () => {
  const { spawn } = await import("node:child_process")
  return async () => Number(await textOf(spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })))
}

const shell = spawned("/bin/sh", ["-c", `${head.join(" ")} | cat | ${wc.join(" ")}`])

/** The C program, compiled for this run; nothing where there is no compiler. */
const compiled = (): Contender["load"] | undefined => {
  const directory = mkdtempSync(join(tmpdir(), "processkit-benchmark-"))
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
  const program = join(directory, "pipeline")
  try {
    execFileSync("cc", ["-O2", "-o", program, join(import.meta.dirname, "pipeline.c")], { stdio: "ignore" })
  } catch {
    console.warn("left out, needs a C compiler by the name of cc: a C program")
    return undefined
  }
  return spawned(program, [...head, "---", "cat", "---", ...wc])
}

const execa: Contender["load"] = async () => {
  const { execa } = await import("execa")
  return async () => {
    const { stdout } = await execa(head[0], argsOf(head), { buffer: false }).pipe("cat", { buffer: false })
      .pipe(wc[0], argsOf(wc))
    return Number(stdout)
  }
}

const effect: Contender["load"] = async () => {
  const [ChildProcess, { ChildProcessSpawner }] = await Promise.all([
    import("effect/process/ChildProcess"),
    import("effect/process/ChildProcessSpawner")
  ])
  const runtime = await Runtimes.effect()
  const command = ChildProcess.make(head[0], argsOf(head)).pipe(
    ChildProcess.pipeTo(ChildProcess.make("cat", [])),
    ChildProcess.pipeTo(ChildProcess.make(wc[0], argsOf(wc)))
  )
  return () => runtime.runPromise(ChildProcessSpawner.use((spawner) => spawner.string(command))).then(Number)
}

const processkit: Contender["load"] = async () => {
  const [{ make }, Pipeline] = await Promise.all([import("processkit/Command"), import("processkit/Pipeline")])
  const runtime = await Runtimes.processkit()
  const pipeline = Pipeline.make(make(head[0], argsOf(head)), make("cat"), make(wc[0], argsOf(wc)))
  return () => runtime.runPromise(Pipeline.run(pipeline)).then(Number)
}

const ways = (): ReadonlyArray<readonly [name: string, load: Contender["load"] | undefined]> => [
  ["node:child_process spawn, .pipe()", nodePipe],
  ["/bin/sh", shell],
  ["a C program", compiled()],
  ["execa", execa],
  ["Effect ChildProcess", effect],
  ["processkit", processkit]
]

export const pipeline = (quick: boolean): Series => ({
  title: "200 MB through `head | cat | wc`",
  contenders: ways().flatMap(([name, load]) => load === undefined ? [] : [{ name, load }]),
  repetitions: quick ? 1 : 3,
  check: (count) => assert.equal(count, bytes)
})
