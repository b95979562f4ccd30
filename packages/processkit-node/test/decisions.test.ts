import { assert, describe, it } from "@effect/vitest"
import { targets } from "../src/internal/delivery.ts"
import { nextDelay } from "../src/internal/emptiness.ts"
import { errnoOf } from "../src/internal/errno.ts"
import { laterPids } from "../src/internal/leaderExit.ts"
import type { Attribution } from "../src/internal/membership.ts"
import type { Row } from "../src/internal/processTable.ts"
import { deliveryOf, isSignallable, send } from "../src/internal/signalling.ts"
import { libcOf, realTimeMinimum, signalNumber } from "../src/internal/signalNumber.ts"
import { argumentBytes, spawnFailure } from "../src/internal/spawnFailure.ts"

describe("the guard before kill(2)", () => {
  const self = { pid: 500, pgid: 490 }
  it("lets other processes and groups through", () => {
    for (const id of [2, 499, 4_194_304]) assert.isTrue(isSignallable(id, self))
  })
  it("refuses everything that is no other process: 0, 1, -1, nothing, ourselves, our group", () => {
    for (const id of [0, -0, 1, -1, -5, 500, 490, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      assert.isFalse(isSignallable(id, self), String(id))
    }
  })
  it("stands before every signal", () => {
    assert.strictEqual(send({ _tag: "group", pgid: 1 }, 0, undefined), "refused")
    assert.strictEqual(send({ _tag: "group", pgid: 0 }, 0, undefined), "refused")
    assert.strictEqual(send({ _tag: "leader", pid: process.pid, isReaped: () => false }, 0, undefined), "refused")
    assert.strictEqual(send({ _tag: "leader", pid: Number.NaN, isReaped: () => false }, 0, undefined), "refused")
  })
  it("sends nothing to a leader that was reaped", () => {
    assert.strictEqual(send({ _tag: "leader", pid: process.ppid, isReaped: () => true }, 0, undefined), "gone")
  })
  it("tells a process that vanished from one that belongs to somebody else", () => {
    assert.deepStrictEqual([undefined, "ESRCH", "EPERM", "EINVAL"].map(deliveryOf), [
      "sent",
      "gone",
      "denied",
      "refused"
    ])
  })
})

const row = (pid: number, pgid: number): Row => ({ pid, ppid: 1, pgid, session: 200, alive: true, start: "s" })

const attribution = (group: boolean, ...members: ReadonlyArray<Row>): Attribution => ({
  lineage: { leader: 200, phase: "running", seen: new Map() },
  members,
  group
})

const shown = (given: Attribution | ReadonlyArray<Attribution>, wanted: (row: Row) => boolean = () => true) =>
  targets([given].flat(), wanted).map((target) =>
    target._tag === "group" ? `group ${target.pgid}` : target._tag === "process" ? `process ${target.row.pid}` : ""
  )

describe("the targets of a signal", () => {
  it("are the group, and one by one those outside of it", () => {
    assert.deepStrictEqual(shown(attribution(true, row(200, 200), row(201, 200), row(202, 202))), [
      "group 200",
      "process 202"
    ])
  })
  it("are single processes where the group is not ours any more", () => {
    assert.deepStrictEqual(shown(attribution(false, row(201, 200), row(202, 202))), ["process 201", "process 202"])
  })
  it("leave the group alone where nobody is in it", () => {
    assert.deepStrictEqual(shown(attribution(true, row(202, 202))), ["process 202"])
  })
  it("are single processes where some of the group had the signal already", () => {
    const given = attribution(true, row(200, 200), row(201, 200))
    assert.deepStrictEqual(shown(given, (member) => member.pid === 201), ["process 201"])
  })
})

describe("the targets of a signal to trees that share somebody", () => {
  it("name everybody once", () => {
    const whole = attribution(true, row(200, 200), row(201, 200))
    const taken = { ...attribution(false, row(201, 200), row(202, 202)), lineage: { ...whole.lineage, leader: 0 } }
    assert.deepStrictEqual(shown([whole, taken]), ["group 200", "process 202"])
    assert.deepStrictEqual(shown([taken, whole]), ["process 201", "process 202", "process 200"])
  })
})

describe("pids of possible descendants", () => {
  it("are none where the leader has the last pid that was given out", () => {
    assert.deepStrictEqual(laterPids(200, 200), [])
  })
  it("are those after the leader's", () => {
    assert.deepStrictEqual(laterPids(200, 203), [201, 202, 203])
  })
  it("are unknown where the numbers wrapped around, are many, or cannot be had", () => {
    assert.isUndefined(laterPids(200, 199))
    assert.isUndefined(laterPids(200, 20_000))
    assert.isUndefined(laterPids(200, undefined))
  })
})

const pauses = (hasProbes: boolean) => {
  const list = [1]
  for (let i = 0; i < 12; i++) list.push(nextDelay(list.at(-1) ?? 1, hasProbes))
  return list
}

describe("pauses between questions", () => {
  it("grow to 20 ms where a question is cheap", () => {
    assert.deepStrictEqual(pauses(true).slice(0, 7), [1, 2, 4, 8, 16, 20, 20])
  })
  it("grow to 200 ms where a question costs a process", () => {
    assert.strictEqual(pauses(false).at(-1), 200)
  })
})

const reason = (errno: string) => spawnFailure(errno, { program: "git", bytes: () => 42 })

const tags = (...errnos: ReadonlyArray<string>) => new Set(errnos.map((errno) => reason(errno)._tag))

describe("the reason of a failed start", () => {
  it("is told by the errno", () => {
    assert.deepStrictEqual(tags("ENOENT"), new Set(["NotFound"]))
    assert.deepStrictEqual(tags("EACCES", "EPERM"), new Set(["PermissionDenied"]))
    assert.deepStrictEqual(tags("EMFILE", "ENFILE", "EAGAIN", "ENOMEM"), new Set(["ResourceExhausted"]))
    assert.deepStrictEqual(tags("ENOEXEC"), new Set(["ExecFormat"]))
    assert.deepStrictEqual(
      tags("ENOTDIR", "ELOOP", "ENAMETOOLONG", "ETXTBSY", "EIO", "UNKNOWN"),
      new Set(["SpawnFailed"])
    )
  })
  it("counts what the kernel counts where the arguments are too long", () => {
    assert.propertyVal(reason("E2BIG"), "bytes", 42)
    assert.strictEqual(argumentBytes(["git", "ä"], { A: "b" }), 4 + 3 + 4)
  })
  it("is all that is kept of an error of Node's", () => {
    assert.strictEqual(errnoOf(Object.assign(new Error("spawn git --token=secret E2BIG"), { code: "E2BIG" })), "E2BIG")
    assert.deepStrictEqual([null, undefined, "x", {}, { code: 7 }].map(errnoOf), Array(5).fill("UNKNOWN"))
  })
})

describe("the number of a signal", () => {
  it("is this machine's", () => {
    assert.strictEqual(signalNumber("SIGTERM"), 15)
    assert.strictEqual(signalNumber("SIGKILL"), 9)
  })
  it("is unknown for a signal of another system", () => {
    assert.isUndefined(signalNumber(process.platform === "linux" ? "SIGINFO" : "SIGPWR"))
  })
  it("starts for real-time signals after those that the C library keeps", () => {
    assert.strictEqual(realTimeMinimum(libcOf("…/lib64/ld-linux-x86-64.so.2…")), 34)
    assert.strictEqual(realTimeMinimum(libcOf("…/lib/ld-musl-x86_64.so.1…")), 35)
  })
  it("exists for real-time signals on Linux only", () => {
    const number = signalNumber("SIGRTMIN+3")
    if (process.platform === "linux") assert.include([37, 38], number)
    else assert.isUndefined(number)
  })
})
