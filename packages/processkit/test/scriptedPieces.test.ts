import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Outcome from "processkit/Outcome"
import { ScriptedInput } from "../src/internal/scriptedInput.ts"
import { ScriptedPipe } from "../src/internal/scriptedPipe.ts"
import * as Rules from "../src/internal/scriptedRules.ts"
import * as Signals from "../src/internal/scriptedSignals.ts"
import { settle } from "./scripted.ts"

type Rule = Rules.Rule<number, string>

const ruled = (match: Rule["match"], ...answers: Rule["answers"]): Rule => ({ match, isFallback: false, answers })

const rule = (words: ReadonlyArray<string>, ...answers: Rule["answers"]) => ruled({ _tag: "Prefix", words }, ...answers)

const exact = (words: ReadonlyArray<string>) => ruled({ _tag: "Exact", words }, "x")

const when = (predicate: (call: number) => boolean) => ruled({ _tag: "When", predicate }, "x")

const asked = (line: ReadonlyArray<string>, call = 0) => ({ line, call })

describe("rules", () => {
  it("cover what begins with their elements", () => {
    assert.isTrue(Rules.covers([], []))
    assert.isTrue(Rules.covers([], ["a"]))
    assert.isTrue(Rules.covers(["a", "b"], ["a", "b"]))
    assert.isFalse(Rules.covers(["a", "b"], ["a"]))
    assert.isFalse(Rules.covers(["a"], ["ab"]))
  })

  it("are reported where an earlier one covers them, a fallback counting as the last", () => {
    const rules = [
      { ...rule([], "x"), isFallback: true },
      rule(["a"], "x"),
      rule(["a", "b"], "x"),
      rule(["b"], "x"),
      rule(["b"], "x")
    ]
    assert.deepStrictEqual(Rules.unreachable(rules), [{ rule: 3, by: 2 }, { rule: 5, by: 4 }])
    assert.deepStrictEqual(Rules.unreachable([rule([], "x"), { ...rule([], "x"), isFallback: true }]), [{
      rule: 2,
      by: 1
    }])
  })

  it("give their answers in order and repeat the last, and looking uses none up", () => {
    const book = new Rules.RuleBook([rule(["a"], "1", "2")])
    const a = asked(["a"])
    const answers = [book.peek(a), book.take(a), book.peek(a), book.take(a), book.take(a)]
    assert.deepStrictEqual(answers, ["1", "1", "2", "2", "2"])
    assert.isUndefined(book.take(asked(["b"])))
  })

  it("fit a whole line only where they are exact, and any line where a predicate says so", () => {
    assert.isTrue(Rules.fits(exact(["a", "b"]).match, asked(["a", "b"])))
    assert.isFalse(Rules.fits(exact(["a", "b"]).match, asked(["a", "b", "c"])))
    assert.isFalse(Rules.fits(exact(["a", "b"]).match, asked(["a"])))
    assert.isTrue(Rules.fits(when((call) => call > 3).match, asked([], 4)))
    assert.isFalse(Rules.fits(when((call) => call > 3).match, asked([], 3)))
  })

  it("hide exact ones behind prefixes, never the other way round, and predicates behind what fits everything only", () => {
    const some = when(() => true)
    assert.deepStrictEqual(Rules.unreachable([rule(["a"], "x"), exact(["a", "b"])]), [{ rule: 2, by: 1 }])
    assert.deepStrictEqual(Rules.unreachable([exact(["a"]), exact(["a"])]), [{ rule: 2, by: 1 }])
    assert.deepStrictEqual(Rules.unreachable([exact(["a"]), rule(["a"], "x"), some, rule(["a", "b"], "x")]), [
      { rule: 4, by: 2 }
    ])
    assert.deepStrictEqual(Rules.unreachable([some, rule(["b"], "x"), rule([], "x"), when(() => true)]), [{
      rule: 4,
      by: 3
    }])
  })
})

describe("signals", () => {
  it("end a program by default, stop it, or do nothing", () => {
    const tags = (["SIGTERM", "SIGUSR1", "SIGRTMIN+1", "SIGSTOP", "SIGTSTP", "SIGCHLD", "SIGWINCH", "SIGCONT"] as const)
      .map(
        (signal) => Signals.reaction(signal, {})._tag
      )
    assert.deepStrictEqual(tags, ["End", "End", "End", "Stop", "Stop", "Nothing", "Nothing", "Continue"])
  })

  it("are ignored or answered as the program says, but for SIGKILL and SIGSTOP", () => {
    const answer = { stdout: "bye", exit: Outcome.exited(0) }
    const own: Signals.Dispositions = {
      SIGTERM: answer,
      SIGINT: "ignore",
      SIGKILL: "ignore",
      SIGSTOP: "ignore",
      SIGTSTP: "ignore"
    }
    assert.deepStrictEqual(Signals.reaction("SIGTERM", own), { _tag: "End", ...answer })
    assert.strictEqual(Signals.reaction("SIGINT", own)._tag, "Nothing")
    assert.strictEqual(Signals.reaction("SIGTSTP", own)._tag, "Nothing")
    assert.strictEqual(Signals.reaction("SIGSTOP", own)._tag, "Stop")
    assert.deepStrictEqual(Signals.reaction("SIGKILL", own), {
      _tag: "End",
      exit: Outcome.signaled("SIGKILL", 9, false)
    })
  })
})

const reader = (pipe: ScriptedPipe, wants: () => boolean = () => true) => {
  const seen: Array<number | "end"> = []
  pipe.source.start({
    chunk: (bytes) => {
      seen.push(bytes.length)
      return wants()
    },
    end: () => void seen.push("end")
  })
  return seen
}

describe("a scripted pipe", () => {
  it.effect("holds 64 KiB, then makes its writer wait", () =>
    Effect.gen(function*() {
      const pipe = new ScriptedPipe()
      pipe.open()
      const fiber = yield* Effect.forkChild(pipe.write(new Uint8Array(100_000)))
      yield* settle()
      assert.isUndefined(fiber.pollUnsafe())
      const seen = reader(pipe)
      yield* Fiber.join(fiber)
      pipe.leave()
      assert.deepStrictEqual(seen, [65_536, 100_000 - 65_536, "end"])
    }))

  it.effect("ends when its last writer has left and all was read", () =>
    Effect.gen(function*() {
      const pipe = new ScriptedPipe()
      pipe.open()
      pipe.open()
      const seen = reader(pipe, () => false)
      yield* pipe.write(new Uint8Array(1))
      yield* pipe.write(new Uint8Array(2))
      pipe.leave()
      pipe.leave()
      assert.deepStrictEqual(seen, [1])
      pipe.source.resume()
      assert.deepStrictEqual(seen, [1, 2])
      pipe.source.resume()
      pipe.source.resume()
      assert.deepStrictEqual(seen, [1, 2, "end"])
    }))

  it.effect("delivers nothing after it was closed, and lets its writers go on", () =>
    Effect.gen(function*() {
      const pipe = new ScriptedPipe()
      pipe.open()
      const fiber = yield* Effect.forkChild(pipe.write(new Uint8Array(1_000_000)))
      const seen = reader(pipe, () => false)
      yield* settle()
      pipe.source.close()
      pipe.source.close()
      yield* Fiber.join(fiber)
      pipe.leave()
      pipe.source.resume()
      assert.deepStrictEqual(seen, [65_536])
    }))

  it.effect("serves a reader that resumes while it takes a chunk", () =>
    Effect.gen(function*() {
      const pipe = new ScriptedPipe()
      pipe.open()
      const seen = reader(pipe, () => {
        pipe.source.resume()
        return true
      })
      yield* pipe.write(new Uint8Array(1))
      yield* pipe.write(new Uint8Array(2))
      pipe.leave()
      assert.deepStrictEqual(seen, [1, 2, "end"])
    }))
})

describe("a scripted input", () => {
  it.effect("answers a writer when there is room again, and keeps what was fed", () =>
    Effect.gen(function*() {
      const input = new ScriptedInput()
      const answers: Array<string> = []
      const note = (errno: string | undefined) => void answers.push(errno ?? "written")
      input.sink.write(new Uint8Array(65_535), note)
      assert.deepStrictEqual(answers, ["written"])
      input.sink.write(new Uint8Array(10), note)
      assert.deepStrictEqual(answers, ["written"])
      yield* input.read
      assert.deepStrictEqual(answers, ["written", "written"])
      input.sink.end()
      input.sink.write(new Uint8Array(1), note)
      assert.deepStrictEqual(answers, ["written", "written", "closed"])
      assert.strictEqual((yield* input.read)?.length, 10)
      assert.isUndefined(yield* input.read)
      assert.deepStrictEqual(input.received.map((bytes) => bytes.length), [65_535, 10])
    }))

  it.effect("is not changed by a writer that reuses its buffer", () =>
    Effect.gen(function*() {
      const input = new ScriptedInput()
      const buffer = new Uint8Array([1])
      input.sink.write(buffer, () => {})
      buffer[0] = 9
      assert.deepStrictEqual(yield* input.read, new Uint8Array([1]))
    }))
})
