import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as Ending from "../src/internal/ending.ts"
import * as ExitLatch from "../src/internal/exitLatch.ts"
import { noteExit } from "../src/internal/leaderExit.ts"
import * as LiveTrees from "../src/internal/liveTrees.ts"
import * as LostExits from "../src/internal/lostExits.ts"
import type { ProcessTable } from "../src/internal/processTable.ts"
import * as ProcTable from "../src/internal/procTable.ts"
import * as PsTable from "../src/internal/psTable.ts"
import { isAlive } from "./oracle.ts"
import { hasProc, killAll } from "./survivors.ts"
import { eventually } from "./world.ts"

/** A table that counts how often all of it was read. */
const counting = (table: ProcessTable) => {
  const readings = { count: 0 }
  const counted: ProcessTable = {
    ...table,
    read: (begin) => {
      readings.count++
      table.read(begin)
    }
  }
  return { readings, table: counted }
}

/** Runs a script as the leader of a tree, notes its exit, and gives the tree. */
const run = Effect.fnUntraced(function*(script: string, table: ProcessTable) {
  const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: "ignore" })
  const tree = LiveTrees.add(child.pid ?? 0, {
    program: "sh",
    table,
    guarded: false,
    onGone: () => {},
    onLost: () => {}
  })
  child.once("exit", () => noteExit(tree, table))
  yield* Effect.promise(() => once(child, "exit"))
  return tree
})

const tables = hasProc ? [ProcTable.make(), PsTable.make()] : [PsTable.make()]

describe.each(tables)("the exit of a leader ($name)", (given) => {
  it.live("costs no reading of the table where nobody is left behind", () =>
    Effect.gen(function*() {
      const { readings, table } = counting(given)
      for (const script of ["exit 0", "true & wait", "exit 3"]) yield* run(script, table)
      assert.strictEqual(readings.count, 0)
      assert.strictEqual(LiveTrees.count(), 0)
    }))

  // What kept the table from being read may be whom the kill ends.
  it.live("keeps nobody alive for whom the table could not be read at first", () =>
    Effect.gen(function*() {
      const tree = yield* run("sleep 600 & sleep 600 &", given)
      yield* eventually("they are seen", () => tree.lineage.seen.size === 2)
      const left = [...tree.lineage.seen.keys()]
      let failures = 1
      const table: ProcessTable = {
        ...given,
        read: (begin) => failures-- > 0 ? void setImmediate(() => begin()(Result.fail("EAGAIN"))) : given.read(begin)
      }
      yield* Ending.kill({ table, trees: () => [tree] })
      yield* eventually("they are dead", () => !left.some(isAlive)).pipe(
        Effect.ensuring(Effect.sync(() => killAll(left)))
      )
      LiveTrees.remove(tree)
    }))

  it.live("makes those who are left known at once", () =>
    Effect.gen(function*() {
      const { readings, table } = counting(given)
      const tree = yield* run("sleep 600 & sleep 600 &", table)
      yield* eventually("they are seen", () => tree.lineage.seen.size === 2)
      assert.strictEqual(readings.count, 1)
      assert.strictEqual(tree.lineage.phase, "orphaned")
      yield* Ending.kill({ table, trees: () => [tree] })
      LiveTrees.remove(tree)
    }))
})

describe("a table that cannot be read", () => {
  it.live("does not keep the groups of running leaders from being killed", () =>
    Effect.gen(function*() {
      const table: ProcessTable = {
        name: "ps",
        read: (begin) => void setImmediate(() => begin()(Result.fail("EMFILE"))),
        readNow: () => Result.fail("EMFILE"),
        probe: undefined,
        lastPid: () => undefined
      }
      const child = spawn("/bin/sh", ["-c", "sleep 600 & wait"], { detached: true, stdio: "ignore" })
      const options = { program: "sh", table, guarded: false, onGone: () => {}, onLost: () => {} }
      const tree = LiveTrees.add(child.pid ?? 0, options)
      const exit = once(child, "exit")
      const error = yield* Effect.flip(Ending.members({ table, trees: () => [tree] }))
      assert.strictEqual(error.reason._tag === "IoFailed" ? error.reason.errno : "", "EMFILE")
      yield* Ending.kill({ table, trees: () => [tree] })
      assert.deepStrictEqual(yield* Effect.promise(() => exit), [null, "SIGKILL"])
      LiveTrees.remove(tree)
    }))
})

describe("an exit status that somebody else took", () => {
  it.live("is reported as lost, not waited for", () =>
    Effect.gen(function*() {
      LostExits.install()
      const child = spawn("/bin/true", { stdio: "ignore" })
      const { pid } = spawnSync("/bin/true")
      const latch = ExitLatch.make({ on: () => child, unref: () => {} }, "true", () => LiveTrees.remove(tree))
      const table = ProcTable.make()
      const tree = LiveTrees.add(pid, { program: "true", table, guarded: false, onGone: () => {}, onLost: latch.lose })
      const exit = yield* Effect.callback<unknown, unknown>((resume) => latch.observe(resume))
        .pipe(Effect.exit, Effect.timeout(5_000))
      assert.isTrue(Exit.isFailure(exit))
      assert.isTrue(latch.isReaped())
    }))
})
