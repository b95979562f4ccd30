/** Limits, where this machine has the controllers for them, and their refusal where it has not. */
import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type * as Limits from "processkit/Limits"
import * as ProcessGroup from "processkit/ProcessGroup"
import { ownGroups } from "./cgroupDirectories.ts"
import { hasProc, survivors } from "./oracle.ts"
import { errorOf, has, reasonOf, sh } from "./programs.ts"

const layout = process.env["PROCESSKIT_LAYOUT"]

/** In a virtual machine the tests have their cgroup to themselves, and may rearrange it. */
if (layout !== undefined) await Effect.runPromise(Effect.ignore(NodeProcessRunner.adoptScope))

const containment = Effect.runSync(NodeProcessRunner.containment)

const asked = { memory: "256 MiB", processes: 50, cpus: 1 } as const satisfies Limits.Limits

const canLimit = (name: Limits.Name): boolean =>
  has(`the controller for a limit of ${name} (npm run test:vm)`, containment.limits.includes(name))

/** The kernel's accounts of a directory with a limit of processors: Linux, Documentation/admin-guide/cgroup-v2.rst, CPU. */
const periodsOf = (directory: string) => {
  const account = fs.readFileSync(`${directory}/cpu.stat`, "utf8")
  const numberOf = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(account)?.[1])
  return {
    all: numberOf("nr_periods"),
    full: numberOf("nr_throttled"),
    used: numberOf("usage_usec"),
    length: Number(fs.readFileSync(`${directory}/cpu.max`, "utf8").split(" ")[1])
  }
}

layer(NodeProcessRunner.layer, { excludeTestServices: true })("limits of a group", (it) => {
  // P5
  it.effect("can be had exactly as predicted, or are refused by name before anything is started", () =>
    Effect.gen(function*() {
      for (const name of ["memory", "processes", "cpus"] as const) {
        const limits = { [name]: asked[name] }
        const opening = Effect.scoped(Effect.flatMap(ProcessGroup.makeWith({ limits }), (group) => group.limits))
        if (containment.limits.includes(name)) {
          assert.isDefined((yield* opening)[name])
        } else {
          const reason = yield* reasonOf(opening)
          assert.include(reason, { _tag: "ResourceLimit", limit: name })
          assert.include(["unsupported", "unenforceable"], reason._tag === "ResourceLimit" ? reason.why : "")
        }
      }
      assert.deepEqual(ownGroups(), [])
      assert.deepEqual(survivors(), [])
    }))

  // The container of a guest had a process of the guest in its cgroup once, and every test of a limit was left out.
  it.effect("are all to be had in a layout with controllers and rights, and none in the others", () =>
    Effect.sync(() => {
      if (!has("a named layout (npm run test:vm) for the limits in each of them", layout !== undefined)) return
      const isFull = ["root", "delegated", "container"].includes(layout ?? "")
      assert.deepEqual(containment.limits, isFull ? ["memory", "processes", "cpus"] : [])
    }))

  it.effect("that cannot be had are predicted with what to run to get them, and refused with the same words", () =>
    Effect.gen(function*() {
      const refused = containment.refusedLimits ?? []
      const names = [...containment.limits, ...refused.map(({ limit }) => limit)]
      if (hasProc) assert.sameMembers(names, ["memory", "processes", "cpus"])
      for (const { limit, reason } of refused) {
        assert.match(reason, /systemd|root|docker|Linux 5/)
        const error = yield* errorOf(Effect.scoped(ProcessGroup.makeWith({ limits: { [limit]: asked[limit] } })))
        assert.include(error.message, reason)
      }
    }))

  it.effect("get no room where there are no controllers or no rights, and nobody is moved for it", () =>
    Effect.gen(function*() {
      if (!has("a machine without all controllers", containment.limits.length < 3)) return
      const before = fs.readFileSync("/proc/self/cgroup", "utf8")
      assert.strictEqual((yield* reasonOf(NodeProcessRunner.adoptScope))._tag, "Unsupported")
      assert.strictEqual(fs.readFileSync("/proc/self/cgroup", "utf8"), before)
    }))

  it.effect("get room once in a scope, and a later program of the same shell is moved no deeper", () =>
    Effect.sync(() => {
      if (!has("a scope to make room in (npm run test:vm)", ["delegated", "container"].includes(layout ?? ""))) return
      const script = `
        import * as Effect from "effect/Effect"
        import * as fs from "node:fs"
        import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
        const program = Effect.andThen(NodeProcessRunner.adoptScope, NodeProcessRunner.containment)
        const { limits } = await Effect.runPromise(program)
        console.log(limits.join(), fs.readFileSync("/proc/self/cgroup", "utf8"))`
      const flags = ["--conditions=processkit-source", "--input-type=module", "--eval", script]
      // Before: whoever shares the cgroup would be moved as well.
      const before = fs.readFileSync("/proc/self/cgroup", "utf8")
      const { stderr, stdout } = spawnSync(process.execPath, flags, { encoding: "utf8" })
      assert.strictEqual(stdout, `memory,processes,cpus ${before}\n`, stderr)
    }))

  // P8
  it.effect("that no system could enforce are refused everywhere", () =>
    Effect.gen(function*() {
      for (const limits of [{ memory: 0 }, { processes: Number.NaN }, { cpus: -1 }]) {
        const reason = yield* reasonOf(Effect.scoped(ProcessGroup.makeWith({ limits })))
        assert.include(reason, { _tag: "ResourceLimit", why: "invalid" })
      }
    }))

  // P6, E7
  it.effect("of memory end the whole group that needs more, with evidence, and nobody else", () =>
    Effect.gen(function*() {
      if (!canLimit("memory")) return
      const bystanders = yield* ProcessGroup.make
      const bystander = yield* bystanders.start(Command.make("sleep", ["600"]))
      const group = yield* ProcessGroup.makeWith({ limits: { memory: "128 MiB" } })
      assert.strictEqual((yield* group.limitEvidence).memory, "not-tripped")
      const sibling = yield* group.start(Command.make("sleep", ["600"]))
      const hog = yield* group.start(
        Command.make(process.execPath, ["-e", "const all = []; for (;;) all.push(Buffer.alloc(2 ** 23, 1))"])
      )
      const result = yield* hog.result
      assert.include(result.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      assert.isTrue(result.oomKilled)
      assert.isTrue((yield* sibling.result).oomKilled)
      assert.strictEqual((yield* group.limitEvidence).memory, "tripped")
      assert.isAtMost((yield* group.stats).peakMemoryBytes ?? Infinity, 128 * 2 ** 20)
      assert.isTrue(yield* bystander.isRunning)
      // The group stays usable, and who is killed otherwise was not killed for the limit.
      const next = yield* group.start(Command.make("sleep", ["600"]))
      yield* next.kill
      assert.isUndefined((yield* next.result).oomKilled)
    }).pipe(Effect.scoped))

  it.effect("of memory are not what somebody is killed for by a limit that a member has made below", () =>
    Effect.gen(function*() {
      if (!canLimit("memory")) return
      const group = yield* ProcessGroup.makeWith({ limits: { memory: "512 MiB" } })
      const [directory = ""] = ownGroups()
      fs.writeFileSync(`${directory}/cgroup.subtree_control`, "+memory")
      fs.mkdirSync(`${directory}/below`)
      fs.writeFileSync(`${directory}/below/memory.max`, String(2 ** 24))
      const hog = "echo $$ > $1/below/cgroup.procs; all=xxxxxxxx; while :; do all=$all$all; done"
      const killed = yield* Effect.flatMap(group.start(sh(hog, [directory])), (it) => it.result)
      assert.include(killed.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      assert.match(fs.readFileSync(`${directory}/memory.events`, "utf8"), /^oom_kill [1-9]/m)
      assert.isUndefined(killed.oomKilled)
      assert.strictEqual((yield* group.limitEvidence).memory, "not-tripped")
    }).pipe(Effect.scoped))

  // P7
  it.effect("of processes let starts fail inside, and the tree can still be killed", () =>
    Effect.gen(function*() {
      if (!canLimit("processes")) return
      const group = yield* ProcessGroup.makeWith({ limits: { processes: 20 } })
      assert.strictEqual((yield* group.limitEvidence).processes, "not-tripped")
      const bomb = yield* group.start(sh("i=0; while [ $i -lt 100 ]; do sleep 600 & i=$((i + 1)); done; wait"))
      const { outcome } = yield* bomb.result
      assert.strictEqual(outcome._tag, "Exited")
      assert.isAbove(outcome._tag === "Exited" ? outcome.code : 0, 0)
      const members = yield* group.members
      assert.isAtLeast(members.length, 15)
      assert.isAtMost(members.length, 20)
      assert.strictEqual((yield* group.limitEvidence).processes, "tripped")
      yield* group.kill
      assert.deepEqual(yield* group.members, [])
      assert.deepEqual(survivors(), [])
    }).pipe(Effect.scoped))

  it.effect("of processes are not what a start fails for that a limit above has refused", () =>
    Effect.gen(function*() {
      if (!canLimit("processes")) return
      const group = yield* ProcessGroup.makeWith({ limits: { processes: 50 } })
      const [directory = ""] = ownGroups()
      const above = `${path.dirname(directory)}/pids.max`
      fs.writeFileSync(above, "10")
      const bomb = yield* group.start(sh("i=0; while [ $i -lt 30 ]; do sleep 600 & i=$((i + 1)); done; wait"))
      const { outcome } = yield* bomb.result
      fs.writeFileSync(above, "max")
      assert.isAbove(outcome._tag === "Exited" ? outcome.code : 0, 0)
      assert.strictEqual((yield* group.limitEvidence).processes, "not-tripped")
      yield* group.kill
    }).pipe(Effect.scoped))

  it.effect("of processors hold a spinner to its share within a tenth, until they are lifted", () =>
    Effect.gen(function*() {
      if (!canLimit("cpus")) return
      const group = yield* ProcessGroup.makeWith({ limits: { cpus: 0.2 } })
      yield* group.start(sh("while :; do :; done"))
      const used = Effect.map(group.stats, ({ cpuTime }) => Duration.toMillis(cpuTime ?? Duration.zero))
      const share = Effect.gen(function*() {
        const [before, from] = [yield* used, performance.now()]
        // Forty periods of the kernel's, so that one more or less is within the tenth.
        yield* Effect.sleep("4 seconds")
        return ((yield* used) - before) / (performance.now() - from)
      })
      const [directory = ""] = ownGroups()
      const before = periodsOf(directory)
      const limited = yield* share
      const after = periodsOf(directory)
      assert.isAtMost(limited, 0.22)
      // It is held back only in a period in which it had all of its share. There are others where the rest of the machine
      // wants the same processor, and none at all while a virtual one stands still.
      const [all, full] = [after.all - before.all, after.full - before.full]
      assert.isAbove(full, 0)
      assert.isAtLeast((after.used - before.used) / (all * after.length), 0.18 * (full / all))
      assert.strictEqual((yield* group.limitEvidence).cpus, "tripped")
      yield* group.updateLimits({})
      assert.deepEqual(yield* group.limits, { memory: undefined, processes: undefined, cpus: undefined })
      assert.isAbove(yield* share, 0.3)
      assert.strictEqual((yield* group.limitEvidence).cpus, "tripped")
    }).pipe(Effect.scoped))
})
