import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as AdoptScope from "../src/internal/cgroup/adoptScope.ts"
import * as CgroupLimits from "../src/internal/cgroup/cgroupLimits.ts"
import * as Controllers from "../src/internal/cgroup/controllers.ts"
import * as LimitAdvice from "../src/internal/cgroup/limitAdvice.ts"
import * as LimitFiles from "../src/internal/cgroup/limitFiles.ts"
import * as OwnerDirectory from "../src/internal/cgroup/ownerDirectory.ts"

const none = { memory: undefined, processes: undefined, cpus: undefined }

const textOf = (name: "memory" | "processes" | "cpus", limits: Partial<typeof none> | object): ReadonlyArray<string> =>
  LimitFiles.writes(name, { ...none, ...limits }).map(({ file, text }) => `${file} ${text}`)

/** Directories as the kernel would show them: an owner's in that of its processes. */
const hierarchy = (files: Readonly<Record<string, string>>) => {
  const own = fs.mkdtempSync(path.join(os.tmpdir(), "hierarchy-"))
  fs.mkdirSync(`${own}/owner`)
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(`${own}/${name}`, text)
  return { own, owner: `${own}/owner`, [Symbol.dispose]: () => fs.rmSync(own, { recursive: true }) }
}

describe("a limit", () => {
  it("of memory keeps the group from swapping, ends all of it together, and is set last", () => {
    assert.deepEqual(textOf("memory", { memory: 4096 }), [
      "memory.swap.max 0",
      "memory.oom.group 1",
      "memory.max 4096"
    ])
  })

  it("of processors is a time in a period, in a longer one where it is small", () => {
    assert.deepEqual(textOf("cpus", { cpus: 0.5 }), ["cpu.max 50000 100000"])
    assert.deepEqual(textOf("cpus", { cpus: 2 }), ["cpu.max 200000 100000"])
    assert.deepEqual(textOf("cpus", { cpus: 0.001 }), ["cpu.max 1000 1000000"])
  })

  it("that is lifted is the kernel's own again", () => {
    assert.deepEqual(textOf("memory", {}), ["memory.swap.max max", "memory.oom.group 0", "memory.max max"])
    assert.deepEqual(textOf("processes", {}), ["pids.max max"])
    assert.deepEqual(textOf("cpus", {}), ["cpu.max max 100000"])
  })
})

const ofMemory = (events: string, ours = events) =>
  LimitFiles.evidence((file) => ({ "memory.events": events, "memory.events.local": ours })[file] ?? "", Infinity).memory

const ofProcesses = (most: string, least: number) =>
  LimitFiles.evidence((file) => ({ "pids.events": "max 3\n", "pids.peak": most })[file] ?? "", least).processes

describe("the evidence", () => {
  it("is what the counters say, and unknown without them", () => {
    const counters: Record<string, string> = {
      "memory.events": "low 0\nhigh 0\nmax 25\noom 1\noom_kill 0\noom_group_kill 0\n",
      "memory.events.local": "low 0\nhigh 0\nmax 25\noom 1\noom_kill 0\noom_group_kill 0\n",
      "pids.events": "max 3\n"
    }
    assert.deepEqual(LimitFiles.evidence((file) => counters[file] ?? "", 20), {
      memory: "not-tripped",
      processes: "tripped",
      cpus: "unknown"
    })
    assert.strictEqual(LimitFiles.evidence(() => "nr_periods 5\nnr_throttled 2\n", Infinity).cpus, "tripped")
  })

  // Linux 6.1 counts a start that failed for a limit above, too.
  it("of processes is a start that failed for the limit of this group, not for one above", () => {
    assert.strictEqual(ofProcesses("20\n", 20), "tripped")
    assert.strictEqual(ofProcesses("10\n", 20), "not-tripped")
    assert.strictEqual(ofProcesses("10\n", Infinity), "not-tripped")
    assert.strictEqual(ofProcesses("", 20), "tripped")
    assert.strictEqual(LimitFiles.evidence(() => "max 0\n", 20).processes, "not-tripped")
  })

  // `oom_kill` counts the victims of every killer (Control Group v2, "memory.events").
  it("of memory is a kill for the limit of this group, not one for the whole machine or a limit above", () => {
    assert.strictEqual(ofMemory("max 25\noom 1\noom_kill 3\n"), "tripped")
    assert.strictEqual(ofMemory("max 0\noom 0\noom_kill 3\n"), "not-tripped")
    assert.strictEqual(ofMemory("max 25\noom 1\noom_kill 0\n"), "not-tripped")
    assert.strictEqual(ofMemory(""), "unknown")
  })

  // `memory.events` counts for everything below as well, and a victim is counted where it was (Control Group v2).
  it("of memory is a kill for the limit of this group, not one for a limit that a member has made below", () => {
    assert.strictEqual(ofMemory("oom 2\noom_kill 2\n", "oom 0\noom_kill 0\n"), "not-tripped")
    assert.strictEqual(ofMemory("oom 1\noom_kill 1\n", "oom 1\noom_kill 0\n"), "tripped")
  })

  it("of one run is what was counted since its start", () => {
    const [before, after] = [{ reached: 2, killed: 5 }, { reached: 3, killed: 7 }]
    assert.isTrue(LimitFiles.hasKilled(before, after))
    assert.isFalse(LimitFiles.hasKilled(before, before))
    assert.isFalse(LimitFiles.hasKilled(before, { reached: 2, killed: 6 }))
  })
})

describe("limits that are set", () => {
  it("hold all or none: where one is refused, those before are written again", () => {
    using made = hierarchy({
      "cgroup.controllers": "cpu memory pids\n",
      "cgroup.subtree_control": "cpu memory pids\n",
      "owner/cgroup.subtree_control": "cpu memory pids\n"
    })
    const directory = `${made.owner}/g1`
    fs.mkdirSync(directory)
    for (const file of ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max"]) {
      fs.writeFileSync(`${directory}/${file}`, "")
    }
    const before = { memory: 4096, processes: 10, cpus: undefined }
    const { set } = new CgroupLimits.CgroupLimits(() => ({ owner: made.owner, directory }))
    const read = (file: string) => fs.readFileSync(`${directory}/${file}`, "utf8")
    Effect.runSync(set(before))
    assert.deepEqual([read("memory.max"), read("pids.max")], ["4096", "10"])
    // A directory cannot be written to, as a file that the kernel refuses.
    fs.mkdirSync(`${directory}/cpu.max`)
    const error = Effect.runSync(Effect.flip(set({ memory: 8192, processes: 20, cpus: 1 })))
    assert.deepInclude(error.reason, { _tag: "ResourceLimit", limit: "cpus", why: "unenforceable" })
    assert.deepEqual([read("memory.max"), read("pids.max")], ["4096", "10"])
  })
})

describe("advice", () => {
  it("says of each limit in one sentence why there is no cgroup, and what to run", () => {
    const { notMounted, notOurs, notVisible, readOnly, tooOld } = OwnerDirectory
    const words = new Map([
      [notMounted, "systemd.unified_cgroup_hierarchy=1"],
      [notOurs, "systemd-run --user --scope -p Delegate=yes"],
      [notVisible, "docker run --cgroupns=private"],
      [readOnly, "docker run --security-opt writable-cgroups=true"],
      [tooOld, "Linux 5.14"]
    ])
    for (const [obstacle, word] of words) {
      const refused = LimitAdvice.refusedLimits(obstacle)
      assert.deepEqual(refused.map(({ limit }) => limit), ["memory", "processes", "cpus"])
      for (const { reason } of refused) {
        assert.isTrue(reason.startsWith(`${obstacle}: `))
        assert.include(reason, word)
        assert.notMatch(reason, /[\n.]$|\. /)
        assert.isAtMost(`process-group has none; ${reason}`.length, 200)
      }
    }
    assert.deepEqual(LimitAdvice.refusedLimits("another reason")[0], { limit: "memory", reason: "another reason" })
  })
})

describe("controllers", () => {
  const ours = { "cgroup.controllers": "cpu memory pids\n", "cgroup.procs": "1\n" }

  it("that somebody has enabled are used as they are", () => {
    using made = hierarchy({
      ...ours,
      "cgroup.type": "domain\n",
      "cgroup.subtree_control": "memory pids\n",
      "owner/cgroup.subtree_control": ""
    })
    assert.isTrue(Controllers.enable(made.owner, "memory")._tag === "Success")
    assert.strictEqual(fs.readFileSync(`${made.owner}/cgroup.subtree_control`, "utf8"), "+memory")
    assert.deepEqual(Controllers.prediction(made.own).limits, ["memory", "processes"])
  })

  it("are never asked for in a directory with processes in it, and the refusal says what to run", () => {
    using made = hierarchy({ ...ours, "cgroup.type": "domain\n", "cgroup.subtree_control": "" })
    for (const name of ["memory", "processes", "cpus"] as const) {
      const answer = Controllers.enable(made.owner, name)
      const reason = answer._tag === "Failure" ? answer.failure : ""
      assert.include(reason, "systemd-run")
      assert.isAtMost(reason.length, 200)
    }
    assert.strictEqual(fs.readFileSync(`${made.own}/cgroup.subtree_control`, "utf8"), "")
    assert.deepEqual(Controllers.prediction(made.own).limits, [])
    assert.deepEqual(Controllers.prediction(made.own).refusedLimits.map(({ limit }) => limit), [
      "memory",
      "processes",
      "cpus"
    ])
  })

  it("are enabled in the real root, which has no type", () => {
    using made = hierarchy({ ...ours, "cgroup.subtree_control": "", "owner/cgroup.subtree_control": "" })
    assert.strictEqual(Controllers.enable(made.owner, "cpus")._tag, "Success")
    assert.strictEqual(fs.readFileSync(`${made.own}/cgroup.subtree_control`, "utf8"), "+cpu")
  })

  it("that the kernel does not offer are named", () => {
    using made = hierarchy({ "cgroup.controllers": "hugetlb\n", "cgroup.subtree_control": "" })
    assert.include(Controllers.refusal(made.own, "processes"), "pids controller")
  })

  // Where the service manager hands on memory and pids alone, as many do, there was no room for those either.
  it("get room as far as they are there", () => {
    using made = hierarchy({
      "cgroup.controllers": "memory pids\n",
      "cgroup.type": "domain\n",
      "cgroup.subtree_control": "",
      "cgroup.procs": ""
    })
    assert.isFalse(Controllers.hasRoom(made.own))
    assert.strictEqual(AdoptScope.makeRoom(made.own)._tag, "Success")
    assert.strictEqual(fs.readFileSync(`${made.own}/cgroup.subtree_control`, "utf8"), "+pids")
    fs.writeFileSync(`${made.own}/cgroup.subtree_control`, "memory pids\n")
    assert.isTrue(Controllers.hasRoom(made.own))
  })

  // Each program in a scope moved itself and its shell one directory deeper than the one before.
  it("get room once in a cgroup, whoever comes after", () => {
    using made = hierarchy({ ...ours, "cgroup.type": "domain\n", "cgroup.subtree_control": "cpu memory pids\n" })
    const aside = `${made.own}/processkit-aside-7`
    fs.mkdirSync(aside)
    assert.strictEqual(AdoptScope.roomAbove(aside), made.own)
    assert.isUndefined(AdoptScope.roomAbove(made.owner))
    fs.writeFileSync(`${made.own}/cgroup.subtree_control`, "\n")
    assert.isUndefined(AdoptScope.roomAbove(aside))
  })

  it("get room by moving everybody, and not for ever where somebody is always left", () => {
    using made = hierarchy({ "cgroup.procs": "" })
    assert.strictEqual(AdoptScope.moveAll(made.own, made.owner)._tag, "Success")
    // A file of a test keeps its processes, as a directory does in which they are forked all the time.
    fs.writeFileSync(`${made.own}/cgroup.procs`, "7\n8\n")
    const answer = AdoptScope.moveAll(made.own, made.owner)
    assert.strictEqual(answer._tag === "Failure" ? answer.failure : "", "EBUSY")
    assert.strictEqual(fs.readFileSync(`${made.owner}/cgroup.procs`, "utf8"), "8")
  })
})
