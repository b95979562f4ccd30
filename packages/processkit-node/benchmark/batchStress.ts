/**
 * Runs a long batch of real programs and prints what the owner holds while it goes on: a batch that grows with the
 * number of its commands shows here.
 *
 * `node --expose-gc --conditions=processkit-source packages/processkit-node/benchmark/batchStress.ts [count] [concurrency]`
 *
 * Exits with 1 if heap, descriptors or children grew between the first tenth and the end.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Batch from "processkit/Batch"
import * as Command from "processkit/Command"

const [count = 10_000, concurrency = 8] = process.argv.slice(2).map(Number)

interface Holding {
  readonly done: number
  readonly heap: number
  readonly resident: number
  readonly descriptors: number
  readonly running: number
}

const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 102.4) / 10

/** Direct children of this process and of the helpers that it started. */
const descendants = (): number => {
  const parents = new Map<string, string>()
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1")
      parents.set(pid, stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0] ?? "")
    } catch {
      // The process has ended since the directory was listed.
    }
  }
  const isOurs = (pid: string | undefined): boolean =>
    pid !== undefined && (pid === String(process.pid) || isOurs(parents.get(pid)))
  return [...parents.keys()].filter((pid) => pid !== String(process.pid) && isOurs(pid)).length
}

const hold = (done: number): Holding => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const descriptors = fs.readdirSync("/proc/self/fd").length
  return { done, heap: megabytes(heapUsed), resident: megabytes(rss), descriptors, running: descendants() }
}

const commands = function*() {
  for (let i = 0; i < count; i++) yield Command.make("/bin/echo", [`number ${i}`])
}

const program = Effect.gen(function*() {
  const held: Array<Holding> = []
  let done = 0
  const began = performance.now()
  yield* Stream.runForEach(Batch.outputStream(commands(), { concurrency }), () =>
    Effect.sync(() => {
      if (++done % Math.ceil(count / 10) === 0) held.push(hold(done))
    }))
  const took = performance.now() - began
  const after = hold(done)
  console.table([...held, after])
  console.log(
    `${count} commands at concurrency ${concurrency}: ${Math.round(took)} ms, ${(took / count).toFixed(2)} ms each`
  )
  return { first: held[0] ?? after, last: held.at(-1) ?? after, most: Math.max(...held.map(({ running }) => running)) }
})

const { first, last, most } = await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
const helpers = 2
const grew = last.heap > first.heap + 5 || last.descriptors > first.descriptors + 2 * concurrency ||
  most > concurrency + helpers
console.log(grew ? "it grew" : "no growth")
process.exitCode = grew ? 1 : 0
