import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Outcome from "processkit/Outcome"
import * as Blame from "../../src/internal/pipelineBlame.ts"
import type { Ending } from "../../src/internal/stage.ts"
import { intBetween } from "../arbitraries.ts"

const endings = {
  clean: Outcome.exited(0),
  code: Outcome.exited(3),
  pipe: Outcome.signaled("SIGPIPE", 13, false),
  shellPipe: Outcome.exited(141),
  killed: Outcome.signaled("SIGTERM", 15, false),
  late: Outcome.timedOut({ after: Duration.seconds(1), kind: "deadline", exit: Outcome.exited(0) }),
  failed: "failed"
} as const satisfies Record<string, Ending>

type Name = keyof typeof endings

interface More {
  readonly unchecked?: boolean
  readonly stopped?: boolean
  readonly okCodes?: ReadonlyArray<number>
}

const end = (name: Name, { okCodes = [0], stopped = false, unchecked = false }: More = {}): Blame.StageEnd => ({
  ending: endings[name],
  okCodes,
  isUnchecked: unchecked,
  isLast: false,
  isStopped: stopped
})

const chain = (...ends: ReadonlyArray<Blame.StageEnd>): ReadonlyArray<Blame.StageEnd> =>
  ends.map((one, i) => Object.assign({}, one, { isLast: i === ends.length - 1 }))

const blamed = (...ends: ReadonlyArray<Blame.StageEnd>): number | undefined => Blame.culprit(chain(...ends))

describe("blame", () => {
  it("falls on nobody where every stage is clean", () => {
    assert.isUndefined(blamed(end("clean"), end("clean")))
    assert.isUndefined(blamed(end("code", { okCodes: [3] }), end("clean")))
  })

  it("falls on the leftmost of those who failed by themselves", () => {
    assert.strictEqual(blamed(end("clean"), end("code"), end("code")), 1)
    assert.strictEqual(blamed(end("late"), end("code"), end("clean")), 0)
    assert.strictEqual(blamed(end("clean"), end("killed"), end("failed")), 1)
  })

  it("falls on a stage that returns 0 where 0 is no success", () => {
    assert.strictEqual(blamed(end("clean", { okCodes: [1] }), end("clean")), 0)
  })

  it("passes over victims of a broken pipe for a failure further on", () => {
    assert.strictEqual(blamed(end("pipe"), end("shellPipe"), end("code")), 2)
  })

  it("passes over victims that the pipeline stopped, and not over a deadline of their own", () => {
    assert.strictEqual(blamed(end("killed", { stopped: true }), end("code"), end("killed", { stopped: true })), 1)
    assert.strictEqual(blamed(end("late", { stopped: true }), end("code")), 0)
  })

  it("falls on the leftmost victim where there are only victims", () => {
    assert.strictEqual(blamed(end("pipe"), end("clean")), 0)
    assert.strictEqual(blamed(end("clean"), end("pipe"), end("killed", { stopped: true })), 1)
  })

  it("does not take a last stage for the victim of a pipe that nobody closes", () => {
    const ends = chain(end("pipe"), end("pipe"))
    assert.deepStrictEqual(ends.map(Blame.verdict), ["victim", "failure"])
    assert.strictEqual(Blame.culprit(ends), 1)
  })

  it("spares unchecked stages whatever they return, but not what no exit says", () => {
    for (const name of ["code", "pipe", "killed", "late"] as const) {
      assert.isUndefined(blamed(end(name, { unchecked: true }), end("clean")), name)
      assert.strictEqual(blamed(end(name, { unchecked: true }), end("code")), 1, name)
    }
    assert.strictEqual(blamed(end("failed", { unchecked: true }), end("clean")), 0)
  })

  it("spares the code of an unchecked last stage, and neither its signal nor its deadline", () => {
    assert.isUndefined(blamed(end("clean"), end("code", { unchecked: true })))
    assert.strictEqual(blamed(end("clean"), end("killed", { unchecked: true })), 1)
    assert.strictEqual(blamed(end("clean"), end("late", { unchecked: true })), 1)
  })

  const stage = Arbitrary.map(
    Arbitrary.all([
      Arbitrary.schema(Schema.Literals(Object.keys(endings) as Array<Name>)),
      intBetween(0, 1),
      intBetween(0, 1)
    ]),
    ([name, unchecked, stopped]) => end(name, { unchecked: unchecked === 1, stopped: stopped === 1 })
  )
  const stages = Arbitrary.array(stage, { minLength: 1, maxLength: 6 })

  it.prop(
    "names a stage that is neither clean nor exempt, and nobody exactly where there is none",
    [stages],
    ([ends]) => {
      const all = chain(...ends)
      const verdicts = all.map(Blame.verdict)
      const culprit = Blame.culprit(all)
      const guilty = verdicts.filter((verdict) => verdict === "failure" || verdict === "victim")
      assert.strictEqual(culprit === undefined, guilty.length === 0)
      if (culprit === undefined) return
      const rank = verdicts.includes("failure") ? "failure" : "victim"
      assert.strictEqual(culprit, verdicts.indexOf(rank))
    }
  )

  it.prop("does not change when a clean stage is put before the others", [stages], ([ends]) => {
    const before = blamed(...ends)
    const after = blamed(end("clean"), ...ends)
    assert.strictEqual(after, before === undefined ? undefined : before + 1)
  })
})
