import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as CgroupStats from "../src/internal/cgroup/cgroupStats.ts"
import * as ProcUsage from "../src/internal/procUsage.ts"

/** The fields of a stat line from the state on; the times are fields 14 to 17. */
const statOf = (name: string, times: ReadonlyArray<string>): string =>
  `4711 (${name}) S 1 4711 4711 0 -1 4194560 100 0 0 0 ${times.join(" ")} 20 0 1 0 12345 1000 100\n`

const usage = (part: Partial<ProcUsage.ProcUsage>): ProcUsage.ProcUsage => ({
  cpuMicros: 10_000,
  residentBytes: 1024,
  peakResidentBytes: 4096,
  ioReadBytes: 1,
  ioWriteBytes: 2,
  ...part
})

describe("what /proc says of a process", () => {
  it("is its time and that of the descendants it has waited for, whatever it is called", () => {
    for (const name of ["sleep", "a) b (c", ") S 1 2 3", ""]) {
      assert.strictEqual(ProcUsage.parseCpu(statOf(name, ["1", "2", "3", "4"])), 100_000, name)
    }
  })

  it("is unknown where a file is empty, cut off, or says something else", () => {
    for (const text of ["", "4711 (sleep", "4711 (sleep) S 1 2", statOf("x", ["1", "2", "x", "4"])]) {
      assert.isUndefined(ProcUsage.parseCpu(text), text)
    }
    assert.deepStrictEqual(ProcUsage.parseMemory("Name:\tkthreadd\n"), {
      residentBytes: undefined,
      peakResidentBytes: undefined
    })
    assert.deepStrictEqual(ProcUsage.parseIo(""), { ioReadBytes: undefined, ioWriteBytes: undefined })
  })

  it("is memory in bytes, and what went to and from storage and not through system calls", () => {
    assert.deepStrictEqual(ProcUsage.parseMemory("VmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"), {
      residentBytes: 1_048_576,
      peakResidentBytes: 2_097_152
    })
    const io = "rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 0\n"
    assert.deepStrictEqual(ProcUsage.parseIo(io), { ioReadBytes: 4096, ioWriteBytes: 8192 })
  })

  it("adds up over processes, and is unknown as soon as it is unknown of one", () => {
    assert.deepStrictEqual(ProcUsage.summed([usage({}), usage({ residentBytes: 8192, peakResidentBytes: 8192 })]), {
      cpuMicros: 20_000,
      residentBytes: 9216,
      peakResidentBytes: 9216,
      ioReadBytes: 2,
      ioWriteBytes: 4
    })
    const partly = ProcUsage.summed([usage({}), usage({ ioReadBytes: undefined, residentBytes: undefined })])
    assert.isUndefined(partly.ioReadBytes)
    assert.isUndefined(partly.residentBytes)
    assert.isUndefined(partly.peakResidentBytes)
    assert.strictEqual(partly.ioWriteBytes, 4)
  })
})

describe("what a cgroup says", () => {
  it("is found by the whole key", () => {
    const text = "usage_usec_total 1\nusage_usec 250\nuser_usec 200\n"
    assert.strictEqual(CgroupStats.keyed(text, "usage_usec"), 250)
    assert.isUndefined(CgroupStats.keyed(text, "usage"))
    assert.isUndefined(CgroupStats.keyed("", "usage_usec"))
  })

  it("is summed over devices, is zero before the first access, and unknown where it is not a number", () => {
    const text = "8:0 rbytes=10 wbytes=1 rios=1\n253:0\n259:0 rbytes=5 wbytes=2\n"
    assert.strictEqual(CgroupStats.summed(text, "rbytes"), 15)
    assert.strictEqual(CgroupStats.summed(text, "wbytes"), 3)
    assert.strictEqual(CgroupStats.summed("", "rbytes"), 0)
    assert.isUndefined(CgroupStats.summed("8:0 rbytes=x", "rbytes"))
  })

  it("is no number where it says max", () => {
    assert.strictEqual(CgroupStats.number("4096\n"), 4096)
    assert.isUndefined(CgroupStats.number("max\n"))
    assert.isUndefined(CgroupStats.number(undefined))
  })

  // `memory.peak` came with Linux 5.19.
  it.effect("is no smaller peak than what is held where the kernel keeps none", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "accounts-"))),
        (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
      )
      fs.writeFileSync(`${directory}/memory.current`, "8192\n")
      const stats = yield* CgroupStats.look(directory, Effect.succeed([]))
      assert.deepInclude(stats, { memoryBytes: 8192, peakMemoryBytes: 8192 })
    }).pipe(Effect.scoped))
})
