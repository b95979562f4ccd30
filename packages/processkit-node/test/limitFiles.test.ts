import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as AdoptScope from "../src/internal/cgroup/adoptScope.ts"
import * as Controllers from "../src/internal/cgroup/controllers.ts"
import * as LimitFiles from "../src/internal/cgroup/limitFiles.ts"

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

describe("the evidence", () => {
  it("is what the counters say, and unknown without them", () => {
    const counters: Record<string, string> = {
      "memory.events": "low 0\nhigh 0\nmax 25\noom 1\noom_kill 0\noom_group_kill 0\n",
      "pids.events": "max 3\n"
    }
    assert.deepEqual(LimitFiles.evidence((file) => counters[file] ?? ""), {
      memory: "not-tripped",
      processes: "tripped",
      cpus: "unknown"
    })
    assert.strictEqual(LimitFiles.evidence(() => "nr_periods 5\nnr_throttled 2\n").cpus, "tripped")
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
      assert.include(answer._tag === "Failure" ? answer.failure : "", "systemd-run")
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
