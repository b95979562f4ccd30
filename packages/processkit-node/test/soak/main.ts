/**
 * Starts programs at a steady rate for a long time, and fails unless everything is as it was at the end.
 *
 * `npm run test:soak -- [--minutes n] [--rate n] [--mechanism cgroup-v2|subreaper]`; ten minutes at 200 starts a second
 * by default. No part of `npm test`.
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type { ProcessRunner } from "processkit/ProcessRunner"
import * as CgroupBackend from "../../src/internal/cgroup/cgroupBackend.ts"
import * as Host from "../../src/internal/host/host.ts"
import { makeMark } from "../survivors.ts"
import { turns } from "./load.ts"
import type { Sample } from "./sample.ts"
import { faults, take } from "./sample.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "200" },
    mechanism: { type: "string", default: CgroupBackend.refusal() === undefined ? "cgroup-v2" : "subreaper" }
  }
})
const duration = Number(values.minutes) * 60_000
const rate = Number(values.rate)
if (!(duration > 0 && rate > 0) || globalThis.gc === undefined) throw new Error("run by npm run test:soak")

const isCgroup = values.mechanism === "cgroup-v2"
const runner = isCgroup ? NodeProcessRunner.layerCgroup : NodeProcessRunner.layerSubreaper
const hostPid = (): number => Host.running(isCgroup ? "direct" : "monitored")?.pid ?? 0

const mark = makeMark()
process.env[mark.variable[0]] = mark.variable[1]
/** The owner itself does not carry the mark: it was set after its start. */
const sample = (): Sample => take(hostPid(), mark.survivors().length)

const tick = 50
const wrong = new Map<string, number>()
const turned = { begun: 0, ended: 0 }

const turn = (number: number): Effect.Effect<void, never, ProcessRunner> => {
  const [run, answer] = turns[number % turns.length] ?? [Effect.succeed(""), ""]
  return Effect.matchCause(run, {
    onSuccess: (found) => found === answer ? undefined : `${answer} was ${found}`,
    onFailure: (cause) => `${answer} failed: ${cause.toString().split("\n")[0]}`
  }).pipe(
    Effect.map((fault) => {
      turned.ended++
      if (fault !== undefined) wrong.set(fault, (wrong.get(fault) ?? 0) + 1)
    })
  )
}

const line = (
  minutes: number,
  { groups, hostDescriptors, hostMemory, ownerDescriptors, ownerHeap, survivors }: Sample
) =>
  console.log(
    `${minutes.toFixed(1)} min: ${turned.ended} turns, ${
      turned.begun - turned.ended
    } under way, ${survivors} processes, ${groups} groups; ` +
      `owner ${ownerHeap.toFixed(1)} MB heap, ${ownerDescriptors} descriptors; host ${hostMemory} kB, ` +
      `${hostDescriptors} descriptors`
  )

const soak = Effect.gen(function*() {
  yield* Command.runUnit(Command.make("/bin/true"))
  const first = sample()
  const running: Array<Sample> = []
  const start = performance.now()
  const every = Math.min(10_000, duration / 12)
  for (let now = start; now - start < duration; now = performance.now()) {
    // As many as are due by now; a machine that cannot keep up is not flooded.
    const due = Math.min(((now - start) * rate) / 1000, turned.ended + rate)
    while (turned.begun < due) yield* Effect.forkDetach(turn(turned.begun++), { startImmediately: true })
    if (now - start >= (running.length + 1) * every) {
      running.push(sample())
      line((now - start) / 60_000, running.at(-1) ?? first)
    }
    yield* Effect.sleep(tick)
  }
  const elapsed = performance.now() - start
  while (turned.ended < turned.begun) yield* Effect.sleep(tick)
  yield* Effect.sleep("2 seconds") // sockets that are closed are gone in a moment
  const last = sample()
  line(elapsed / 60_000, last)
  console.log(`${((turned.ended * 1000) / elapsed).toFixed(0)} turns a second, of ${rate} that were asked for`)
  return [
    ...faults(running, first, last),
    ...[...wrong].map(([fault, times]) => `${times} times: ${fault}`)
  ]
})

const found = await Effect.runPromise(Effect.provide(soak, runner))
for (const fault of found) console.error(fault)
console.log(found.length === 0 ? `all is as it was (${values.mechanism})` : `${found.length} faults`)
process.exitCode = found.length === 0 ? 0 : 1
