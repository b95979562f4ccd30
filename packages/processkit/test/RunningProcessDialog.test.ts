import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as RunningProcess from "processkit/RunningProcess"
import type { Io, Program } from "../src/internal/scriptedProcess.ts"
import { alive, reasonOf, scripted, settle, tagOf } from "./scripted.ts"

const start = (program: string, options: Command.Options = {}) =>
  Command.start(Command.make(program, { stdin: "pipe", ...options }))

/** Asks each question, reads a line, and says at last what it was told. */
const asks = (...questions: ReadonlyArray<string>): Program => ({
  main: (io: Io) =>
    Effect.forEach(questions, (question) =>
      Effect.andThen(
        io.write("stdout", question),
        Effect.map(io.read, (bytes) => new TextDecoder().decode(bytes))
      )).pipe(
        Effect.flatMap((answers) => io.write("stderr", answers.join(""))),
        Effect.as(Outcome.exited(0))
      )
})

describe("dialog", () => {
  it.effect("answers prompt after prompt, also those that come on one line, and gives them", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      const prompts = yield* RunningProcess.dialog(running, [
        ["name: ", "ada"],
        [/: $/, Redacted.make("secret")],
        ["sure", (prompt) => `${prompt} yes`]
      ])
      assert.deepStrictEqual(prompts, ["name: ", "password: ", "sure? "])
      const result = yield* running.result
      assert.strictEqual(result.stderr, "ada\nsecret\nsure?  yes\n")
      assert.strictEqual(result.stdout, "name: password: \nsure? ")
    }).pipe(Effect.provide(scripted({ asks: asks("name: ", "password: ", "\nsure? ") }))))

  it.effect("does not take the prompt of before for the next one", () =>
    Effect.gen(function*() {
      const running = yield* start("repl")
      const fiber = yield* Effect.forkChild(
        running.pipe(RunningProcess.dialog([["> ", "1+1"], ["> ", "2+2"], ["> ", "quit"]]))
      )
      yield* settle()
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["> ", "> ", "> "])
      assert.strictEqual((yield* running.result).stderr, "1+1\n2+2\nquit\n")
    }).pipe(Effect.provide(scripted({
      repl: {
        main: (io) =>
          Effect.forEach(["> ", "2\n> ", "4\n> "], (text) =>
            Effect.andThen(
              io.write("stdout", text),
              Effect.tap(Effect.map(io.read, (bytes) => new TextDecoder().decode(bytes)), () =>
                Effect.sleep("100 millis"))
            )).pipe(
              Effect.flatMap((answers) =>
                io.write("stderr", answers.join(""))
              ),
              Effect.as(Outcome.exited(0))
            )
      }
    }))))

  it.effect("says which question did not come, and leaves the program running", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      const fiber = yield* Effect.forkChild(
        reasonOf(RunningProcess.dialog(running, [["a? ", "1"], ["z? ", "2"]], { within: "1 second" }))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        (yield* Fiber.join(fiber)).message,
        "asks was not ready within 1s: question 2 did not come, standard output does not end in such a text; it said: a? b?"
      )
      assert.strictEqual((yield* alive).length, 1)
    }).pipe(Effect.provide(scripted({ asks: asks("a? ", "b? ") }))))

  it.effect("fails when the program ends before its question", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      const reason = yield* reasonOf(RunningProcess.dialog(running, [["a? ", "1"], ["b? ", "2"]]))
      assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.exited(0) })
    }).pipe(Effect.provide(scripted({ asks: asks("a? ") }))))

  it.effect("listens on standard error where that is asked", () =>
    Effect.gen(function*() {
      const running = yield* start("asks")
      assert.deepStrictEqual(
        yield* RunningProcess.dialog(running, [["sure", "yes"]], { stream: "stderr" }),
        ["sure? "]
      )
    }).pipe(Effect.provide(scripted({
      asks: {
        main: (io) => Effect.as(Effect.andThen(io.write("stderr", "sure? "), io.read), Outcome.exited(0))
      }
    }))))

  it.effect("is refused where there is no writer, and where a turn has no answer", () =>
    Effect.gen(function*() {
      const running = yield* start("asks", { stdin: "null" })
      assert.strictEqual(yield* tagOf(RunningProcess.dialog(running, [["a? ", "1"]])), "Unsupported")
      for (const turns of [undefined, ["a"], [["a"]], [["a", 5]]]) {
        const reason = yield* reasonOf(RunningProcess.dialog(running, turns as never))
        assert.strictEqual(reason._tag, "InvalidInput")
      }
    }).pipe(Effect.provide(scripted({ asks: asks("a? ") }))))

  it.effect("is refused at an answer that is a wiped secret or no text, and never a defect", () =>
    Effect.gen(function*() {
      const wiped = Redacted.make("hunter2")
      Redacted.wipeUnsafe(wiped)
      for (const answer of [wiped, () => wiped, () => 5 as never]) {
        const running = yield* start("asks", { stdin: "pipe" })
        const reason = yield* reasonOf(RunningProcess.dialog(running, [["a? ", answer]]))
        assert.deepInclude(reason, { _tag: "InvalidInput", field: "turn 1 of the dialog" })
      }
    }).pipe(Effect.provide(scripted({ asks: asks("a? ") }))))
})
