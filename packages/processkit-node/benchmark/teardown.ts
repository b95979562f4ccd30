/**
 * The end of a tree of 201 processes: what the library needs for it, against a C program that does only that.
 *
 * The C program is compiled here, from `teardown.c`. It kills its cgroup, waits until the kernel says that nobody is in
 * it, and removes it. A scope that closes does as much, and reports.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import type { Settings } from "./harness.ts"
import * as Runtimes from "./runtimes.ts"
import { median, random, shuffled } from "./statistics.ts"

export interface Summary {
  readonly name: string
  /** From the order to the moment in which nothing is left, in milliseconds. */
  readonly time: number
  readonly timeRatio: number
}

/** Processes beside the first one. */
const count = 200

/** What is missing for a comparison, in words, or the directory and the program for it. */
type Ground = { readonly missing: string } | { readonly cgroup: string; readonly program: string }

const compiler = (): string | undefined =>
  [process.env["CC"], "cc", "gcc", "clang"].find((name) => {
    try {
      if (name !== undefined) execFileSync(name, ["--version"], { stdio: "ignore" })
      return name !== undefined
    } catch {
      return false
    }
  })

/** The cgroup of this process, where version 2 is mounted. */
const ownCgroup = (): string | undefined => {
  try {
    const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(fs.readFileSync("/proc/self/mountinfo", "latin1"))?.[1]
    const own = /^0::(.*)$/m.exec(fs.readFileSync("/proc/self/cgroup", "latin1"))?.[1]
    return mount === undefined || own === undefined ? undefined : path.join(mount, own)
  } catch {
    return undefined
  }
}

const prepare = (directory: string): Ground => {
  const cgroup = ownCgroup()
  if (cgroup === undefined) return { missing: "a cgroup v2 hierarchy" }
  const cc = compiler()
  if (cc === undefined) return { missing: "a C compiler (CC, cc, gcc or clang)" }
  const program = path.join(directory, "teardown")
  execFileSync(cc, ["-O2", "-o", program, path.join(import.meta.dirname, "teardown.c")])
  return { cgroup, program }
}

let trees = 0

/** Started by the library too: after a `fork` of this process all of its pages would have to be unlocked again. */
const inC = async ({ cgroup, program }: Exclude<Ground, { missing: string }>): Promise<() => Promise<number>> => {
  const runtime = await Runtimes.processkit()
  const { make, run } = await import("processkit/Command")
  return async () => {
    const directory = path.join(cgroup, `processkit-benchmark-${process.pid}-${++trees}`)
    return Number(await runtime.runPromise(run(make(program, ["kill", directory, `${count}`])))) / 1e6
  }
}

/** A scope that closes around a running tree, which is not asked to end first. */
const inScope = async (program: string): Promise<() => Promise<number>> => {
  const runtime = await Runtimes.processkit()
  const [Effect, Exit, Scope, Stream, Command] = await Promise.all([
    import("effect/Effect"),
    import("effect/Exit"),
    import("effect/Scope"),
    import("effect/Stream"),
    import("processkit/Command")
  ])
  const tree = Command.make(program, ["tree", `${count}`], { stop: { grace: 0 } })
  const torn = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const running = yield* Scope.provide(Command.start(tree), scope)
    yield* Stream.runHead(running.stdoutLines)
    const start = performance.now()
    yield* Scope.close(scope, Exit.void)
    return performance.now() - start
  })
  return () => runtime.runPromise(torn)
}

/** Tears down one tree after the other, in another order in each round; answers with what is missing where it cannot. */
export const measure = async (settings: Settings): Promise<ReadonlyArray<Summary> | string> => {
  const directory = fs.mkdtempSync(path.join(tmpdir(), "processkit-benchmark-"))
  try {
    const ground = prepare(directory)
    if ("missing" in ground) return ground.missing
    const next = random(settings.seed)
    const entries = [
      { name: "a C program", end: await inC(ground), times: new Array<number>() },
      { name: "processkit, a scope that closes", end: await inScope(ground.program), times: new Array<number>() }
    ]
    for (const { end } of entries) await end()
    for (let round = 0; round < settings.rounds; round++) {
      for (const { end, times } of shuffled(entries, next)) times.push(await end())
    }
    const yardstick = entries[0]?.times ?? []
    return entries.map(({ name, times }) => ({
      name,
      time: median(times),
      timeRatio: median(times.map((time, round) => time / (yardstick[round] ?? Number.NaN)))
    }))
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}
