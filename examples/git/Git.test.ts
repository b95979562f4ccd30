/** Tests of a wrapper around git that need no git: every command gets the reply that a rule has for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Reply, ScriptedRunner } from "processkit/testing"
import { Git } from "./Git.ts"

const scripted = (...rules: ReadonlyArray<ScriptedRunner.Rule>) =>
  Layer.provide(Git.layer("/repo"), ScriptedRunner.layer(...rules))

const answering = (...replies: readonly [Reply.Reply, ...Array<Reply.Reply>]) =>
  scripted(ScriptedRunner.on(["git"], ...replies))

describe("Git", () => {
  it.effect("reads the version and the branch", () =>
    Effect.gen(function*() {
      const git = yield* Git
      assert.strictEqual(yield* git.version, "2.51.0")
      assert.deepStrictEqual(yield* git.currentBranch, Option.some("main"))
      assert.deepStrictEqual(yield* git.currentBranch, Option.none())
    }).pipe(Effect.provide(scripted(
      ScriptedRunner.on(["git", "--version"], Reply.ok("git version 2.51.0\n")),
      ScriptedRunner.on(["git", "branch", "--show-current"], Reply.ok("main\n"), Reply.ok(""))
    ))))

  it.effect("reads changes, also of files with spaces and of those that were renamed", () =>
    Effect.gen(function*() {
      const git = yield* Git
      assert.deepStrictEqual(yield* git.status, [
        { path: "a file.txt", index: " ", worktree: "M" },
        { path: "new.txt", index: "R", worktree: " " },
        { path: "unknown", index: "?", worktree: "?" }
      ])
      assert.isFalse(yield* git.isClean)
    }).pipe(Effect.provide(answering(Reply.ok(" M a file.txt\0R  new.txt\0old.txt\0?? unknown\0")))))

  it.effect("reads commits, and says where their form is not the expected one", () =>
    Effect.gen(function*() {
      const git = yield* Git
      assert.deepStrictEqual(yield* git.log(1), [{ hash: "abc", author: "A. Person", subject: "Do it" }])
      const error = yield* Effect.flip(git.log(1))
      assert.strictEqual(error.reason._tag, "ParseFailed")
    }).pipe(Effect.provide(answering(Reply.ok("abc\x1fA. Person\x1fDo it\0"), Reply.ok("abc\0")))))

  it.effect("lists branches and files", () =>
    Effect.gen(function*() {
      const git = yield* Git
      assert.deepStrictEqual(yield* git.branches, ["main", "topic"])
      assert.deepStrictEqual(yield* Stream.runCollect(git.files), ["a.ts", "b.ts"])
    }).pipe(Effect.provide(scripted(
      ScriptedRunner.on(["git", "for-each-ref"], Reply.lines(["main", "topic"])),
      ScriptedRunner.on(["git", "ls-files"], Reply.lines(["a.ts", "b.ts"]))
    ))))

  it.effect("takes an unknown revision or setting for an answer, and a broken repository for a failure", () =>
    Effect.gen(function*() {
      const git = yield* Git
      assert.deepStrictEqual(yield* git.resolve("nowhere"), Option.none())
      assert.deepStrictEqual(yield* git.configValue("user.name"), Option.none())
      const error = yield* Effect.flip(git.resolve("HEAD"))
      assert.deepInclude(error.reason, { _tag: "NonZeroExit", code: 128 })
    }).pipe(Effect.provide(answering(Reply.fail(1), Reply.fail(1), Reply.fail(128, "fatal: not a git repository")))))

  it.effect("passes names that begin with - as names", () =>
    Effect.gen(function*() {
      const git = yield* Git
      yield* git.add("--force", "b.txt")
      yield* git.checkout("-")
      yield* git.commit("-m is not an option here")
    }).pipe(Effect.provide(scripted(
      ScriptedRunner.on(["git", "add", "--", "--force", "b.txt"], Reply.ok()),
      ScriptedRunner.on(["git", "switch", "--quiet", "--", "-"], Reply.ok()),
      ScriptedRunner.on(["git", "commit", "--quiet", "--file=-"], Reply.ok())
    ))))

  it.effect("fetches again while the network is down, and not when it is refused", () =>
    Effect.gen(function*() {
      const git = yield* Git
      const fiber = yield* Effect.forkChild(git.fetch("origin"))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const refused = yield* Effect.flip(git.fetch("origin"))
      assert.include(refused.message, "denied")
    }).pipe(Effect.provide(answering(
      Reply.fail(128, "fatal: Could not resolve host: example.org"),
      Reply.fail(128, "fatal: Connection reset by peer"),
      Reply.ok(),
      Reply.fail(128, "fatal: permission denied")
    ))))

  it.effect("gives up on a git that hangs", () =>
    Effect.gen(function*() {
      const git = yield* Git
      const fiber = yield* Effect.forkChild(Effect.flip(git.version))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "TimedOut")
    }).pipe(Effect.provide(answering(Reply.pending))))
})
