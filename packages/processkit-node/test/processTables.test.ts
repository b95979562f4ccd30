import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Reading } from "../src/internal/processTable.ts"
import { share } from "../src/internal/processTable.ts"
import * as ProcTable from "../src/internal/procTable.ts"
import * as PsTable from "../src/internal/psTable.ts"

const stat = (name: string, state = "S", threads = 1) =>
  `4711 (${name}) ${state} 4700 4701 4702 34816 4711 4194304 1 2 3 4 5 6 7 8 20 0 ${threads} 0 987654 1 2\n`

describe("/proc/<pid>/stat", () => {
  it("gives parent, group, session, state, threads and start", () => {
    assert.deepStrictEqual(ProcTable.parseStat(stat("sleep", "R", 3)), {
      pid: 4711,
      ppid: 4700,
      pgid: 4701,
      session: 4702,
      state: "R",
      threads: 3,
      start: "987654"
    })
  })

  it("is cut at the last parenthesis, whatever a process calls itself", () => {
    for (const name of ["x) Z 1 1 1 (", ") Z 1 1 1 1", "a\nb) Z 2 ", "", "(((", ")))"]) {
      assert.deepStrictEqual(ProcTable.parseStat(stat(name)), ProcTable.parseStat(stat("sleep")), JSON.stringify(name))
    }
  })

  it("is refused where it is something else", () => {
    for (const text of ["", "4711", "4711 (x)", "x (y) S 1 2 3", stat("x").slice(0, 40)]) {
      assert.isUndefined(ProcTable.parseStat(text), JSON.stringify(text))
    }
  })

  it("means death by Z and X only", () => {
    assert.deepStrictEqual([..."RSDTtZXxKWPI"].filter(ProcTable.isDeadState), ["Z", "X", "x"])
  })
})

describe("/proc/loadavg", () => {
  it("gives the pid that was given out last", () => {
    assert.strictEqual(ProcTable.parseLastPid("0.50 0.19 0.11 2/88 4773\n"), 4773)
  })
  it("gives nothing where the field is missing or no pid", () => {
    for (const text of ["", "0.50 0.19 0.11 2/88", "0.5 0.1 0.1 2/88 0\n", "0.5 0.1 0.1 2/88 x"]) {
      assert.isUndefined(ProcTable.parseLastPid(text))
    }
  })
})

describe("the output of ps", () => {
  // As printed by macOS 14, FreeBSD 14 and procps-ng 4 with LC_ALL=C.
  const text = [
    "    1     0     1 Ss   Thu Jan  1 00:00:00 1970    ",
    "  501     1   501 S+   Fri Nov 20 17:57:01 2026",
    "  502   501   501 Z    Fri Nov 20 17:57:02 2026",
    "  503   501   503 RN+  Fri Nov 20 17:57:03 2026",
    "  504   501   503 Zl   Fri Nov 20 17:57:03 2026",
    "garbage",
    "",
    " 505 x 504 S Fri Nov 20 17:57:03 2026"
  ].join("\n")

  it("gives a row for each line that is one", () => {
    const table = PsTable.parsePs(text)
    assert.deepStrictEqual([...table.keys()], [1, 501, 502, 503, 504])
    assert.deepStrictEqual(table.get(503), {
      pid: 503,
      ppid: 501,
      pgid: 503,
      session: undefined,
      alive: true,
      start: "Fri Nov 20 17:57:03 2026"
    })
    assert.isFalse(table.get(502)?.alive)
    assert.isTrue(table.get(504)?.alive, "a zombie with living threads")
  })
})

const row = (start: string) => ({ pid: 1, ppid: 0, pgid: 1, session: 1, alive: true, start })

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

const source = () => {
  const pending: Array<(reading: Reading) => void> = []
  const read = share((done) => void pending.push(done))
  return { pending, read }
}

const table = (start: string) => Result.succeed(new Map([[1, row(start)]]))

describe("a shared reading", () => {
  it("is one for all who ask before it begins", async () => {
    const { pending, read } = source()
    const answers: Array<Reading> = []
    for (let i = 0; i < 5; i++) read(() => (reading) => answers.push(reading))
    await turn()
    assert.lengthOf(pending, 1)
    pending[0]?.(table("a"))
    assert.lengthOf(answers, 5)
  })

  it("is not given to those who ask after it began", async () => {
    const { pending, read } = source()
    const answers: Array<string> = []
    const note = (reading: Reading) =>
      answers.push(Result.isSuccess(reading) ? reading.success.get(1)?.start ?? "" : "")
    read(() => note)
    await turn()
    read(() => note)
    read(() => note)
    await turn()
    assert.lengthOf(pending, 1)
    pending[0]?.(table("a"))
    assert.deepStrictEqual(answers, ["a"])
    await turn()
    assert.lengthOf(pending, 2)
    pending[1]?.(table("b"))
    assert.deepStrictEqual(answers, ["a", "b", "b"])
  })
})
