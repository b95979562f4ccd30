/**
 * Shows the promise on this machine: the same process tree is started with `node:child_process` and with processkit,
 * ended in two ways, and the operating system is asked who survived.
 *
 * Exits with 1 if anything that processkit had started is still alive.
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Contained from "./demo/contained.ts"
import { isAlive, untilGone } from "./demo/liveness.ts"
import * as Plain from "./demo/plain.ts"
import type { Member } from "./demo/tree.ts"

const pids = (members: ReadonlyArray<Member>): ReadonlyArray<number> => members.map(({ pid }) => pid)

/** Prints one line per process and gives the number of survivors. */
const report = (members: ReadonlyArray<Member>): number => {
  for (const { pid, role } of members) {
    console.log(`    ${role.padEnd(10)}${String(pid).padEnd(8)}${isAlive(pid) ? "still running" : "gone"}`)
  }
  return pids(members).filter(isAlive).length
}

/** Ends what the plain way left behind, so that the demo leaves nothing itself. */
const sweep = (members: ReadonlyArray<Member>): void => {
  for (const pid of pids(members).filter(isAlive)) process.kill(pid, "SIGKILL")
}

const plainStop = async (): Promise<number> => {
  const { child, members } = await Plain.start()
  const began = performance.now()
  child.kill()
  await once(child, "exit")
  console.log(`  child_process: kill() and "exit" after ${Math.round(performance.now() - began)} ms`)
  await untilGone(pids(members), 1500)
  const survivors = report(members)
  sweep(members)
  return survivors
}

const containedStop = Effect.gen(function*() {
  let began = 0
  const { group, members } = yield* Effect.scoped(Effect.tap(Contained.start, () =>
    Effect.sync(() => {
      began = performance.now()
    })))
  console.log(`  processkit, ${group.mechanism}: the scope closed after ${Math.round(performance.now() - began)} ms`)
  return report(members)
})

const ownerKilled = async (way: "plain" | "contained"): Promise<number> => {
  const owner = spawn(process.execPath, [
    "--conditions=processkit-source",
    fileURLToPath(new URL("demo/owner.ts", import.meta.url)),
    way
  ], { stdio: ["ignore", "pipe", "inherit"] })
  const [line] = await once(createInterface(owner.stdout), "line")
  const members: ReadonlyArray<Member> = JSON.parse(line)
  const began = performance.now()
  owner.kill("SIGKILL")
  // Whoever is left behind would stay for ever; whoever is ended may wait for a processor on a busy machine.
  await untilGone(pids(members), way === "plain" ? 1500 : 15_000)
  const took = Math.round(performance.now() - began)
  console.log(`  ${way === "plain" ? "child_process" : "processkit"}: looked for ${took} ms`)
  const survivors = report(members)
  sweep(members)
  return survivors
}

console.log("A wrapper with three workers; one ignores SIGTERM. It is asked to stop:\n")
const plain = await plainStop()
const contained = await Effect.runPromise(Effect.provide(containedStop, NodeProcessRunner.layer))

console.log("\nThe same tree, and the program that started it is killed with SIGKILL:\n")
const plainOrphans = await ownerKilled("plain")
const containedOrphans = await ownerKilled("contained")

console.log("\nSurvivors          stopped   owner killed")
console.log(`  child_process    ${String(plain).padEnd(10)}${plainOrphans}`)
console.log(`  processkit       ${String(contained).padEnd(10)}${containedOrphans}`)
process.exitCode = contained + containedOrphans === 0 ? 0 : 1
