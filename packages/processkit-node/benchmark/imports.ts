/**
 * What it costs to load a library, in a fresh process each: time and memory before a program has done anything.
 */
import * as FreshProcess from "./freshProcess.ts"
import type { Settings } from "./harness.ts"
import { median, random, shuffled } from "./statistics.ts"

export interface Summary {
  readonly name: string
  /** The whole life of the process in milliseconds, and how that compares with a program that loads nothing else. */
  readonly life: number
  readonly lifeRatio: number
  /** The import alone, in milliseconds. */
  readonly time: number
  /** What the process holds after the import, in megabytes. */
  readonly memory: number
}

/** What a program imports that runs a command with the library; the yardstick first. */
const imports: ReadonlyArray<readonly [name: string, modules: ReadonlyArray<string>]> = [
  ["node:child_process", ["node:child_process"]],
  ["execa", ["execa"]],
  ["tinyexec", ["tinyexec"]],
  ["effect/Effect", ["effect/Effect"]],
  ["effect/Effect, effect/Stream", ["effect/Effect", "effect/Stream"]],
  ["Effect ChildProcess, its layer for Node", [
    "effect/Effect",
    "effect/process/ChildProcess",
    "@effect/platform-node/NodeChildProcessSpawner",
    "@effect/platform-node/NodeFileSystem",
    "@effect/platform-node/NodePath"
  ]],
  ["Effect ChildProcess, NodeServices", [
    "effect/Effect",
    "effect/process/ChildProcess",
    "@effect/platform-node/NodeServices"
  ]],
  ["processkit/Command", ["processkit/Command"]],
  ["processkit: Effect, Command, NodeProcessRunner", [
    "effect/Effect",
    "processkit/Command",
    "processkit-node/NodeProcessRunner"
  ]]
]

const program = (modules: ReadonlyArray<string>): string =>
  `const start = performance.now()
   ${modules.map((name) => `await import(${JSON.stringify(name)})`).join("\n")}
   const time = performance.now() - start
   console.log(JSON.stringify({ time, memory: process.memoryUsage.rss() / 2 ** 20 }))`

interface Loading {
  readonly life: number
  readonly time: number
  readonly memory: number
}

const load = async (modules: ReadonlyArray<string>): Promise<Loading> => {
  const { answer, time } = await FreshProcess.json(["--input-type=module", "--eval", program(modules)])
  return { life: time, ...answer as { readonly time: number; readonly memory: number } }
}

/** Loads everything once in each round, in another order each time. */
export const measure = async (settings: Settings): Promise<ReadonlyArray<Summary>> => {
  const next = random(settings.seed)
  const entries = imports.map(([name, modules]) => ({ name, modules, loadings: new Array<Loading>() }))
  // The first loading reads the files from disk.
  if (!settings.quick) { for (const { modules } of entries) await load(modules) }
  for (let round = 0; round < settings.rounds; round++) {
    for (const { loadings, modules } of shuffled(entries, next)) loadings.push(await load(modules))
  }
  const bare = entries[0]?.loadings ?? []
  return entries.map(({ loadings, name }) => ({
    name,
    life: median(loadings.map(({ life }) => life)),
    lifeRatio: median(loadings.map(({ life }, round) => life / (bare[round]?.life ?? Number.NaN))),
    time: median(loadings.map(({ time }) => time)),
    memory: median(loadings.map(({ memory }) => memory))
  }))
}
